// Goal: whatever a bank takes back and in whatever order it is told, the books say where the money is; nothing is lost
// or gained twice, and services follow the configuration.
#include <algorithm>
#include <random>

#include "refund_fixture.hpp"

namespace bursar::test {
namespace {

using invoicing::InvoiceStatus;
using payments::DisputeStatus;
using services::ServiceStatus;
using settings::DisputedService;

class DisputesTest : public RefundFixture {
 protected:
  static settings::Config suspending() {
    settings::Config config = payment_config();
    config.billing.disputes.on_opened = DisputedService::suspend;
    return config;
  }
  explicit DisputesTest(settings::Config config = suspending()) : RefundFixture(std::move(config)) {}

  Money euros(std::string_view text) const { return Money::parse(text, euro).value(); }

  payments::Context context_with(const invoicing::Rules& other) {
    return {.db = *db,
            .clock = clock,
            .rules = other,
            .outbox = outbox,
            .gateways = gateways,
            .codec = codec,
            .vault = vault,
            .public_url = {},
            .perform_now = context.perform_now};
  }
  Result<DisputeId> tell(PaymentId payment, DisputeStatus status, std::optional<Money> amount = std::nullopt,
                         std::optional<Money> fee = std::nullopt) {
    return dispute({.payment = payment,
                    .reference = "dp_1",
                    .status = status,
                    .amount = amount,
                    .fee = fee,
                    .reason = "fraudulent"});
  }

