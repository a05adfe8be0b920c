#include "accounts/identity.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "accounts/audit.hpp"
#include "accounts/tokens.hpp"
#include "support/clock.hpp"
#include "support/database.hpp"

namespace bursar::accounts {
namespace {

using storage::Connection;
using storage::Transaction;

class IdentityTest : public ::testing::TestWithParam<storage::Backend> {
 protected:
  test::TestDatabase db = test::fresh_database(GetParam());
  test::ManualClock clock;
  PasswordHasher hasher{PasswordCost::lowest};
  const std::vector<Currency> currencies{Currency::parse("USD").value(), Currency::parse("EUR").value()};
  Identity identity{*db, clock, hasher, currencies};

  static Registration alice() {
    return {.account = {.name = "Alice Adams",
                        .email = " Alice@Example.com ",
                        .address = {.street = "1 Main St", .city = "Springfield", .country = "US"}},
            .password = Secret("correct horse")};
  }
  static Actor from(std::string address) { return {.kind = ActorKind::user, .address = std::move(address)}; }
  Result<LoggedIn> log_in(std::string email, std::string password, std::string address = "192.0.2.7") {
    return identity.log_in({.email = std::move(email), .password = Secret(std::move(password))},
                           from(std::move(address)));
  }
  std::optional<Caller> who(const Secret& token) {
    return db->read([&](Connection& c) { return find_caller(c, token.reveal(), clock.now()); });
  }
  std::int64_t count(storage::Sql sql) {
    return db->read([&](Connection& c) {
      auto rows = c.query(sql);
      return rows.next() ? rows.integer(0) : -1;
    });
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, IdentityTest, test::backends());

TEST_P(IdentityTest, registration_makes_an_owner_with_account_and_snapshot_who_can_log_in) {
  const auto made = identity.register_customer(alice(), from("192.0.2.7"));
  ASSERT_TRUE(made.ok()) << made.error().detail;
  const auto session = log_in("alice@example.com", "correct horse");
  ASSERT_TRUE(session.ok()) << session.error().detail;
  const auto caller = who(session->token);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->user, made->user);
  EXPECT_EQ(caller->memberships, (std::vector<Membership>{{made->account, Role::owner}}));
  EXPECT_FALSE(caller->is_staff());
  db->read([&](Connection& c) {
    const auto account = find_account(c, made->account);
    ASSERT_TRUE(account);
    EXPECT_EQ(account->email, "alice@example.com");
    EXPECT_EQ(account->currency.code(), "USD");
    EXPECT_EQ(find_party(c, account->party)->address.city, "Springfield");
  });
}

TEST_P(IdentityTest, secrets_are_stored_as_hashes_only) {
  ASSERT_TRUE(identity.register_customer(alice(), {}).ok());
  const auto session = log_in("alice@example.com", "correct horse");
  db->read([&](Connection& c) {
    auto users = c.query("SELECT password_hash FROM users");
    ASSERT_TRUE(users.next());
    EXPECT_TRUE(users.text(0).starts_with("$argon2id$"));
    auto sessions = c.query("SELECT token_hash FROM sessions");
    ASSERT_TRUE(sessions.next());
    EXPECT_EQ(sessions.text(0), token_hash(session->token.reveal()));
  });
}

TEST_P(IdentityTest, registration_names_every_bad_field_at_once_and_stores_nothing) {
  auto bad = alice();
  bad.account.name = "A\r\nBcc: b@example.com";
  bad.account.email = "not an email";
  bad.account.address.country = "XX";
  bad.account.currency = "JPY";
  bad.password = Secret("short");
  const auto made = identity.register_customer(bad, {});
  ASSERT_FALSE(made.ok());
  std::vector<std::string> pointers;
  for (const auto& field : made.error().fields) pointers.push_back(field.pointer);
  EXPECT_EQ(pointers, (std::vector<std::string>{"/currency", "/name", "/email", "/address/country", "/password"}));
  EXPECT_EQ(count("SELECT COUNT(*) FROM accounts"), 0);
  EXPECT_EQ(count("SELECT COUNT(*) FROM audit_events"), 0);
}

TEST_P(IdentityTest, one_email_is_one_user_and_a_lost_race_leaves_no_account) {
  ASSERT_TRUE(identity.register_customer(alice(), {}).ok());
  const auto again = identity.register_customer(alice(), {});
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, "email_taken");
  EXPECT_EQ(count("SELECT COUNT(*) FROM accounts"), 1);
}

TEST_P(IdentityTest, unknown_email_wrong_password_and_disabled_user_answer_alike) {
  ASSERT_TRUE(identity.register_customer(alice(), {}).ok());
  const auto wrong = log_in("alice@example.com", "wrong horse");
  const auto unknown = log_in("bob@example.com", "correct horse");
  db->write("disable", [](Transaction& tx) { tx.execute("UPDATE users SET status = 'disabled'"); });
  const auto disabled = log_in("alice@example.com", "correct horse");
  for (const auto* answer : {&wrong, &unknown, &disabled}) {
    ASSERT_FALSE(answer->ok());
    EXPECT_EQ(answer->error().kind, ErrorKind::unauthenticated);
    EXPECT_EQ(answer->error().detail, wrong.error().detail);
  }
}

TEST_P(IdentityTest, guessing_is_slowed_down_and_never_locks_for_good) {
  ASSERT_TRUE(identity.register_customer(alice(), {}).ok());
  std::optional<Error> blocked;
  for (int attempt = 0; attempt < 6 && !blocked; ++attempt) {
    // From another network each time: the email's own count has to hold.
    const auto answer = log_in("alice@example.com", "guess", "198.51." + std::to_string(attempt) + ".1");
    ASSERT_FALSE(answer.ok());
    if (answer.error().code == "login_throttled") blocked = answer.error();
  }
  ASSERT_TRUE(blocked);
  EXPECT_GT(blocked->retry_after_seconds, 0);
  EXPECT_EQ(log_in("alice@example.com", "correct horse", "203.0.113.1").error().code, "login_throttled");
  clock.advance(minutes(15));
  EXPECT_TRUE(log_in("alice@example.com", "correct horse", "203.0.113.1").ok());
}

TEST_P(IdentityTest, spraying_from_one_network_is_slowed_down_for_that_network_only) {
  ASSERT_TRUE(identity.register_customer(alice(), {}).ok());
  for (int user = 0; user < 40; ++user) {
    (void)log_in("user" + std::to_string(user) + "@example.com", "guess", "198.51.100." + std::to_string(user));
  }
  EXPECT_EQ(log_in("alice@example.com", "correct horse", "198.51.100.200").error().code, "login_throttled");
  EXPECT_TRUE(log_in("alice@example.com", "correct horse", "203.0.113.1").ok());
}

TEST_P(IdentityTest, a_new_password_ends_the_other_sessions) {
  ASSERT_TRUE(identity.register_customer(alice(), {}).ok());
  const auto here = log_in("alice@example.com", "correct horse");
  const auto there = log_in("alice@example.com", "correct horse");
  const auto caller = who(here->token);
  EXPECT_EQ(
      identity.change_password(*caller, Secret("wrong"), Secret("battery staple"), {}).error().fields.at(0).pointer,
      "/current_password");
  ASSERT_TRUE(identity.change_password(*caller, Secret("correct horse"), Secret("battery staple"), {}).ok());
  EXPECT_TRUE(who(here->token));
  EXPECT_FALSE(who(there->token));
  EXPECT_FALSE(log_in("alice@example.com", "correct horse").ok());
  EXPECT_TRUE(log_in("alice@example.com", "battery staple").ok());
}

TEST_P(IdentityTest, sessions_end_by_age_by_disuse_by_logout_and_with_the_user) {
  ASSERT_TRUE(identity.register_customer(alice(), {}).ok());
  const auto first = log_in("alice@example.com", "correct horse");
  ASSERT_TRUE(identity.log_out(*who(first->token), {}).ok());
  EXPECT_FALSE(who(first->token));

  const auto idle = log_in("alice@example.com", "correct horse");
  clock.advance(days(8));
  EXPECT_FALSE(who(idle->token));

  const auto old = log_in("alice@example.com", "correct horse");
  for (int day = 0; day < 31; ++day) {
    db->write("touch", [&](Transaction& tx) { touch_session(tx, old->session, "192.0.2.9", clock.now()); });
    clock.advance(days(1));
  }
  EXPECT_FALSE(who(old->token));

  const auto last = log_in("alice@example.com", "correct horse");
  db->write("disable", [](Transaction& tx) { tx.execute("UPDATE users SET status = 'disabled'"); });
  EXPECT_FALSE(who(last->token));
}

TEST_P(IdentityTest, a_session_is_not_ended_by_another_user) {
  ASSERT_TRUE(identity.register_customer(alice(), {}).ok());
  auto bob = alice();
  bob.account.email = "bob@example.com";
  ASSERT_TRUE(identity.register_customer(bob, {}).ok());
  const auto hers = log_in("alice@example.com", "correct horse");
  const auto his = log_in("bob@example.com", "correct horse");
  EXPECT_EQ(identity.end_session(*who(his->token), hers->session, {}).error().kind, ErrorKind::not_found);
  EXPECT_TRUE(who(hers->token));
}

TEST_P(IdentityTest, staff_are_made_with_a_known_role) {
  EXPECT_FALSE(identity.create_staff({"root@example.com", "Root", "root", Secret("correct horse")}, {}).ok());
  ASSERT_TRUE(identity.create_staff({"ann@example.com", "Ann", "billing", Secret("correct horse")}, {}).ok());
  const auto session = log_in("ann@example.com", "correct horse");
  EXPECT_EQ(who(session->token)->staff, Role::staff_billing);
}

TEST_P(IdentityTest, account_changes_are_versioned_audited_and_keep_old_snapshots) {
  const auto made = identity.register_customer(alice(), {});
  const Actor actor{.kind = ActorKind::user, .user = made->user};
  const auto before = db->read([&](Connection& c) { return *find_account(c, made->account); });
  const auto change = [&](const AccountPatch& patch, std::optional<std::int64_t> version) {
    return db->write("update", [&](Transaction& tx) {
      return update_account(tx, made->account, patch, version, currencies, clock.now(), actor);
    });
  };
  const auto moved = change({.city = "Shelbyville"}, before.version);
  ASSERT_TRUE(moved.ok());
  EXPECT_NE(moved->party, before.party);
  db->read([&](Connection& c) { EXPECT_EQ(find_party(c, before.party)->address.city, "Springfield"); });
  EXPECT_EQ(change({.city = "Ogdenville"}, before.version).error().kind, ErrorKind::precondition_failed);
  const auto phoned = change({.phone = "+1 555 0100"}, moved->version);
  EXPECT_EQ(phoned->party, moved->party) << "a phone number is no legal data";
  EXPECT_EQ(change({.phone = "+1 555 0100"}, phoned->version)->version, phoned->version) << "nothing changed";
  const auto events = db->read([&](Connection& c) { return list_audit(c, {.account = made->account}); });
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[1].action, "account.update");
  EXPECT_EQ(events[1].detail, R"({"changed":["address"]})");
  EXPECT_EQ(events[1].actor.user, made->user);
}

