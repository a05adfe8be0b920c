// Reading values back from the store.
#pragma once

#include <string_view>

#include "base/money.hpp"

namespace bursar::payments {

Currency stored_currency(std::string_view code);                      // another text is corruption: throws StorageError
Currency stored_currency(std::string_view code, Currency otherwise);  // `otherwise` for the empty text

}  // namespace bursar::payments
