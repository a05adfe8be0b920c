// Goal: a refund takes back what it is for, to the cent and with its tax; the money goes back the way it came, what was
// credit is credit again; and a service whose period is refunded goes on, ends or is billed again as its rule says.
#include "refund_fixture.hpp"

namespace bursar::test {
namespace {

using services::ServiceStatus;
using settings::RefundedService;

class RefundsOfLinesTest : public RefundFixture {
 protected:
  RefundsOfLinesTest() : RefundFixture(taxed_config()) {}
};
INSTANTIATE_TEST_SUITE_P(Backends, RefundsOfLinesTest, backends());

TEST_P(RefundsOfLinesTest, one_of_three_takes_its_line_and_its_tax_and_leaves_the_others) {
  const auto bought = buy({product("a", "10.00"), product("b", "3.33"), product("c", "20.01")});
  const auto before = stored(bought.invoice);
  const auto b = lines(bought.invoice)[1];
  const auto id = refund({.payment = bought.payment, .lines = {b.id}, .service = RefundedService::keep});
  ASSERT_TRUE(id.ok()) << id.error().detail;
  workers.drain();
  EXPECT_EQ(stored_refund(*id).amount, b.net + b.tax);
  EXPECT_EQ(number("SELECT tax FROM credit_notes"), b.tax.minor());
  EXPECT_EQ(number("SELECT COUNT(*) FROM credit_note_lines"), 1);
  EXPECT_EQ(stored(bought.invoice).total, before.total) << "the document stays as it was issued";
  EXPECT_EQ(gateways.cards.taken(dollar), before.total - b.net - b.tax);
  EXPECT_EQ(refund({.payment = bought.payment, .lines = {b.id}}).error().fields.front().pointer, "/line_ids/0");
}

TEST_P(RefundsOfLinesTest, parts_of_a_line_add_up_to_it_whatever_they_are) {
  const auto bought = buy({product("a", "10.00"), product("b", "3.33")});
  const auto line = lines(bought.invoice)[1];
  Money left = line.net + line.tax;
  for (const char* part : {"0.01", "1.00", "0.99", "0.07"}) {
    ASSERT_TRUE(refund({.payment = bought.payment, .amount = usd(part), .lines = {line.id}}).ok());
    left -= usd(part);
  }
  EXPECT_EQ(refund({.payment = bought.payment, .amount = left + usd("0.01"), .lines = {line.id}})
                .error()
                .fields.front()
                .pointer,
            "/amount");
  ASSERT_TRUE(refund({.payment = bought.payment, .amount = left, .lines = {line.id}}).ok());
  EXPECT_EQ(number("SELECT SUM(tax) FROM credit_note_lines"), line.tax.minor());
  EXPECT_EQ(number("SELECT SUM(net) FROM credit_note_lines"), line.net.minor());
}

TEST_P(RefundsOfLinesTest, a_discount_goes_with_the_line_it_lowers) {
  ASSERT_TRUE(db->write("promotion", [&](Transaction& tx) {
                  return catalog::create_promotion(
                      tx, {.code = "TENTH", .percent = parse_percent("10").value(), .periods = 1}, clock.now());
                }).ok());
  const auto bought = buy({product("a", "10.00"), product("b", "5.00")}, "TENTH");
  const auto all = lines(bought.invoice);
  const auto id = refund({.payment = bought.payment, .lines = {all.front().id}});
  ASSERT_TRUE(id.ok()) << id.error().detail;
  EXPECT_EQ(stored_refund(*id).amount, usd("10.71"));  // 9.00 and 19 %
  ASSERT_TRUE(refund({.payment = bought.payment, .amount = usd("1.00")}).ok()) << "a part of what a discount lowered";
}

TEST_P(RefundsOfLinesTest, what_the_card_did_not_pay_is_credit_again) {
  give_credit("4.00");
  const auto bought = buy({product("a", "10.00")});  // 11.90, of it 4.00 by credit
  EXPECT_EQ(stored(bought.payment).received, usd("7.90"));
  const auto line = lines(bought.invoice).front();
  const auto id = refund({.payment = bought.payment, .lines = {line.id}});
  ASSERT_TRUE(id.ok()) << id.error().detail;
  workers.drain();
  EXPECT_EQ(stored_refund(*id).amount, usd("7.90"));
  EXPECT_EQ(stored_refund(*id).credited, usd("4.00"));
  EXPECT_EQ(credit(), usd("4.00"));
  EXPECT_EQ(gateways.cards.taken(dollar), usd("0.00"));
}

TEST_P(RefundsOfLinesTest, money_goes_back_the_way_it_came_before_newer_money_of_others) {
  give_credit("3.00");                          // after the invoice was issued: it is used by hand below
  ASSERT_TRUE(pay("cards", usd("8.90")).ok());  // of 11.90
  const auto payment = db->read([&](Connection& c) { return payments::payments_of_invoice(c, invoice).front().id; });
  ASSERT_TRUE(db->write("credit", [&](Transaction& tx) {
                  return invoicing::apply_credit(tx, rules, invoice, usd("3.00"), clock.now());
                }).ok());
  ASSERT_TRUE(refund({.payment = payment, .amount = usd("4.00")}).ok());
  EXPECT_EQ(number("SELECT SUM(amount) FROM allocations WHERE payment_id IS NOT NULL"), 490);
  EXPECT_EQ(number("SELECT SUM(amount) FROM allocations WHERE payment_id IS NULL"), 300);
  ASSERT_TRUE(refund({.payment = payment}).ok());
  EXPECT_EQ(number("SELECT SUM(amount) FROM allocations WHERE payment_id IS NOT NULL"), 0);
  EXPECT_EQ(stored(invoice).status, invoicing::InvoiceStatus::paid) << "3.00 of it is still paid by credit";
}

TEST_P(RefundsOfLinesTest, what_was_paid_of_an_open_invoice_is_owed_again) {
  ASSERT_TRUE(pay("cards", usd("4.00")).ok());
  const auto payment = db->read([&](Connection& c) { return payments::payments_of_invoice(c, invoice).front().id; });
  const auto before = stored(invoice).balance;
  ASSERT_TRUE(refund({.payment = payment}).ok());
  workers.drain();
  EXPECT_EQ(stored(invoice).balance, before + usd("4.00"));
  EXPECT_EQ(number("SELECT COUNT(*) FROM credit_notes"), 0) << "it is still to be paid";
  EXPECT_EQ(refund({.payment = payment, .lines = {lines(invoice).front().id}}).error().code, "refund_exceeds_payment");
}

TEST_P(RefundsOfLinesTest, a_refunded_service_is_cancelled_by_the_next_daily_run) {
  const auto bought = buy({product("a", "10.00"), product("b", "5.00")});
  ASSERT_TRUE(refund({.payment = bought.payment, .lines = {lines(bought.invoice).front().id}}).ok());
  EXPECT_EQ(service(bought.services[0]).status, ServiceStatus::active);
  EXPECT_EQ(service(bought.services[0]).next_due_on, rules.today(clock.now())) << "the refunded period is not paid for";
  daily_run();
  EXPECT_EQ(service(bought.services[0]).status, ServiceStatus::cancelled);
  EXPECT_EQ(service(bought.services[1]).status, ServiceStatus::active);
  clock.advance(days(26));
  daily_run();
  EXPECT_EQ(number("SELECT COUNT(*) FROM invoice_lines WHERE removed_at IS NULL AND kind = 'recurring'"), 2)
      << "the other one is billed on";
}

TEST_P(RefundsOfLinesTest, a_period_refunded_ahead_ends_the_service_when_the_paid_one_ends) {
  const auto bought = buy({product("a", "10.00")});
  clock.advance(days(26));
  daily_run();
  const auto renewal = db->read([&](Connection& c) { return invoicing::open_invoices(c, account).back(); });
  const auto paid = payments.pay({.invoice = renewal.id, .gateway = "cards"}, customer);
  ASSERT_TRUE(refund({.payment = paid->id}).ok());
  EXPECT_EQ(service(bought.services[0]).cancel_on, CivilDate(2027, 4, 1));
  EXPECT_EQ(service(bought.services[0]).next_due_on, CivilDate(2027, 4, 1));
  clock.advance(days(6));
  daily_run();
  EXPECT_EQ(service(bought.services[0]).status, ServiceStatus::cancelled);
}

TEST_P(RefundsOfLinesTest, a_service_may_be_terminated_at_once_or_kept) {
  const auto bought = buy({product("a", "10.00"), product("b", "5.00")});
  const auto all = lines(bought.invoice);
  ASSERT_TRUE(
      refund({.payment = bought.payment, .lines = {all[0].id}, .service = RefundedService::terminate_now}).ok());
  EXPECT_EQ(service(bought.services[0]).status, ServiceStatus::cancelled);
  EXPECT_FALSE(service(bought.services[0]).next_due_on);
  ASSERT_TRUE(refund({.payment = bought.payment, .lines = {all[1].id}, .service = RefundedService::keep}).ok());
  EXPECT_EQ(service(bought.services[1]).next_due_on, CivilDate(2027, 4, 1)) << "the period is a gift";
  daily_run();
  EXPECT_EQ(service(bought.services[1]).status, ServiceStatus::active);
}

TEST_P(RefundsOfLinesTest, a_part_of_a_period_leaves_the_service_alone) {
  const auto bought = buy({product("a", "10.00")});
  ASSERT_TRUE(refund({.payment = bought.payment, .amount = usd("5.00")}).ok());
  EXPECT_FALSE(service(bought.services[0]).cancel_on);
  EXPECT_EQ(service(bought.services[0]).next_due_on, CivilDate(2027, 4, 1));
}

TEST_P(RefundsOfLinesTest, a_refunded_change_to_a_year_ends_the_service_as_a_refunded_renewal_does) {
  const auto bought = buy({monthly_or_annual("a", "10.00", "96.00")});
  clock.advance(days(10));
  const auto year = change_to_a_year(bought);
  EXPECT_EQ(service(bought.services[0]).next_due_on, CivilDate(2028, 3, 11));
  ASSERT_TRUE(refund({.payment = year.payment}).ok());
  EXPECT_EQ(service(bought.services[0]).next_due_on, CivilDate(2027, 4, 1)) << "the month is paid for, the year is not";
  daily_run();
  EXPECT_EQ(service(bought.services[0]).status, ServiceStatus::cancelled);
}

TEST_P(RefundsOfLinesTest, of_a_change_to_a_year_the_line_of_the_year_decides) {
  const auto bought = buy({monthly_or_annual("a", "10.00", "96.00")});
  clock.advance(days(10));
  const auto year = change_to_a_year(bought);
  const auto paid = stored(year.payment).received;
  const auto charged = lines(year.invoice).back();
  ASSERT_TRUE(refund({.payment = year.payment, .amount = usd("50.00")}).ok()) << "a part";
  EXPECT_FALSE(service(bought.services[0]).cancel_on);
  const auto rest = refund({.payment = year.payment, .lines = {charged.id}, .service = RefundedService::terminate_now});
  ASSERT_TRUE(rest.ok()) << rest.error().detail;
  EXPECT_EQ(stored_refund(*rest).amount, paid - usd("50.00")) << "the days left of the month go with the year";
  EXPECT_EQ(service(bought.services[0]).status, ServiceStatus::cancelled);
}

TEST_P(RefundsOfLinesTest, a_refunded_upgrade_within_the_period_leaves_the_service_alone) {
  const auto bought = buy({product("a", "10.00")});
  const auto better = product("b", "40.00");
  clock.advance(days(10));
  const auto change = db->write("change", [&](Transaction& tx) {
    return invoicing::request_change(tx, rules, {.service = bought.services[0], .product = better}, customer,
                                     clock.now())
        .value();
  });
  const auto paid = payments.pay({.invoice = change.invoice, .gateway = "cards"}, customer);
  ASSERT_TRUE(refund({.payment = paid->id}).ok());
  EXPECT_FALSE(service(bought.services[0]).cancel_on);
  EXPECT_EQ(service(bought.services[0]).next_due_on, CivilDate(2027, 4, 1));
}

class OwedAgainTest : public RefundFixture {
 protected:
  static settings::Config with_rule() {
    settings::Config config = payment_config();
    config.billing.refunds.rule.service = RefundedService::keep;
    config.billing.refunds.rule.owed_again = true;
    return config;
  }
  OwedAgainTest() : RefundFixture(with_rule()) {}
};
INSTANTIATE_TEST_SUITE_P(Backends, OwedAgainTest, backends());

TEST_P(OwedAgainTest, a_kept_service_is_invoiced_again_for_the_refunded_period) {
  const auto bought = buy({product("a", "10.00")});
  ASSERT_TRUE(refund({.payment = bought.payment}).ok());
  EXPECT_EQ(service(bought.services[0]).next_due_on, CivilDate(2027, 3, 1));
  workers.drain();
  daily_run();
  EXPECT_EQ(service(bought.services[0]).next_due_on, CivilDate(2027, 4, 1));
  EXPECT_EQ(number("SELECT COUNT(*) FROM invoice_lines WHERE kind = 'recurring' AND period_start = '2027-03-01'"), 2);
  EXPECT_EQ(number("SELECT balance FROM invoices WHERE kind = 'renewal'"), 1000);
}

TEST_P(OwedAgainTest, a_year_that_a_change_began_is_invoiced_again_from_the_end_of_what_is_paid_for) {
  const auto bought = buy({monthly_or_annual("a", "10.00", "96.00")});
  clock.advance(days(10));
  ASSERT_TRUE(refund({.payment = change_to_a_year(bought).payment}).ok());
  EXPECT_EQ(service(bought.services[0]).next_due_on, CivilDate(2027, 4, 1));
  daily_run();
  EXPECT_EQ(service(bought.services[0]).status, ServiceStatus::active);
  EXPECT_EQ(number("SELECT COUNT(*) FROM invoices WHERE kind = 'renewal'"), 0);
  clock.advance(days(14));
  daily_run();
  EXPECT_EQ(service(bought.services[0]).next_due_on, CivilDate(2028, 4, 1));
  EXPECT_EQ(number("SELECT balance FROM invoices WHERE kind = 'renewal'"), 9600);
}

}  // namespace
}  // namespace bursar::test
