// Goal: whatever a gateway tells of disputes, and however it names them, each loss is booked once; an inquiry books
// none.
#include <algorithm>

#include "inbox_fixture.hpp"
#include "payments/disputes.hpp"

namespace bursar::test {
namespace {

using enum WebhookEventKind;

class DisputeEventsTest : public InboxTest {
 protected:
  DisputeEventsTest() { books_agree = false; }  // the fake knows no disputes

  Payment paid() { return paying.pay({.invoice = invoice, .gateway = "cards"}, customer).value(); }
  // Tells it, each time as another event.
  void told(const Payment& payment, WebhookEventKind kind, const std::string& id,
            std::optional<std::string_view> amount = std::nullopt) {
    WebhookEvent out = event("evt_" + std::to_string(++events_), id_of(payment), std::nullopt);
    out.kind = kind;
    out.gateway_reference = id_of(payment) + "-tx";
    out.dispute = {.id = id, .reason = "fraudulent"};
    if (amount) out.dispute.amount = usd(*amount);
    webhooks.cards.know(out.event_id, out);
    EXPECT_EQ(send(out.event_id), 200);
  }
  void refund_told(const Payment& payment, std::string_view amount, const std::string& reference) {
    WebhookEvent out = event("evt_" + std::to_string(++events_), id_of(payment), success(amount, reference));
    out.kind = refund;
    webhooks.cards.know(out.event_id, out);
    EXPECT_EQ(send(out.event_id), 200);
  }
  std::int64_t disputes(std::string_view status) {
    return db->read([&](Connection& c) {
      auto rows = c.query("SELECT COUNT(*) FROM disputes WHERE status = $1", status);
      return rows.next() ? rows.integer(0) : -1;
    });
  }
  std::int64_t clearing() {
    return number("SELECT COALESCE(SUM(amount), 0) FROM postings WHERE ledger_account = 'clearing/cards'");
  }
  std::int64_t tasks() {
    return number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'refund_elsewhere' AND status = 'open'");
  }

