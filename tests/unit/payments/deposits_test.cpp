// Goal: credit is added within the provider's limits, by currency, also with several charges under way.
#include "payments/deposits.hpp"

#include "refund_fixture.hpp"

namespace bursar::test {
namespace {

class DepositsTest : public RefundFixture {
 protected:
  static settings::Config limited() {
    settings::Config config = payment_config();
    const Currency usd = Currency::parse("USD").value();
    config.billing.deposits = {.minimum = {{"USD", Money(500, usd)}},
                               .maximum = {{"USD", Money(10000, usd)}},
                               .maximum_balance = {{"USD", Money(12000, usd)}}};
    return config;
  }
  explicit DepositsTest(settings::Config config = limited()) : RefundFixture(std::move(config)) {}

  Status check(Money amount) {
    return db->read([&](Connection& c) { return payments::check_deposit(c, context, account, amount, clock.now()); });
  }
  Result<Payment> deposit(std::string_view amount, std::string gateway = "cards") {
    invoice = db->write("deposit", [&](Transaction& tx) {
      return invoicing::issue_deposit(tx, rules, account, usd(amount), clock.now()).value();
    });
    return pay(std::move(gateway));
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, DepositsTest, backends());

TEST_P(DepositsTest, keep_to_the_minimum_and_the_maximum) {
  EXPECT_EQ(check(usd("4.99")).error().fields.front().detail, "must be at least 5.00 USD");
  EXPECT_TRUE(check(usd("5.00")).ok());
  EXPECT_TRUE(check(usd("100.00")).ok());
  EXPECT_EQ(check(usd("100.01")).error().fields.front().detail, "at most 100.00 USD can be added to credit");
  EXPECT_TRUE(check(Money(1, Currency::parse("EUR").value())).ok()) << "no limit was set for it";
}

TEST_P(DepositsTest, keep_to_the_largest_balance_with_what_is_on_its_way) {
  ASSERT_TRUE(deposit("80.00").ok());
  EXPECT_TRUE(check(usd("40.00")).ok());
  EXPECT_EQ(check(usd("40.01")).error().fields.front().detail,
            "at most 40.00 USD can be added: credit may not exceed 120.00 USD");
  gateways.cards.script({Act::stay_pending});
  ASSERT_TRUE(deposit("30.00").ok());
  EXPECT_EQ(check(usd("20.00")).error().fields.front().detail,
            "at most 10.00 USD can be added: credit may not exceed 120.00 USD, and 30.00 USD is on its way");
  gateways.cards.script({Act::need_action});
  ASSERT_TRUE(deposit("10.00").ok());
  EXPECT_FALSE(check(usd("10.00")).ok());
  clock.advance(minutes(31));
  EXPECT_TRUE(check(usd("10.00")).ok()) << "nobody took the action";
  gateways.bank.script({Act::need_action});
  ASSERT_TRUE(deposit("90.00", "bank").ok());
  EXPECT_TRUE(check(usd("10.00")).ok()) << "an announced transfer moves when the customer moves it";
}

TEST_P(DepositsTest, are_not_paid_with_credit) {
  ASSERT_TRUE(deposit("50.00").ok());
  const auto second = db->write("deposit", [&](Transaction& tx) {
    return invoicing::issue_deposit(tx, rules, account, usd("10.00"), clock.now()).value();
  });
  EXPECT_EQ(stored(second).status, invoicing::InvoiceStatus::open);
  const auto used = db->write(
      "credit", [&](Transaction& tx) { return invoicing::apply_credit(tx, rules, second, usd("10.00"), clock.now()); });
  EXPECT_EQ(used.error().code, "deposit_takes_no_credit");
}

class GuardedDepositsTest : public DepositsTest {
 protected:
  static settings::Config guarded() {
    settings::Config config = payment_config();
    config.billing.deposits.require_active_service = true;
    return config;
  }
  GuardedDepositsTest() : DepositsTest(guarded()) {}
};
INSTANTIATE_TEST_SUITE_P(Backends, GuardedDepositsTest, backends());

TEST_P(GuardedDepositsTest, need_a_running_service_where_asked_for) {
  EXPECT_EQ(check(usd("5.00")).error().code, "deposit_needs_active_service");
  buy({product("vps", "10.00")});
  EXPECT_TRUE(check(usd("5.00")).ok());
}

}  // namespace
}  // namespace bursar::test
