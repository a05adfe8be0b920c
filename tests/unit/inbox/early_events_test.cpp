// Goal: an event that comes before our own call has its answer is of that call: matched by our id, booked once, and
// nothing is left in suspense, whether the answer then comes or is lost. Method: the gateway double hands the webhook
// in before it returns.
#include "inbox_fixture.hpp"

namespace bursar::test {
namespace {

class EarlyEventsTest : public InboxTest {
 protected:
  // The webhook of the success of what is called next, twice.
  void tell_early(WebhookEventKind kind, std::string_view amount) {
    gateways.cards.before_answering([this, kind, amount = std::string(amount)](const std::string& id) {
      WebhookEvent told = event("evt_" + id, kind == WebhookEventKind::payment ? id : "", success(amount, id + "-tx"));
      told.kind = kind;
      if (kind == WebhookEventKind::refund) told.refund_id = id;
      webhooks.cards.know(id, told);
      EXPECT_EQ(send(id), 200);
      EXPECT_EQ(send(id), 200);
      ++told_;
    });
  }
  void come_to_rest() {
    for (int i = 0; i < 3; ++i) {
      clock.advance(hours(7));
      both.drain();
    }
    EXPECT_EQ(told_, 1) << "one call moved money";
    EXPECT_EQ(suspense_open(), 0);
    EXPECT_EQ(number("SELECT COUNT(*) FROM webhook_events WHERE status = 'waiting'"), 0);
    EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE status = 'open'"), 0);
    EXPECT_EQ(number("SELECT COUNT(*) FROM effects WHERE kind IN ('charge', 'complete', 'refund') AND state NOT IN "
                     "('done')"),
              0);
    EXPECT_TRUE(gateways.cards.moved_twice().empty());
  }
  void expect_paid_once(PaymentId payment) {
    EXPECT_EQ(stored(payment).status, PaymentStatus::succeeded);
    EXPECT_EQ(stored(payment).received, usd("10.00"));
    EXPECT_EQ(stored(invoice).status, invoicing::InvoiceStatus::paid);
    EXPECT_EQ(number("SELECT COUNT(*) FROM journal_entries WHERE kind = 'payment_received'"), 1);
    EXPECT_EQ(credit(), usd("0.00"));
  }

 private:
  int told_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Backends, EarlyEventsTest, backends());

TEST_P(EarlyEventsTest, a_charge_told_before_its_answer_is_booked_once) {
  tell_early(WebhookEventKind::payment, "10.00");
  const Payment payment = paying.pay({.invoice = invoice, .gateway = "cards"}, customer).value();
  EXPECT_EQ(payment.status, PaymentStatus::succeeded);
  come_to_rest();
  expect_paid_once(payment.id);
}

TEST_P(EarlyEventsTest, a_charge_told_before_its_answer_is_lost_is_booked_once) {
  tell_early(WebhookEventKind::payment, "10.00");
  gateways.cards.script({Act::succeed_without_answer});
  const Payment payment = paying.pay({.invoice = invoice, .gateway = "cards"}, customer).value();
  EXPECT_EQ(stored(payment.id).status, PaymentStatus::succeeded) << "the event has told it";
  come_to_rest();
  expect_paid_once(payment.id);
}

TEST_P(EarlyEventsTest, a_completion_told_before_its_answer_is_booked_once) {
  for (const Act act : {Act::succeed, Act::succeed_without_answer}) {
    gateways.cards.before_answering({});
    const Payment payment = waiting_payment();
    gateways.cards.approve_waiting();
    gateways.cards.script({act});
    tell_early(WebhookEventKind::payment, "10.00");
    clock.advance(minutes(1));
    paying.read(payment.id);
    both.drain();
    EXPECT_EQ(stored(payment.id).status, PaymentStatus::succeeded);
    EXPECT_EQ(gateways.cards.complete_keys().size(), act == Act::succeed ? 1U : 2U);
    EXPECT_EQ(stored(invoice).status, invoicing::InvoiceStatus::paid);
    invoice = issue("10.00");
  }
}

TEST_P(EarlyEventsTest, a_refund_told_before_its_answer_is_booked_once) {
  for (const Act act : {Act::succeed, Act::succeed_without_answer}) {
    gateways.cards.before_answering({});
    const Payment payment = paying.pay({.invoice = invoice, .gateway = "cards"}, customer).value();
    gateways.cards.script({act});
    tell_early(WebhookEventKind::refund, "4.00");
    const auto refund = db->write("refund", [&](Transaction& tx) {
      return payments::record_refund(tx, own, {.payment = payment.id, .amount = usd("4.00"), .reason = "unhappy"},
                                     staff, clock.now());
    });
    ASSERT_TRUE(refund.ok());
    both.drain();
    clock.advance(hours(7));
    both.drain();
    EXPECT_EQ(stored(payment.id).refunded, usd("4.00"));
    invoice = issue("10.00");
  }
  EXPECT_EQ(number("SELECT COUNT(*) FROM refunds WHERE status = 'succeeded'"), 2);
}

}  // namespace
}  // namespace bursar::test