  const Currency euro = Currency::parse("EUR").value();
};
INSTANTIATE_TEST_SUITE_P(Backends, DisputesTest, backends());

TEST_P(DisputesTest, opened_moves_the_money_out_of_clearing_and_suspends) {
  const auto bought = buy({product("vps", "10.00")});
  const auto id = tell(bought.payment, DisputeStatus::opened, std::nullopt, usd("15.00"));
  ASSERT_TRUE(id.ok()) << id.error().detail;
  EXPECT_EQ(balance("clearing/cards"), usd("-15.00"));
  EXPECT_EQ(balance("disputed/cards"), usd("10.00"));
  EXPECT_EQ(balance("gateway_fees"), usd("15.00"));
  EXPECT_EQ(stored(bought.invoice).status, InvoiceStatus::paid) << "not decided yet";
  EXPECT_EQ(service(bought.services[0]).suspend_reason, "disputed");
  EXPECT_EQ(refund({.payment = bought.payment}).error().code, "refund_exceeds_payment");
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'dispute' AND status = 'open'"), 1);
  EXPECT_EQ(notices("dispute_opened"), 1);
}

TEST_P(DisputesTest, lost_while_the_account_is_on_hold_leaves_running_what_the_hold_covers) {
  settings::Config keeping = payment_config();
  keeping.billing.disputes.on_opened = DisputedService::keep;
  const invoicing::Rules kept(keeping);
  payments::Context of_keeping = context_with(kept);
  const auto held = buy({product("vps", "10.00")}), other = buy({product("web", "5.00")});
  db->write("hold", [&](Transaction& tx) {
    tx.execute(
        "INSERT INTO holds (id, account_id, service_id, origin, reason, starts_on, until_on, created_at) "
        "VALUES (77, $1, $2, 'staff', 'the bank is closed', '2027-03-01', '2027-03-20', $3)",
        account, held.services[0], clock.now());
  });
  for (const auto& bought : {held, other}) {
    books_agree = false;
    const payments::DisputeEvent lost{.payment = bought.payment,
                                      .reference = "dp_" + std::to_string(bought.payment.value()),
                                      .status = DisputeStatus::lost};
    const auto booked = db->write(
        "lost", [&](Transaction& tx) { return payments::book_dispute(tx, of_keeping, lost, staff, clock.now()); });
    ASSERT_TRUE(booked.ok()) << booked.error().detail;
  }
  EXPECT_EQ(service(held.services[0]).status, ServiceStatus::active);
  EXPECT_EQ(service(other.services[0]).suspend_reason, "overdue");
  EXPECT_EQ(stored(held.invoice).status, InvoiceStatus::open) << "it is owed again, and is collected after the hold";
}

TEST_P(DisputesTest, won_brings_everything_back) {
  const auto bought = buy({product("vps", "10.00")});
  ASSERT_TRUE(tell(bought.payment, DisputeStatus::opened, std::nullopt, usd("15.00")).ok());
  ASSERT_TRUE(tell(bought.payment, DisputeStatus::won, std::nullopt, usd("0.00")).ok());
  EXPECT_EQ(balance("clearing/cards"), usd("10.00"));
  EXPECT_EQ(balance("disputed/cards"), usd("0.00"));
  EXPECT_EQ(balance("gateway_fees"), usd("0.00"));
  EXPECT_EQ(service(bought.services[0]).status, ServiceStatus::active);
  EXPECT_EQ(stored(bought.payment).disputed, usd("0.00"));
  EXPECT_TRUE(refund({.payment = bought.payment}).ok()) << "the payment is whole again";
}

TEST_P(DisputesTest, lost_makes_the_invoice_owed_again_and_paying_it_brings_the_service_back) {
  const auto bought = buy({product("vps", "10.00")});
  ASSERT_TRUE(tell(bought.payment, DisputeStatus::opened).ok());
  ASSERT_TRUE(tell(bought.payment, DisputeStatus::lost).ok());
  EXPECT_EQ(stored(bought.invoice).status, InvoiceStatus::open);
  EXPECT_EQ(stored(bought.invoice).balance, usd("10.00"));
  EXPECT_EQ(balance("disputed/cards"), usd("0.00"));
  EXPECT_EQ(service(bought.services[0]).suspend_reason, "overdue");
  EXPECT_EQ(refund({.payment = bought.payment}).error().code, "refund_exceeds_payment");
  EXPECT_EQ(notices("dispute_lost"), 1);
  ASSERT_TRUE(payments.pay({.invoice = bought.invoice, .gateway = "cards"}, customer).ok());
  EXPECT_EQ(service(bought.services[0]).status, ServiceStatus::active);
}

TEST_P(DisputesTest, won_after_it_was_lost_pays_again_or_becomes_credit) {
  const auto bought = buy({product("vps", "10.00")});
  ASSERT_TRUE(tell(bought.payment, DisputeStatus::lost).ok());
  ASSERT_TRUE(tell(bought.payment, DisputeStatus::won).ok());
  EXPECT_EQ(stored(bought.invoice).status, InvoiceStatus::paid);
  EXPECT_EQ(service(bought.services[0]).status, ServiceStatus::active);
  EXPECT_EQ(balance("clearing/cards"), usd("10.00"));
  ASSERT_TRUE(tell(bought.payment, DisputeStatus::lost).ok());
  EXPECT_EQ(stored(bought.invoice).status, InvoiceStatus::paid) << "won stays won";
}

TEST_P(DisputesTest, an_invoice_paid_again_before_it_was_won_leaves_credit) {
  const auto bought = buy({product("vps", "10.00")});
  ASSERT_TRUE(tell(bought.payment, DisputeStatus::lost).ok());
  ASSERT_TRUE(payments.pay({.invoice = bought.invoice, .gateway = "cards"}, customer).ok());
  ASSERT_TRUE(tell(bought.payment, DisputeStatus::won).ok());
  EXPECT_EQ(credit(), usd("10.00"));
  EXPECT_EQ(balance("clearing/cards"), usd("20.00"));
}

TEST_P(DisputesTest, every_order_and_repetition_of_messages_ends_the_same) {
  const unsigned seed = 20270301;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 20; ++round) {
    const auto bought = buy({product("vps" + std::to_string(round), "10.00")});
    std::vector<DisputeStatus> told{DisputeStatus::opened, DisputeStatus::lost, DisputeStatus::won,
                                    DisputeStatus::opened, DisputeStatus::won,  DisputeStatus::lost};
    std::shuffle(told.begin(), told.end(), random);
    DisputeId id;
    for (const auto status : told) {
      id = dispute({.payment = bought.payment, .reference = "dp_" + std::to_string(round), .status = status}).value();
    }
    EXPECT_EQ(stored_dispute(id).status, DisputeStatus::won);
    EXPECT_EQ(stored(bought.invoice).status, InvoiceStatus::paid);
    EXPECT_EQ(service(bought.services[0]).status, ServiceStatus::active);
    EXPECT_EQ(stored(bought.payment).disputed, usd("0.00"));
  }
  EXPECT_EQ(balance("clearing/cards"), usd("200.00"));
  EXPECT_EQ(balance("dispute_losses"), usd("0.00"));
  EXPECT_EQ(credit(), usd("0.00"));
}

TEST_P(DisputesTest, a_chargeback_after_a_refund_does_not_make_the_customer_pay_twice) {
  const auto bought = buy({product("vps", "10.00")});
  ASSERT_TRUE(refund({.payment = bought.payment, .amount = usd("6.00")}).ok());
  workers.drain();
  const auto id = tell(bought.payment, DisputeStatus::opened);
  EXPECT_EQ(stored_dispute(*id).counted, usd("4.00"));
  ASSERT_TRUE(tell(bought.payment, DisputeStatus::lost).ok());
  EXPECT_EQ(stored(bought.invoice).balance, usd("4.00"));
  EXPECT_EQ(balance("dispute_losses"), usd("6.00")) << "what the gateway took beyond the payment";
}

TEST_P(DisputesTest, a_refund_that_fails_because_of_the_dispute_does_not_pay_the_customer_twice) {
  for (const auto end : {DisputeStatus::opened, DisputeStatus::lost, DisputeStatus::won}) {
    const auto bought = buy({product("vps" + std::string(payments::to_string(end)), "10.00")});
    const std::string reference = "dp_" + std::string(payments::to_string(end));
    gateways.cards.script({Act::decline_final});
    const auto back = refund({.payment = bought.payment});
    ASSERT_TRUE(back.ok());
    for (const auto status : {DisputeStatus::opened, end})
      ASSERT_TRUE(dispute({.payment = bought.payment, .reference = reference, .status = status}).ok());
    workers.drain();
    EXPECT_EQ(stored_refund(*back).status, "failed");
    EXPECT_EQ(credit(), end == DisputeStatus::won ? usd("10.00") : usd("0.00")) << reference;
    EXPECT_EQ(stored(bought.payment).disputed, end == DisputeStatus::won ? usd("0.00") : usd("10.00"));
  }
  EXPECT_EQ(balance("dispute_losses"), usd("0.00"));
}

TEST_P(DisputesTest, money_refunded_to_credit_is_taken_from_that_credit) {
  const auto bought = buy({product("vps", "10.00")});
  ASSERT_TRUE(refund({.payment = bought.payment, .destination = RefundDestination::credit}).ok());
  ASSERT_TRUE(tell(bought.payment, DisputeStatus::lost).ok());
  EXPECT_EQ(credit(), usd("0.00"));
  EXPECT_EQ(balance("dispute_losses"), usd("0.00"));
}

TEST_P(DisputesTest, a_deposit_that_is_charged_back_takes_the_credit_and_then_what_it_paid) {
  invoice = db->write("deposit", [&](Transaction& tx) {
    return invoicing::issue_deposit(tx, rules, account, usd("20.00"), clock.now()).value();
  });
  const auto payment = pay();
  const invoicing::OrderRequest order{
      .account = account, .items = {{.product = product("vps", "12.00"), .cycle = BillingCycle::months(1)}}};
  const auto bought = db->write("order", [&](Transaction& tx) {
    return invoicing::place_order(tx, rules, order, customer, clock.now()).value();
  });
  EXPECT_EQ(stored(bought.invoice).status, InvoiceStatus::paid);
  const auto id = tell(payment->id, DisputeStatus::opened);
  EXPECT_EQ(credit(), usd("0.00")) << "the rest can't be spent while it is in doubt";
  EXPECT_EQ(stored_dispute(*id).held, usd("8.00"));
  ASSERT_TRUE(tell(payment->id, DisputeStatus::lost).ok());
  EXPECT_EQ(stored(bought.invoice).balance, usd("12.00"));
  EXPECT_EQ(service(bought.services[0]).status, ServiceStatus::suspended);
  ASSERT_TRUE(tell(payment->id, DisputeStatus::won).ok());
  EXPECT_EQ(stored(bought.invoice).status, InvoiceStatus::paid);
  EXPECT_EQ(credit(), usd("8.00"));
  EXPECT_EQ(service(bought.services[0]).status, ServiceStatus::active);
}

TEST_P(DisputesTest, a_fee_in_another_currency_is_booked_in_that_and_stops_nothing) {
  const auto bought = buy({product("vps", "10.00")});
  const auto id = tell(bought.payment, DisputeStatus::opened, std::nullopt, euros("15.00"));
  ASSERT_TRUE(id.ok()) << id.error().detail;
  EXPECT_EQ(balance("clearing/cards"), usd("0.00"));
  EXPECT_EQ(balance("clearing/cards", euro), euros("-15.00"));
  EXPECT_EQ(balance("gateway_fees", euro), euros("15.00"));
  EXPECT_EQ(stored_dispute(*id).fee, euros("15.00"));
  EXPECT_EQ(refund({.payment = bought.payment}).error().code, "refund_exceeds_payment");
  ASSERT_TRUE(tell(bought.payment, DisputeStatus::won, std::nullopt, usd("1.00")).ok()) << "it may even change";
  EXPECT_EQ(balance("clearing/cards", euro), euros("0.00"));
  EXPECT_EQ(balance("clearing/cards"), usd("9.00"));
  EXPECT_EQ(balance("gateway_fees"), usd("1.00"));
}

TEST_P(DisputesTest, a_payments_fee_in_another_currency_is_booked_in_that) {
  gateways.cards.charge_fee(euros("0.59"));
  const auto payment = pay();
  EXPECT_EQ(stored(payment->id).fee, euros("0.59"));
  EXPECT_EQ(balance("clearing/cards"), usd("10.00")) << "the customer paid all of it";
  EXPECT_EQ(balance("clearing/cards", euro), euros("-0.59"));
  EXPECT_EQ(balance("gateway_fees", euro), euros("0.59"));
  EXPECT_EQ(number("SELECT COUNT(*) FROM journal_entries WHERE kind = 'gateway_fee'"), 1);
}

TEST_P(DisputesTest, the_fee_is_what_stands_with_the_last_message) {
  struct Message {
    DisputeStatus status;
    const char* fee;  // nullptr: not told
  };
  const std::vector<std::pair<std::vector<Message>, const char*>> stories = {
      {{{DisputeStatus::opened, "15.00"}, {DisputeStatus::won, "0.00"}}, "0.00"},
      {{{DisputeStatus::opened, "15.00"}, {DisputeStatus::won, nullptr}}, "15.00"},
      {{{DisputeStatus::opened, "15.00"}, {DisputeStatus::won, "15.00"}, {DisputeStatus::won, "0.00"}}, "0.00"},
      {{{DisputeStatus::opened, nullptr}, {DisputeStatus::opened, "15.00"}, {DisputeStatus::lost, nullptr}}, "15.00"},
      {{{DisputeStatus::opened, nullptr}, {DisputeStatus::lost, "15.00"}}, "15.00"},
      {{{DisputeStatus::lost, "15.00"}, {DisputeStatus::opened, "0.00"}}, "15.00"},
      {{{DisputeStatus::lost, "15.00"}, {DisputeStatus::lost, "15.00"}, {DisputeStatus::won, "7.50"}}, "7.50"},
  };
  Money kept = usd("0.00");
  int number = 0;
  for (const auto& [messages, stands] : stories) {
    const auto bought = buy({product("vps" + std::to_string(++number), "10.00")});
    DisputeId id;
    for (const auto& [status, fee] : messages) {
      id = dispute({.payment = bought.payment,
                    .reference = "dp_" + std::to_string(number),
                    .status = status,
                    .fee = fee == nullptr ? std::nullopt : std::optional(usd(fee))})
               .value();
    }
    kept += usd(stands);
    EXPECT_EQ(stored_dispute(id).fee, usd(stands)) << number;
    EXPECT_EQ(balance("gateway_fees"), kept) << number;
  }
}

TEST_P(DisputesTest, lost_for_less_than_was_taken_leaves_only_that_owed) {
  const auto bought = buy({product("vps", "10.00")});
  const auto id = tell(bought.payment, DisputeStatus::opened);
  ASSERT_TRUE(tell(bought.payment, DisputeStatus::lost, usd("4.00")).ok());
  EXPECT_EQ(stored(bought.invoice).balance, usd("4.00"));
  EXPECT_EQ(balance("clearing/cards"), usd("6.00")) << "the rest is back";
  EXPECT_EQ(balance("disputed/cards"), usd("0.00"));
  EXPECT_EQ(balance("dispute_losses"), usd("0.00"));
  EXPECT_EQ(stored_dispute(*id).amount, usd("4.00"));
  EXPECT_EQ(stored(bought.payment).disputed, usd("4.00"));
  EXPECT_EQ(number("SELECT COUNT(*) FROM messages WHERE template = 'dispute_lost' AND subject || body LIKE '%4.00%'"),
            1);
  ASSERT_TRUE(tell(bought.payment, DisputeStatus::won).ok());
  EXPECT_EQ(stored(bought.invoice).status, InvoiceStatus::paid);
  EXPECT_EQ(balance("clearing/cards"), usd("10.00"));
}

TEST_P(DisputesTest, lost_for_less_gives_back_credit_that_was_held_for_the_rest) {
  const auto payment = pay("cards", usd("16.00"));
  const auto id = tell(payment->id, DisputeStatus::opened);
  EXPECT_EQ(stored_dispute(*id).held, usd("6.00"));
  EXPECT_EQ(credit(), usd("0.00"));
  ASSERT_TRUE(tell(payment->id, DisputeStatus::lost, usd("2.50")).ok());
  EXPECT_EQ(credit(), usd("3.50"));
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid) << "what was lost is within the surplus";
  EXPECT_EQ(balance("clearing/cards"), usd("13.50"));
}

