// Goal: a store says which keys its values need, and gets to another key value by value, without losing one.
#include "storage/encryption.hpp"

#include <algorithm>
#include <map>

#include "storage/migrations.hpp"
#include "support/clock.hpp"
#include "table.hpp"

namespace bursar::storage::testing {
namespace {

const Secret first(std::string(64, '1')), second(std::string(64, '2'));

class EncryptionTest : public ::testing::TestWithParam<Backend> {
 protected:
  Result<Vault> open(std::vector<Secret> keys, VaultUse use = VaultUse::write) {
    return open_vault(*db_, keys, clock_, use);
  }
  // A method, a webhook with its event, and a value that a plugin keeps, all under the vault's first key.
  void add_secrets(const Vault& vault, std::int64_t id, const std::string& text) {
    const std::string row = std::to_string(id);
    db_->write("add", [&](Transaction& tx) {
      tx.execute(
          "INSERT INTO payment_methods (id, account_id, gateway, token, token_lookup, label, position, created_at) "
          "VALUES ($1, 1, 'cards', $2, $3, 'Visa', 0, '2027-01-01T00:00:00Z')",
          id, vault.seal({"payment_methods.token", row}, text), vault.lookup("payment_methods.token", text));
      tx.execute(
          "INSERT INTO webhook_requests (id, instance, method, path, query, headers, body, remote_address, "
          "received_at, "
          "status) VALUES ($1, 'cards', 'POST', '', $2, $3, $4, '', '2027-01-01T00:00:00Z', 'done')",
          id, vault.seal({"webhook_requests.query", row}, text), vault.seal({"webhook_requests.headers", row}, text),
          vault.seal({"webhook_requests.body", row}, text));
      tx.execute(
          "INSERT INTO webhook_events (id, instance, event_id, request_id, event, status, created_at) "
          "VALUES ($1, 'cards', $2, $1, $3, 'applied', '2027-01-01T00:00:00Z')",
          id, row, vault.seal({"webhook_events.event", row}, text));
      tx.execute("INSERT INTO plugin_store (instance, key, value) VALUES ('cards', $1, $2)", row,
                 vault.seal({"plugin_store.value", "cards/" + row}, text));
    });
  }
  // Every stored text with its place.
  std::map<std::pair<std::string, std::string>, std::string> stored() {
    return db_->read([](Connection& c) {
      std::map<std::pair<std::string, std::string>, std::string> out;
      auto rows = c.query(
          "SELECT 'payment_methods.token', CAST(id AS TEXT), token FROM payment_methods "
          "UNION ALL SELECT 'webhook_requests.query', CAST(id AS TEXT), query FROM webhook_requests "
          "UNION ALL SELECT 'webhook_requests.headers', CAST(id AS TEXT), headers FROM webhook_requests "
          "UNION ALL SELECT 'webhook_requests.body', CAST(id AS TEXT), body FROM webhook_requests "
          "UNION ALL SELECT 'webhook_events.event', CAST(id AS TEXT), event FROM webhook_events "
          "UNION ALL SELECT 'plugin_store.value', instance || '/' || key, value FROM plugin_store");
      while (rows.next()) out[{rows.string(0), rows.string(1)}] = rows.string(2);
      return out;
    });
  }
  std::string lookup(std::int64_t id) {
    return db_->read([&](Connection& c) {
      auto rows = c.query("SELECT token_lookup FROM payment_methods WHERE id = $1", id);
      return rows.next() ? rows.string(0) : std::string();
    });
  }
  test::ManualClock clock_{"2027-01-01T00:00:00Z"};
  test::TestDatabase db_ = test::fresh_database(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Backends, EncryptionTest, test::backends());

TEST_P(EncryptionTest, a_store_without_a_key_it_needs_is_refused_and_the_key_is_named) {
  const std::string id = open({first})->keys().front().id();
  for (const auto& keys : {std::vector<Secret>{}, std::vector<Secret>{second}}) {
    for (const auto use : {VaultUse::read, VaultUse::write}) {
      const auto refused = open(keys, use);
      ASSERT_FALSE(refused.ok());
      EXPECT_EQ(refused.error().code, "encryption_key_missing");
      EXPECT_NE(refused.error().detail.find(id), std::string::npos) << refused.error().detail;
      EXPECT_FALSE(refused.error().cure.empty());
    }
  }
  EXPECT_TRUE(open({second, first}).ok());
  EXPECT_FALSE(open({first}).ok()) << "the second is noted before anything is under it";
}

TEST_P(EncryptionTest, who_only_reads_notes_no_key) {
  EXPECT_TRUE(open({first}, VaultUse::read).ok());
  EXPECT_TRUE(open({}).ok());
}

TEST_P(EncryptionTest, what_stands_in_clear_is_encrypted_and_what_is_is_left_alone) {
  const auto clear = open({}).value();
  for (std::int64_t id = 1; id <= 250; ++id) add_secrets(clear, id, "tok_" + std::to_string(id));  // several chunks
  const auto vault = open({first}).value();
  add_secrets(vault, 251, "tok_251");
  const auto before = stored();
  const auto done = reencrypt(*db_, vault).value();
  for (const auto& [column, count] : done.columns)
    EXPECT_EQ(count, column == "webhook_requests.path" ? 0 : 250) << column;
  EXPECT_TRUE(done.retired.empty());
  const auto after = stored();
  ASSERT_EQ(after.size(), before.size());
  for (const auto& [place, text] : after) {
    const std::string row = place.second.substr(place.second.find('/') + 1);
    EXPECT_EQ(Vault::key_of(text), vault.keys().front().id()) << place.first;
    EXPECT_EQ(vault.open({place.first, place.second}, text), "tok_" + row);
    if (row == "251") {
      EXPECT_EQ(text, before.at(place));
    }
  }
  EXPECT_EQ(lookup(7), vault.lookup("payment_methods.token", "tok_7"));
  const auto again = reencrypt(*db_, vault).value();
  for (const auto& [column, count] : again.columns) EXPECT_EQ(count, 0) << column;
}

TEST_P(EncryptionTest, a_new_key_takes_over_and_the_old_one_is_needed_no_more) {
  const auto old = open({first}).value();
  add_secrets(old, 1, "tok_1");
  const auto both = open({second, first}).value();
  const auto done = reencrypt(*db_, both).value();
  EXPECT_EQ(done.retired, std::vector{old.keys().front().id()});
  const auto vault = open({second});
  ASSERT_TRUE(vault.ok()) << vault.error().detail;
  for (const auto& [place, text] : stored()) EXPECT_EQ(vault->open({place.first, place.second}, text), "tok_1");
  EXPECT_EQ(lookup(1), vault->lookup("payment_methods.token", "tok_1"));
}

TEST_P(EncryptionTest, a_value_that_does_not_open_stays_and_so_does_the_need_for_its_key) {
  const auto old = open({first}).value();
  add_secrets(old, 1, "tok_1");
  db_->write("damage", [](Transaction& tx) {
    tx.execute("UPDATE plugin_store SET value = (SELECT token FROM payment_methods)");
  });
  const auto before = stored().at({"plugin_store.value", "cards/1"});
  EXPECT_THROW((void)reencrypt(*db_, open({second, first}).value()), VaultError);
  EXPECT_EQ(stored().at({"plugin_store.value", "cards/1"}), before);
  EXPECT_EQ(open({second}).error().code, "encryption_key_missing");
}

// A store of before: its tokens stay readable and can be found, and the copies that effects kept go.
TEST(EncryptionUpgrade, tokens_of_before_stay_and_their_copies_go) {
  for (const Backend backend : test::backend_list()) {
    auto db = test::fresh_database(backend, test::Schema::empty);
    const test::ManualClock clock{"2027-01-01T00:00:00Z"};
    const auto all = migrations();
    const auto before =
        std::find_if(all.begin(), all.end(), [](const Migration& one) { return one.name.ends_with("_encryption"); });
    ASSERT_TRUE(migrate_with(*db, clock, {all.begin(), before}).ok());
    db->write("before", [](Transaction& tx) {
      tx.run_script(
          "INSERT INTO payment_methods (id, account_id, gateway, token, label, position, created_at) VALUES "
          "(1, 1, 'cards', 'tok_1', 'Visa', 0, '2027-01-01T00:00:00Z'), "
          "(2, 1, 'cards', 'enc1:mine', 'Odd', 1, '2027-01-01T00:00:00Z');"
          "INSERT INTO effects (id, kind, key, instance, account_id, object_id, state, outcome, created_at) VALUES "
          "(3, 'setup', 'setup:1:1', 'cards', 1, 1, 'done', "
          "'{\"method\":{\"token\":\"tok_1\"},\"outcome\":\"succeeded\",\"reference\":\"tok_1\"}', "
          "'2027-01-01T00:00:00Z'), "
          "(4, 'charge', 'charge:1:1', 'cards', 1, 1, 'done', '{\"outcome\":\"succeeded\",\"reference\":\"ch_1\"}', "
          "'2027-01-01T00:00:00Z')");
    });
    ASSERT_TRUE(migrate(*db, clock).ok());
    const auto text = [&](Sql sql) {
      return db->read([&](Connection& c) {
        auto rows = c.query(sql);
        return rows.next() ? rows.string(0) : std::string("none");
      });
    };
    EXPECT_EQ(Vault().open({"payment_methods.token", "1"}, text("SELECT token FROM payment_methods WHERE id = 1")),
              "tok_1");
    EXPECT_EQ(text("SELECT token_lookup FROM payment_methods WHERE id = 1"), "tok_1");
    EXPECT_EQ(Vault().open({"payment_methods.token", "2"}, text("SELECT token FROM payment_methods WHERE id = 2")),
              "enc1:mine");
    EXPECT_EQ(text("SELECT outcome FROM effects WHERE id = 3"), "");
    EXPECT_EQ(text("SELECT outcome FROM effects WHERE id = 4"), R"({"outcome":"succeeded","reference":"ch_1"})");
  }
}

TEST_P(EncryptionTest, without_a_key_there_is_nothing_to_encrypt_with) {
  EXPECT_EQ(reencrypt(*db_, open({}).value()).error().code, "no_encryption_key");
}

}  // namespace
}  // namespace bursar::storage::testing
