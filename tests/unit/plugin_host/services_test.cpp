// The host services as a plugin meets them: through the C tables.
#include <memory>
#include <string>

#include "plugin_host/call.hpp"
#include "plugin_host/host_services.hpp"
#include "plugin_host/services/crypto.hpp"
#include "plugins.hpp"
#include "support/database.hpp"
#include "support/vault.hpp"

namespace bursar::plugin_host {
namespace {

using namespace testing;

std::string text_of(const bursar_str& text) { return {text.data, static_cast<std::size_t>(text.size)}; }

class Services : public ::testing::Test {
 protected:
  explicit Services(std::unique_ptr<KeyValues> store = remembered_key_values())
      : environment_(std::make_shared<Environment>(clock_, std::move(store), "")),
        one_(environment_, "one", "com.example.a", scrubber()),
        two_(environment_, "two", "com.example.a", Scrubber()),
        call_("key", "trace", std::chrono::steady_clock::now() + std::chrono::seconds(20)) {}

  static Scrubber scrubber() {
    Scrubber made;
    made.add("canary-4711/secret");
    return made;
  }
  template <class Table>
  const Table* table(const char* id) {
    return static_cast<const Table*>(one_.abi()->get_service(one_.abi(), id));
  }

  TestClock clock_;
  std::shared_ptr<Environment> environment_;
  HostServices one_;
  HostServices two_;
  Call call_;
};

TEST_F(Services, AreFoundByTheirWholeIdOnly) {
  for (const auto* id :
       {BURSAR_LOG_ID, BURSAR_CLOCK_ID, BURSAR_HTTP_ID, BURSAR_STORE_ID, BURSAR_RANDOM_ID, BURSAR_CRYPTO_ID}) {
    EXPECT_NE(table<void>(id), nullptr) << id;
  }
  EXPECT_EQ(table<void>("bursar.log/1x"), nullptr);
  EXPECT_EQ(table<void>("bursar.teleport/1"), nullptr);
  EXPECT_EQ(table<void>(nullptr), nullptr);
}

TEST_F(Services, ClockIsTheInstallationsOwn) {
  EXPECT_EQ(table<bursar_clock_v1>(BURSAR_CLOCK_ID)->now(one_.abi()), clock_.unix_seconds * 1000);
}

TEST_F(Services, LogScrubsSecretsInEveryFormAndStaysOneLine) {
  const LogFile log;
  const auto* service = table<bursar_log_v1>(BURSAR_LOG_ID);
  const std::string message = "key canary-4711/secret, canary-4711%2Fsecret\n{\"forged\": true}";
  const std::string hex = to_hex("canary-4711/secret");
  const bursar_pair field{lend("auth"), lend(hex)};
  service->write(one_.abi(), BURSAR_LOG_WARNING, lend(message), {&field, 1});
  const auto text = log.text();
  EXPECT_NE(text.find("[secret]"), std::string::npos) << text;
  EXPECT_EQ(text.find("4711"), std::string::npos) << text;
  EXPECT_EQ(text.find(hex), std::string::npos) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  EXPECT_NE(text.find("\"one\""), std::string::npos) << text;
}

TEST_F(Services, LogOfOnePluginCannotFlood) {
  const LogFile log;
  const auto* service = table<bursar_log_v1>(BURSAR_LOG_ID);
  for (int i = 0; i < 5000; ++i) service->write(one_.abi(), BURSAR_LOG_INFO, lend("again"), {nullptr, 0});
  const auto text = log.text();
  EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 1000);
}

TEST_F(Services, CryptoMatchesKnownVectors) {
  const auto* crypto = table<bursar_crypto_v1>(BURSAR_CRYPTO_ID);
  std::uint8_t out[BURSAR_DIGEST_MAX];
  std::uint32_t size = 0;
  const auto hex = [&] { return to_hex({reinterpret_cast<const char*>(out), size}); };
  ASSERT_EQ(crypto->hash(one_.abi(), BURSAR_DIGEST_SHA256, lend("abc"), out, &size), BURSAR_OK);
  EXPECT_EQ(hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  ASSERT_EQ(
      crypto->hmac(one_.abi(), BURSAR_DIGEST_SHA256, lend("Jefe"), lend("what do ya want for nothing?"), out, &size),
      BURSAR_OK);
  EXPECT_EQ(hex(), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  ASSERT_EQ(crypto->hmac(one_.abi(), BURSAR_DIGEST_SHA512, lend(""), lend(""), out, &size), BURSAR_OK);
  EXPECT_EQ(hex().substr(0, 16), "b936cee86c9f87aa");
  EXPECT_EQ(crypto->hash(one_.abi(), 99, lend("abc"), out, &size), BURSAR_UNSUPPORTED);
  EXPECT_EQ(crypto->equal(one_.abi(), lend("same"), lend("same")), 1);
  EXPECT_EQ(crypto->equal(one_.abi(), lend("same"), lend("sama")), 0);
  EXPECT_EQ(crypto->equal(one_.abi(), lend("same"), lend("sam")), 0);
}

TEST_F(Services, ArenaGivesZeroedMemoryUpToItsLimitAndNoMore) {
  auto* bytes = static_cast<char*>(call_.alloc(&call_, 100'000));
  ASSERT_NE(bytes, nullptr);
  EXPECT_TRUE(std::all_of(bytes, bytes + 100'000, [](char c) { return c == 0; }));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bytes) % alignof(std::max_align_t), 0U);
  EXPECT_EQ(call_.alloc(&call_, std::uint64_t{1} << 60U), nullptr);
  int blocks = 0;
  while (call_.alloc(&call_, 1 << 20) != nullptr) ++blocks;
  EXPECT_GE(blocks, 1);
  EXPECT_LE(blocks, 16);
}

TEST_F(Services, NothingIsReachedAfterTheHostIsGone) {
  environment_->close();
  const auto* store = table<bursar_store_v1>(BURSAR_STORE_ID);
  EXPECT_EQ(store->put(one_.abi(), &call_, lend("a"), lend("1")), BURSAR_ERROR);
  EXPECT_EQ(table<bursar_clock_v1>(BURSAR_CLOCK_ID)->now(one_.abi()), 0);
}

// The store over the real tables of each backend.
class StoreService : public ::testing::TestWithParam<storage::Backend> {
 protected:
  StoreService()
      : environment_(std::make_shared<Environment>(clock_, stored_key_values(database_.get(), vault_), "")),
        one_(environment_, "one", "com.example.a", Scrubber()),
        two_(environment_, "two", "com.example.a", Scrubber()),
        call_("key", "trace", std::chrono::steady_clock::now() + std::chrono::seconds(20)) {}
  [[nodiscard]] const bursar_store_v1& store() const {
    return *static_cast<const bursar_store_v1*>(HostServices::table(BURSAR_STORE_ID));
  }
  std::string get(HostServices& host, const char* key) {
    bursar_str value{};
    const auto status = store().get(host.abi(), &call_, lend(std::string_view(key)), &value);
    return status == BURSAR_OK ? text_of(value) : "status " + std::to_string(status);
  }
  TestClock clock_;
  test::TestDatabase database_ = test::fresh_database(GetParam());
  const Vault vault_ = test::open_vault(*database_);
  std::shared_ptr<Environment> environment_;
  HostServices one_;
  HostServices two_;
  Call call_;
};
INSTANTIATE_TEST_SUITE_P(Backends, StoreService, test::backends());

TEST_P(StoreService, KeepsValuesByInstance) {
  const auto missing = "status " + std::to_string(BURSAR_NOT_FOUND);
  EXPECT_EQ(get(one_, "cursor"), missing);
  EXPECT_EQ(store().put(one_.abi(), &call_, lend("cursor"), lend("41")), BURSAR_OK);
  EXPECT_EQ(store().put(one_.abi(), &call_, lend("cursor"), lend("42")), BURSAR_OK);
  EXPECT_EQ(get(one_, "cursor"), "42");
  EXPECT_EQ(get(two_, "cursor"), missing);
  EXPECT_EQ(store().erase(one_.abi(), &call_, lend("cursor")), BURSAR_OK);
  EXPECT_EQ(store().erase(one_.abi(), &call_, lend("cursor")), BURSAR_OK);
  EXPECT_EQ(get(one_, "cursor"), missing);
}

TEST_P(StoreService, WhatIsStoredCannotBeReadThereAndOpensForItsOwnKeyAlone) {
  ASSERT_EQ(store().put(one_.abi(), &call_, lend("access_token"), lend("bearer-of-the-gateway")), BURSAR_OK);
  ASSERT_EQ(store().put(one_.abi(), &call_, lend("other"), lend("x")), BURSAR_OK);
  const auto stored = database_->read([](storage::Connection& c) {
    auto rows = c.query("SELECT value FROM plugin_store WHERE key = 'access_token'");
    return rows.next() ? rows.string(0) : std::string();
  });
  EXPECT_EQ(stored.find("bearer"), std::string::npos);
  EXPECT_EQ(Vault::key_of(stored), vault_.keys().front().id());
  EXPECT_EQ(get(one_, "access_token"), "bearer-of-the-gateway");
  database_->write("move", [&](storage::Transaction& tx) {
    tx.execute("UPDATE plugin_store SET value = $1 WHERE key = 'other'", stored);
  });
  EXPECT_NE(get(one_, "other"), "bearer-of-the-gateway");
}

TEST_P(StoreService, SwapsOnlyWhatWasExpected) {
  std::int32_t swapped = -1;
  const auto before = lend("1");
  EXPECT_EQ(store().swap(one_.abi(), &call_, lend("n"), &before, lend("2"), &swapped), BURSAR_OK);
  EXPECT_EQ(swapped, 0);
  EXPECT_EQ(store().swap(one_.abi(), &call_, lend("n"), nullptr, lend("1"), &swapped), BURSAR_OK);
  EXPECT_EQ(swapped, 1);
  EXPECT_EQ(store().swap(one_.abi(), &call_, lend("n"), nullptr, lend("9"), &swapped), BURSAR_OK);
  EXPECT_EQ(swapped, 0);
  EXPECT_EQ(store().swap(one_.abi(), &call_, lend("n"), &before, lend("2"), &swapped), BURSAR_OK);
  EXPECT_EQ(swapped, 1);
  EXPECT_EQ(get(one_, "n"), "2");
}

TEST_P(StoreService, ListsByPrefixInTheOrderOfBytes) {
  for (const auto* key : {"a/b", "a/B", "a/a", "b/a", "a-a"}) {
    ASSERT_EQ(store().put(one_.abi(), &call_, lend(std::string_view(key)), lend("x")), BURSAR_OK);
  }
  bursar_pairs pairs{};
  ASSERT_EQ(store().list(one_.abi(), &call_, lend("a/"), lend(""), 10, &pairs), BURSAR_OK);
  ASSERT_EQ(pairs.count, 3U);
  EXPECT_EQ(text_of(pairs.items[0].key), "a/B");
  EXPECT_EQ(text_of(pairs.items[2].key), "a/b");
  ASSERT_EQ(store().list(one_.abi(), &call_, lend("a/"), lend("a/B"), 1, &pairs), BURSAR_OK);
  ASSERT_EQ(pairs.count, 1U);
  EXPECT_EQ(text_of(pairs.items[0].key), "a/a");
  EXPECT_EQ(store().list(one_.abi(), &call_, lend("a/"), lend(""), 0, &pairs), BURSAR_INVALID);
}

TEST_P(StoreService, RefusesWhatCannotBeStored) {
  const std::string long_key(BURSAR_STORE_KEY_MAX + 1, 'k');
  const std::string long_value(BURSAR_STORE_VALUE_MAX + 1, 'v');
  const std::string with_nul("a\0b", 3);
  EXPECT_EQ(store().put(one_.abi(), &call_, lend(""), lend("x")), BURSAR_INVALID);
  EXPECT_EQ(store().put(one_.abi(), &call_, lend(long_key), lend("x")), BURSAR_INVALID);
  EXPECT_EQ(store().put(one_.abi(), &call_, lend("a\tb"), lend("x")), BURSAR_INVALID);
  EXPECT_EQ(store().put(one_.abi(), &call_, lend("a"), lend(long_value)), BURSAR_INVALID);
  EXPECT_EQ(store().put(one_.abi(), &call_, lend("a"), lend(with_nul)), BURSAR_INVALID);
  EXPECT_EQ(store().put(one_.abi(), &call_, lend("a"), lend("\xff")), BURSAR_INVALID);
}

}  // namespace
}  // namespace bursar::plugin_host
