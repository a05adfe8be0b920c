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
