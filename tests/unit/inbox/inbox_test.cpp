// Goal: what a provider sends in is never lost, never applied twice and never believed unproved, in whatever order and
// however often it comes. Method: a plugin whose verdict the test sets; the fixture compares the gateway's book with
// ours and asks every invariant after each test.
#include "inbox/inbox.hpp"

#include <algorithm>
#include <random>
#include <thread>

#include "fixture.hpp"
#include "invoicing/corrections.hpp"
#include "payments/heard.hpp"
#include "payments/suspense.hpp"

namespace bursar::test {
namespace {

using inbox::WebhookAnswer;
using inbox::WebhookEvent;
using inbox::WebhookEventKind;
using inbox::WebhookRequest;
using inbox::WebhookVerdict;
using payments::GatewayAnswer;
using payments::GatewayOutcome;

class FakeWebhook final : public inbox::Webhook {
 public:
  [[nodiscard]] int concurrency() const override { return 4; }
  WebhookAnswer handle(const WebhookRequest& request) override {
    const std::lock_guard lock(mutex_);
    ++handled_;
    if (verdict_ == WebhookVerdict::unknown) return {.verdict = verdict_, .error = "no certificate"};
    if (verdict_ == WebhookVerdict::refused) return {.verdict = verdict_, .status = 400, .error = "bad signature"};
    const auto known = events_.find(request.body);
    std::vector<WebhookEvent> events;
    if (known != events_.end()) events.push_back(known->second);
    return {.verdict = verdict_,
            .events = std::move(events),
            .status = 200,
            .headers = {{"x-seen", "yes"}},
            .body = "thanks"};
  }
  void know(const std::string& body, WebhookEvent event) { events_.insert_or_assign(body, std::move(event)); }
  void answer(WebhookVerdict verdict) {
    const std::lock_guard lock(mutex_);
    verdict_ = verdict;
  }
  [[nodiscard]] int handled() const { return handled_; }

 private:
  std::mutex mutex_;
  WebhookVerdict verdict_ = WebhookVerdict::accepted;
  std::map<std::string, WebhookEvent> events_;
  int handled_ = 0;
};

class FakeWebhooks final : public inbox::Webhooks {
 public:
  FakeWebhook cards;
  [[nodiscard]] std::vector<std::string> list() const override { return {"cards"}; }
  [[nodiscard]] inbox::Webhook* find(std::string_view instance) override {
    return instance == "cards" && !gone ? &cards : nullptr;
  }
  bool gone = false;
};

class InboxTest : public PaymentFixture {
 protected:
  // One place performs the effects of both: those of payments and those of the inbox.
  InboxTest()
      : own{.db = *db,
            .clock = clock,
            .rules = rules,
            .outbox = outbox,
            .gateways = gateways,
            .codec = codec,
            .public_url = config.server.public_url,
            .perform_now = [this](std::string_view key) { return both.run_now(key); }},
        box(own, webhooks),
        paying(own),
        own_charges(own),
        own_refunds(own),
        both(*db, clock, {&own_charges, &own_refunds, &box}, {.threads = 4}) {}
  void TearDown() override {
    both.drain();
    PaymentFixture::TearDown();
  }

  int send(const std::string& body) {
    const auto reply = box.receive("cards", {.method = "POST", .remote_address = "192.0.2.7", .body = body});
    return reply ? reply->status : 404;
  }
  WebhookEvent event(const std::string& id, const std::string& payment, std::optional<GatewayAnswer> answer) {
    WebhookEvent out;
    out.kind = WebhookEventKind::payment;
    out.event_id = id;
    out.payment_id = payment;
    out.payment = std::move(answer);
    return out;
  }
  GatewayAnswer success(std::string_view amount, const std::string& reference) {
    return {.outcome = GatewayOutcome::succeeded, .processed = usd(amount), .reference = reference};
  }
  // A payment that waits for its customer; its gateway knows it under the reference id + "-tx".
  Payment waiting_payment() {
    gateways.cards.script({Act::need_action});
    return paying.pay({.invoice = invoice, .gateway = "cards"}, customer).value();
  }
  std::string id_of(const Payment& payment) { return codec.text(payment.id); }
  std::int64_t suspense_open() { return number("SELECT COUNT(*) FROM suspense_items WHERE status = 'open'"); }

