// Goal: what a provider sends in is never lost, never applied twice and never believed unproved, in whatever order and
// however often it comes. Method: a plugin whose verdict the test sets; the fixture compares the gateway's book with
// ours and asks every invariant after each test.
#include <algorithm>
#include <random>
#include <thread>

#include "inbox_fixture.hpp"
#include "payments/suspense.hpp"

namespace bursar::test {
namespace {

INSTANTIATE_TEST_SUITE_P(Backends, InboxTest, backends());

TEST_P(InboxTest, success_told_by_the_gateway_pays_the_invoice_and_ends_the_charge) {
  const Payment payment = waiting_payment();
  gateways.cards.complete_waiting();
  webhooks.cards.know("paid", event("evt_1", id_of(payment), success("10.00", id_of(payment) + "-tx")));
  const auto reply = box.receive("cards", {.method = "POST", .body = "paid"});
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body, "thanks");
  EXPECT_EQ(stored(payment.id).status, PaymentStatus::succeeded);
  EXPECT_EQ(stored(invoice).status, invoicing::InvoiceStatus::paid);
  EXPECT_EQ(number("SELECT COUNT(*) FROM effects WHERE kind = 'charge' AND state = 'done'"), 1);
}

TEST_P(InboxTest, the_same_event_a_hundred_times_and_in_parallel_has_one_effect) {
  const Payment payment = waiting_payment();
  gateways.cards.complete_waiting();
  webhooks.cards.know("paid", event("evt_1", id_of(payment), success("10.00", id_of(payment) + "-tx")));
  std::vector<std::thread> senders;
  for (int i = 0; i < 8; ++i) {
    senders.emplace_back([&] {
      for (int n = 0; n < 12; ++n) EXPECT_EQ(send("paid"), 200);
    });
  }
  for (auto& sender : senders) sender.join();
  EXPECT_EQ(number("SELECT COUNT(*) FROM webhook_events"), 1);
  EXPECT_EQ(number("SELECT COUNT(*) FROM journal_entries WHERE kind = 'payment_received'"), 1);
  EXPECT_EQ(credit(), usd("0.00"));
}

TEST_P(InboxTest, a_request_that_is_not_genuine_leaves_only_a_count) {
  const Payment payment = waiting_payment();
  webhooks.cards.know("paid", event("evt_1", id_of(payment), success("10.00", "x")));
  webhooks.cards.answer(WebhookVerdict::refused);
  EXPECT_EQ(send("paid"), 400);
  EXPECT_EQ(send("paid"), 400);
  EXPECT_EQ(number("SELECT COUNT(*) FROM webhook_requests"), 0);
  EXPECT_EQ(number("SELECT COUNT(*) FROM webhook_events"), 0);
  EXPECT_EQ(number("SELECT COUNT(*) FROM effects WHERE kind = 'webhook'"), 0);
  const auto refusals = db->read([](Connection& c) { return inbox::list_refusals(c); });
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_EQ(refusals[0].count, 2);
  EXPECT_EQ(refusals[0].last_address, "192.0.2.7");
  EXPECT_EQ(stored(payment.id).status, PaymentStatus::requires_action);
}

TEST_P(InboxTest, what_cannot_be_told_now_is_kept_and_read_again) {
  const Payment payment = waiting_payment();
  gateways.cards.complete_waiting();
  webhooks.cards.know("paid", event("evt_1", id_of(payment), success("10.00", id_of(payment) + "-tx")));
  webhooks.cards.answer(WebhookVerdict::unknown);
  EXPECT_EQ(send("paid"), 503);
  EXPECT_EQ(stored(payment.id).status, PaymentStatus::requires_action);
  webhooks.cards.answer(WebhookVerdict::accepted);
  clock.advance(hours(1));
  both.drain();
  EXPECT_EQ(stored(payment.id).status, PaymentStatus::succeeded);
}

TEST_P(InboxTest, an_instance_that_takes_no_webhooks_is_not_there) {
  webhooks.gone = true;
  EXPECT_EQ(send("paid"), 404);
  EXPECT_EQ(number("SELECT COUNT(*) FROM webhook_requests"), 0);
}

TEST_P(InboxTest, news_that_is_not_final_only_makes_us_ask) {
  const Payment payment = waiting_payment();
  webhooks.cards.know("pending", event("evt_1", id_of(payment), GatewayAnswer{.outcome = GatewayOutcome::pending}));
  webhooks.cards.know("changed", event("evt_2", id_of(payment), std::nullopt));
  EXPECT_EQ(send("pending"), 200);
  EXPECT_EQ(stored(payment.id).status, PaymentStatus::requires_action);
  gateways.cards.complete_waiting();
  EXPECT_EQ(send("changed"), 200);
  both.drain();
  EXPECT_EQ(stored(payment.id).status, PaymentStatus::succeeded);
}

TEST_P(InboxTest, a_decline_of_an_earlier_try_does_not_end_a_payment_that_went_through) {
  const Payment payment = waiting_payment();
  gateways.cards.complete_waiting();
  webhooks.cards.know("old", event("evt_1", id_of(payment),
                                   GatewayAnswer{.outcome = GatewayOutcome::declined, .decline_code = "other"}));
  EXPECT_EQ(send("old"), 200);  // and the event of the success never comes
  both.drain();
  EXPECT_EQ(stored(payment.id).status, PaymentStatus::succeeded);
}

TEST_P(InboxTest, a_gateway_that_never_heard_of_a_failed_payment_changes_nothing_of_it) {
  gateways.cards.script({Act::decline_final});
  const Payment payment = paying.pay({.invoice = invoice, .gateway = "cards"}, customer).value();
  webhooks.cards.know("changed", event("evt_1", id_of(payment), std::nullopt));
  clock.advance(minutes(1));
  EXPECT_EQ(send("changed"), 200);
  both.drain();
  const Payment after = stored(payment.id);
  EXPECT_EQ(after.status, PaymentStatus::failed);
  EXPECT_EQ(after.decline_code, "declined");
  EXPECT_EQ(after.settled_at, payment.settled_at);
}

TEST_P(InboxTest, a_smaller_amount_is_booked_as_what_it_is) {
  const Payment payment = waiting_payment();
  gateways.cards.take(usd("4.00"));
  books_agree = false;  // the fake's book holds what was asked
  webhooks.cards.know("paid", event("evt_1", id_of(payment), success("4.00", "tx_4")));
  EXPECT_EQ(send("paid"), 200);
  EXPECT_EQ(stored(payment.id).received, usd("4.00"));
  EXPECT_EQ(stored(invoice).balance, usd("6.00"));
}

TEST_P(InboxTest, another_currency_is_not_booked_and_staff_are_told) {
  const Payment payment = waiting_payment();
  GatewayAnswer answer = success("10.00", "tx_e");
  answer.processed = Money(1000, Currency::parse("EUR").value());
  webhooks.cards.know("paid", event("evt_1", id_of(payment), answer));
  EXPECT_EQ(send("paid"), 200);
  EXPECT_EQ(stored(invoice).balance, usd("10.00"));
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'confirm_payment' AND status = 'open'"), 1);
}

TEST_P(InboxTest, staff_end_a_payment_that_cannot_be_booked_and_the_invoice_can_be_paid) {
  const Payment payment = waiting_payment();
  EXPECT_EQ(paying.dismiss(payment.id, staff).error().code, "payment_not_by_hand");
  GatewayAnswer answer = success("10.00", "tx_e");
  answer.processed = Money(1000, Currency::parse("EUR").value());
  webhooks.cards.know("paid", event("evt_1", id_of(payment), answer));
  webhooks.cards.know("paid, again", event("evt_2", id_of(payment), answer));
  EXPECT_EQ(send("paid"), 200);
  EXPECT_EQ(stored(payment.id).status, PaymentStatus::unknown);
  ASSERT_TRUE(paying.dismiss(payment.id, staff).ok());
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'confirm_payment' AND status = 'open'"), 0);
  EXPECT_EQ(send("paid, again"), 200);
  EXPECT_EQ(stored(payment.id).status, PaymentStatus::failed);
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'confirm_payment' AND status = 'open'"), 1);
  EXPECT_TRUE(paying.pay({.invoice = invoice, .gateway = "cards"}, customer).ok());
}

TEST_P(InboxTest, money_of_nobody_is_booked_in_suspense_once) {
  webhooks.cards.know("stray", event("evt_1", "", success("12.00", "tx_stray")));
  webhooks.cards.know("stray again", event("evt_2", "", success("12.00", "tx_stray")));
  EXPECT_EQ(send("stray"), 200);
  EXPECT_EQ(send("stray again"), 200);
  EXPECT_EQ(suspense_open(), 1);
  EXPECT_EQ(number("SELECT SUM(amount) FROM postings WHERE ledger_account = 'suspense'"), -1200);
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'assign_suspense' AND status = 'open'"), 1);
  books_agree = false;  // the fake gateway never heard of it
}

class SuspenseTest : public InboxTest {
 protected:
  SuspenseId stray(std::string_view amount) {
    webhooks.cards.know("stray", event("evt_1", "", success(amount, "tx_stray")));
    EXPECT_EQ(send("stray"), 200);
    books_agree = false;  // the fake gateway never heard of it
    return open_item();
  }
  SuspenseId open_item() {
    return db->read([](Connection& c) { return payments::list_suspense(c, "open", {}, 1).at(0).id; });
  }
  // The event does not say whose it is, and the payment's own answer has not told its reference yet.
  SuspenseId unnamed_success_of(const Payment& payment) {
    webhooks.cards.know("unnamed", event("evt_u", "", success("10.00", id_of(payment) + "-tx")));
    EXPECT_EQ(send("unnamed"), 200);
    return open_item();
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, SuspenseTest, backends());

TEST_P(SuspenseTest, sent_back_before_its_payment_was_known_it_is_not_booked_again) {
  const Payment payment = waiting_payment();
  const SuspenseId item = unnamed_success_of(payment);
  db->write("return", [&](Transaction& tx) {
    EXPECT_TRUE(payments::return_suspense(tx, own, item, "nobody's", staff, clock.now()).ok());
  });
  gateways.cards.complete_waiting();
  books_agree = false;  // the fake's book does not know what staff sent back by hand
  clock.advance(minutes(1));
  const auto after = paying.read(payment.id);
  EXPECT_EQ(after->status, PaymentStatus::failed);
  EXPECT_EQ(after->decline_code, "sent_back");
  EXPECT_EQ(number("SELECT SUM(amount) FROM postings WHERE ledger_account = 'clearing/cards'"), 0);
  EXPECT_EQ(stored(invoice).balance, usd("10.00"));
  EXPECT_TRUE(paying.pay({.invoice = invoice, .gateway = "bank"}, customer).ok()) << "the invoice is stuck";
}

TEST_P(SuspenseTest, assigned_before_its_payment_was_known_it_is_money_once_and_disputes_follow_it) {
  const Payment payment = waiting_payment();
  const SuspenseId item = unnamed_success_of(payment);
  const auto assigned = db->write("assign", [&](Transaction& tx) {
    return payments::assign_suspense(tx, own, item, {.account = account, .invoice = invoice}, staff, clock.now());
  });
  ASSERT_TRUE(assigned.ok());
  gateways.cards.complete_waiting();
  clock.advance(minutes(1));
  EXPECT_EQ(paying.read(payment.id)->decline_code, "assigned_otherwise");
  EXPECT_EQ(stored(invoice).status, invoicing::InvoiceStatus::paid);
  EXPECT_EQ(credit(), usd("0.00"));

  WebhookEvent dispute = event("evt_d", id_of(payment), std::nullopt);
  dispute.kind = WebhookEventKind::dispute_opened;
  dispute.gateway_reference = id_of(payment) + "-tx";
  dispute.dispute = {.id = "dp_1", .amount = usd("10.00")};
  webhooks.cards.know("dispute", dispute);
  EXPECT_EQ(send("dispute"), 200);
  EXPECT_EQ(stored(*assigned).disputed, usd("10.00"));
  books_agree = false;  // the fake knows no disputes
}

TEST_P(SuspenseTest, money_of_a_payment_that_is_under_way_is_not_assigned) {
  const Payment payment = waiting_payment();
  const SuspenseId item = unnamed_success_of(payment);
  db->write("told", [&](Transaction& tx) {
    tx.execute("UPDATE payments SET gateway_reference = $2 WHERE id = $1", payment.id, id_of(payment) + "-tx");
  });
  const auto assigned = db->write("assign", [&](Transaction& tx) {
    return payments::assign_suspense(tx, own, item, {.account = account}, staff, clock.now());
  });
  ASSERT_FALSE(assigned.ok());
  EXPECT_EQ(assigned.error().code, "suspense_of_payment");
  gateways.cards.complete_waiting();
  clock.advance(minutes(1));
  EXPECT_EQ(paying.read(payment.id)->status, PaymentStatus::succeeded);
  EXPECT_EQ(suspense_open(), 0);
}

TEST_P(SuspenseTest, assigned_to_an_invoice_it_pays_and_the_surplus_is_credit) {
  const SuspenseId id = stray("12.00");
  const auto payment = db->write("assign", [&](Transaction& tx) {
    return payments::assign_suspense(tx, own, id, {.account = account, .invoice = invoice}, staff, clock.now());
  });
  ASSERT_TRUE(payment.ok()) << payment.error().detail;
  EXPECT_EQ(stored(invoice).status, invoicing::InvoiceStatus::paid);
  EXPECT_EQ(credit(), usd("2.00"));
  EXPECT_EQ(stored(*payment).received, usd("12.00"));
  EXPECT_EQ(number("SELECT SUM(amount) FROM postings WHERE ledger_account = 'suspense'"), 0);
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE status = 'open'"), 0);
  const auto again = db->write("assign", [&](Transaction& tx) {
    return payments::assign_suspense(tx, own, id, {.account = account}, staff, clock.now());
  });
  EXPECT_EQ(again.error().code, "suspense_not_open");
}

TEST_P(SuspenseTest, assigned_to_an_account_alone_it_is_credit) {
  const SuspenseId id = stray("12.00");
  const auto payment = db->write("assign", [&](Transaction& tx) {
    return payments::assign_suspense(tx, own, id, {.account = account}, staff, clock.now());
  });
  ASSERT_TRUE(payment.ok());
  EXPECT_EQ(credit(), usd("12.00"));
}

TEST_P(SuspenseTest, sent_back_it_leaves_both_accounts) {
  const SuspenseId id = stray("12.00");
  db->write("return", [&](Transaction& tx) {
    EXPECT_TRUE(payments::return_suspense(tx, own, id, "sent by mistake", staff, clock.now()).ok());
  });
  EXPECT_EQ(number("SELECT SUM(amount) FROM postings WHERE ledger_account = 'suspense'"), 0);
  EXPECT_EQ(number("SELECT SUM(amount) FROM postings WHERE ledger_account = 'clearing/cards'"), 0);
}

TEST_P(SuspenseTest, a_payment_that_turns_out_to_be_the_one_takes_it_out) {
  const Payment payment = waiting_payment();
  unnamed_success_of(payment);
  EXPECT_EQ(suspense_open(), 1);
  gateways.cards.complete_waiting();
  clock.advance(minutes(1));
  EXPECT_EQ(paying.read(payment.id)->status, PaymentStatus::succeeded);
  EXPECT_EQ(suspense_open(), 0);
  EXPECT_EQ(number("SELECT SUM(amount) FROM postings WHERE ledger_account = 'suspense'"), 0);
  EXPECT_EQ(number("SELECT SUM(amount) FROM postings WHERE ledger_account = 'clearing/cards'"), 1000);
}

TEST_P(InboxTest, an_event_about_something_unknown_waits_and_is_given_up_after_days) {
  webhooks.cards.know("early",
                      event("evt_1", "", GatewayAnswer{.outcome = GatewayOutcome::pending, .reference = "tx_9"}));
  EXPECT_EQ(send("early"), 200);
  EXPECT_EQ(number("SELECT COUNT(*) FROM webhook_events WHERE status = 'waiting'"), 1);
  clock.advance(days(8));
  both.drain();
  EXPECT_EQ(number("SELECT COUNT(*) FROM webhook_events WHERE status = 'ignored'"), 1);
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'inbox_event' AND status = 'open'"), 1);
}

TEST_P(InboxTest, replay_applies_nothing_twice) {
  const Payment payment = waiting_payment();
  gateways.cards.complete_waiting();
  webhooks.cards.know("paid", event("evt_1", id_of(payment), success("10.00", id_of(payment) + "-tx")));
  EXPECT_EQ(send("paid"), 200);
  const auto request = db->read([&](Connection& c) { return inbox::list_requests(c, vault, {}).at(0).id; });
  EXPECT_TRUE(box.replay(request).ok());
  EXPECT_EQ(number("SELECT COUNT(*) FROM journal_entries WHERE kind = 'payment_received'"), 1);
  EXPECT_EQ(number("SELECT COUNT(*) FROM webhook_requests WHERE status = 'done'"), 1);
}

TEST_P(InboxTest, bytes_that_are_no_text_are_kept_as_they_came) {
  const std::string body("\x00\xff\xfe odd \x01", 9);
  EXPECT_EQ(send(body), 200);
  const auto request = db->read([&](Connection& c) { return inbox::list_requests(c, vault, {}).at(0); });
  EXPECT_EQ(request.request.body, body);
}

// Every order of a payment's events, each sent up to three times, ends in the gateway's book.
TEST_P(InboxTest, any_order_of_events_ends_in_the_same_book) {
  std::mt19937 random(20270301);
  for (int round = 0; round < 12; ++round) {
    invoice = issue("10.00");
    const Payment payment = waiting_payment();
    gateways.cards.complete_waiting();
    const std::string id = id_of(payment), n = std::to_string(round);
    webhooks.cards.know("a" + n, event("a" + n, id, GatewayAnswer{.outcome = GatewayOutcome::pending}));
    webhooks.cards.know("b" + n, event("b" + n, id, success("10.00", id + "-tx")));
    webhooks.cards.know("c" + n, event("c" + n, id, std::nullopt));
    webhooks.cards.know(
        "d" + n, event("d" + n, id, GatewayAnswer{.outcome = GatewayOutcome::declined, .decline_code = "declined"}));
    std::vector<std::string> order{"a" + n, "b" + n, "c" + n, "d" + n, "a" + n, "b" + n, "d" + n};
    std::shuffle(order.begin(), order.end(), random);
    for (const auto& body : order) EXPECT_EQ(send(body), 200);
    both.drain();
    EXPECT_EQ(stored(payment.id).status, PaymentStatus::succeeded) << "round " << round;
    EXPECT_EQ(stored(invoice).status, invoicing::InvoiceStatus::paid);
    EXPECT_EQ(stored(payment.id).received, usd("10.00"));
  }
  EXPECT_EQ(credit(), usd("0.00"));
}

}  // namespace
}  // namespace bursar::test
