#include "signature.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>
#include <optional>

namespace paypal {
namespace {

template <auto release>
struct Releaser {
  template <class T>
  void operator()(T* it) const {
    release(it);
  }
};
template <class T, auto release>
using Owned = std::unique_ptr<T, Releaser<release>>;

using Certificate = Owned<X509, X509_free>;

struct StackReleaser {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }  // borrows its certificates
};

constexpr std::size_t chain_max = 10;

// What OpenSSL leaves in the thread's queue of errors is nobody else's business.
struct ErrorsCleared {
  ErrorsCleared() = default;
  ErrorsCleared(const ErrorsCleared&) = delete;
  ErrorsCleared& operator=(const ErrorsCleared&) = delete;
  ~ErrorsCleared() { ERR_clear_error(); }
};

std::vector<Certificate> read_certificates(std::string_view pem) {
  std::vector<Certificate> found;
  const Owned<BIO, BIO_free_all> in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  while (in && found.size() < chain_max) {
    Certificate certificate(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    if (!certificate) break;
    found.push_back(std::move(certificate));
  }
  return found;
}

bool add_roots(X509_STORE* store, const Trust& trust) {
  if (trust.roots_pem.empty()) return X509_STORE_set_default_paths(store) == 1;
  const auto roots = read_certificates(trust.roots_pem);
  for (const Certificate& root : roots) {
    if (X509_STORE_add_cert(store, root.get()) != 1) return false;
  }
  return !roots.empty();
}

bool is_issued_to(X509* certificate, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (X509_check_host(certificate, name.data(), name.size(), 0, nullptr) == 1) return true;
  }
  return false;
}

bool is_trusted(const std::vector<Certificate>& chain, const Trust& trust, std::int64_t at) {
  const Owned<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  const Owned<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  const std::unique_ptr<STACK_OF(X509), StackReleaser> issuers(sk_X509_new_null());
  if (!store || !context || !issuers || !add_roots(store.get(), trust)) return false;
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (sk_X509_push(issuers.get(), chain[i].get()) == 0) return false;
  }
  if (X509_STORE_CTX_init(context.get(), store.get(), chain.front().get(), issuers.get()) != 1) return false;
  X509_STORE_CTX_set_time(context.get(), 0, static_cast<std::time_t>(at));
  return X509_verify_cert(context.get()) == 1 && is_issued_to(chain.front().get(), trust.names);
}

std::optional<std::vector<unsigned char>> decode_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > 4096) return std::nullopt;
  std::vector<unsigned char> bytes(text.size() / 4 * 3);
  const int size =
      EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

}  // namespace

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = ~std::uint32_t{0};
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

std::string signed_text(std::string_view transmission_id, std::string_view transmission_time,
                        std::string_view webhook_id, std::string_view body) {
  std::string text;
  for (const std::string_view part : {transmission_id, transmission_time, webhook_id}) text.append(part).append("|");
  return text + std::to_string(crc32(body));
}

Signature check_signature(std::string_view chain_pem, const Trust& trust, std::int64_t at, std::string_view text,
                          std::string_view signature_base64) {
  const ErrorsCleared cleared;
  const auto chain = read_certificates(chain_pem);
  if (chain.empty() || !is_trusted(chain, trust, at)) return Signature::no_certificate;
  EVP_PKEY* key = X509_get0_pubkey(chain.front().get());
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) return Signature::no_certificate;
  const auto signature = decode_base64(signature_base64);
  if (!signature) return Signature::bad;
  const Owned<EVP_MD_CTX, EVP_MD_CTX_free> digest(EVP_MD_CTX_new());
  if (!digest || EVP_DigestVerifyInit(digest.get(), nullptr, EVP_sha256(), nullptr, key) != 1) {
    return Signature::no_certificate;
  }
  const int verdict = EVP_DigestVerify(digest.get(), signature->data(), signature->size(),
                                       reinterpret_cast<const unsigned char*>(text.data()), text.size());
  return verdict == 1 ? Signature::good : Signature::bad;
}

}  // namespace paypal
