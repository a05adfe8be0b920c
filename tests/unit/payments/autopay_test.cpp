// Goal: an automatic charge happens when it is wanted and due, once, and stops when its reason is gone.
#include "fixture.hpp"
#include "payments/autopay_plan.hpp"

namespace bursar::test {
namespace {

using invoicing::InvoiceStatus;

class AutopayTest : public PaymentFixture {
 protected:
  explicit AutopayTest(settings::Config the_config = payment_config()) : PaymentFixture(std::move(the_config)) {}
  scheduler::Counts step() { return run(*step_); }
  void day(int count = 1) {
    clock.advance(days(count));
    step();
    workers.drain();
  }
  std::unique_ptr<scheduler::Step> step_ = payments::autopay_step(context);
};
INSTANTIATE_TEST_SUITE_P(Backends, AutopayTest, backends());

TEST_P(AutopayTest, charges_on_the_day_and_not_before_and_once) {
  save_card();
  set_autopay(true);
  day(6);
  EXPECT_EQ(gateways.cards.charges(), 0) << "due in 7 days, charged on the due date";
  day();
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
  day();
  EXPECT_EQ(gateways.cards.charges(), 1);
  EXPECT_EQ(number("SELECT COUNT(*) FROM payments WHERE origin = 'autopay'"), 1);
}

TEST_P(AutopayTest, credit_that_came_after_the_invoice_goes_first_and_the_card_pays_the_rest) {
  save_card();
  set_autopay(true);
  give_credit("4.00");
  day(7);
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
  EXPECT_EQ(gateways.cards.taken(dollar), usd("6.00"));
  EXPECT_EQ(credit(), usd("0.00"));
}

TEST_P(AutopayTest, credit_that_is_enough_leaves_the_card_alone) {
  save_card();
  set_autopay(true);
  const auto second = issue("3.00");
  give_credit("12.00");
  day(7);
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
  EXPECT_EQ(stored(second).status, InvoiceStatus::paid);
  EXPECT_EQ(gateways.cards.taken(dollar), usd("1.00")) << "two invoices share the credit, the first is paid by it";
  EXPECT_EQ(gateways.cards.charges(), 1);
}

TEST_P(AutopayTest, credit_that_would_leave_less_than_a_card_takes_waits) {
  gateways.cards.limit_to({.currency = dollar, .minimum = 50});
  save_card();
  set_autopay(true);
  give_credit("9.80");
  day(7);
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
  EXPECT_EQ(gateways.cards.taken(dollar), usd("10.00"));
  EXPECT_EQ(credit(), usd("9.80"));
}

TEST_P(AutopayTest, running_the_step_twice_records_one_charge) {
  save_card();
  set_autopay(true);
  clock.advance(days(7));
  EXPECT_EQ(step()["charges"], 1);
  EXPECT_EQ(step()["charges"], 0);
  workers.drain();
  EXPECT_EQ(gateways.cards.charges(), 1);
}

TEST_P(AutopayTest, does_nothing_unless_switched_on) {
  save_card();
  day(10);
  EXPECT_EQ(gateways.cards.charges(), 0);
  set_autopay(true);
  day();
  EXPECT_EQ(gateways.cards.charges(), 1) << "an invoice of the time before is charged when it is switched on";
}

TEST_P(AutopayTest, needs_a_method) {
  const auto refused = db->write("autopay", [&](Transaction& tx) {
    return payments::set_autopay(tx, rules, account, true, {}, customer, clock.now());
  });
  EXPECT_EQ(refused.error().code, "no_payment_method");
}

TEST_P(AutopayTest, a_hold_keeps_an_invoice_from_being_charged_even_when_the_charge_was_recorded) {
  save_card();
  set_autopay(true);
  clock.advance(days(7));
  step();
  db->write("hold", [&](Transaction& tx) {
    tx.execute(
        "INSERT INTO holds (id, account_id, invoice_id, origin, reason, starts_on, until_on, created_at) "
        "VALUES (77, $1, $2, 'staff', 'the bank is closed', '2027-03-08', '2027-03-20', $3)",
        account, invoice, clock.now());
  });
  workers.drain();
  EXPECT_EQ(number("SELECT COUNT(*) FROM payments WHERE status = 'failed' AND decline_code = 'invoice_held'"), 1);
  clock.advance(days(5));
  step();
  workers.drain();
  EXPECT_EQ(gateways.cards.charges(), 0);
  db->write("end", [&](Transaction& tx) {
    tx.execute("UPDATE holds SET ended_at = $1, ended_by = 'staff' WHERE id = 77", clock.now());
  });
  step();
  workers.drain();
  EXPECT_EQ(gateways.cards.charges(), 1);
}

TEST_P(AutopayTest, switching_off_between_record_and_charge_stops_it) {
  save_card();
  set_autopay(true);
  clock.advance(days(7));
  step();
  set_autopay(false);
  workers.drain();
  EXPECT_EQ(gateways.cards.charges(), 0);
  EXPECT_EQ(number("SELECT COUNT(*) FROM payments WHERE status = 'failed' AND decline_code = 'autopay_off'"), 1);
  EXPECT_EQ(notices("payment_failed"), 0) << "nothing was declined";
}

TEST_P(AutopayTest, an_announced_transfer_or_an_abandoned_page_does_not_block_it) {
  save_card();
  set_autopay(true);
  gateways.bank.script({Act::need_action});
  ASSERT_EQ(pay("bank")->status, PaymentStatus::requires_action);
  gateways.cards.script({Act::need_action});
  ASSERT_EQ(pay()->status, PaymentStatus::requires_action);
  clock.advance(days(7));
  EXPECT_EQ(step()["charges"], 1);
  workers.drain();
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
}

TEST_P(AutopayTest, an_invoice_paid_by_hand_minutes_before_is_not_charged) {
  save_card();
  set_autopay(true);
  clock.advance(days(7));
  ASSERT_EQ(pay()->status, PaymentStatus::succeeded);
  step();
  workers.drain();
  EXPECT_EQ(gateways.cards.charges(), 1);
}

TEST_P(AutopayTest, waits_while_a_customers_own_payment_is_under_way) {
  save_card();
  set_autopay(true);
  clock.advance(days(7));
  gateways.cards.script({Act::stay_pending});
  ASSERT_EQ(pay()->status, PaymentStatus::pending);
  EXPECT_EQ(step()["autopay_waiting"], 1);
  gateways.cards.complete_waiting();
  day();
  EXPECT_EQ(gateways.cards.charges(), 1);
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
}

TEST_P(AutopayTest, soft_declines_are_tried_again_by_the_schedule_and_then_left) {
  save_card();
  set_autopay(true);
  gateways.cards.script({Act::decline_soft, Act::decline_soft, Act::decline_soft, Act::decline_soft});
  std::vector<int> charged_on;
  for (int after_due = -7; after_due <= 20; ++after_due) {
    const int before = gateways.cards.charges();
    step();
    workers.drain();
    if (gateways.cards.charges() > before) charged_on.push_back(after_due);
    clock.advance(days(1));
  }
  EXPECT_EQ(charged_on, (std::vector<int>{0, 3, 5}));
  EXPECT_EQ(notices("payment_failed"), 3);
}

TEST_P(AutopayTest, a_final_decline_stops_at_once_and_tells_the_customer) {
  save_card();
  set_autopay(true);
  gateways.cards.script({Act::decline_final});
  day(7);
  day(20);
  EXPECT_EQ(gateways.cards.charges(), 1);
  EXPECT_EQ(notices("payment_failed"), 1);
}

TEST_P(AutopayTest, action_required_off_session_is_mailed_and_not_repeated) {
  save_card();
  set_autopay(true);
  gateways.cards.script({Act::need_action});
  day(7);
  day();
  day();
  EXPECT_EQ(gateways.cards.charges(), 1);
  EXPECT_EQ(notices("action_required"), 1);
  gateways.cards.complete_waiting();
  clock.advance(hours(7));
  workers.drain();
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
}

TEST_P(AutopayTest, a_gateway_that_is_down_is_tried_again_with_the_same_key) {
  save_card();
  set_autopay(true);
  gateways.cards.script({Act::unreachable, Act::unreachable});
  day(7);
  for (int minute = 0; minute < 5; ++minute) {
    clock.advance(minutes(1));
    workers.drain();
  }
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
  EXPECT_EQ(number("SELECT COUNT(*) FROM payments"), 1);
}

TEST_P(AutopayTest, lost_answer_is_looked_up_and_never_charged_again) {
  save_card();
  set_autopay(true);
  gateways.cards.script({Act::succeed_without_answer});
  day(7);
  day();
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
  EXPECT_EQ(gateways.cards.charges(), 1);
}

TEST_P(AutopayTest, expired_cards_are_passed_over_for_the_next_method) {
  const auto first = save_card("old");
  const auto second = save_card("new");
  db->write("expire", [&](Transaction& tx) {
    tx.execute("UPDATE payment_methods SET expires_on = '2027-03-05' WHERE id = $1", first);
  });
  set_autopay(true);
  day(7);
  EXPECT_EQ(number("SELECT method_id FROM payments"), second.value());
}

TEST_P(AutopayTest, the_first_method_in_the_customers_order_is_used) {
  const auto first = save_card("one");
  const auto second = save_card("two");
  const auto third = save_card("three");
  const auto moved = db->write("order", [&](Transaction& tx) {
    return payments::update_method(tx, third, {.position = 0}, std::nullopt, customer, clock.now());
  });
  ASSERT_TRUE(moved.ok());
  std::vector<PaymentMethodId> order;
  for (const auto& method : db->read([&](Connection& c) { return payments::list_methods(c, account); })) {
    order.push_back(method.id);
  }
  EXPECT_EQ(order, (std::vector<PaymentMethodId>{third, first, second}));
  set_autopay(true);
  day(7);
  EXPECT_EQ(number("SELECT method_id FROM payments"), third.value());
}

TEST(AutopayPlan, retries_keep_their_distances_after_a_delay) {
  const settings::Autopay autopay{.days_before_due = 0, .retry_after_days = {3, 5}, .pause_when_declined = {}};
  const CivilDate today(2027, 3, 10), tomorrow(2027, 3, 11);
  EXPECT_EQ(payments::next_autopay(autopay, 1, today, tomorrow)->on, CivilDate(2027, 3, 13));
  EXPECT_EQ(payments::next_autopay(autopay, 2, today, tomorrow)->on, CivilDate(2027, 3, 12));
  EXPECT_FALSE(payments::next_autopay(autopay, 3, today, tomorrow));
  EXPECT_EQ(payments::next_autopay(autopay, 2, today, CivilDate(2027, 3, 20))->on, CivilDate(2027, 3, 20));
  EXPECT_EQ(payments::next_autopay(autopay, 2, today, tomorrow)->derivation,
            R"({"from":"schedule","round_began_on":"2027-03-10","retry_after_days":"5","of_the_round_before":"3",)"
            R"("not_before":"2027-03-11"})");
}

class DeclinedByAllTest : public AutopayTest {
 protected:
  static settings::Config pausing() {
    settings::Config config = payment_config();
    config.billing.autopay.pause_when_declined = {.share = Ratio{90, 100}, .of = 10};
    return config;
  }
  DeclinedByAllTest() : AutopayTest(pausing()) {
    save_card();
    for (int i = 1; i < 30; ++i) issue("1.00");
    set_autopay(true);
  }
  std::int64_t tasks() { return number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'gateway_declines'"); }
};
INSTANTIATE_TEST_SUITE_P(Backends, DeclinedByAllTest, backends());

TEST_P(DeclinedByAllTest, a_gateway_that_declines_nearly_everything_is_left_alone_until_the_next_run) {
  for (int i = 0; i < 30; ++i) gateways.cards.script({Act::decline_soft});
  day(7);
  const int declined = gateways.cards.charges();
  EXPECT_GE(declined, 10);
  EXPECT_LE(declined, 13) << "those that were under way beside the tenth";
  EXPECT_EQ(number("SELECT COUNT(*) FROM autopay_attempts WHERE outcome = 'withdrawn'"), 30 - declined);
  EXPECT_EQ(number("SELECT COUNT(*) FROM invoices WHERE autopay_attempts = 0 AND autopay_on = '2027-03-09'"),
            30 - declined)
      << "it uses nothing up of the schedule";
  EXPECT_EQ(tasks(), 1);
  EXPECT_EQ(notices("payment_failed"), declined) << "the other customers hear nothing";
  gateways.cards.forget_script();
  day();
  EXPECT_EQ(gateways.cards.charges(), 30) << "the gateway is itself again";
}

TEST_P(DeclinedByAllTest, some_declines_among_many_stop_nothing) {
  for (int i = 0; i < 30; ++i) gateways.cards.script({i % 2 == 0 ? Act::succeed : Act::decline_soft});
  day(7);
  EXPECT_EQ(gateways.cards.charges(), 30);
  EXPECT_EQ(tasks(), 0);
}

}  // namespace
}  // namespace bursar::test
