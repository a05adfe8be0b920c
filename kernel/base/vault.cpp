#include "base/vault.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>

namespace bursar {
namespace {

// "enc1:KEY:BASE64", the text being the nonce and what came of the encryption; "hash1:KEY:HEX". What stands in clear
// and begins as if it were a mark of ours gets "clear:" before it.
constexpr std::string_view encrypted_mark = "enc1:", clear_mark = "clear:", hash_mark = "hash1:";
constexpr std::size_t id_digits = 16;
constexpr std::size_t nonce_bytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_bytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

// What is derived from a key, each for one use; the numbers are part of the format.
constexpr char derivation[crypto_kdf_CONTEXTBYTES + 1] = "burvault";
enum Use : std::uint64_t { encrypting = 1, searching = 2, naming = 3 };

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string hex(std::string_view raw) {
  std::string out(2 * raw.size() + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), bytes(raw), raw.size());
  out.pop_back();
  return out;
}

std::string derived(std::string_view key, Use use, std::size_t size) {
  std::string out(size, '\0');
  BURSAR_ASSERT(crypto_kdf_derive_from_key(bytes(out), size, use, derivation, bytes(key)) == 0);
  return out;
}

std::string mark_of(const EncryptionKey& key) { return std::string(encrypted_mark) + key.id() + ":"; }

// Format, key, column and row: a value that is moved anywhere, or renamed to another key, does not open.
std::string bound_to(std::string_view mark, const VaultPlace& place) {
  return std::string(mark).append(place.column).append("/").append(place.row);
}

std::string name_of(const VaultPlace& place) { return std::string(place.column) + " of row " + place.row; }

bool has_mark(std::string_view text) { return text.starts_with(encrypted_mark) || text.starts_with(clear_mark); }

}  // namespace

Result<EncryptionKey> EncryptionKey::parse(std::string_view text) {
  std::array<unsigned char, crypto_kdf_KEYBYTES> raw{};
  const bool digits = text.size() == 2 * raw.size() &&
                      sodium_hex2bin(raw.data(), raw.size(), text.data(), text.size(), nullptr, nullptr, nullptr) == 0;
  const std::string_view key(reinterpret_cast<const char*>(raw.data()), raw.size());
  if (!digits) {
    Error error = invalid("encryption_key_invalid", "an encryption key is 64 hexadecimal digits");
    error.cure = "make one: bursar db new-key";
    return error;
  }
  EncryptionKey made;
  made.encrypting_ = Secret(derived(key, encrypting, crypto_aead_xchacha20poly1305_ietf_KEYBYTES));
  made.searching_ = Secret(derived(key, searching, crypto_generichash_KEYBYTES));
  made.id_ = hex(derived(key, naming, crypto_kdf_BYTES_MIN)).substr(0, id_digits);
  sodium_memzero(raw.data(), raw.size());
  return made;
}

Secret EncryptionKey::make() {
  BURSAR_ASSERT(sodium_init() >= 0);
  std::string raw(crypto_kdf_KEYBYTES, '\0');
  randombytes_buf(raw.data(), raw.size());
  Secret text(hex(raw));
  sodium_memzero(raw.data(), raw.size());
  return text;
}

std::string Vault::seal(const VaultPlace& place, std::string_view text) const {
  if (text.empty()) return {};
  if (keys_.empty()) return (has_mark(text) ? std::string(clear_mark) : std::string()).append(text);
  static const int ready = sodium_init();
  BURSAR_ASSERT(ready >= 0);
  const EncryptionKey& key = keys_.front();
  std::string out = mark_of(key);
  const std::string bound = bound_to(out, place);
  std::string sealed(nonce_bytes + text.size() + tag_bytes, '\0');
  randombytes_buf(sealed.data(), nonce_bytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(bytes(sealed) + nonce_bytes, nullptr, bytes(text), text.size(),
                                             bytes(bound), bound.size(), nullptr, bytes(sealed),
                                             bytes(key.encrypting_.reveal()));
  const std::size_t before = out.size();
  out.resize(before + sodium_base64_encoded_len(sealed.size(), variant));
  sodium_bin2base64(out.data() + before, out.size() - before, bytes(sealed), sealed.size(), variant);
  out.pop_back();  // the zero at its end
  return out;
}

std::string Vault::open(const VaultPlace& place, std::string_view stored) const {
  if (stored.starts_with(clear_mark)) return std::string(stored.substr(clear_mark.size()));
  if (!stored.starts_with(encrypted_mark)) return std::string(stored);
  const std::string_view id = key_of(stored);
  const auto key = std::find_if(keys_.begin(), keys_.end(), [&](const EncryptionKey& one) { return one.id() == id; });
  if (key == keys_.end()) {
    throw VaultError(name_of(place) + " is encrypted with the key " + std::string(id) +
                     ", which is not among database.encryption_keys");
  }
  const std::string mark = mark_of(*key);
  const std::string bound = bound_to(mark, place);
  const std::string_view text = stored.starts_with(mark) ? stored.substr(mark.size()) : std::string_view();
  std::string sealed(text.size(), '\0');
  std::size_t size = 0;
  const bool read = sodium_base642bin(bytes(sealed), sealed.size(), text.data(), text.size(), nullptr, &size, nullptr,
                                      variant) == 0 &&
                    size >= nonce_bytes + tag_bytes;
  std::string out(read ? size - nonce_bytes - tag_bytes : 0, '\0');
  if (!read || crypto_aead_xchacha20poly1305_ietf_decrypt(bytes(out), nullptr, nullptr, bytes(sealed) + nonce_bytes,
                                                          size - nonce_bytes, bytes(bound), bound.size(), bytes(sealed),
                                                          bytes(key->encrypting_.reveal())) != 0) {
    throw VaultError(name_of(place) + " does not open: it was changed, or written for another row");
  }
  return out;
}

bool Vault::is_current(std::string_view stored) const {
  return stored.empty() || key_of(stored) == (keys_.empty() ? std::string_view() : keys_.front().id());
}

std::string_view Vault::key_of(std::string_view stored) {
  return stored.starts_with(encrypted_mark) ? stored.substr(encrypted_mark.size(), id_digits) : std::string_view();
}

std::string Vault::lookup(std::string_view column, std::string_view text) const {
  return text.empty() ? std::string() : lookups(column, text).front();
}

std::vector<std::string> Vault::lookups(std::string_view column, std::string_view text) const {
  std::vector<std::string> out;
  const std::string hashed = std::string(column).append("/").append(text);
  for (const EncryptionKey& key : keys_) {
    std::string hash(crypto_generichash_BYTES, '\0');
    const std::string_view secret = key.searching_.reveal();
    crypto_generichash(bytes(hash), hash.size(), bytes(hashed), hashed.size(), bytes(secret), secret.size());
    out.push_back(std::string(hash_mark) + key.id() + ":" + hex(hash));
  }
  out.emplace_back(text);
  return out;
}

}  // namespace bursar
