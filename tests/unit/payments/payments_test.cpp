// Goal: whatever a gateway answers, late or never, the customer is charged at most what was asked, and what was taken
// is booked once. Method: a gateway that keeps its own book; the fixture compares the books and asks every invariant.
#include "payments/payments.hpp"

#include <thread>

#include "fixture.hpp"
#include "payments/staff_tasks.hpp"

namespace bursar::test {
namespace {

using invoicing::InvoiceStatus;

class PaymentsTest : public PaymentFixture {};
INSTANTIATE_TEST_SUITE_P(Backends, PaymentsTest, backends());

TEST_P(PaymentsTest, success_pays_the_invoice_and_books_the_fee_apart) {
  gateways.cards.charge_fee(usd("0.59"));
  const auto payment = pay();
  ASSERT_TRUE(payment.ok()) << payment.error().detail;
  EXPECT_EQ(payment->status, PaymentStatus::succeeded);
  EXPECT_EQ(payment->received, usd("10.00"));
  EXPECT_EQ(payment->fee, usd("0.59"));
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
  EXPECT_EQ(number("SELECT SUM(amount) FROM postings WHERE ledger_account = 'clearing/cards'"), 941);
  EXPECT_EQ(notices("payment_received"), 1);
}

TEST_P(PaymentsTest, a_part_leaves_the_rest_owed_and_a_surplus_becomes_credit) {
  ASSERT_TRUE(pay("cards", usd("4.00")).ok());
  EXPECT_EQ(stored(invoice).balance, usd("6.00"));
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::open);
  ASSERT_TRUE(pay("cards", usd("8.50")).ok());
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
  EXPECT_EQ(credit(), usd("2.50"));
}

TEST_P(PaymentsTest, the_gateway_may_take_another_amount_than_asked) {
  gateways.cards.take(usd("9.97"));
  EXPECT_EQ(pay()->received, usd("9.97"));
  EXPECT_EQ(stored(invoice).balance, usd("0.03"));
}

TEST_P(PaymentsTest, bad_requests_name_the_field_and_reach_no_gateway) {
  EXPECT_EQ(pay("nowhere").error().fields.at(0).pointer, "/gateway");
  EXPECT_EQ(pay("cards", usd("0.00")).error().fields.at(0).pointer, "/amount");
  EXPECT_EQ(pay("cards", usd("-1.00")).error().fields.at(0).pointer, "/amount");
  EXPECT_EQ(pay("cards", Money(100, Currency::parse("EUR").value())).error().fields.at(0).pointer, "/amount");
  EXPECT_EQ(payments.pay({.invoice = InvoiceId(1), .gateway = "cards"}, customer).error().kind, ErrorKind::not_found);
  EXPECT_EQ(gateways.cards.charges(), 0);
  EXPECT_EQ(number("SELECT COUNT(*) FROM payments"), 0);
}

TEST_P(PaymentsTest, a_method_of_another_account_is_not_found) {
  const auto card = save_card();
  const AccountId other = db->write("other", [&](Transaction& tx) {
    return accounts::create_account(tx, {.name = "Bob", .email = "bob@example.com", .address = {.country = "US"}},
                                    config.provider.currencies, clock.now(), staff)
        .value();
  });
  const InvoiceId his = db->write("invoice", [&](Transaction& tx) {
    return invoicing::issue_manual(tx, rules, other, {{.description = "Server", .unit_price = usd("1.00")}},
                                   rules.today(clock.now()), clock.now())
        .value();
  });
  EXPECT_EQ(payments.pay({.invoice = his, .gateway = {}, .method = card}, customer).error().kind, ErrorKind::not_found);
}

TEST_P(PaymentsTest, declined_fails_without_a_booking_and_can_be_tried_again) {
  gateways.cards.script({Act::decline_soft});
  const auto declined = pay();
  EXPECT_EQ(declined->status, PaymentStatus::failed);
  EXPECT_EQ(declined->decline_text, "The card was declined.");
  EXPECT_EQ(pay()->status, PaymentStatus::succeeded);
}

TEST_P(PaymentsTest, a_gateway_that_was_not_reached_frees_the_customer_to_choose_again) {
  gateways.cards.script({Act::unreachable});
  EXPECT_EQ(pay()->status, PaymentStatus::failed);
  EXPECT_EQ(pay()->status, PaymentStatus::succeeded);
}

TEST_P(PaymentsTest, lost_answer_is_unknown_blocks_a_second_charge_and_is_found_by_lookup) {
  gateways.cards.script({Act::succeed_without_answer});
  const auto payment = pay();
  EXPECT_EQ(payment->status, PaymentStatus::unknown);
  EXPECT_EQ(pay().error().code, "payment_in_flight");
  clock.advance(minutes(1));
  workers.drain();
  EXPECT_EQ(stored(payment->id).status, PaymentStatus::succeeded);
  EXPECT_EQ(gateways.cards.charges(), 1) << "looked up, never sent again";
  EXPECT_EQ(pay().error().code, "invoice_not_open");
}

TEST_P(PaymentsTest, lookup_that_finds_nothing_frees_the_invoice) {
  gateways.cards.script({Act::vanish});
  const auto payment = pay();
  EXPECT_EQ(payment->status, PaymentStatus::unknown);
  clock.advance(minutes(1));
  workers.drain();
  EXPECT_EQ(stored(payment->id).status, PaymentStatus::failed);
  EXPECT_EQ(pay()->status, PaymentStatus::succeeded);
}

TEST_P(PaymentsTest, unknown_stays_unknown_while_the_gateway_is_silent) {
  gateways.cards.script({Act::succeed_without_answer});
  gateways.cards.fall_silent(true);
  const auto payment = pay();
  for (int day = 0; day < 3; ++day) {
    clock.advance(days(1));
    workers.drain();
    EXPECT_EQ(stored(payment->id).status, PaymentStatus::unknown);
  }
  EXPECT_EQ(pay().error().code, "payment_in_flight");
  gateways.cards.fall_silent(false);
  auto step = payments::reconciliation_step(context);
  EXPECT_EQ(run(*step)["unknown"], 1);
  workers.drain();
  EXPECT_EQ(stored(payment->id).status, PaymentStatus::succeeded);
}

TEST_P(PaymentsTest, reading_a_payment_asks_the_gateway_but_not_at_every_click) {
  gateways.cards.script({Act::need_action});
  const auto payment = pay();
  EXPECT_EQ(payment->status, PaymentStatus::requires_action);
  EXPECT_NE(payment->next_action.find("https://gateway.example.com/act"), std::string::npos);
  gateways.cards.complete_waiting();
  EXPECT_EQ(payments.read(payment->id)->status, PaymentStatus::succeeded);

  invoice = issue("3.00");
  gateways.cards.script({Act::stay_pending});
  const auto pending = pay();
  const int before = gateways.cards.lookups();
  for (int click = 0; click < 10; ++click) (void)payments.read(pending->id);
  EXPECT_EQ(gateways.cards.lookups(), before + 1);
  clock.advance(seconds(6));
  gateways.cards.complete_waiting();
  EXPECT_EQ(payments.read(pending->id)->status, PaymentStatus::succeeded);
}

TEST_P(PaymentsTest, an_amount_that_the_gateway_does_not_take_is_refused_before_it_is_asked) {
  gateways.cards.limit_to({.currency = dollar, .minimum = 500, .maximum = 900});
  for (const char* amount : {"4.99", "9.01"}) {
    EXPECT_EQ(pay("cards", usd(amount)).error().fields.front().pointer, "/gateway") << amount;
  }
  EXPECT_EQ(number("SELECT COUNT(*) FROM payments"), 0);
  EXPECT_TRUE(pay("cards", usd("9.00")).ok());
}

TEST_P(PaymentsTest, two_tabs_never_start_two_charges_for_one_balance) {
  std::vector<std::thread> tabs;
  std::atomic<int> succeeded = 0, refused = 0;
  for (int tab = 0; tab < 8; ++tab) {
    tabs.emplace_back([&] {
      const auto payment = pay();
      if (payment.ok() && payment->status == PaymentStatus::succeeded) ++succeeded;
      if (!payment.ok() && payment.error().kind == ErrorKind::conflict) ++refused;
    });
  }
  for (auto& tab : tabs) tab.join();
  EXPECT_EQ(succeeded, 1);
  EXPECT_EQ(refused, 7);
  EXPECT_EQ(gateways.cards.charges(), 1);
}

TEST_P(PaymentsTest, two_parts_that_fit_the_balance_may_be_under_way_together) {
  gateways.cards.script({Act::stay_pending, Act::stay_pending});
  EXPECT_TRUE(pay("cards", usd("6.00")).ok());
  EXPECT_TRUE(pay("cards", usd("4.00")).ok());
  EXPECT_EQ(pay("cards", usd("0.01")).error().code, "payment_in_flight");
  gateways.cards.complete_waiting();
  clock.advance(hours(1));
  workers.drain();
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
}

TEST_P(PaymentsTest, an_abandoned_action_stops_blocking_and_its_late_success_becomes_credit) {
  gateways.cards.script({Act::need_action});
  const auto abandoned = pay();
  EXPECT_EQ(pay().error().code, "payment_in_flight");
  clock.advance(minutes(31));
  EXPECT_EQ(pay()->status, PaymentStatus::succeeded);
  gateways.cards.complete_waiting();
  clock.advance(hours(7));
  workers.drain();
  EXPECT_EQ(stored(abandoned->id).status, PaymentStatus::succeeded);
  EXPECT_EQ(credit(), usd("10.00"));
}

TEST_P(PaymentsTest, one_gateway_transaction_is_booked_once) {
  gateways.cards.use_reference("tx-1");
  ASSERT_EQ(pay()->status, PaymentStatus::succeeded);
  invoice = issue("10.00");
  const auto second = pay();
  EXPECT_EQ(second->status, PaymentStatus::unknown) << "another payment's transaction proves nothing";
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::open);
  EXPECT_EQ(number("SELECT COUNT(*) FROM journal_entries WHERE kind = 'payment_received'"), 1);
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE status = 'open'"), 1);
  books_agree = false;  // the gateway contradicts itself: left to a person
}

