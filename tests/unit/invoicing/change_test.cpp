// Goal: an upgrade charges the days left at the difference, once, and never gives back what was not paid.
#include "invoicing/change.hpp"

#include <random>

#include "unit/invoicing/fixture.hpp"

namespace bursar::invoicing {
namespace {

class Change : public InvoicingTest {
 protected:
  auto upgrade(ServiceId id, ProductId to) {
    return write([&](auto& tx) { return upgrade_service(tx, *rules, id, to, {}, now()); });
  }
  std::string refusal(ServiceId id, ProductId to) {
    const auto refused = upgrade(id, to);
    return refused.ok() ? "" : refused.error().code;
  }
  void grant(AccountId account, Money amount) {
    write([&](auto& tx) { grant_credit(tx, *rules, account, amount, ++grants_, "welcome", now()); });
  }
  ServiceId running(AccountId account, ProductId product) {
    const auto placed = order(account, {product});
    const auto owed = invoice(placed.invoice).balance;
    if (owed.is_positive()) pay(placed.invoice, owed);
    return placed.services[0];
  }

 private:
  std::int64_t grants_ = 900'000;
};
INSTANTIATE_TEST_SUITE_P(Backends, Change, test::backends());

TEST_P(Change, the_days_left_are_credited_at_the_old_price_and_charged_at_the_new) {
  today = day("2027-04-01");
  const auto german = account("DE");
  const auto small = product("vps-s", dollars(1000)), large = product("vps-m", dollars(3000));
  const auto id = running(german, small);
  grant(german, dollars(2000));
  today = day("2027-04-11");
  const auto quoted = read([&](auto& c) { return quote_upgrade(c, *rules, id, large, now()); }).value();
  const auto changed = upgrade(id, large).value();
  const auto billed = lines(changed);
  ASSERT_EQ(billed.size(), 2u);
  EXPECT_EQ(billed[0].net, dollars(-667)) << "20 of 30 days";
  EXPECT_EQ(billed[1].net, dollars(2000));
  EXPECT_EQ(invoice(changed).tax, dollars(253));
  EXPECT_EQ(invoice(changed).total, quoted.now.total);
  EXPECT_EQ(invoice(changed).status, InvoiceStatus::paid);
  EXPECT_EQ(credit(german), dollars(2000 - 1586));
  EXPECT_EQ(service(id).product, large);
  EXPECT_EQ(service(id).price, dollars(3000));
  EXPECT_EQ(service(id).next_due_on, day("2027-05-01"));
  expect_clean();
  run_until(day("2027-05-01"));
  EXPECT_EQ(invoices(german).front().net, dollars(3000)) << "the renewal is at the new price";
  expect_clean();
}

TEST_P(Change, what_cannot_be_done_soundly_is_refused_and_stores_nothing) {
  today = day("2027-04-01");
  const auto american = account();
  const auto small = product("vps-s", dollars(1000)), large = product("vps-m", dollars(3000));
  const auto unpaid = order(american, {small});
  EXPECT_EQ(refusal(unpaid.services[0], large), "service_not_changeable");
  pay(unpaid.invoice, dollars(1000));
  const auto id = unpaid.services[0];
  EXPECT_EQ(refusal(id, small), "invalid_change");
  EXPECT_EQ(refusal(id, product("vps-xs", dollars(500))), "invalid_change") << "a downgrade";
  EXPECT_EQ(refusal(id, large), "credit_too_low");
  EXPECT_EQ(invoices(american).size(), 1u);
  EXPECT_EQ(service(id).product, small);

  grant(american, dollars(9000));
  suspend_as_overdue(id);
  EXPECT_EQ(refusal(id, large), "service_not_changeable");
  today = day("2027-05-02");
  EXPECT_EQ(refusal(running(account(), large), small), "invalid_change");
  expect_clean();
}

TEST_P(Change, a_next_period_that_is_invoiced_and_a_corrected_one_are_refused) {
  today = day("2027-04-01");
  const auto american = account();
  const auto large = product("vps-m", dollars(3000));
  const auto small = product("vps-s", dollars(1000)), huge = product("vps-l", dollars(9000));
  const auto id = running(american, small);
  grant(american, dollars(20'000));
  const auto changed = upgrade(id, large).value();
  ASSERT_TRUE(write([&](auto& tx) { return void_invoice(tx, *rules, changed, "goodwill", now()); }).ok());
  EXPECT_EQ(refusal(id, huge), "period_not_changeable") << "the dearer days were given back";
  run_until(day("2027-04-30"));
  EXPECT_EQ(refusal(id, huge), "period_not_changeable") << "May is invoiced";
  expect_clean();
}

TEST_P(Change, a_running_promotion_keeps_the_service_as_it_is) {
  const auto american = account();
  const auto small = product("vps-s", dollars(1000)), large = product("vps-m", dollars(3000));
  promotion({.code = "HALF", .percent = parse_percent("50").value()});
  const auto placed = order(american, {small}, "half");
  pay(placed.invoice, dollars(500));
  grant(american, dollars(9000));
  EXPECT_EQ(refusal(placed.services[0], large), "promotion_running");
  expect_clean();
}

// Whatever the days and prices: upgrades in steps cost no less than the rest of the period at the last price would
// from the day of each step, and never money back.
TEST_P(Change, random_upgrades_never_gain) {
  const std::uint32_t seed = 20270401;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 8; ++round) {
    today = day("2027-04-01");
    const auto american = account();
    std::int64_t price = 1 + static_cast<std::int64_t>(random() % 2000);
    const std::string code = "r" + std::to_string(round) + "-";
    const auto id = running(american, product(code + "0", dollars(price)));
    grant(american, dollars(1'000'000));
    for (int step = 1; step <= 4; ++step) {
      today = today.plus_days(static_cast<int>(random() % 6));
      const std::int64_t dearer = price + 1 + static_cast<std::int64_t>(random() % 2000);
      const auto total = invoice(upgrade(id, product(code + std::to_string(step), dollars(dearer))).value()).total;
      const auto left = days_between(today, day("2027-05-01"));
      ASSERT_GE(total.minor(), 0);
      ASSERT_LE(std::abs(total.minor() * 30 - (dearer - price) * left), 30) << "within a cent of the difference";
      price = dearer;
    }
  }
  expect_clean();
}

}  // namespace
}  // namespace bursar::invoicing
