// Goal: an automatic charge that asks its customer, and that nobody answers, is let go of before anything else is
// charged, and the retry schedule goes on; and so is what waits for a customer who has paid otherwise.
#include <set>

#include "invoicing/corrections.hpp"
#include "payments/heard.hpp"
#include "waterfall_fixture.hpp"

namespace bursar::test {
namespace {

using invoicing::InvoiceStatus;

class UnconfirmedTest : public WaterfallTest {
 protected:
  // On the day that the invoice is due its charge asks the customer, who does nothing. `days`: of the daily run.
  void ask(int days_after = 0) {
    gateways.cards.script({Act::need_action});
    full_day(7);
    for (int i = 0; i < days_after; ++i) full_day();
  }
  void full_day(int count = 1) {
    clock.advance(days(count));
    step();
    run(*reconciliation_);
    workers.drain();
  }
  PaymentId first() { return PaymentId(number("SELECT min(id) FROM payments WHERE origin = 'autopay'")); }
  std::string state_of_the_void() {
    return db->read([&](Connection& c) {
      auto rows = c.query("SELECT state FROM effects WHERE kind = 'void'");
      return rows.next() ? rows.string(0) : std::string("none");
    });
  }
  std::unique_ptr<scheduler::Step> reconciliation_ = payments::reconciliation_step(context);
};
INSTANTIATE_TEST_SUITE_P(Backends, UnconfirmedTest, backends());

TEST_P(UnconfirmedTest, a_charge_is_taken_back_at_the_gateway_after_its_days_and_the_schedule_goes_on) {
  ask(1);
  EXPECT_EQ(gateways.cards.void_keys(), std::vector<std::string>{}) << "not before two days";
  full_day();
  EXPECT_EQ(gateways.cards.void_keys(), std::vector{"void:" + std::to_string(first().value()) + ":1"});
  EXPECT_EQ(stored(first()).decline_code, "confirmation_expired");
  EXPECT_EQ(story(), "1 Visa 1 declined_soft");
  EXPECT_EQ(stored(invoice).autopay_on, CivilDate(2027, 3, 11));
  EXPECT_EQ(notices("payment_failed"), 1);
  EXPECT_NE(body("payment_failed").find("Nobody confirmed the payment in time"), std::string::npos);
  EXPECT_EQ(charges_recorded(), 1);
  full_day();
  EXPECT_EQ(story(), "1 Visa 1 declined_soft, 2 Visa 1 charged");
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
  gateways.cards.complete_waiting();
  full_day(3);
  EXPECT_EQ(gateways.cards.book().size(), 1u) << "what was let go of can't be confirmed any more";
}

TEST_P(UnconfirmedTest, a_charge_that_is_let_go_of_is_not_looked_up_beside_that) {
  ask(1);
  clock.advance(days(1));
  run(*reconciliation_);
  db->read([&](Connection& c) {
    auto due = c.query("SELECT kind FROM effects WHERE next_at <= $1 AND kind IN ('charge', 'void')", clock.now());
    ASSERT_TRUE(due.next());
    EXPECT_EQ(due.text(0), "void");
    EXPECT_FALSE(due.next());
  });
  const int asked = gateways.cards.lookups();
  workers.drain();
  EXPECT_EQ(gateways.cards.lookups(), asked);
  EXPECT_EQ(stored(first()).decline_code, "confirmation_expired");
}

TEST_P(UnconfirmedTest, one_that_was_confirmed_as_it_lapsed_is_booked_and_nothing_else_is_charged) {
  ask(1);
  clock.advance(days(1));
  run(*reconciliation_);
  gateways.cards.complete_waiting();  // between the record of the void and the void
  workers.drain();
  for (int i = 0; i < 8; ++i) full_day();
  EXPECT_EQ(stored(first()).status, PaymentStatus::succeeded);
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
  EXPECT_EQ(charges_recorded(), 1);
  EXPECT_EQ(state_of_the_void(), "done");
}

TEST_P(UnconfirmedTest, an_answer_to_the_void_that_is_lost_ends_the_same) {
  gateways.cards.script_voids({Act::unreachable, Act::vanish, Act::succeed_without_answer});
  ask(2);
  for (int i = 0; i < 10; ++i) {
    clock.advance(minutes(10));
    workers.drain();
  }
  EXPECT_EQ(story(), "1 Visa 1 declined_soft");
  EXPECT_EQ(stored(first()).status, PaymentStatus::failed);
  EXPECT_EQ(state_of_the_void(), "done");
  const auto keys = gateways.cards.void_keys();
  EXPECT_GE(keys.size(), 3u);
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), 1u);
}

TEST_P(UnconfirmedTest, nothing_is_charged_while_the_gateway_does_not_say_that_it_has_let_go) {
  gateways.cards.script_voids({Act::vanish, Act::vanish, Act::vanish, Act::vanish, Act::vanish, Act::vanish,
                               Act::vanish, Act::vanish, Act::vanish, Act::vanish, Act::vanish, Act::vanish,
                               Act::vanish});
  ask(2);
  gateways.cards.fall_silent(true);
  for (int i = 0; i < 4; ++i) full_day();
  EXPECT_EQ(charges_recorded(), 1);
  EXPECT_EQ(gateways.wallet.charges(), 0);
  gateways.cards.fall_silent(false);
  gateways.cards.script_voids({});
  for (int i = 0; i < 20; ++i) full_day();
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
  EXPECT_EQ(charges_recorded(), 2) << story();
}

