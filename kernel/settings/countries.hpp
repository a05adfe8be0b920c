// ISO 3166-1 alpha-2.
#pragma once

#include <string_view>

namespace bursar::settings {

bool is_country(std::string_view code);  // "US"; upper case alone

}  // namespace bursar::settings
