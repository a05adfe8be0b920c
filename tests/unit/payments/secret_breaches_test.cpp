// Goal: each way in which a stored secret can be wrong is found and named by the checker, and what effects keep of a
// gateway's answer holds no token. The damage is done by SQL, behind the product's back.
#include <set>
#include <tuple>

#include "fixture.hpp"
#include "payments/method_tokens.hpp"

namespace bursar::test {
namespace {

class SecretBreachesTest : public PaymentFixture {
 protected:
  std::set<std::string> broken() {
    std::set<std::string> names;
    verify::verify(*db, codec, vault, [&](const verify::Breach& breach) { names.insert(breach.invariant); });
    return names;
  }
  // What the damage breaks; all is as before afterwards.
  template <class Damage>
  std::set<std::string> after(const Damage& damage) {
    const auto keep = [](Transaction& tx) {
      std::vector<std::tuple<std::int64_t, std::string, std::string>> rows;
      auto all = tx.query("SELECT id, token, token_lookup FROM payment_methods");
      while (all.next()) rows.emplace_back(all.integer(0), all.string(1), all.string(2));
      return rows;
    };
    const auto before = db->write("keep", keep);
    db->write("damage", damage);
    const auto found = broken();
    db->write("mend", [&](Transaction& tx) {
      for (const auto& [id, token, lookup] : before) {
        tx.execute("UPDATE payment_methods SET token = $2, token_lookup = $3 WHERE id = $1", id, token, lookup);
      }
      tx.execute("INSERT INTO encryption_keys (id, created_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
                 vault.keys().front().id(), clock.now());
    });
    return found;
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, SecretBreachesTest, backends());

TEST_P(SecretBreachesTest, are_each_found_by_name) {
  using Names = std::set<std::string>;
  const auto one = save_card("one"), other = save_card("other");
  ASSERT_EQ(broken(), Names());
  EXPECT_EQ(after([&](Transaction& tx) {
              tx.execute(
                  "UPDATE payment_methods SET token = (SELECT token FROM payment_methods WHERE id = $1) "
                  "WHERE id = $2",
                  one, other);
            }),
            Names{"secret_opens"})
      << "a token was moved to another row";
  EXPECT_EQ(after([](Transaction& tx) { tx.execute("UPDATE payment_methods SET token = substr(token, 1, 40)"); }),
            Names{"secret_opens"});
  EXPECT_EQ(after([](Transaction& tx) { tx.execute("DELETE FROM encryption_keys"); }), Names{"secret_opens"})
      << "a process without that key would start";
  EXPECT_EQ(after([](Transaction& tx) { tx.execute("UPDATE payment_methods SET token = 'tok_1'"); }),
            Names{"secret_is_encrypted"});
  EXPECT_EQ(after([](Transaction& tx) { tx.execute("UPDATE payment_methods SET token_lookup = 'x'"); }),
            Names{"method_is_found_by_its_token"});
  EXPECT_EQ(broken(), Names());
}

TEST_P(SecretBreachesTest, a_method_is_charged_and_found_under_a_key_that_is_no_longer_the_first) {
  const auto id = save_card();
  const Vault rotated = storage::open_vault(*db, {Secret(std::string(64, '8')), Secret(std::string(64, '7'))}, clock,
                                            storage::VaultUse::write)
                            .value();
  db->read([&](Connection& c) {
    const auto found = payments::active_methods_with(c, rotated, "cards", "tok_1");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found.front().id, id);
    EXPECT_TRUE(payments::active_methods_with(c, rotated, "cards", "tok_2").empty());
    auto rows = c.query("SELECT token FROM payment_methods WHERE id = $1", id);
    ASSERT_TRUE(rows.next());
    EXPECT_EQ(payments::open_token(rotated, id, rows.text(0)), "tok_1");
  });
}

}  // namespace
}  // namespace bursar::test