  int events_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Backends, DisputeEventsTest, backends());

TEST_P(DisputeEventsTest, an_inquiry_that_closes_is_no_dispute_and_tells_the_customer_nothing) {
  const Payment payment = paid();
  told(payment, dispute_opened, "dp_1");
  told(payment, dispute_won, "dp_1");
  EXPECT_EQ(number("SELECT COUNT(*) FROM disputes"), 0);
  EXPECT_EQ(notices("dispute_opened"), 0);
  EXPECT_EQ(clearing(), 1000);
  EXPECT_EQ(number("SELECT COUNT(*) FROM webhook_events WHERE status = 'ignored'"), 2);
}

TEST_P(DisputeEventsTest, an_inquiry_that_becomes_a_dispute_is_one_and_may_be_won_without_an_amount) {
  const Payment payment = paid();
  told(payment, dispute_opened, "dp_1");
  told(payment, dispute_opened, "dp_1", "10.00");
  EXPECT_EQ(clearing(), 0);
  told(payment, dispute_won, "dp_1");
  EXPECT_EQ(clearing(), 1000);
  EXPECT_EQ(disputes("won"), 1);
}

TEST_P(DisputeEventsTest, a_loss_without_an_id_is_that_of_the_dispute_and_counts_once_in_any_order) {
  std::vector<std::pair<WebhookEventKind, std::string>> words{
      {dispute_opened, "PP-1"}, {dispute_lost, ""}, {dispute_lost, "PP-1"}, {dispute_lost, ""}};
  std::sort(words.begin(), words.end());
  std::int64_t taken = 0;
  do {
    invoice = issue("10.00");
    const Payment payment = paid();
    for (const auto& [kind, id] : words) told(payment, kind, id.empty() ? id : id + id_of(payment), "10.00");
    ++taken;
    EXPECT_EQ(disputes("lost"), taken);
    EXPECT_EQ(number("SELECT COUNT(*) FROM disputes"), taken);
    EXPECT_EQ(number("SELECT COUNT(*) FROM disputes WHERE named = 1 AND reference LIKE 'PP-1%'"), taken);
    EXPECT_EQ(clearing(), 0);
  } while (std::next_permutation(words.begin(), words.end()));
  EXPECT_EQ(taken, 12);
}

TEST_P(DisputeEventsTest, one_that_went_by_its_transaction_gets_its_id_with_its_end) {
  const Payment payment = paid();
  told(payment, dispute_opened, "", "10.00");
  EXPECT_EQ(number("SELECT COUNT(*) FROM disputes WHERE named = 0 AND reference LIKE '%-tx'"), 1);
  told(payment, dispute_lost, "PP-1", "4.00");
  EXPECT_EQ(number("SELECT COUNT(*) FROM disputes WHERE reference = 'PP-1' AND status = 'lost'"), 1);
  EXPECT_EQ(number("SELECT COUNT(*) FROM disputes"), 1);
  EXPECT_EQ(clearing(), 600);
}

TEST_P(DisputeEventsTest, a_second_dispute_of_a_payment_is_another_one_by_its_id_or_without_any) {
  const Payment payment = paid();
  told(payment, dispute_opened, "PP-1", "10.00");
  told(payment, dispute_won, "PP-1", "10.00");
  told(payment, dispute_opened, "PP-2", "4.00");
  EXPECT_EQ(clearing(), 600);
  told(payment, dispute_lost, "PP-2", "4.00");
  told(payment, dispute_lost, "", "6.00");
  EXPECT_EQ(clearing(), 0) << "what is lost without a name";
  EXPECT_EQ(disputes("lost"), 2);
  EXPECT_EQ(stored(payment.id).disputed, usd("10.00"));
}

TEST_P(DisputeEventsTest, losses_without_an_id_and_of_different_amounts_do_not_collide) {
  const Payment payment = paid();
  told(payment, dispute_lost, "", "3.00");
  told(payment, dispute_lost, "", "3.00");
  told(payment, dispute_lost, "", "5.00");
  EXPECT_EQ(disputes("lost"), 2);
  EXPECT_EQ(clearing(), 200);
}

TEST_P(DisputeEventsTest, one_loss_told_as_a_dispute_and_as_a_refund_counts_once) {
  const Payment payment = paid();
  told(payment, dispute_lost, "PP-1", "4.00");
  refund_told(payment, "4.00", "re_1");
  EXPECT_EQ(clearing(), 600);
  EXPECT_EQ(stored(payment.id).refunded, usd("0.00"));
  EXPECT_EQ(tasks(), 1) << "nobody but staff can tell";
}

TEST_P(DisputeEventsTest, a_loss_over_as_much_as_a_refund_since_it_was_opened_is_left_to_staff) {
  const Payment payment = paid();
  told(payment, dispute_opened, "PP-1", "4.00");
  refund_told(payment, "4.00", "re_1");
  told(payment, dispute_lost, "PP-1", "4.00");
  EXPECT_EQ(disputes("opened"), 1) << "its money stays in doubt, and nothing is owed again";
  EXPECT_EQ(stored(invoice).balance, usd("0.00"));
  EXPECT_EQ(tasks(), 1);
  const auto decided = db->write("decide", [&](Transaction& tx) {
    return payments::book_dispute(tx, own,
                                  {.payment = payment.id, .reference = "PP-1", .status = payments::DisputeStatus::won},
                                  staff, clock.now());
  });
  ASSERT_TRUE(decided.ok());
  EXPECT_EQ(clearing(), 600);
}

TEST_P(DisputeEventsTest, a_refund_beside_a_dispute_that_is_won_is_a_refund) {
  const Payment payment = paid();
  told(payment, dispute_opened, "PP-1", "4.00");
  refund_told(payment, "4.00", "re_1");
  told(payment, dispute_won, "PP-1", "4.00");
  EXPECT_EQ(clearing(), 600);
  EXPECT_EQ(stored(payment.id).refunded, usd("4.00"));
  EXPECT_EQ(tasks(), 0);
}

TEST_P(DisputeEventsTest, a_refund_that_an_open_dispute_leaves_no_room_for_is_recorded_when_it_is_told_after_the_end) {
  const Payment payment = paid();
  told(payment, dispute_opened, "PP-1", "10.00");
  refund_told(payment, "4.00", "re_1");
  EXPECT_EQ(tasks(), 1);
  told(payment, dispute_won, "PP-1", "10.00");
  refund_told(payment, "4.00", "re_1");
  EXPECT_EQ(stored(payment.id).refunded, usd("4.00"));
  EXPECT_EQ(tasks(), 0) << "there is nothing left to decide";
}

TEST_P(DisputeEventsTest, a_refund_of_another_amount_than_was_lost_is_another_loss) {
  const Payment payment = paid();
  told(payment, dispute_lost, "PP-1", "4.00");
  refund_told(payment, "2.00", "re_1");
  EXPECT_EQ(clearing(), 400);
}

TEST_P(DisputeEventsTest, a_loss_without_an_id_after_a_refund_over_as_much_is_left_to_staff) {
  const Payment payment = paid();
  refund_told(payment, "4.00", "re_1");
  told(payment, dispute_lost, "", "4.00");
  EXPECT_EQ(clearing(), 600);
  EXPECT_EQ(number("SELECT COUNT(*) FROM disputes"), 0);
  EXPECT_EQ(tasks(), 1);
  told(payment, dispute_lost, "PP-1", "4.00");
  EXPECT_EQ(clearing(), 200) << "one that the gateway names is certain";
}

}  // namespace
}  // namespace bursar::test
