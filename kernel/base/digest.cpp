#include "base/digest.hpp"

#include <openssl/evp.h>

#include <array>
#include <charconv>

#include "base/assert.hpp"

namespace bursar {

void Digest::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }
void Digest::Free::operator()(evp_md_st* algorithm) const { EVP_MD_free(algorithm); }

// The algorithm is looked up once: for a short record that costs as much as the hash.
Digest::Digest() : algorithm_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(EVP_MD_CTX_new()) {
  BURSAR_ASSERT(algorithm_ && context_);
}

void Digest::put(std::string_view text) {
  std::array<char, 20> length{};
  const auto end = std::to_chars(length.data(), length.data() + length.size(), text.size());
  fields_.append(length.data(), end.ptr).push_back(':');
  fields_ += text;
}

void Digest::put_number(std::int64_t number) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  put(std::string_view(digits.data(), static_cast<std::size_t>(end.ptr - digits.data())));
}

std::string Digest::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned int size = 0;
  const bool hashed = EVP_DigestInit_ex2(context_.get(), algorithm_.get(), nullptr) == 1 &&
                      EVP_DigestUpdate(context_.get(), fields_.data(), fields_.size()) == 1 &&
                      EVP_DigestFinal_ex(context_.get(), hash.data(), &size) == 1;
  BURSAR_ASSERT(hashed);
  fields_.clear();
  std::string hex;
  hex.reserve(std::size_t{2} * size);
  for (unsigned int i = 0; i < size; ++i) {
    hex += "0123456789abcdef"[hash[i] >> 4];
    hex += "0123456789abcdef"[hash[i] & 15];
  }
  return hex;
}

}  // namespace bursar
