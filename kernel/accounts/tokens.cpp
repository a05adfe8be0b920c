#include "accounts/tokens.hpp"

#include <sodium.h>

#include <array>
#include <vector>

#include "base/assert.hpp"

namespace bursar::accounts {

namespace {

constexpr std::string_view prefix = "burs_";
constexpr std::size_t random_bytes = 32;
constexpr std::size_t random_digits = 43;   // base64url without padding
constexpr std::size_t checksum_digits = 6;  // hex of the first bytes of the hash: catches typing, protects nothing

void need_sodium() {
  static const int ready = sodium_init();
  BURSAR_ASSERT(ready >= 0);
}

std::string checksum(std::string_view body) { return sha256_hex(body).substr(0, checksum_digits); }

}  // namespace

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
  std::string hex(hash.size() * 2 + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
  hex.pop_back();
  return hex;
}

Secret new_token() {
  need_sodium();
  std::array<unsigned char, random_bytes> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  std::array<char, random_digits + 1> digits{};
  sodium_bin2base64(digits.data(), digits.size(), bytes.data(), bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  sodium_memzero(bytes.data(), bytes.size());
  std::string token(prefix);
  token.append(digits.data(), random_digits);
  token += checksum(token);
  sodium_memzero(digits.data(), digits.size());
  return Secret(std::move(token));
}

bool is_token(std::string_view text) {
  if (text.size() != prefix.size() + random_digits + checksum_digits || !text.starts_with(prefix)) return false;
  const auto body = text.substr(0, prefix.size() + random_digits);
  return text.substr(body.size()) == checksum(body);
}

std::string token_hash(std::string_view token) { return sha256_hex(token); }

}  // namespace bursar::accounts
