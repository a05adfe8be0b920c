// The small key/value store of plugins, one space per instance. Each function is a transaction of its own. Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/vault.hpp"
#include "storage/database.hpp"

namespace bursar::plugin_host {

class KeyValues {
 public:
  virtual ~KeyValues() = default;
  virtual std::optional<std::string> get(std::string_view instance, std::string_view key) = 0;
  virtual void put(std::string_view instance, std::string_view key, std::string_view value) = 0;
  // Writes only where `expected` stands now (nullopt: nothing); answers whether it wrote.
  virtual bool swap(std::string_view instance, std::string_view key, const std::optional<std::string>& expected,
                    std::string_view value) = 0;
  virtual void erase(std::string_view instance, std::string_view key) = 0;
  // Every pair of the instance, ordered by the bytes of the key.
  virtual std::vector<std::pair<std::string, std::string>> all(std::string_view instance) = 0;
};

// In the table plugin_store, the values sealed; both must outlive it.
std::unique_ptr<KeyValues> stored_key_values(storage::Database& database, const Vault& vault);
std::unique_ptr<KeyValues> remembered_key_values();  // gone with the process

}  // namespace bursar::plugin_host