TEST_P(DisputesTest, lost_for_less_after_a_refund_counts_what_the_payment_had_left_first) {
  const auto bought = buy({product("vps", "10.00")});
  ASSERT_TRUE(refund({.payment = bought.payment, .amount = usd("6.00")}).ok());
  workers.drain();
  ASSERT_TRUE(tell(bought.payment, DisputeStatus::opened).ok());
  ASSERT_TRUE(tell(bought.payment, DisputeStatus::lost, usd("5.00")).ok());
  EXPECT_EQ(stored(bought.invoice).balance, usd("4.00"));
  EXPECT_EQ(balance("dispute_losses"), usd("1.00"));
  EXPECT_EQ(balance("clearing/cards"), usd("-1.00"));
}

TEST_P(DisputesTest, lost_for_more_than_was_taken_first_is_lost_for_that) {
  const auto bought = buy({product("vps", "10.00")});
  ASSERT_TRUE(tell(bought.payment, DisputeStatus::opened, usd("4.00")).ok());
  ASSERT_TRUE(tell(bought.payment, DisputeStatus::lost, usd("7.00")).ok());
  EXPECT_EQ(stored(bought.invoice).balance, usd("7.00"));
  EXPECT_EQ(balance("clearing/cards"), usd("3.00"));
  EXPECT_EQ(stored(bought.payment).disputed, usd("7.00"));
}

