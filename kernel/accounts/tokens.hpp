// Bearer tokens: "burs_", 256 random bits and a checksum, so that a mistyped or cut one is refused without a look at
// the database, and secret scanners can find a leaked one. Only the SHA-256 is stored.
#pragma once

#include <string>
#include <string_view>

#include "base/secret.hpp"

namespace bursar::accounts {

Secret new_token();
bool is_token(std::string_view text);            // form and checksum
std::string token_hash(std::string_view token);  // 64 hex digits
std::string sha256_hex(std::string_view text);

}  // namespace bursar::accounts