  FakeWebhooks webhooks;
  payments::Context own;
  inbox::Inbox box;
  payments::Payments paying;
  payments::ChargeHandler own_charges;
  payments::RefundHandler own_refunds;
  effects::Workers both;
};
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
  const auto request = db->read([](Connection& c) { return inbox::list_requests(c, {}).at(0).id; });
  EXPECT_TRUE(box.replay(request).ok());
  EXPECT_EQ(number("SELECT COUNT(*) FROM journal_entries WHERE kind = 'payment_received'"), 1);
  EXPECT_EQ(number("SELECT COUNT(*) FROM webhook_requests WHERE status = 'done'"), 1);
}

TEST_P(InboxTest, bytes_that_are_no_text_are_kept_as_they_came) {
  const std::string body("\x00\xff\xfe odd \x01", 9);
  EXPECT_EQ(send(body), 200);
  const auto request = db->read([](Connection& c) { return inbox::list_requests(c, {}).at(0); });
  EXPECT_EQ(request.request.body, body);
}

class RefundEventsTest : public InboxTest {
 protected:
  // A paid invoice, and an event about money that went back.
  Payment paid() { return paying.pay({.invoice = invoice, .gateway = "cards"}, customer).value(); }
  WebhookEvent refunded(const std::string& id, const Payment& payment, std::string_view amount) {
    WebhookEvent out = event(id, id_of(payment), success(amount, "re_" + id));
    out.kind = WebhookEventKind::refund;
    return out;
  }
  Result<RefundId> by_hand(const Payment& payment, std::string_view amount, std::string reference = {}) {
    return db->write("by hand", [&](Transaction& tx) {
      return payments::record_refund(tx, own,
                                     {.payment = payment.id,
                                      .amount = usd(amount),
                                      .destination = payments::RefundDestination::external,
                                      .reason = "in the gateway's pages",
                                      .reference = std::move(reference)},
                                     staff, clock.now());
    });
  }
  WebhookEvent disputed(const std::string& id, WebhookEventKind kind, const Payment& payment) {
    WebhookEvent out = event(id, id_of(payment), std::nullopt);
    out.kind = kind;
    out.dispute = {.id = "dp_1", .amount = usd("10.00"), .reason = "fraudulent"};
    return out;
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, RefundEventsTest, backends());

TEST_P(RefundEventsTest, a_refund_made_at_the_gateway_is_booked_once_with_a_credit_note) {
  const Payment payment = paid();
  books_agree = false;  // the fake's book holds what it took; this refund was made in the gateway's own pages
  webhooks.cards.know("r", refunded("evt_r", payment, "4.00"));
  WebhookEvent again = refunded("evt_r", payment, "4.00");
  again.event_id = "evt_again";
  webhooks.cards.know("again", again);
  EXPECT_EQ(send("r"), 200);
  EXPECT_EQ(send("again"), 200);
  EXPECT_EQ(stored(payment.id).refunded, usd("4.00"));
  EXPECT_EQ(number("SELECT COUNT(*) FROM credit_notes"), 1);
  EXPECT_EQ(credit(), usd("0.00"));
}

TEST_P(RefundEventsTest, one_that_staff_recorded_by_hand_is_booked_once) {
  const Payment payment = paid();
  books_agree = false;
  ASSERT_TRUE(by_hand(payment, "4.00").ok());
  webhooks.cards.know("r", refunded("evt_r", payment, "4.00"));
  EXPECT_EQ(send("r"), 200);
  EXPECT_EQ(stored(payment.id).refunded, usd("4.00"));
  EXPECT_EQ(number("SELECT COUNT(*) FROM refunds WHERE gateway_reference = 're_evt_r'"), 1);
  webhooks.cards.know("second", refunded("evt_second", payment, "4.00"));
  EXPECT_EQ(send("second"), 200);
  EXPECT_EQ(stored(payment.id).refunded, usd("8.00")) << "the next of that amount is another";
  EXPECT_EQ(number("SELECT COUNT(*) FROM refunds"), 2);
}

TEST_P(RefundEventsTest, several_of_one_amount_by_hand_are_each_told_once) {
  const Payment payment = paid();
  books_agree = false;
  ASSERT_TRUE(by_hand(payment, "2.00").ok());
  ASSERT_TRUE(by_hand(payment, "2.00").ok());
  for (const char* id : {"evt_1", "evt_2", "evt_3"}) {
    webhooks.cards.know(id, refunded(id, payment, "2.00"));
    EXPECT_EQ(send(id), 200);
  }
  EXPECT_EQ(stored(payment.id).refunded, usd("6.00"));
  EXPECT_EQ(number("SELECT COUNT(DISTINCT gateway_reference) FROM refunds"), 3);
}

TEST_P(RefundEventsTest, one_told_before_staff_record_it_is_not_recorded_again_without_a_name) {
  const Payment payment = paid();
  books_agree = false;
  webhooks.cards.know("r", refunded("evt_r", payment, "4.00"));
  EXPECT_EQ(send("r"), 200);
  EXPECT_EQ(by_hand(payment, "4.00").error().code, "refund_may_be_recorded");
  EXPECT_EQ(by_hand(payment, "4.00", "re_evt_r").error().code, "refund_recorded");
  EXPECT_EQ(stored(payment.id).refunded, usd("4.00"));
  ASSERT_TRUE(by_hand(payment, "4.00", "bank statement 7").ok()) << "another one, with its own name";
  EXPECT_TRUE(by_hand(payment, "1.00").ok()) << "of another amount";
  EXPECT_EQ(stored(payment.id).refunded, usd("9.00"));
}

TEST_P(RefundEventsTest, one_named_by_staff_is_that_one_only) {
  const Payment payment = paid();
  books_agree = false;
  ASSERT_TRUE(by_hand(payment, "4.00", "re_evt_r").ok());
  webhooks.cards.know("other", refunded("evt_other", payment, "4.00"));
  webhooks.cards.know("r", refunded("evt_r", payment, "4.00"));
  EXPECT_EQ(send("other"), 200);
  EXPECT_EQ(send("r"), 200);
  EXPECT_EQ(stored(payment.id).refunded, usd("8.00"));
  EXPECT_EQ(number("SELECT COUNT(*) FROM refunds"), 2);
}

TEST_P(RefundEventsTest, one_of_another_amount_than_by_hand_is_shown_to_staff_and_not_guessed) {
  const Payment payment = paid();
  books_agree = false;
  ASSERT_TRUE(by_hand(payment, "5.00").ok());
  webhooks.cards.know("r", refunded("evt_r", payment, "4.00"));
  EXPECT_EQ(send("r"), 200);
  EXPECT_EQ(stored(payment.id).refunded, usd("5.00"));
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'refund_elsewhere' AND status = 'open' AND detail "
                   "LIKE 're_evt_r: 4.00 USD;%5.00 USD%'"),
            1);
  ASSERT_TRUE(by_hand(payment, "4.00", "re_evt_r").ok()) << "staff say that it is another";
  webhooks.cards.know("again", [&] {
    WebhookEvent again = refunded("evt_r", payment, "4.00");
    again.event_id = "evt_again";
    return again;
  }());
  EXPECT_EQ(send("again"), 200);
  EXPECT_EQ(stored(payment.id).refunded, usd("9.00"));
}