TEST_P(UnconfirmedTest, money_that_comes_all_the_same_is_booked_once_and_ends_the_schedule) {
  ask(2);
  ASSERT_EQ(stored(first()).status, PaymentStatus::failed);
  books_agree = false;  // the gateway had said that nothing would be taken
  const payments::Hearsay late{
      .gateway = "cards",
      .id = codec.text(first()),
      .reference = "",
      .answer = payments::GatewayAnswer{
          .outcome = payments::GatewayOutcome::succeeded, .processed = usd("10.00"), .reference = "late"}};
  for (int i = 0; i < 2; ++i) {
    db->write("told", [&](Transaction& tx) { payments::hear_of_payment(tx, context, late, clock.now()); });
  }
  for (int i = 0; i < 8; ++i) full_day();
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
  EXPECT_EQ(stored(first()).received, usd("10.00"));
  EXPECT_EQ(charges_recorded(), 1);
  EXPECT_EQ(credit(), usd("0.00"));
}

TEST_P(UnconfirmedTest, switching_autopay_off_and_on_begins_no_second_charge_beside_it) {
  ask();
  set_autopay(false);
  set_autopay(true);
  full_day();
  EXPECT_EQ(story(), "1 Visa 1 charged");
  EXPECT_EQ(charges_recorded(), 1);
}

TEST_P(UnconfirmedTest, a_gateway_that_cannot_let_go_makes_it_a_task_and_dismissing_goes_on_by_the_schedule) {
  gateways.cards.refuse_voids();
  ask(8);
  EXPECT_EQ(charges_recorded(), 1);
  EXPECT_EQ(state_of_the_void(), "parked");
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'confirm_payment' AND status = 'open'"), 1);
  gateways.cards.decline_waiting(payments::DeclineClass::soft);  // staff cancelled it in the gateway's pages
  ASSERT_TRUE(payments.dismiss(first(), staff).ok());
  EXPECT_EQ(state_of_the_void(), "done");
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE status = 'open'"), 0);
  workers.drain();
  EXPECT_EQ(charges_recorded(), 1);
  full_day();
  EXPECT_EQ(story(), "1 Visa 1 declined_final, 2 Visa 1 declined_for_good, 2 Amex 2 charged");
}

// A customer who leaves the gateway's page, pays otherwise, and finds the page again.
class LeftPageTest : public PaymentFixture {
 protected:
  PaymentId leave_page() {
    gateways.cards.script({Act::need_action});
    const auto left = pay().value().id;
    clock.advance(minutes(31));
    return left;
  }
  void come_back_to_the_page() {
    gateways.cards.complete_waiting();
    for (int round = 0; round < 8; ++round) {
      clock.advance(hours(6));
      workers.drain();
    }
  }
  void expect_not_taken(PaymentId left) {
    EXPECT_EQ(gateways.cards.taken(dollar), usd("0.00"));
    EXPECT_EQ(stored(left).status, PaymentStatus::failed);
    EXPECT_EQ(stored(left).decline_code, "invoice_changed");
    EXPECT_EQ(credit(), usd("0.00"));
  }
  std::unique_ptr<scheduler::Step> reconciliation_ = payments::reconciliation_step(context);
};
INSTANTIATE_TEST_SUITE_P(Backends, LeftPageTest, backends());

TEST_P(LeftPageTest, is_closed_at_its_gateway_once_the_invoice_is_paid_otherwise) {
  const auto left = leave_page();
  ASSERT_TRUE(pay("wallet").ok());
  workers.drain();
  come_back_to_the_page();
  expect_not_taken(left);
  EXPECT_EQ(gateways.cards.void_keys().size(), 1U);
}

TEST_P(LeftPageTest, stays_open_while_something_is_owed) {
  const auto left = leave_page();
  ASSERT_TRUE(pay("wallet", usd("4.00")).ok());
  run(*reconciliation_);
  workers.drain();
  EXPECT_EQ(gateways.cards.void_keys(), std::vector<std::string>{});
  come_back_to_the_page();
  EXPECT_EQ(stored(left).status, PaymentStatus::succeeded);
  EXPECT_EQ(credit(), usd("4.00")) << "the page was for the whole";
}

TEST_P(LeftPageTest, is_closed_by_the_daily_run_where_no_payment_paid_the_invoice) {
  const auto left = leave_page();
  ASSERT_TRUE(db->write("void", [&](Transaction& tx) {
                  return invoicing::void_invoice(tx, rules, invoice, "A mistake", clock.now());
                }).ok());
  run(*reconciliation_);
  workers.drain();
  come_back_to_the_page();
  expect_not_taken(left);
}

TEST_P(LeftPageTest, of_a_gateway_that_cannot_close_it_is_no_task_for_staff) {
  gateways.cards.refuse_voids();
  leave_page();
  ASSERT_TRUE(pay("wallet").ok());
  run(*reconciliation_);
  workers.drain();
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks"), 0);
  EXPECT_EQ(number("SELECT COUNT(*) FROM effects WHERE kind = 'void'"), 0);
}

}  // namespace
}  // namespace bursar::test
