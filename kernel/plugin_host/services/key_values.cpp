#include "plugin_host/services/key_values.hpp"

#include <algorithm>
#include <map>
#include <mutex>

namespace bursar::plugin_host {
namespace {

class Stored final : public KeyValues {
 public:
  Stored(storage::Database& database, const Vault& vault) : database_(database), vault_(vault) {}

  std::optional<std::string> get(std::string_view instance, std::string_view key) override {
    return database_.read([&](storage::Connection& c) { return value_of(c, instance, key); });
  }
  void put(std::string_view instance, std::string_view key, std::string_view value) override {
    database_.write("plugin_store_put", [&](storage::Transaction& tx) { write(tx, instance, key, value); });
  }
  bool swap(std::string_view instance, std::string_view key, const std::optional<std::string>& expected,
            std::string_view value) override {
    return database_.write("plugin_store_swap", [&](storage::Transaction& tx) {
      if (value_of(tx, instance, key) != expected) return false;
      write(tx, instance, key, value);
      return true;
    });
  }
  void erase(std::string_view instance, std::string_view key) override {
    database_.write("plugin_store_erase", [&](storage::Transaction& tx) {
      tx.execute("DELETE FROM plugin_store WHERE instance = $1 AND key = $2", instance, key);
    });
  }
  std::vector<std::pair<std::string, std::string>> all(std::string_view instance) override {
    auto pairs = database_.read([&](storage::Connection& c) {
      std::vector<std::pair<std::string, std::string>> found;
      auto rows = c.query("SELECT key, value FROM plugin_store WHERE instance = $1", instance);
      while (rows.next()) found.emplace_back(rows.string(0), vault_.open(place(instance, rows.text(0)), rows.text(1)));
      return found;
    });
    std::sort(pairs.begin(), pairs.end());  // by bytes, whatever the database's collation
    return pairs;
  }

 private:
  static VaultPlace place(std::string_view instance, std::string_view key) {
    return {"plugin_store.value", std::string(instance).append("/").append(key)};
  }
  std::optional<std::string> value_of(storage::Connection& c, std::string_view instance, std::string_view key) const {
    auto rows = c.query("SELECT value FROM plugin_store WHERE instance = $1 AND key = $2", instance, key);
    return rows.next() ? std::optional(vault_.open(place(instance, key), rows.text(0))) : std::nullopt;
  }
  void write(storage::Transaction& tx, std::string_view instance, std::string_view key, std::string_view value) const {
    tx.execute(
        "INSERT INTO plugin_store (instance, key, value) VALUES ($1, $2, $3) "
        "ON CONFLICT (instance, key) DO UPDATE SET value = excluded.value",
        instance, key, vault_.seal(place(instance, key), value));
  }
  storage::Database& database_;
  const Vault& vault_;
};

class Remembered final : public KeyValues {
 public:
  std::optional<std::string> get(std::string_view instance, std::string_view key) override {
    const std::lock_guard lock(mutex_);
    const auto found = values_.find(Key(instance, key));
    return found == values_.end() ? std::nullopt : std::optional(found->second);
  }
  void put(std::string_view instance, std::string_view key, std::string_view value) override {
    const std::lock_guard lock(mutex_);
    values_[Key(instance, key)] = std::string(value);
  }
  bool swap(std::string_view instance, std::string_view key, const std::optional<std::string>& expected,
            std::string_view value) override {
    const std::lock_guard lock(mutex_);
    const auto found = values_.find(Key(instance, key));
    if ((found == values_.end()) != !expected || (expected && found->second != *expected)) return false;
    values_[Key(instance, key)] = std::string(value);
    return true;
  }
  void erase(std::string_view instance, std::string_view key) override {
    const std::lock_guard lock(mutex_);
    values_.erase(Key(instance, key));
  }
  std::vector<std::pair<std::string, std::string>> all(std::string_view instance) override {
    const std::lock_guard lock(mutex_);
    std::vector<std::pair<std::string, std::string>> found;
    for (auto at = values_.lower_bound(Key(instance, "")); at != values_.end() && at->first.first == instance; ++at) {
      found.emplace_back(at->first.second, at->second);
    }
    return found;
  }

 private:
  using Key = std::pair<std::string, std::string>;
  std::mutex mutex_;
  std::map<Key, std::string> values_;
};

}  // namespace

std::unique_ptr<KeyValues> stored_key_values(storage::Database& database, const Vault& vault) {
  return std::make_unique<Stored>(database, vault);
}
std::unique_ptr<KeyValues> remembered_key_values() { return std::make_unique<Remembered>(); }

}  // namespace bursar::plugin_host
