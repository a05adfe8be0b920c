// Texts that must not stand readable in the store: what a gateway or panel would act on for whoever shows it. Each is
// encrypted (XChaCha20-Poly1305) and bound to its place, so that it opens in no other row or column. Several keys are
// held at once: the first encrypts, every one opens, so a key can be changed while values of the old one are left.
//
// Without a key texts are stored in clear, and read back as they are once there is one. See
// docs/design/encryption.md. Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

namespace bursar {

class EncryptionKey {
 public:
  // 64 hexadecimal digits. The error tells no digit.
  static Result<EncryptionKey> parse(std::string_view text);
  // A new one, as parse() takes it.
  static Secret make();
  // Names the key in the store and in messages, and tells nothing of it: 16 hexadecimal digits.
  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  friend class Vault;
  EncryptionKey() = default;
  std::string id_;
  Secret encrypting_, searching_;
};

// A value that does not open: its key is not here, or it was changed or moved. Nothing may be written in its place.
class VaultError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Where a value stands: "payment_methods.token" and the row's key, which never change as long as the value lives.
struct VaultPlace {
  template <class Tag>
  VaultPlace(std::string_view the_column, Id<Tag> id) : column(the_column), row(std::to_string(id.value())) {}
  VaultPlace(std::string_view the_column, std::string the_row) : column(the_column), row(std::move(the_row)) {}
  std::string_view column;
  std::string row;
};

class Vault {
 public:
  Vault() = default;  // no key
  explicit Vault(std::vector<EncryptionKey> keys) : keys_(std::move(keys)) {}

  [[nodiscard]] const std::vector<EncryptionKey>& keys() const { return keys_; }
  // The empty text stays empty: it is no value.
  [[nodiscard]] std::string seal(const VaultPlace& place, std::string_view text) const;
  // Throws VaultError.
  [[nodiscard]] std::string open(const VaultPlace& place, std::string_view stored) const;
  // Whether seal() would write it so today: under the first key, or in clear where there is none.
  [[nodiscard]] bool is_current(std::string_view stored) const;

  // The id of the key that a stored value is encrypted with; empty: it stands in clear.
  static std::string_view key_of(std::string_view stored);

  // What stands beside a sealed value so that it can be found: a keyed hash; without a key the text itself.
  [[nodiscard]] std::string lookup(std::string_view column, std::string_view text) const;
  // Every form in which the text may stand there: under each key, and in clear.
  [[nodiscard]] std::vector<std::string> lookups(std::string_view column, std::string_view text) const;

 private:
  std::vector<EncryptionKey> keys_;
};

}  // namespace bursar
