// Goal: a genuine event proves what its sender knows and no more: not a payment of another merchant account, and not
// one payment by the transaction of another.
#include "inbox_fixture.hpp"

namespace bursar::test {
namespace {

class ForeignEventsTest : public InboxTest {};
INSTANTIATE_TEST_SUITE_P(Backends, ForeignEventsTest, backends());

TEST_P(ForeignEventsTest, money_told_by_another_instance_than_the_payments_is_nobodys) {
  gateways.bank.script({Act::need_action});
  const Payment transfer = paying.pay({.invoice = invoice, .gateway = "bank"}, customer).value();
  webhooks.cards.know("paid", event("evt_1", id_of(transfer), success("10.00", "tx_of_cards")));
  EXPECT_EQ(send("paid"), 200);
  EXPECT_EQ(send("paid"), 200);
  clock.advance(hours(7));
  both.drain();
  EXPECT_EQ(stored(transfer.id).status, PaymentStatus::requires_action);
  EXPECT_EQ(stored(invoice).balance, usd("10.00"));
  EXPECT_EQ(suspense_open(), 1);
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'assign_suspense' AND status = 'open'"), 1);
  EXPECT_EQ(number("SELECT SUM(amount) FROM postings WHERE ledger_account = 'clearing/cards'"), 1000)
      << "where it really arrived";
  books_agree = false;  // the double took nothing: only the event told of it
}

TEST_P(ForeignEventsTest, another_instance_has_no_say_in_a_cards_payment) {
  const Payment payment = waiting_payment();
  webhooks.wallet.know("paid", event("evt_1", id_of(payment), success("10.00", "tx_of_wallet")));
  webhooks.wallet.know("disputed", [&] {
    WebhookEvent out = event("evt_2", id_of(payment), std::nullopt);
    out.kind = WebhookEventKind::dispute_opened;
    out.dispute = {.id = "dp_1", .amount = usd("10.00"), .reason = "fraudulent"};
    return out;
  }());
  EXPECT_EQ(send("paid", "wallet"), 200);
  EXPECT_EQ(send("disputed", "wallet"), 200);
  EXPECT_EQ(stored(payment.id).status, PaymentStatus::requires_action);
  EXPECT_EQ(stored(invoice).balance, usd("10.00"));
  EXPECT_EQ(suspense_open(), 1);
  EXPECT_EQ(number("SELECT COUNT(*) FROM disputes"), 0);
  gateways.cards.complete_waiting();
  clock.advance(hours(7));
  both.drain();
  EXPECT_EQ(stored(payment.id).status, PaymentStatus::succeeded) << "its own gateway's word counts";
}

TEST_P(ForeignEventsTest, a_payment_is_not_proved_by_the_transaction_of_another) {
  const Payment small = paying.pay({.invoice = invoice, .gateway = "cards"}, customer).value();
  invoice = issue("100.00");
  const Payment large = waiting_payment();
  webhooks.cards.know("paid", event("evt_1", id_of(large), success("100.00", id_of(small) + "-tx")));
  EXPECT_EQ(send("paid"), 200);
  EXPECT_EQ(stored(large.id).status, PaymentStatus::unknown);
  EXPECT_EQ(stored(invoice).balance, usd("100.00"));
  EXPECT_EQ(number("SELECT COUNT(*) FROM journal_entries WHERE kind = 'payment_received'"), 1);
  EXPECT_EQ(number("SELECT COUNT(*) FROM effects WHERE kind = 'charge' AND state = 'parked'"), 1);
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE status = 'open'"), 1) << "a person looks";
}

}  // namespace
}  // namespace bursar::test
