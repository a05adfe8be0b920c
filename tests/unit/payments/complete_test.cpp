// Goal: a payment that the customer approved is taken once, whatever answers get lost on the way, and with the same key
// for the same approval. Method: the gateway of the fixture, which books what it takes and keeps the keys it was given.
#include "fixture.hpp"
#include "payments/heard.hpp"
#include "payments/settle.hpp"

namespace bursar::test {
namespace {

class CompleteTest : public PaymentFixture {
 protected:
  // A payment that the customer has approved at the gateway, of which nobody here has heard yet.
  PaymentId approved() {
    gateways.cards.script({Act::need_action});
    const auto payment = pay().value();
    EXPECT_EQ(payment.status, PaymentStatus::requires_action);
    gateways.cards.approve_waiting();
    clock.advance(seconds(10));
    return payment.id;
  }
  std::string key(PaymentId payment, int approval) {
    return "complete:" + std::to_string(payment.value()) + ":" + std::to_string(approval);
  }
  void work(int rounds = 8) {
    for (int round = 0; round < rounds; ++round) {
      clock.advance(hours(1));
      workers.drain();
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, CompleteTest, backends());

TEST_P(CompleteTest, reading_an_approved_payment_takes_the_money) {
  const auto id = approved();
  const auto payment = payments.read(id).value();
  EXPECT_EQ(payment.status, PaymentStatus::succeeded);
  EXPECT_EQ(gateways.cards.complete_keys(), (std::vector{key(id, 1)}));
  EXPECT_EQ(stored(invoice).status, invoicing::InvoiceStatus::paid);
  EXPECT_EQ(number("SELECT COUNT(*) FROM effects WHERE state NOT IN ('done', 'failed') AND kind <> 'message'"), 0);
}

TEST_P(CompleteTest, workers_take_it_when_the_customer_never_comes_back) {
  const auto id = approved();
  work();
  EXPECT_EQ(stored(id).status, PaymentStatus::succeeded);
  EXPECT_EQ(gateways.cards.complete_keys().size(), 1U);
}

TEST_P(CompleteTest, a_webhook_that_says_ready_leads_to_it) {
  const auto id = approved();
  db->write("webhook", [&](Transaction& tx) {
    return payments::hear_of_payment(
        tx, context,
        {.gateway = "cards",
         .id = codec.text(id),
         .reference = "",
         .answer = payments::GatewayAnswer{.outcome = payments::GatewayOutcome::pending, .ready = true}},
        clock.now());
  });
  workers.drain();
  EXPECT_EQ(stored(id).status, PaymentStatus::succeeded);
}

TEST_P(CompleteTest, taken_without_an_answer_is_looked_up_and_not_taken_again) {
  const auto id = approved();
  gateways.cards.script({Act::succeed_without_answer});
  EXPECT_EQ(payments.read(id)->status, PaymentStatus::unknown);
  work();
  EXPECT_EQ(stored(id).status, PaymentStatus::succeeded);
  EXPECT_EQ(gateways.cards.complete_keys().size(), 1U);
}

TEST_P(CompleteTest, a_lost_call_is_sent_again_with_the_same_key_once_the_gateway_says_ready) {
  const auto id = approved();
  gateways.cards.script({Act::vanish});
  EXPECT_EQ(payments.read(id)->status, PaymentStatus::unknown);
  gateways.cards.fall_silent(true);
  work(2);
  EXPECT_EQ(gateways.cards.complete_keys().size(), 1U) << "nothing is sent again before the gateway has told";
  EXPECT_EQ(stored(id).status, PaymentStatus::unknown);
  gateways.cards.fall_silent(false);
  work();
  EXPECT_EQ(stored(id).status, PaymentStatus::succeeded);
  EXPECT_EQ(gateways.cards.complete_keys(), (std::vector{key(id, 1), key(id, 1)}));
}

TEST_P(CompleteTest, an_approval_of_what_was_paid_otherwise_meanwhile_takes_nothing) {
  gateways.cards.script({Act::need_action});
  const auto left = pay().value().id;
  clock.advance(minutes(31));
  ASSERT_TRUE(pay("wallet").ok());
  gateways.cards.approve_waiting();
  work();
  EXPECT_EQ(gateways.cards.complete_keys(), std::vector<std::string>{});
  EXPECT_EQ(stored(left).status, PaymentStatus::failed);
  EXPECT_EQ(stored(left).decline_code, "invoice_changed");
  EXPECT_EQ(credit(), usd("0.00"));
}

TEST_P(CompleteTest, an_approval_of_more_than_is_still_owed_is_taken_and_the_rest_becomes_credit) {
  gateways.cards.script({Act::need_action});
  const auto id = pay().value().id;
  clock.advance(minutes(31));
  ASSERT_TRUE(pay("wallet", usd("4.00")).ok());
  gateways.cards.approve_waiting();
  work();
  EXPECT_EQ(stored(id).status, PaymentStatus::succeeded);
  EXPECT_EQ(credit(), usd("4.00"));
}

TEST_P(CompleteTest, a_new_approval_has_a_key_of_its_own) {
  const auto id = approved();
  gateways.cards.script({Act::need_action});
  const auto again = payments.read(id).value();
  EXPECT_EQ(again.status, PaymentStatus::requires_action);
  EXPECT_NE(again.next_action, "");
  gateways.cards.approve_waiting();
  work();
  EXPECT_EQ(stored(id).status, PaymentStatus::succeeded);
  EXPECT_EQ(gateways.cards.complete_keys(), (std::vector{key(id, 1), key(id, 2)}));
}

TEST_P(CompleteTest, a_gateway_out_of_reach_leaves_the_approval_standing) {
  const auto id = approved();
  gateways.cards.script({Act::unreachable});
  EXPECT_EQ(payments.read(id)->status, PaymentStatus::pending);
  EXPECT_EQ(pay().error().code, "payment_in_flight");
  work();
  EXPECT_EQ(stored(id).status, PaymentStatus::succeeded);
  EXPECT_EQ(gateways.cards.complete_keys(), (std::vector{key(id, 1), key(id, 1)}));
}

TEST_P(CompleteTest, a_decline_ends_the_payment_and_its_lookups) {
  const auto id = approved();
  gateways.cards.script({Act::decline_final});
  EXPECT_EQ(payments.read(id)->status, PaymentStatus::failed);
  const int lookups = gateways.cards.lookups();
  work();
  EXPECT_EQ(gateways.cards.lookups(), lookups);
  EXPECT_EQ(number("SELECT COUNT(*) FROM effects WHERE kind = 'complete'"), 1);
}

TEST_P(CompleteTest, many_lookups_open_one_complete) {
  const auto id = approved();
  gateways.cards.script({Act::vanish});
  payments.read(id);
  for (int look = 0; look < 3; ++look) {
    db->write("ready", [&](Transaction& tx) {
      return payments::settle_payment(tx, context, id, {.outcome = payments::GatewayOutcome::pending, .ready = true},
                                      effects::Verdict::waiting, clock.now());
    });
  }
  EXPECT_EQ(number("SELECT COUNT(*) FROM effects WHERE kind = 'complete'"), 1);
  EXPECT_EQ(stored(id).status, PaymentStatus::unknown) << "ready elsewhere does not hide that a call is unanswered";
}

}  // namespace
}  // namespace bursar::test
