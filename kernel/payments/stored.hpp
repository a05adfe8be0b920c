// Reading values back from the store.
#pragma once

#include <string_view>

#include "base/money.hpp"

namespace bursar::payments {

Currency stored_currency(std::string_view code);  // another text is corruption: throws StorageError

}  // namespace bursar::payments