TEST_P(PaymentsTest, money_of_another_currency_is_not_booked_as_if_it_were_ours) {
  gateways.cards.take(Money(1000, Currency::parse("EUR").value()));
  EXPECT_EQ(pay()->status, PaymentStatus::unknown);
  EXPECT_EQ(stored(invoice).balance, usd("10.00"));
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE status = 'open'"), 1);
  books_agree = false;
}

TEST_P(PaymentsTest, a_process_that_died_before_the_call_is_taken_over) {
  const auto id = db->write("record", [&](Transaction& tx) {
    return payments.record(tx, {.invoice = invoice, .gateway = "cards"}, customer, clock.now());
  });
  workers.drain();
  EXPECT_EQ(stored(*id).status, PaymentStatus::pending) << "left to the thread that recorded it, for a while";
  clock.advance(minutes(1));
  workers.drain();
  EXPECT_EQ(stored(*id).status, PaymentStatus::succeeded);
}

TEST_P(PaymentsTest, staff_confirm_what_really_came) {
  gateways.bank.script({Act::need_action});
  const auto payment = pay("bank");
  EXPECT_EQ(payment->status, PaymentStatus::requires_action);
  const auto tasks = db->read([&](Connection& c) { return payments::list_tasks(c, "open", {}, 10); });
  ASSERT_EQ(tasks.size(), 1U);
  EXPECT_EQ(tasks[0].object, payment->id.value());
  EXPECT_EQ(payments.confirm(payment->id, usd("0.00"), "", staff).error().fields.at(0).pointer, "/amount");
  const auto confirmed = payments.confirm(payment->id, usd("12.00"), "SEPA-77", staff);
  ASSERT_TRUE(confirmed.ok()) << confirmed.error().detail;
  EXPECT_EQ(confirmed->status, PaymentStatus::succeeded);
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
  EXPECT_EQ(credit(), usd("2.00"));
  EXPECT_EQ(payments.confirm(payment->id, usd("12.00"), "SEPA-77", staff).error().code, "payment_not_open");
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE status = 'open'"), 0);
}

