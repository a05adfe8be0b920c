#include "accounts/login_throttle.hpp"

#include <algorithm>

#include "accounts/fields.hpp"
#include "accounts/tokens.hpp"

namespace bursar::accounts {

namespace {

// A network is shared by many people behind one address, so it has more free tries than one email.
constexpr std::int64_t free_failures_by_email = 4;
constexpr std::int64_t free_failures_by_network = 30;
constexpr std::int64_t longest_wait_seconds = 15 * 60;

std::int64_t wait_seconds(std::int64_t failures, std::int64_t free_failures) {
  const std::int64_t beyond = failures - free_failures;
  if (beyond <= 0) return 0;
  return std::min(longest_wait_seconds, std::int64_t{1} << std::min<std::int64_t>(beyond, 20));
}

// IPv4: the first three parts; IPv6: the first three groups as written. Text is enough to tell networks apart; an
// address of any other form is its own network.
std::string network_of(std::string_view address) {
  const char separator = address.find(':') != std::string_view::npos ? ':' : '.';
  std::size_t at = 0;
  for (int part = 0; part < 3; ++part) {
    const auto next = address.find(separator, at);
    if (next == std::string_view::npos) return std::string(address);
    at = next + 1;
  }
  return std::string(address.substr(0, at));
}

void note(storage::Transaction& tx, std::string_view key, std::int64_t free_failures, Instant now) {
  if (key.empty()) return;
  tx.execute(
      "INSERT INTO login_throttle (key, failures, blocked_until) VALUES ($1, 1, $2) "
      "ON CONFLICT (key) DO UPDATE SET failures = login_throttle.failures + 1",
      key, now);
  auto rows = tx.query("SELECT failures FROM login_throttle WHERE key = $1", key);
  const std::int64_t failures = rows.next() ? rows.integer(0) : 1;
  tx.execute("UPDATE login_throttle SET blocked_until = $2 WHERE key = $1", key,
             now + seconds(wait_seconds(failures, free_failures)));
}

}  // namespace

ThrottleKeys throttle_keys(std::string_view purpose, std::string_view email, std::string_view address) {
  const std::string kind(purpose);
  ThrottleKeys keys;
  if (!email.empty()) keys.by_email = kind + ":e:" + sha256_hex(normal_email(email)).substr(0, 32);
  if (!address.empty()) keys.by_network = kind + ":n:" + network_of(address);
  return keys;
}

std::optional<Duration> throttled_for(storage::Connection& c, const ThrottleKeys& keys, Instant now) {
  auto rows =
      c.query("SELECT MAX(blocked_until) FROM login_throttle WHERE key IN ($1, $2)", keys.by_email, keys.by_network);
  if (!rows.next() || rows.is_null(0)) return std::nullopt;
  const Instant until = rows.instant(0);
  if (until <= now) return std::nullopt;
  return until - now;
}

void note_failure(storage::Transaction& tx, const ThrottleKeys& keys, Instant now) {
  note(tx, keys.by_email, free_failures_by_email, now);
  note(tx, keys.by_network, free_failures_by_network, now);
}

void note_success(storage::Transaction& tx, const ThrottleKeys& keys) {
  tx.execute("DELETE FROM login_throttle WHERE key = $1", keys.by_email);
}

std::int64_t expire_throttle(storage::Transaction& tx, Instant now) {
  return tx.execute("DELETE FROM login_throttle WHERE blocked_until < $1", now - days(1));
}

}  // namespace bursar::accounts
