// The vault of a test's database, under a key of the tests.
#pragma once

#include <string>

#include "base/time.hpp"
#include "storage/encryption.hpp"

namespace bursar::test {

inline Vault open_vault(storage::Database& db, char digit = '7') {
  return storage::open_vault(db, {Secret(std::string(64, digit))}, SystemClock(), storage::VaultUse::write).value();
}

}  // namespace bursar::test
