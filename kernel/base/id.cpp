#include "base/id.hpp"

#include <sodium/crypto_shorthash.h>

#include <cstring>

namespace bursar {
namespace {

constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";  // Crockford's base 32
constexpr std::size_t text_length = 13;                                    // ceil(64 / 5)
constexpr int rounds = 6;  // four make a strong permutation; two more for margin

static_assert(crypto_shorthash_KEYBYTES == std::tuple_size_v<IdCodec::Key>);

std::uint32_t round_function(const IdCodec::Key& key, int round, std::uint32_t half) {
  std::array<std::uint8_t, 5> in{};
  in[0] = static_cast<std::uint8_t>(round);
  for (std::size_t i = 0; i < 4; ++i) in[i + 1] = static_cast<std::uint8_t>(half >> (8 * i));
  std::array<std::uint8_t, crypto_shorthash_BYTES> out{};
  crypto_shorthash(out.data(), in.data(), in.size(), key.data());
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= static_cast<std::uint32_t>(out[i]) << (8 * i);
  return value;
}

std::uint64_t permute(const IdCodec::Key& key, std::uint64_t value) {
  auto left = static_cast<std::uint32_t>(value >> 32);
  auto right = static_cast<std::uint32_t>(value);
  for (int round = 0; round < rounds; ++round) {
    const std::uint32_t next = left ^ round_function(key, round, right);
    left = right;
    right = next;
  }
  return (static_cast<std::uint64_t>(left) << 32) | right;
}

std::uint64_t permute_back(const IdCodec::Key& key, std::uint64_t value) {
  auto left = static_cast<std::uint32_t>(value >> 32);
  auto right = static_cast<std::uint32_t>(value);
  for (int round = rounds - 1; round >= 0; --round) {
    const std::uint32_t previous = right ^ round_function(key, round, left);
    right = left;
    left = previous;
  }
  return (static_cast<std::uint64_t>(left) << 32) | right;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool starts_with(std::string_view text, std::string_view prefix) {
  if (text.size() < prefix.size()) return false;
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    if (lower(text[i]) != prefix[i]) return false;
  }
  return true;
}

}  // namespace

std::string IdCodec::encode(std::string_view prefix, std::int64_t value) const {
  BURSAR_ASSERT(value > 0);
  std::uint64_t bits = permute(key_, static_cast<std::uint64_t>(value));
  std::string out(prefix.size() + 1 + text_length, '_');
  std::memcpy(out.data(), prefix.data(), prefix.size());
  for (std::size_t i = 0; i < text_length; ++i, bits >>= 5) out[out.size() - 1 - i] = alphabet[bits & 31];
  return out;
}

Result<std::int64_t> IdCodec::decode(std::string_view prefix, std::string_view text) const {
  const auto nothing = [] { return not_found("no_such_object", "There is no such object."); };
  if (text.size() != prefix.size() + 1 + text_length || !starts_with(text, prefix) || text[prefix.size()] != '_') {
    return nothing();
  }
  text.remove_prefix(prefix.size() + 1);
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < text_length; ++i) {
    const std::size_t digit = alphabet.find(lower(text[i]));
    if (digit == std::string_view::npos) return nothing();
    if (i == 0 && digit > 15) return nothing();  // beyond 64 bits: another spelling of the same number
    bits = (bits << 5) | digit;
  }
  const auto value = static_cast<std::int64_t>(permute_back(key_, bits));
  if (value <= 0) return nothing();
  return value;
}

}  // namespace bursar
