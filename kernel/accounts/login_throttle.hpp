// Slows down guessing. Failures are counted by email and by network (IPv4 /24, IPv6 /48) in the database, so all
// processes share them. After a few free tries each further failure doubles the wait, up to fifteen minutes; it never
// locks for good, and a right password after the wait clears the email's count.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "storage/database.hpp"

namespace bursar::accounts {

struct ThrottleKeys {
  std::string by_email;  // hashed: an attacker's list of addresses is not kept
  std::string by_network;
};
ThrottleKeys throttle_keys(std::string_view purpose, std::string_view email, std::string_view address);

// How long to wait still; nullopt: go ahead.
std::optional<Duration> throttled_for(storage::Connection& c, const ThrottleKeys& keys, Instant now);
void note_failure(storage::Transaction& tx, const ThrottleKeys& keys, Instant now);
void note_success(storage::Transaction& tx, const ThrottleKeys& keys);
// Forgets counts whose block ended a day ago.
std::int64_t expire_throttle(storage::Transaction& tx, Instant now);

}  // namespace bursar::accounts
