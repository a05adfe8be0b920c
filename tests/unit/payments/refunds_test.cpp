// Goal: no more goes back than came in, also concurrently, and a refund the gateway refuses leaves nothing half booked.
#include "payments/refunds.hpp"

#include <thread>

#include "fixture.hpp"

namespace bursar::test {
namespace {

using payments::RefundDestination;

class RefundsTest : public PaymentFixture {
 protected:
  Result<RefundId> refund(PaymentId payment, std::optional<Money> amount,
                          RefundDestination destination = RefundDestination::gateway) {
    return db->write("refund", [&](Transaction& tx) {
      return payments::record_refund(
          tx, context, {.payment = payment, .amount = amount, .destination = destination, .reason = "unhappy"}, staff,
          clock.now());
    });
  }
  payments::Refund stored_refund(RefundId id) {
    return db->read([&](Connection& c) { return payments::find_refund(c, id).value(); });
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
  for (int i = 0; i < 8; ++i) {
    staff_members.emplace_back([&] {
      if (refund(payment->id, usd("3.00")).ok()) ++accepted;
    });
  }
  for (auto& one : staff_members) one.join();
  workers.drain();
  EXPECT_EQ(accepted, 3);
  EXPECT_EQ(gateways.cards.taken(dollar), usd("1.00"));
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

}  // namespace
}  // namespace bursar::test
