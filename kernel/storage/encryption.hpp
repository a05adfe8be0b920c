// The vault of a store: which keys its values need, and how they get to another key.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/secret.hpp"
#include "base/vault.hpp"
#include "storage/database.hpp"

namespace bursar::storage {

enum class VaultUse { read, write };

// Opens the vault with these keys. Refused when a value may be encrypted with a key that is not among them. `write`
// notes the first one in the store before anything is encrypted with it.
Result<Vault> open_vault(Database& db, const std::vector<Secret>& keys, const Clock& clock, VaultUse use);

// How many values were written anew, by column.
struct Reencrypted {
  std::vector<std::pair<std::string, std::int64_t>> columns;
  std::vector<std::string> retired;  // keys that no value needs any more
};
// Encrypts every value that is not under the vault's first key with that one, also what stands in clear, and its
// lookups. In small transactions: it may run beside servers on PostgreSQL, and goes on where it was when it is run
// again. A value that does not open ends it (VaultError) and stays as it is.
Result<Reencrypted> reencrypt(Database& db, const Vault& vault);

}  // namespace bursar::storage
