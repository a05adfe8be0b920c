// Goal: a method that a customer removes is unusable at once, and is forgotten by its gateway however often that takes.
#include "fixture.hpp"
#include "payments/method_tokens.hpp"

namespace bursar::test {
namespace {

class RemovingTest : public PaymentFixture {
 protected:
  void remove(PaymentMethodId id) {
    EXPECT_TRUE(db->write("remove", [&](Transaction& tx) {
                    return payments::remove_method(tx, id, customer, clock.now());
                  }).ok());
  }
  std::string token(PaymentMethodId id) {
    return db->read([&](Connection& c) {
      auto rows = c.query("SELECT token FROM payment_methods WHERE id = $1", id);
      return rows.next() ? payments::open_token(vault, id, rows.text(0)) : std::string("no such method");
    });
  }
  std::string key(PaymentMethodId id) { return "detach:" + std::to_string(id.value()) + ":1"; }
  std::int64_t open_effects() {
    return number("SELECT COUNT(*) FROM effects WHERE kind = 'detach' AND state NOT IN ('done', 'failed')");
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, RemovingTest, backends());

TEST_P(RemovingTest, takes_effect_at_once_and_reaches_the_gateway_after) {
  const auto id = save_card();
  remove(id);
  EXPECT_EQ(payments.pay({.invoice = invoice, .gateway = "", .method = id}, customer).error().code,
            "no_such_payment_method");
  EXPECT_FALSE(gateways.cards.has_detached("tok_1"));
  workers.drain();
  EXPECT_TRUE(gateways.cards.has_detached("tok_1"));
  EXPECT_EQ(gateways.cards.detach_keys(), std::vector{key(id)});
  EXPECT_EQ(token(id), "") << "what is forgotten there is forgotten here";
  EXPECT_EQ(open_effects(), 0);
}

TEST_P(RemovingTest, is_tried_again_with_the_same_key_until_the_gateway_answers) {
  const auto id = save_card();
  gateways.cards.be_deaf(true);
  remove(id);
  workers.drain();
  EXPECT_EQ(open_effects(), 1);
  EXPECT_EQ(token(id), "tok_1");
  gateways.cards.be_deaf(false);
  clock.advance(hours(1));
  workers.drain();
  EXPECT_TRUE(gateways.cards.has_detached("tok_1"));
  EXPECT_EQ(gateways.cards.detach_keys(), (std::vector{key(id), key(id)}));
  EXPECT_EQ(open_effects(), 0);
}

TEST_P(RemovingTest, is_left_to_a_person_when_the_gateway_never_answers) {
  gateways.cards.be_deaf(true);
  remove(save_card());
  for (int day = 0; day < 40; ++day) {
    workers.drain();
    clock.advance(days(1));
  }
  EXPECT_EQ(number("SELECT COUNT(*) FROM effects WHERE kind = 'detach' AND state = 'parked'"), 1);
}

TEST_P(RemovingTest, keeps_a_method_that_somebody_else_still_uses) {
  const auto first = save_card("Card A");
  const auto second = save_card("Card B");  // the same token
  remove(first);
  workers.drain();
  EXPECT_FALSE(gateways.cards.has_detached("tok_1"));
  remove(second);
  workers.drain();
  EXPECT_TRUE(gateways.cards.has_detached("tok_1"));
}

TEST_P(RemovingTest, between_record_and_charge_takes_the_charge_back_and_opens_no_page_instead) {
  const auto id = save_card();
  const auto recorded = db->write("record", [&](Transaction& tx) {
    return payments.record(tx, {.invoice = invoice, .gateway = "", .method = id}, customer, clock.now());
  });
  remove(id);
  payments.perform(recorded.value());
  EXPECT_EQ(stored(recorded.value()).status, PaymentStatus::failed);
  EXPECT_EQ(stored(recorded.value()).decline_code, "method_removed");
  EXPECT_EQ(gateways.cards.charges(), 0);
  EXPECT_EQ(pay()->status, PaymentStatus::succeeded) << "nothing stands in the way of another choice";
}

TEST_P(RemovingTest, leaves_a_charge_alone_whose_outcome_is_open) {
  const auto id = save_card();
  gateways.cards.script({Act::succeed_without_answer});
  const auto payment = payments.pay({.invoice = invoice, .gateway = "", .method = id}, customer).value();
  EXPECT_EQ(payment.status, PaymentStatus::unknown);
  remove(id);
  clock.advance(hours(1));
  workers.drain();
  EXPECT_EQ(stored(payment.id).status, PaymentStatus::succeeded);
  EXPECT_TRUE(gateways.cards.has_detached("tok_1"));
}

}  // namespace
}  // namespace bursar::test