TEST_P(RefundEventsTest, one_made_at_the_gateway_that_comes_back_is_the_customers_credit) {
  const Payment payment = paid();
  books_agree = false;
  webhooks.cards.know("r", refunded("evt_r", payment, "4.00"));
  WebhookEvent back = refunded("evt_r", payment, "4.00");
  back.event_id = "evt_back";
  back.payment = GatewayAnswer{.outcome = GatewayOutcome::declined, .reference = "re_evt_r"};
  webhooks.cards.know("back", back);
  EXPECT_EQ(send("back"), 200) << "before the refund itself: it waits";
  EXPECT_EQ(send("r"), 200);
  clock.advance(hours(1));
  both.drain();
  EXPECT_EQ(stored(payment.id).refunded, usd("0.00"));
  EXPECT_EQ(credit(), usd("4.00"));
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'refund_failed'"), 1);
}

TEST_P(RefundEventsTest, one_that_comes_before_its_payment_waits_for_it) {
  const Payment payment = waiting_payment();
  books_agree = false;
  webhooks.cards.know("r", refunded("evt_r", payment, "4.00"));
  webhooks.cards.know("p", event("evt_p", id_of(payment), success("10.00", id_of(payment) + "-tx")));
  EXPECT_EQ(send("r"), 200);
  EXPECT_EQ(send("p"), 200);
  clock.advance(hours(1));
  both.drain();
  EXPECT_EQ(stored(payment.id).received, usd("10.00"));
}

