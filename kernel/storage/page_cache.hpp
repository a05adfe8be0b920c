// How much memory the store's page cache takes, so that it can be told from what the program itself needs.
#pragma once

#include <cstdint>

namespace bursar::storage {

// The most bytes that the page caches of all SQLite stores of this process have held. 0 for a store on a server.
std::int64_t page_cache_peak();

}  // namespace bursar::storage
