// What happened in a span of days, asked of the store alone, so that the table is not the product's own word for
// itself.
#pragma once

#include <map>
#include <string>

#include "base/time.hpp"
#include "storage/database.hpp"

namespace bursar::cli {

struct DemoMonth {
  CivilDate first;
  CivilDate end;  // first day after
  std::int64_t invoices = 0;
  std::int64_t paid = 0;      // invoices paid in full
  std::int64_t declined = 0;  // charges
  std::int64_t reminded = 0;  // messages
  std::int64_t late_fees = 0;
  std::int64_t suspended = 0;  // services
  std::int64_t reactivated = 0;
  std::int64_t terminated = 0;
  std::map<std::string, std::int64_t> invoiced;  // currency -> minor units
  std::map<std::string, std::int64_t> received;
};

DemoMonth read_month(storage::Connection& c, const Zone& zone, CivilDate first, CivilDate end);

std::string month_table(const std::vector<DemoMonth>& months);
std::string month_json(const DemoMonth& month);

}  // namespace bursar::cli
