// Goal: no more goes back than came in, also concurrently, and a refund the gateway refuses leaves nothing half booked.
#include "payments/refunds.hpp"

#include <thread>

#include "refund_fixture.hpp"

namespace bursar::test {
namespace {

class RefundsTest : public RefundFixture {
 protected:
  Result<RefundId> refund(PaymentId payment, std::optional<Money> amount,
                          RefundDestination destination = RefundDestination::gateway) {
    return RefundFixture::refund({.payment = payment, .amount = amount, .destination = destination});
  }
  void gateway_says(RefundId id, const payments::GatewayAnswer& answer) {
    db->write("webhook", [&](Transaction& tx) { payments::settle_refund(tx, context, id, answer, clock.now()); });
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, RefundsTest, backends());

TEST_P(RefundsTest, to_the_gateway_takes_revenue_back_by_a_numbered_credit_note) {
  const auto payment = pay();
  const auto id = refund(payment->id, usd("4.00"));
  ASSERT_TRUE(id.ok()) << id.error().detail;
  workers.drain();
  EXPECT_EQ(stored_refund(*id).status, "succeeded");
  EXPECT_EQ(stored(payment->id).status, PaymentStatus::partially_refunded);
  EXPECT_EQ(number("SELECT SUM(total) FROM credit_notes"), 400);
  EXPECT_EQ(credit(), usd("0.00"));
  ASSERT_TRUE(refund(payment->id, std::nullopt).ok());
  workers.drain();
  EXPECT_EQ(stored(payment->id).status, PaymentStatus::refunded);
  EXPECT_EQ(refund(payment->id, usd("0.01")).error().code, "refund_exceeds_payment");
}

TEST_P(RefundsTest, to_credit_stays_with_the_account) {
  const auto payment = pay();
  ASSERT_TRUE(refund(payment->id, usd("4.00"), RefundDestination::credit).ok());
  EXPECT_EQ(credit(), usd("4.00"));
  EXPECT_EQ(gateways.cards.taken(dollar), usd("10.00"));
}

TEST_P(RefundsTest, a_surplus_goes_back_without_a_credit_note) {
  const auto payment = pay("cards", usd("15.00"));
  ASSERT_TRUE(refund(payment->id, usd("5.00")).ok());
  workers.drain();
  EXPECT_EQ(credit(), usd("0.00"));
  EXPECT_EQ(number("SELECT COUNT(*) FROM credit_notes"), 0);
}

TEST_P(RefundsTest, a_surplus_that_is_spent_cannot_be_refunded) {
  const auto payment = pay("cards", usd("15.00"));
  const InvoiceId other = issue("5.00");
  EXPECT_EQ(stored(other).status, invoicing::InvoiceStatus::paid) << "new invoices take credit";
  EXPECT_EQ(refund(payment->id, usd("5.00")).error().code, "refund_exceeds_credit");
}

TEST_P(RefundsTest, many_at_once_never_exceed_what_came_in) {
  const auto payment = pay();
  std::vector<std::thread> staff_members;
  std::atomic<int> accepted = 0;
  for (int i = 0; i < 50; ++i) {
    staff_members.emplace_back([&, i] {
      const auto where = i % 2 == 0 ? RefundDestination::gateway : RefundDestination::credit;
      if (refund(payment->id, usd("3.00"), where).ok()) ++accepted;
    });
  }
  for (auto& one : staff_members) one.join();
  workers.drain();
  EXPECT_EQ(accepted, 3);
  EXPECT_EQ(gateways.cards.taken(dollar) - credit(), usd("1.00"));
  EXPECT_EQ(number("SELECT SUM(total) FROM credit_notes"), 900);
}

TEST_P(RefundsTest, refused_by_the_gateway_becomes_credit_and_can_be_asked_again) {
  const auto payment = pay();
  gateways.cards.script({Act::decline_final});
  const auto id = refund(payment->id, usd("4.00"));
  workers.drain();
  EXPECT_EQ(stored_refund(*id).status, "failed");
  EXPECT_EQ(credit(), usd("4.00"));
  EXPECT_EQ(stored(payment->id).refunded, usd("0.00"));
  EXPECT_EQ(stored(payment->id).status, PaymentStatus::succeeded);
}

TEST_P(RefundsTest, lost_answer_is_looked_up_and_not_sent_again) {
  const auto payment = pay();
  gateways.cards.script({Act::succeed_without_answer});
  const auto id = refund(payment->id, usd("4.00"));
  workers.drain();
  EXPECT_EQ(stored_refund(*id).status, "unknown");
  clock.advance(minutes(1));
  workers.drain();
  EXPECT_EQ(stored_refund(*id).status, "succeeded");
  EXPECT_EQ(gateways.cards.taken(dollar), usd("6.00"));
}

TEST_P(RefundsTest, a_failed_payment_has_nothing_to_refund) {
  gateways.cards.script({Act::decline_soft});
  EXPECT_EQ(refund(pay()->id, usd("1.00")).error().code, "payment_not_received");
}

TEST_P(RefundsTest, to_credit_is_no_more_than_what_pays_invoices) {
  const auto payment = pay("cards", usd("15.00"));
  EXPECT_EQ(refund(payment->id, usd("10.01"), RefundDestination::credit).error().code, "nothing_to_refund")
      << "5.00 of it is credit already";
  ASSERT_TRUE(refund(payment->id, std::nullopt, RefundDestination::credit).ok());
  EXPECT_EQ(credit(), usd("15.00"));
  ASSERT_TRUE(refund(payment->id, usd("5.00")).ok()) << "the surplus can still go to the card";
  EXPECT_EQ(credit(), usd("10.00"));
}

TEST_P(RefundsTest, one_that_comes_back_after_it_had_succeeded_is_credit) {
  const auto payment = pay();
  const auto id = refund(payment->id, usd("4.00"));
  workers.drain();
  ASSERT_EQ(stored_refund(*id).status, "succeeded");
  books_agree = false;  // the double never takes a refund back
  for (int told = 0; told < 2; ++told)
    gateway_says(*id, {.outcome = payments::GatewayOutcome::declined, .decline_text = "card closed"});
  EXPECT_EQ(stored_refund(*id).status, "failed");
  EXPECT_EQ(credit(), usd("4.00"));
  EXPECT_EQ(stored(payment->id).refunded, usd("0.00"));
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'refund_failed' AND status = 'open'"), 1);
  EXPECT_EQ(notices("refund_failed"), 1);
  gateway_says(*id, {.outcome = payments::GatewayOutcome::succeeded});
  EXPECT_EQ(stored_refund(*id).status, "failed") << "staff look at the gateway's book";
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'refund_unclear' AND status = 'open'"), 1);
}

TEST_P(RefundsTest, what_a_webhook_told_first_stands_when_the_worker_answers) {
  const auto payment = pay();
  gateways.cards.script({Act::stay_pending});
  const auto id = refund(payment->id, usd("4.00"));
  workers.drain();
  ASSERT_EQ(stored_refund(*id).status, "pending");
  books_agree = false;
  gateway_says(*id, {.outcome = payments::GatewayOutcome::declined, .decline_text = "no"});
  clock.advance(hours(1));
  workers.drain();
  EXPECT_EQ(stored_refund(*id).status, "failed");
  EXPECT_EQ(credit(), usd("4.00"));
}

TEST_P(RefundsTest, a_reference_of_another_refund_is_a_task_and_not_stored) {
  const auto payment = pay();
  gateways.cards.use_reference("re_1");
  const auto first = refund(payment->id, usd("1.00"));
  workers.drain();
  const auto second = refund(payment->id, usd("1.00"));
  workers.drain();
  EXPECT_EQ(stored_refund(*first).reference, "re_1");
  EXPECT_EQ(stored_refund(*second).reference, "");
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'refund_unclear'"), 1);
}

}  // namespace
}  // namespace bursar::test
