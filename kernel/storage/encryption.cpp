#include "storage/encryption.hpp"

#include <algorithm>
#include <optional>
#include <set>

namespace bursar::storage {
namespace {

constexpr int batch_rows = 100;  // a webhook may have a body of a megabyte

// A sealed column of a table whose rows have an id. `select`: id and value, after id $1, at most $2 rows. `update`:
// sets the value $2 of the row $1, and the lookup $3 beside it where the column is searched by.
struct Column {
  const char* name;
  Sql select;
  Sql update;
  bool searched = false;
};

constexpr Column columns[] = {
    {.name = "payment_methods.token",
     .select = "SELECT id, token FROM payment_methods WHERE id > $1 ORDER BY id LIMIT $2",
     .update = "UPDATE payment_methods SET token = $2, token_lookup = $3 WHERE id = $1",
     .searched = true},
    {.name = "webhook_requests.path",
     .select = "SELECT id, path FROM webhook_requests WHERE id > $1 ORDER BY id LIMIT $2",
     .update = "UPDATE webhook_requests SET path = $2 WHERE id = $1"},
    {.name = "webhook_requests.query",
     .select = "SELECT id, query FROM webhook_requests WHERE id > $1 ORDER BY id LIMIT $2",
     .update = "UPDATE webhook_requests SET query = $2 WHERE id = $1"},
    {.name = "webhook_requests.headers",
     .select = "SELECT id, headers FROM webhook_requests WHERE id > $1 ORDER BY id LIMIT $2",
     .update = "UPDATE webhook_requests SET headers = $2 WHERE id = $1"},
    {.name = "webhook_requests.body",
     .select = "SELECT id, body FROM webhook_requests WHERE id > $1 ORDER BY id LIMIT $2",
     .update = "UPDATE webhook_requests SET body = $2 WHERE id = $1"},
    {.name = "webhook_events.event",
     .select = "SELECT id, event FROM webhook_events WHERE id > $1 ORDER BY id LIMIT $2",
     .update = "UPDATE webhook_events SET event = $2 WHERE id = $1"},
};

struct Chunk {
  bool finished = false;
  std::int64_t written = 0;
};

Chunk write_chunk(Transaction& tx, const Vault& vault, const Column& column, std::int64_t& after) {
  std::vector<std::pair<std::int64_t, std::string>> found;
  {
    auto rows = tx.query(column.select, after, batch_rows);
    while (rows.next()) found.emplace_back(rows.integer(0), rows.string(1));
  }
  Chunk chunk{.finished = found.size() < batch_rows};
  for (const auto& [id, stored] : found) {
    after = id;
    if (vault.is_current(stored)) continue;
    const VaultPlace place(column.name, std::to_string(id));
    const std::string text = vault.open(place, stored);
    if (column.searched) {
      tx.execute(column.update, id, vault.seal(place, text), vault.lookup(column.name, text));
    } else {
      tx.execute(column.update, id, vault.seal(place, text));
    }
    ++chunk.written;
  }
  return chunk;
}

std::int64_t write_anew(Database& db, const Vault& vault, const Column& column) {
  std::int64_t written = 0, after = 0;
  for (bool finished = false; !finished;) {
    std::int64_t reached = after;
    const Chunk chunk = db.write("reencrypt", [&](Transaction& tx) {
      reached = after;  // the transaction may run again
      return write_chunk(tx, vault, column, reached);
    });
    after = reached;
    written += chunk.written;
    finished = chunk.finished;
  }
  return written;
}

struct PluginValue {
  std::string instance, key, stored;
};

Chunk write_plugin_values(Transaction& tx, const Vault& vault, PluginValue& after) {
  std::vector<PluginValue> found;
  {
    auto rows = tx.query(
        "SELECT instance, key, value FROM plugin_store WHERE (instance, key) > ($1, $2) ORDER BY instance, key LIMIT "
        "$3",
        after.instance, after.key, batch_rows);
    while (rows.next()) found.push_back({.instance = rows.string(0), .key = rows.string(1), .stored = rows.string(2)});
  }
  Chunk chunk{.finished = found.size() < batch_rows};
  for (const PluginValue& one : found) {
    after = one;
    if (vault.is_current(one.stored)) continue;
    const VaultPlace place("plugin_store.value", one.instance + "/" + one.key);
    tx.execute("UPDATE plugin_store SET value = $3 WHERE instance = $1 AND key = $2", one.instance, one.key,
               vault.seal(place, vault.open(place, one.stored)));
    ++chunk.written;
  }
  return chunk;
}

std::int64_t write_plugin_values_anew(Database& db, const Vault& vault) {
  std::int64_t written = 0;
  PluginValue after;
  for (bool finished = false; !finished;) {
    PluginValue reached;
    const Chunk chunk = db.write("reencrypt", [&](Transaction& tx) {
      reached = after;
      return write_plugin_values(tx, vault, reached);
    });
    after = std::move(reached);
    written += chunk.written;
    finished = chunk.finished;
  }
  return written;
}

std::set<std::string> noted_keys(Connection& c) {
  std::set<std::string> ids;
  auto rows = c.query("SELECT id FROM encryption_keys");
  while (rows.next()) ids.insert(rows.string(0));
  return ids;
}

bool holds(const Vault& vault, const std::string& id) {
  return std::any_of(vault.keys().begin(), vault.keys().end(),
                     [&](const EncryptionKey& key) { return key.id() == id; });
}

}  // namespace

Result<Vault> open_vault(Database& db, const std::vector<Secret>& keys, const Clock& clock, VaultUse use) {
  std::vector<EncryptionKey> parsed;
  for (const Secret& text : keys) {
    BURSAR_TRY(key, EncryptionKey::parse(text.reveal()));
    parsed.push_back(std::move(key));
  }
  Vault vault(std::move(parsed));
  const std::set<std::string> noted = db.read([](Connection& c) { return noted_keys(c); });
  for (const std::string& id : noted) {
    if (holds(vault, id)) continue;
    return Error{.kind = ErrorKind::conflict,
                 .code = "encryption_key_missing",
                 .detail = "values of this store are encrypted with the key " + id +
                           ", which is not among database.encryption_keys",
                 .cure =
                     "add that key to the end of database.encryption_keys; `bursar db reencrypt` tells when it is "
                     "no longer needed",
                 .retry = Retry::after_fix};
  }
  if (use == VaultUse::write && !vault.keys().empty() && !noted.contains(vault.keys().front().id())) {
    db.write("note_encryption_key", [&](Transaction& tx) {
      tx.execute("INSERT INTO encryption_keys (id, created_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
                 vault.keys().front().id(), clock.now());
    });
  }
  return vault;
}

Result<Reencrypted> reencrypt(Database& db, const Vault& vault) {
  if (vault.keys().empty()) {
    return Error{.kind = ErrorKind::conflict,
                 .code = "no_encryption_key",
                 .detail = "there is no key to encrypt with",
                 .cure = "make one with `bursar db new-key` and name it in database.encryption_keys",
                 .retry = Retry::after_fix};
  }
  Reencrypted done;
  for (const Column& column : columns) done.columns.emplace_back(column.name, write_anew(db, vault, column));
  done.columns.emplace_back("plugin_store.value", write_plugin_values_anew(db, vault));
  db.write("retire_encryption_keys", [&](Transaction& tx) {
    done.retired.clear();
    for (const std::string& id : noted_keys(tx)) {
      if (id == vault.keys().front().id()) continue;
      tx.execute("DELETE FROM encryption_keys WHERE id = $1", id);
      done.retired.push_back(id);
    }
  });
  return done;
}

}  // namespace bursar::storage
