// Goal: what a gateway tells of money that went back is booked once, whoever sent it and whoever recorded it first.
#include "inbox_fixture.hpp"
#include "invoicing/corrections.hpp"
#include "payments/heard.hpp"

namespace bursar::test {
namespace {

class RefundEventsTest : public InboxTest {
 protected:
  // A paid invoice, and an event about money that went back.
  Payment paid() { return paying.pay({.invoice = invoice, .gateway = "cards"}, customer).value(); }
  WebhookEvent refunded(const std::string& id, const Payment& payment, std::string_view amount) {
    WebhookEvent out = event(id, id_of(payment), success(amount, "re_" + id));
    out.kind = WebhookEventKind::refund;
    return out;
  }
  Result<RefundId> by_hand(const Payment& payment, std::string_view amount, std::string reference = {},
                           std::string gateway = {}) {
    return db->write("by hand", [&](Transaction& tx) {
      return payments::record_refund(tx, own,
                                     {.payment = payment.id,
                                      .amount = usd(amount),
                                      .destination = payments::RefundDestination::external,
                                      .reason = "in the gateway's pages",
                                      .reference = std::move(reference),
                                      .gateway = std::move(gateway)},
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

TEST_P(RefundEventsTest, one_that_left_another_way_is_not_the_one_the_gateway_tells_of) {
  const Payment payment = paid();
  books_agree = false;
  ASSERT_TRUE(by_hand(payment, "4.00", {}, "wallet").ok());
  webhooks.cards.know("r", refunded("evt_r", payment, "4.00"));
  EXPECT_EQ(send("r"), 200);
  EXPECT_EQ(stored(payment.id).refunded, usd("8.00")) << "both have left";
  EXPECT_EQ(number("SELECT SUM(amount) FROM postings WHERE ledger_account = 'clearing/wallet'"), -400);
  EXPECT_EQ(number("SELECT SUM(amount) FROM postings WHERE ledger_account = 'clearing/cards'"), 600);
  ASSERT_TRUE(by_hand(payment, "1.00", {}, "wallet").ok());
  webhooks.cards.know("other", refunded("evt_other", payment, "1.50"));
  EXPECT_EQ(send("other"), 200);
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'refund_elsewhere'"), 1) << "it has not enough left";
  EXPECT_EQ(by_hand(payment, "0.10", {}, "nowhere").error().fields.front().pointer, "/gateway");
}

TEST_P(RefundEventsTest, one_told_first_does_not_stand_in_the_way_of_money_that_left_another_way) {
  const Payment payment = paid();
  books_agree = false;
  webhooks.cards.know("r", refunded("evt_r", payment, "4.00"));
  EXPECT_EQ(send("r"), 200);
  EXPECT_EQ(by_hand(payment, "4.00").error().code, "refund_may_be_recorded");
  EXPECT_TRUE(by_hand(payment, "4.00", {}, "wallet").ok());
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

TEST_P(RefundEventsTest, one_named_by_staff_with_another_amount_is_shown_to_them) {
  const Payment payment = paid();
  books_agree = false;
  ASSERT_TRUE(by_hand(payment, "5.00", "re_evt_r").ok());
  webhooks.cards.know("r", refunded("evt_r", payment, "4.00"));
  EXPECT_EQ(send("r"), 200);
  EXPECT_EQ(stored(payment.id).refunded, usd("5.00"));
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'refund_unclear' AND detail LIKE 're_evt_r: 4.00 "
                   "USD%'"),
            1);
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
  EXPECT_EQ(stored(payment.id).refunded, usd("4.00"));
  EXPECT_EQ(number("SELECT COUNT(*) FROM webhook_events WHERE status = 'waiting'"), 0);
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

}  // namespace
}  // namespace bursar::test