TEST_P(RefundEventsTest, one_of_ours_that_the_event_does_not_name_is_not_booked_twice) {
  const Payment payment = paid();
  gateways.cards.script({Act::succeed_without_answer});
  const auto refund = db->write("refund", [&](Transaction& tx) {
    return payments::record_refund(tx, own, {.payment = payment.id, .amount = usd("4.00"), .reason = "unhappy"}, staff,
                                   clock.now());
  });
  ASSERT_TRUE(refund.ok());
  WebhookEvent unnamed = refunded("evt_r", payment, "4.00");
  unnamed.payment->reference = codec.text(*refund) + "-tx";
  webhooks.cards.know("r", unnamed);
  EXPECT_EQ(send("r"), 200);     // before our own call
  for (int i = 0; i < 3; ++i) {  // the refund's outcome first, then the event that waited for it
    both.drain();
    clock.advance(hours(7));
  }
  both.drain();
  EXPECT_EQ(stored(payment.id).refunded, usd("4.00"));
  EXPECT_EQ(number("SELECT COUNT(*) FROM refunds"), 1);
  EXPECT_EQ(number("SELECT COUNT(*) FROM webhook_events WHERE status = 'waiting'"), 0);
}

TEST_P(RefundEventsTest, another_instance_has_no_say_in_a_refund) {
  const Payment payment = paid();
  gateways.cards.script({Act::stay_pending});
  const auto refund = db->write("refund", [&](Transaction& tx) {
    return payments::record_refund(tx, own, {.payment = payment.id, .reason = "unhappy"}, staff, clock.now());
  });
  both.drain();
  const auto heard = db->write("hear", [&](Transaction& tx) {
    return payments::hear_of_refund(tx, own,
                                    {.gateway = "bank",
                                     .id = codec.text(*refund),
                                     .reference = "",
                                     .answer = GatewayAnswer{.outcome = GatewayOutcome::declined}},
                                    clock.now());
  });
  EXPECT_EQ(heard.what, payments::Heard::What::unknown);
  EXPECT_EQ(number("SELECT COUNT(*) FROM refunds WHERE status = 'pending'"), 1);
  gateways.cards.complete_waiting();
}

TEST_P(RefundEventsTest, each_that_cannot_be_recorded_is_told_to_staff) {
  const Payment payment = paid();
  books_agree = false;
  webhooks.cards.know("all", refunded("evt_1", payment, "10.00"));
  webhooks.cards.know("more", refunded("evt_2", payment, "3.00"));
  webhooks.cards.know("yet more", refunded("evt_3", payment, "2.00"));
  for (const char* body : {"all", "more", "yet more"}) EXPECT_EQ(send(body), 200);
  const std::string detail = db->read([](Connection& c) {
    auto rows = c.query("SELECT detail FROM staff_tasks WHERE kind = 'refund_elsewhere' AND status = 'open'");
    return rows.next() ? rows.string(0) : "";
  });
  EXPECT_NE(detail.find("re_evt_2: 3.00 USD"), std::string::npos) << detail;
  EXPECT_NE(detail.find("re_evt_3: 2.00 USD"), std::string::npos) << detail;
}

TEST_P(RefundEventsTest, one_of_an_invoice_that_was_written_off_is_told_to_staff) {
  const Payment payment = paying.pay({.invoice = invoice, .gateway = "cards", .amount = usd("4.00")}, customer).value();
  books_agree = false;
  db->write("write off", [&](Transaction& tx) {
    EXPECT_TRUE(invoicing::write_off(tx, rules, invoice, "hopeless", clock.now()).ok());
  });
  webhooks.cards.know("r", refunded("evt_r", payment, "4.00"));
  EXPECT_EQ(send("r"), 200);
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'refund_elsewhere' AND status = 'open'"), 1);
}

TEST_P(RefundEventsTest, a_dispute_is_booked_once_and_its_end_in_any_order) {
  const Payment payment = paid();
  books_agree = false;
  webhooks.cards.know("open", disputed("evt_o", WebhookEventKind::dispute_opened, payment));
  webhooks.cards.know("won", disputed("evt_w", WebhookEventKind::dispute_won, payment));
  EXPECT_EQ(send("won"), 200);
  EXPECT_EQ(send("open"), 200);
  EXPECT_EQ(send("open"), 200);
  EXPECT_EQ(number("SELECT COUNT(*) FROM disputes WHERE status = 'won'"), 1);
  EXPECT_EQ(number("SELECT COALESCE(SUM(amount), 0) FROM postings WHERE ledger_account = 'clearing/cards'"), 1000);
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