TEST_P(PaymentsTest, staff_who_confirm_one_transfer_at_once_book_it_once) {
  gateways.bank.script({Act::need_action});
  const auto payment = pay("bank");
  std::atomic<int> confirmed = 0, refused = 0;
  std::vector<std::thread> several;
  for (int n = 0; n < 8; ++n) {
    several.emplace_back([&] {
      const auto result = payments.confirm(payment->id, usd("10.00"), "SEPA-77", staff);
      if (result.ok()) {
        ++confirmed;
      } else if (result.error().code == "payment_not_open") {
        ++refused;
      }
    });
  }
  for (auto& one : several) one.join();
  EXPECT_EQ(confirmed, 1);
  EXPECT_EQ(refused, 7);
  EXPECT_EQ(number("SELECT COUNT(*) FROM journal_entries WHERE kind = 'payment_received'"), 1);
  EXPECT_EQ(number("SELECT COUNT(*) FROM audit_events WHERE action = 'payment.confirm'"), 1);
  EXPECT_EQ(credit(), usd("0.00"));
}

TEST_P(PaymentsTest, a_line_of_the_statement_confirms_one_payment) {
  gateways.bank.script({Act::need_action, Act::need_action});
  const auto first = pay("bank");
  invoice = issue("10.00");
  const auto second = pay("bank");
  ASSERT_TRUE(payments.confirm(first->id, usd("10.00"), "SEPA-77", staff).ok());
  EXPECT_EQ(payments.confirm(second->id, usd("10.00"), "SEPA-77", staff).error().fields.at(0).pointer, "/reference");
  EXPECT_EQ(stored(second->id).status, PaymentStatus::requires_action);
  EXPECT_EQ(stored(invoice).balance, usd("10.00"));
  EXPECT_TRUE(payments.confirm(second->id, usd("10.00"), "SEPA-78", staff).ok());
}

