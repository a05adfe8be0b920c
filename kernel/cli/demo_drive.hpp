// What `demo run` does to the demonstration provider: lets time pass, and acts for the customers who pay by hand. On
// the store itself, or, where a server holds it, through that server's API.
#pragma once

#include <memory>
#include <string>

#include "app.hpp"
#include "base/money.hpp"

namespace bursar::cli {

class DemoDrive {
 public:
  virtual ~DemoDrive() = default;
  // Lives through the time until `target`, with every run in between.
  virtual Status advance(Instant target) = 0;
  // The money of one open invoice arrives at the bank, and staff confirm it.
  virtual Status transfer(InvoiceId invoice, Money amount) = 0;
};

std::unique_ptr<DemoDrive> drive_store(App& app);
// `url`: "http://127.0.0.1:8080". Logs in as the demonstration's staff.
Result<std::unique_ptr<DemoDrive>> drive_server(const std::string& url, const IdCodec& codec);

}  // namespace bursar::cli