TEST_P(IdentityTest, the_sellers_snapshot_is_new_only_when_its_data_are) {
  settings::Provider provider;
  provider.name = "Example Hosting";
  provider.address.country = "US";
  const auto ensure = [&] {
    return db->write("seller", [&](Transaction& tx) { return ensure_seller_party(tx, provider, clock.now()); });
  };
  const auto first = ensure();
  EXPECT_EQ(ensure(), first);
  provider.legal_name = "Example Hosting LLC";
  const auto second = ensure();
  EXPECT_NE(second, first);
  db->read([&](Connection& c) { EXPECT_EQ(seller_party(c), second); });
}

TEST(Tokens, a_cut_or_mistyped_token_is_known_without_the_database) {
  const Secret token = new_token();
  std::string text(token.reveal());
  EXPECT_TRUE(is_token(text));
  EXPECT_FALSE(is_token(text.substr(0, text.size() - 1)));
  text[10] = text[10] == 'a' ? 'b' : 'a';
  EXPECT_FALSE(is_token(text));
  EXPECT_NE(new_token().reveal(), token.reveal());
}

TEST(PasswordHasher, turns_callers_away_instead_of_hashing_without_bound) {
  PasswordHasher hasher(PasswordCost::interactive, 1, 0);
  std::vector<std::thread> threads;
  std::atomic<int> served = 0, busy = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto hash = hasher.hash(Secret("correct horse"));
      ++(hash.ok() ? served : busy);
      if (!hash.ok()) {
        EXPECT_EQ(hash.error().kind, ErrorKind::unavailable);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_GE(served, 1);
  EXPECT_EQ(served + busy, 8);
  EXPECT_TRUE(hasher.verify(*hasher.hash(Secret("x")), Secret("x")).ok());
}

}  // namespace
}  // namespace bursar::accounts