TEST_P(PaymentsTest, an_announced_transfer_does_not_stand_in_the_way_of_a_card) {
  gateways.bank.script({Act::need_action, Act::need_action});
  const auto first = pay("bank");
  const auto second = pay("bank");
  EXPECT_EQ(stored(first->id).status, PaymentStatus::failed) << "one transfer is expected, not one for each click";
  EXPECT_EQ(pay("cards")->status, PaymentStatus::succeeded);
  ASSERT_TRUE(payments.confirm(second->id, usd("10.00"), "", staff).ok());
  EXPECT_EQ(credit(), usd("10.00"));
  EXPECT_EQ(payments.confirm(PaymentId(1), usd("1.00"), "", staff).error().kind, ErrorKind::not_found);
}

TEST_P(PaymentsTest, staff_cannot_confirm_what_a_gateway_tells_itself) {
  gateways.cards.script({Act::stay_pending});
  const auto payment = pay();
  EXPECT_EQ(payments.confirm(payment->id, usd("10.00"), "", staff).error().code, "payment_not_by_hand");
}

TEST_P(PaymentsTest, a_transfer_that_never_came_is_dismissed) {
  gateways.bank.script({Act::need_action});
  const auto payment = pay("bank");
  EXPECT_EQ(payments.dismiss(payment->id, staff)->status, PaymentStatus::failed);
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE status = 'open'"), 0);
}

}  // namespace
}  // namespace bursar::test
