#include "http/cursor.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <charconv>

#include "base/assert.hpp"

namespace bursar::http {

namespace {
constexpr std::size_t signature_digits = 32;
constexpr std::size_t key_digits = 16;
constexpr char digits[] = "0123456789abcdef";

std::string hex(std::uint64_t number) {
  std::string out(key_digits, '0');
  for (std::size_t i = key_digits; i-- > 0; number >>= 4U) out[i] = digits[number & 15U];
  return out;
}
}  // namespace

CursorCodec::CursorCodec(const IdCodec::Key& key) : key_("cursor:") { key_.append(key.begin(), key.end()); }

std::string CursorCodec::sign(std::int64_t last_key, std::string_view question) const {
  return digest("sign" + hex(static_cast<std::uint64_t>(last_key)) + std::string(question));
}

// Hides the key, which tells how many objects there are.
std::uint64_t CursorCodec::mask(std::string_view signature) const {
  const std::string pad = digest("mask" + std::string(signature));
  std::uint64_t number = 0;
  std::from_chars(pad.data(), pad.data() + key_digits, number, 16);
  return number;
}

std::string CursorCodec::digest(const std::string& text) const {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const auto* made = HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
                          reinterpret_cast<const unsigned char*>(text.data()), text.size(), bytes, &size);
  BURSAR_ASSERT(made != nullptr && size >= signature_digits / 2);
  std::string out;
  for (std::size_t i = 0; i < signature_digits / 2; ++i) {
    out += digits[bytes[i] >> 4U];
    out += digits[bytes[i] & 15U];
  }
  return out;
}

std::string CursorCodec::encode(std::int64_t last_key, std::string_view question) const {
  const std::string signature = sign(last_key, question);
  return hex(static_cast<std::uint64_t>(last_key) ^ mask(signature)) + signature;
}

Result<std::int64_t> CursorCodec::decode(std::string_view cursor, std::string_view question) const {
  const Error bad{.kind = ErrorKind::malformed,
                  .code = "bad_cursor",
                  .detail = "The cursor is not one this list gave for these filters.",
                  .cure = "Begin without a cursor.",
                  .fields = {{"?cursor", "is not one this list gave for these filters"}}};
  if (cursor.size() != key_digits + signature_digits) return bad;
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(cursor.data(), cursor.data() + key_digits, number, 16);
  if (parsed.ec != std::errc() || parsed.ptr != cursor.data() + key_digits) return bad;
  const auto last_key = static_cast<std::int64_t>(number ^ mask(cursor.substr(key_digits)));
  const std::string expected = encode(last_key, question);
  if (CRYPTO_memcmp(expected.data(), cursor.data(), expected.size()) != 0) return bad;
  return last_key;
}

}  // namespace bursar::http
