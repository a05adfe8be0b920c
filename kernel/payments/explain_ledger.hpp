// Why each cent moved, in words, from what is stored: for the customer's ledger and for staff who are asked about it.
#pragma once

#include <string>
#include <vector>

#include "base/id.hpp"
#include "ledger/journal.hpp"
#include "storage/database.hpp"

namespace bursar::payments {

struct EntryExplanation {
  std::string source;                 // outside id of what the entry is about; empty: it has none
  std::string text;                   // what happened: "Payment pay_... by cards brought 15.00 USD."
  std::vector<std::string> postings;  // what each posting of the entry means, in their order
};

// In the order of `entries`. A fixed number of queries, whatever their number.
std::vector<EntryExplanation> explain_entries(storage::Connection& c, const IdCodec& codec,
                                              const std::vector<ledger::StoredEntry>& entries);

}  // namespace bursar::payments
