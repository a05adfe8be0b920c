// Goal: a customer's request is judged by the rules with reasons that can be read, decided once, and never gives more
// than the payment has, whoever decides how often.
#include <algorithm>
#include <atomic>
#include <thread>

#include "refund_fixture.hpp"

namespace bursar::test {
namespace {

using payments::ConditionVerdict;
using payments::RefundRequestStatus;
using settings::PromotionalRefund;
using settings::RefundRule;

settings::Config rules_config() {
  settings::Config config = payment_config();
  auto& refunds = config.billing.refunds;
  refunds.rule.window_days = 3;
  refunds.rule.new_customers_only = true;
  refunds.rule.approve_up_to = {{"USD", Money(500, Currency::parse("USD").value())}};
  RefundRule gpu = refunds.rule;
  gpu.product = "gpu";
  gpu.refundable = false;
  refunds.products.push_back(gpu);
  return config;
}

class RefundRequestsTest : public RefundFixture {
 protected:
  explicit RefundRequestsTest(settings::Config config = rules_config()) : RefundFixture(std::move(config)) {}

  // The verdict under `name`, which stands once.
  static ConditionVerdict verdict(const payments::StoredRefundRequest& request, std::string_view name) {
    const auto found = std::find_if(request.conditions.begin(), request.conditions.end(),
                                    [&](const auto& condition) { return condition.name == name; });
    EXPECT_NE(found, request.conditions.end()) << name;
    if (found == request.conditions.end()) return ConditionVerdict::fails;
    EXPECT_FALSE(found->explanation.empty());
    return found->verdict;
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, RefundRequestsTest, backends());

TEST_P(RefundRequestsTest, within_the_rules_is_eligible_and_says_why) {
  const auto bought = buy({product("vps", "10.00")});
  clock.advance(days(2));
  const auto id = request({.payment = bought.payment});
  ASSERT_TRUE(id.ok()) << id.error().detail;
  const auto asked = stored_request(*id);
  EXPECT_EQ(asked.status, RefundRequestStatus::requested);
  EXPECT_TRUE(asked.eligible);
  EXPECT_FALSE(asked.credit_only);
  EXPECT_EQ(asked.refundable, usd("10.00"));
  for (const char* name : {"window", "first_term", "new_customer", "gateway"})
    EXPECT_EQ(verdict(asked, name), ConditionVerdict::holds) << name;
  EXPECT_EQ(asked.conditions.front().explanation,
            "The period began on 2027-03-01, today is 2027-03-03: 2 days, of 3 days.");
  EXPECT_EQ(asked.conditions.front().product, "vps");
  EXPECT_EQ(notices("refund_requested"), 1);
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'refund_request' AND status = 'open'"), 1);
  EXPECT_EQ(number("SELECT COUNT(*) FROM refunds"), 0) << "nothing moves before it is decided";

  ASSERT_TRUE(decide(*id, {.approve = true}).ok());
  workers.drain();
  EXPECT_EQ(stored_request(*id).status, RefundRequestStatus::approved);
  EXPECT_EQ(stored_refund(stored_request(*id).refund).status, "succeeded");
  EXPECT_EQ(gateways.cards.taken(dollar), usd("0.00"));
  EXPECT_EQ(notices("refund_approved"), 1);
  EXPECT_EQ(notices("refunded"), 1);
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'refund_request' AND status = 'open'"), 0);
  EXPECT_EQ(service(bought.services[0]).cancel_on, CivilDate(2027, 3, 3));
}

TEST_P(RefundRequestsTest, each_condition_that_fails_is_named) {
  const auto first = buy({product("vps", "10.00")});
  const auto second = buy({product("gpu", "50.00")});
  clock.advance(days(4));
  const auto asked = stored_request(*request({.payment = second.payment}));
  EXPECT_FALSE(asked.eligible);
  EXPECT_EQ(verdict(asked, "refundable"), ConditionVerdict::fails);
  EXPECT_EQ(verdict(asked, "window"), ConditionVerdict::fails);
  EXPECT_EQ(verdict(asked, "new_customer"), ConditionVerdict::fails);
  EXPECT_EQ(asked.conditions.front().rule, "gpu");
  EXPECT_EQ(stored(first.payment).refunded, usd("0.00"));
}

TEST_P(RefundRequestsTest, a_later_term_is_not_refunded) {
  buy({product("vps", "10.00")});
  clock.advance(days(26));
  daily_run();
  const auto renewal = db->read([&](Connection& c) { return invoicing::open_invoices(c, account).back(); });
  const auto paid = payments.pay({.invoice = renewal.id, .gateway = "cards"}, customer);
  const auto asked = stored_request(*request({.payment = paid->id}));
  EXPECT_EQ(verdict(asked, "first_term"), ConditionVerdict::fails);
  EXPECT_EQ(verdict(asked, "window"), ConditionVerdict::holds) << "its period has not begun";
}

TEST_P(RefundRequestsTest, against_the_rules_needs_a_reason_and_is_done_with_one) {
  const auto bought = buy({product("gpu", "50.00")});
  const auto id = request({.payment = bought.payment});
  EXPECT_EQ(decide(*id, {.approve = true}).error().code, "override_reason_required");
  EXPECT_EQ(stored_request(*id).status, RefundRequestStatus::requested);
  ASSERT_TRUE(decide(*id, {.approve = true, .amount = usd("20.00"), .override_reason = "Server was down"}).ok());
  workers.drain();
  EXPECT_EQ(stored_request(*id).override_reason, "Server was down");
  EXPECT_EQ(gateways.cards.taken(dollar), usd("30.00"));
}

TEST_P(RefundRequestsTest, what_a_promotion_lowered_and_a_gateway_that_sends_nothing_back_become_credit) {
  ASSERT_TRUE(db->write("promotion", [&](Transaction& tx) {
                  return catalog::create_promotion(
                      tx, {.code = "HALF", .percent = parse_percent("50").value(), .periods = 1}, clock.now());
                }).ok());
  const auto bought = buy({product("vps", "20.00")}, "HALF");
  const auto id = request({.payment = bought.payment});
  EXPECT_TRUE(stored_request(*id).eligible);
  EXPECT_TRUE(stored_request(*id).credit_only);
  EXPECT_EQ(verdict(stored_request(*id), "promotion"), ConditionVerdict::credit_only);
  EXPECT_EQ(decide(*id, {.approve = true, .destination = RefundDestination::gateway}).error().code,
            "override_reason_required");
  ASSERT_TRUE(decide(*id, {.approve = true}).ok());
  EXPECT_EQ(credit(), usd("10.00"));
}

TEST_P(RefundRequestsTest, a_small_one_is_approved_by_the_rule) {
  const auto bought = buy({product("vps", "10.00")});
  const auto id = request({.payment = bought.payment, .amount = usd("5.00")});
  workers.drain();
  EXPECT_EQ(stored_request(*id).status, RefundRequestStatus::approved);
  EXPECT_FALSE(stored_request(*id).decided_by);
  EXPECT_EQ(gateways.cards.taken(dollar), usd("5.00"));
  const auto more = request({.payment = bought.payment, .amount = usd("0.01")});
  EXPECT_EQ(stored_request(*more).status, RefundRequestStatus::requested) << "many small ones are a large one";
}

TEST_P(RefundRequestsTest, a_small_one_whose_credit_is_spent_waits_for_staff) {
  const auto payment = pay("cards", usd("12.00"));
  issue("2.00");  // takes the surplus
  const auto id = request({.payment = payment->id, .amount = usd("2.00")});
  ASSERT_TRUE(id.ok()) << id.error().detail;
  EXPECT_EQ(stored_request(*id).status, RefundRequestStatus::requested);
  EXPECT_EQ(decide(*id, {.approve = true, .override_reason = "please"}).error().code, "refund_exceeds_credit");
  EXPECT_EQ(stored_request(*id).status, RefundRequestStatus::requested) << "staff can still decline it";
}

TEST_P(RefundRequestsTest, declining_needs_a_reason_that_the_customer_is_told) {
  const auto bought = buy({product("vps", "10.00")});
  const auto id = request({.payment = bought.payment});
  EXPECT_EQ(decide(*id, {.approve = false}).error().fields.front().pointer, "/reason");
  ASSERT_TRUE(decide(*id, {.approve = false, .reason = "It was used for a month."}).ok());
  EXPECT_EQ(notices("refund_declined"), 1);
  EXPECT_EQ(decide(*id, {.approve = true}).error().code, "refund_request_decided");
  EXPECT_TRUE(decide(*id, {.approve = false, .reason = "again"}).ok()) << "the same word again changes nothing";
  EXPECT_EQ(stored_request(*id).decision_reason, "It was used for a month.");
  EXPECT_TRUE(request({.payment = bought.payment}).ok()) << "it may be asked for again";
}

TEST_P(RefundRequestsTest, one_is_open_at_a_time_and_may_be_withdrawn) {
  const auto bought = buy({product("vps", "10.00")});
  const auto id = request({.payment = bought.payment});
  EXPECT_EQ(request({.payment = bought.payment}).error().code, "refund_already_requested");
  const auto withdraw = [&] {
    return db->write(
        "withdraw", [&](Transaction& tx) { return payments::withdraw_refund_request(tx, *id, customer, clock.now()); });
  };
  ASSERT_TRUE(withdraw().ok());
  EXPECT_EQ(withdraw().error().code, "refund_request_decided");
  EXPECT_EQ(decide(*id, {.approve = true}).error().code, "refund_request_decided");
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'refund_request' AND status = 'open'"), 0);
}

TEST_P(RefundRequestsTest, added_credit_is_not_refunded_by_rule) {
  invoice = db->write("deposit", [&](Transaction& tx) {
    return invoicing::issue_deposit(tx, rules, account, usd("20.00"), clock.now()).value();
  });
  const auto id = request({.payment = pay()->id});
  EXPECT_FALSE(stored_request(*id).eligible);
  EXPECT_EQ(verdict(stored_request(*id), "deposit"), ConditionVerdict::fails);
}

TEST_P(RefundRequestsTest, fifty_requests_and_decisions_at_once_never_exceed_what_came_in) {
  const auto bought = buy({product("vps", "10.00")});
  std::vector<std::thread> people;
  std::atomic<int> asked = 0;
  for (int i = 0; i < 50; ++i) {
    people.emplace_back([&, i] {
      if (i % 2 == 0) {
        const auto id = request({.payment = bought.payment, .amount = usd("6.00")});
        if (id.ok() && decide(*id, {.approve = true}).ok()) ++asked;
      } else if (refund({.payment = bought.payment, .amount = usd("3.00")}).ok()) {
        ++asked;
      }
    });
  }
  for (auto& one : people) one.join();
  workers.drain();
  EXPECT_GE(gateways.cards.taken(dollar), usd("0.00"));
  EXPECT_LT(gateways.cards.taken(dollar), usd("4.00")) << "as much as fits was given: 3 x 3.00, or 6.00 and 3.00";
  EXPECT_GE(asked, 2);
}

class StaffOnlyTest : public RefundRequestsTest {
 protected:
  static settings::Config staff_only() {
    settings::Config config = payment_config();
    config.billing.refunds.self_service = false;
    return config;
  }
  StaffOnlyTest() : RefundRequestsTest(staff_only()) {}
};
INSTANTIATE_TEST_SUITE_P(Backends, StaffOnlyTest, backends());

TEST_P(StaffOnlyTest, customers_are_told_to_write) {
  EXPECT_EQ(request({.payment = pay()->id}).error().code, "refunds_by_staff_only");
}

}  // namespace
}  // namespace bursar::test
