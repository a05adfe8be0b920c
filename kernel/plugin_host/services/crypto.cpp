#include "plugin_host/services/crypto.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <fstream>
#include <memory>
#include <stdexcept>

namespace bursar::plugin_host {
namespace {

const EVP_MD* algorithm_of(Digest algorithm) {
  switch (algorithm) {
    case Digest::sha256:
      return EVP_sha256();
    case Digest::sha512:
      return EVP_sha512();
    case Digest::sha1:
      return EVP_sha1();
    case Digest::md5:
      return EVP_md5();
  }
  return EVP_sha256();
}

std::string finished(const std::array<unsigned char, EVP_MAX_MD_SIZE>& buffer, unsigned int size) {
  return {reinterpret_cast<const char*>(buffer.data()), size};
}

}  // namespace

std::string digest(Digest algorithm, std::string_view data) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned int size = 0;
  if (EVP_Digest(data.data(), data.size(), out.data(), &size, algorithm_of(algorithm), nullptr) != 1) {
    throw std::runtime_error("OpenSSL could not make a digest");
  }
  return finished(out, size);
}

std::string hmac(Digest algorithm, std::string_view key, std::string_view data) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned int size = 0;
  // An empty key is a valid one, and OpenSSL takes a null key for "keep the last".
  const char* key_bytes = key.empty() ? "" : key.data();
  if (HMAC(algorithm_of(algorithm), key_bytes, static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(data.data()), data.size(), out.data(), &size) == nullptr) {
    throw std::runtime_error("OpenSSL could not make an HMAC");
  }
  return finished(out, size);
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void fill_random(std::span<std::byte> bytes) {
  constexpr std::size_t piece = 1 << 20;
  while (!bytes.empty()) {
    const auto size = std::min(bytes.size(), piece);
    if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) != 1) {
      throw std::runtime_error("the system has no random bytes");
    }
    bytes = bytes.subspan(size);
  }
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text.push_back(digits[byte >> 4U]);
    text.push_back(digits[byte & 15U]);
  }
  return text;
}

std::string file_sha256(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return {};
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) return {};
  std::array<char, 65536> buffer{};
  while (file) {
    file.read(buffer.data(), buffer.size());
    if (EVP_DigestUpdate(context.get(), buffer.data(), static_cast<std::size_t>(file.gcount())) != 1) return {};
  }
  if (!file.eof()) return {};
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned int size = 0;
  if (EVP_DigestFinal_ex(context.get(), out.data(), &size) != 1) return {};
  return to_hex(finished(out, size));
}

}  // namespace bursar::plugin_host
