// What the store says of work that waits, as Prometheus text beside the process's own counters (metrics.hpp): queues of
// effects and their age, payments whose outcome nobody knows, runs and parked accounts, tasks of staff. Each query goes
// over a partial index of unfinished work, so a scrape costs the same in the tenth year.
#pragma once

#include <string>

#include "base/time.hpp"
#include "storage/database.hpp"

namespace bursar::http {

// Never throws for the store's sake: without it the answer is "bursar_store_up 0".
std::string store_metrics(storage::Database& db, const Clock& clock);

}  // namespace bursar::http
