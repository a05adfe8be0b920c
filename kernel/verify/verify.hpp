// Walks every invariant of the books and names each breach. Reads only; one snapshot for the whole walk, so it may run
// beside a working server. Nothing here shares code with what wrote the rows: it asks the database.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "base/vault.hpp"
#include "storage/database.hpp"

namespace bursar::verify {

struct Breach {
  std::string invariant;  // "entry_balances"
  std::string object;     // outside id text, or the name of a series
  std::string detail;     // what is expected and what was found
};

struct Checked {
  std::string invariant;
  std::string promise;  // one sentence
  std::int64_t breaches = 0;
};

struct Report {
  std::vector<Checked> checked;
  [[nodiscard]] std::int64_t breaches() const;
  [[nodiscard]] bool clean() const { return breaches() == 0; }
};

// `found` is called for each breach, in order; it may stop reading on, but every invariant is always walked. At most
// `breaches_each` of one invariant are told.
Report verify(storage::Database& db, const IdCodec& codec, const Vault& vault,
              const std::function<void(const Breach&)>& found, std::int64_t breaches_each = 1000);

}  // namespace bursar::verify