TEST_P(DisputesTest, of_a_payment_that_brought_nothing_is_refused) {
  gateways.cards.script({Act::decline_soft});
  EXPECT_EQ(tell(pay()->id, DisputeStatus::opened).error().code, "payment_not_received");
}

TEST_P(DisputesTest, the_same_id_for_another_payment_is_refused) {
  const auto first = buy({product("a", "10.00")});
  const auto second = buy({product("b", "10.00")});
  ASSERT_TRUE(tell(first.payment, DisputeStatus::opened).ok());
  EXPECT_EQ(tell(second.payment, DisputeStatus::opened).error().code, "dispute_of_another_payment");
}

class LosingDisputesTest : public DisputesTest {
 protected:
  static settings::Config losing() {
    settings::Config config = payment_config();
    config.billing.disputes.on_lost = DisputedService::terminate;
    config.billing.disputes.reopen_invoices = false;
    return config;
  }
  LosingDisputesTest() : DisputesTest(losing()) {}
};
INSTANTIATE_TEST_SUITE_P(Backends, LosingDisputesTest, backends());

TEST_P(LosingDisputesTest, may_be_a_loss_that_ends_the_service) {
  const auto bought = buy({product("vps", "10.00")});
  ASSERT_TRUE(tell(bought.payment, DisputeStatus::opened).ok());
  EXPECT_EQ(service(bought.services[0]).status, ServiceStatus::active);
  ASSERT_TRUE(tell(bought.payment, DisputeStatus::lost).ok());
  EXPECT_EQ(stored(bought.invoice).status, InvoiceStatus::paid);
  EXPECT_EQ(balance("dispute_losses"), usd("10.00"));
  EXPECT_EQ(service(bought.services[0]).status, ServiceStatus::terminated);
}

}  // namespace
}  // namespace bursar::test
