// Goal: what is taken back is taken back to the cent, legal documents stay, and money already paid is never lost.
#include "invoicing/periods.hpp"
#include "unit/invoicing/fixture.hpp"

namespace bursar::invoicing {
namespace {

using services::CancellationKind;

class Corrections : public InvoicingTest {
 protected:
  // Three products ordered and paid; their second period is invoiced.
  void grouped() {
    customer = account("DE");
    const auto placed =
        order(customer, {product("a", dollars(1000)), product("b", dollars(333)), product("c", dollars(2000))});
    services_ = placed.services;
    pay(placed.invoice, invoice(placed.invoice).total);
    today = day("2027-02-21");
    run();
    renewal = invoices(customer).front().id;
  }
  AccountId customer;
  std::vector<ServiceId> services_;
  InvoiceId renewal;
};
INSTANTIATE_TEST_SUITE_P(Backends, Corrections, test::backends());

TEST_P(Corrections, cancelling_one_of_three_credits_its_line_of_a_legal_invoice) {
  grouped();
  const auto before = invoice(renewal);
  cancel(services_[1], CancellationKind::end_of_period);
  EXPECT_EQ(service(services_[1]).cancel_on, day("2027-02-28"));
  today = day("2027-02-22");
  EXPECT_EQ(run()["invoices_adjusted"], 1);
  const auto after = invoice(renewal);
  EXPECT_EQ(after.total, before.total) << "the document stays as it was issued";
  EXPECT_EQ(after.number, before.number);
  const auto notes = read([&](auto& c) { return credit_notes_of(c, renewal); });
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].number, "CN-2027-000001");
  EXPECT_EQ(notes[0].net, dollars(333));
  EXPECT_EQ(after.balance, before.balance - notes[0].total);
  EXPECT_EQ(service(services_[1]).status, services::ServiceStatus::active) << "until its period ends";
  expect_clean();
  today = day("2027-02-28");
  EXPECT_EQ(run()["services_ended"], 1);
  EXPECT_EQ(service(services_[1]).status, services::ServiceStatus::cancelled);
  run_until(day("2027-03-24"));
  EXPECT_EQ(lines(invoices(customer).front().id).size(), 2u) << "the others go on";
  expect_clean();
}

TEST_P(Corrections, an_invoice_tells_beforehand_what_the_next_run_takes_off) {
  const auto to_be_removed = [&] {
    return read([&](auto& c) { return lines_to_be_removed(c, renewal, lines_of(c, *find_invoice(c, renewal))); });
  };
  grouped();
  EXPECT_TRUE(to_be_removed().empty());
  cancel(services_[1], CancellationKind::end_of_period);
  EXPECT_EQ(to_be_removed(), std::vector{lines(renewal)[1].id});
  ASSERT_TRUE(write([&](auto& tx) { return services::withdraw_cancellation(tx, services_[1], {}, now()); }).ok());
  EXPECT_TRUE(to_be_removed().empty());
  cancel(services_[0], CancellationKind::immediate);
  const auto expected = to_be_removed();
  EXPECT_EQ(expected, std::vector{lines(renewal)[0].id});
  today = day("2027-02-22");
  run();
  EXPECT_TRUE(to_be_removed().empty());
  EXPECT_TRUE(lines(renewal)[0].removed);
}

TEST_P(Corrections, cancelling_one_of_three_takes_its_line_off_a_pro_forma) {
  auto at_payment = config();
  at_payment.billing.invoice_becomes_legal = settings::InvoiceBecomesLegal::at_payment;
  use(at_payment);
  grouped();
  cancel(services_[0], CancellationKind::immediate);
  today = day("2027-02-22");
  run();
  const auto after = invoice(renewal);
  EXPECT_EQ(after.net, dollars(2333));
  EXPECT_EQ(after.balance, after.total);
  EXPECT_TRUE(read([&](auto& c) { return credit_notes_of(c, renewal); }).empty());
  EXPECT_EQ(service(services_[0]).status, services::ServiceStatus::cancelled);
  pay(renewal, after.total);
  EXPECT_TRUE(invoice(renewal).legal());
  expect_clean();
}

TEST_P(Corrections, the_share_already_paid_becomes_credit) {
  grouped();
  pay(renewal, invoice(renewal).total);
  cancel(services_[2], CancellationKind::end_of_period);
  today = day("2027-02-22");
  run();
  EXPECT_EQ(credit(customer), dollars(2380));
  EXPECT_EQ(invoice(renewal).status, InvoiceStatus::paid);
  expect_clean();
}

TEST_P(Corrections, a_partial_payment_that_covers_the_rest_pays_it) {
  grouped();
  pay(renewal, dollars(2000));
  cancel(services_[2], CancellationKind::end_of_period);
  today = day("2027-02-22");
  run();
  EXPECT_EQ(invoice(renewal).status, InvoiceStatus::paid);
  EXPECT_EQ(credit(customer), dollars(2000) - dollars(1586));
  expect_clean();
}

TEST_P(Corrections, a_discount_goes_with_the_line_it_lowers) {
  promotion({.code = "ALWAYS", .percent = parse_percent("10").value(), .periods = 0});
  customer = account();
  const auto placed = order(customer, {product("a", dollars(1000)), product("b", dollars(500))}, "ALWAYS");
  pay(placed.invoice, invoice(placed.invoice).total);
  today = day("2027-02-21");
  run();
  renewal = invoices(customer).front().id;
  EXPECT_EQ(invoice(renewal).total, dollars(1350));
  cancel(placed.services[0], CancellationKind::end_of_period);
  run();
  EXPECT_EQ(invoice(renewal).balance, dollars(450));
  expect_clean();
}

TEST_P(Corrections, what_a_discount_lowered_is_never_credited_beyond_what_was_asked_for_it) {
  promotion({.code = "ALWAYS", .percent = parse_percent("10").value(), .periods = 0});
  customer = account();
  const auto placed = order(customer, {product("a", dollars(1000))}, "ALWAYS");
  pay(placed.invoice, dollars(900));
  const auto all = read([&](auto& c) { return lines_of(c, *find_invoice(c, placed.invoice)); });
  const auto credit_lines = [&](std::vector<LineCredit> parts) {
    return write([&](auto& tx) { return credit_note(tx, *rules, placed.invoice, parts, "mistake", now()); });
  };
  EXPECT_EQ(credit_lines({{all[0].id, dollars(1000), dollars(0)}}).error().code, "credit_exceeds_invoice");
  EXPECT_TRUE(credit_lines({{all[0].id, dollars(1000), dollars(0)}, {all[1].id, dollars(-100), dollars(0)}}).ok());
  EXPECT_EQ(credit(customer), dollars(900));
  expect_clean();
}

TEST_P(Corrections, a_withdrawn_cancellation_is_invoiced_again) {
  grouped();
  cancel(services_[1], CancellationKind::end_of_period);
  today = day("2027-02-22");
  run();
  ASSERT_TRUE(write([&](auto& tx) { return services::withdraw_cancellation(tx, services_[1], {}, now()); }).ok());
  today = day("2027-02-23");
  EXPECT_EQ(run()["services"], 1);
  EXPECT_EQ(invoices(customer).front().net, dollars(333));
  EXPECT_EQ(service(services_[1]).next_due_on, day("2027-03-31"));
  expect_clean();
}

TEST_P(Corrections, an_unpaid_order_that_is_cancelled_owes_nothing) {
  customer = account();
  const auto vps = product("a", dollars(1000), dollars(500));
  const auto placed = order(customer, {vps});
  cancel(placed.services[0], CancellationKind::immediate);
  run();
  EXPECT_EQ(invoice(placed.invoice).status, InvoiceStatus::void_);
  EXPECT_EQ(service(placed.services[0]).status, services::ServiceStatus::cancelled);
  expect_clean();
}

TEST_P(Corrections, ending_at_once_refunds_nothing_of_the_period_under_way) {
  customer = account();
  const auto placed = order(customer, {product("a", dollars(1000))});
  pay(placed.invoice, dollars(1000));
  cancel(placed.services[0], CancellationKind::immediate);
  run();
  EXPECT_TRUE(credit(customer).is_zero());
  EXPECT_EQ(service(placed.services[0]).status, services::ServiceStatus::cancelled);
  expect_clean();
}

TEST_P(Corrections, a_void_legal_invoice_keeps_its_number_against_a_credit_note) {
  grouped();
  const auto number = invoice(renewal).number;
  const auto done = write([&](auto& tx) { return void_invoice(tx, *rules, renewal, "mistake", now()); });
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done.value().status, InvoiceStatus::void_);
  EXPECT_TRUE(done.value().credit_note);
  EXPECT_EQ(invoice(renewal).number, number);
  EXPECT_FALSE(invoice(renewal).dunning);
  EXPECT_EQ(write([&](auto& tx) { return void_invoice(tx, *rules, renewal, "again", now()); }).error().code,
            "invoice_not_voidable");
  expect_clean();
}

TEST_P(Corrections, voiding_a_paid_invoice_gives_the_money_back_as_credit) {
  grouped();
  const auto total = invoice(renewal).total;
  pay(renewal, total);
  const auto done = write([&](auto& tx) { return void_invoice(tx, *rules, renewal, "mistake", now()); });
  EXPECT_EQ(done.value().status, InvoiceStatus::refunded);
  EXPECT_EQ(credit(customer), total);
  expect_clean();
}

TEST_P(Corrections, part_of_an_amount_is_credited_over_the_lines_without_loss) {
  grouped();
  const auto total = invoice(renewal).total;
  std::int64_t left = total.minor();
  for (const std::int64_t cents : {1, 7, 100, 999}) {
    const auto done =
        write([&](auto& tx) { return credit_amount(tx, *rules, renewal, dollars(cents), "goodwill", now()); });
    ASSERT_TRUE(done.ok()) << done.error().detail;
    left -= cents;
    EXPECT_EQ(invoice(renewal).balance, dollars(left));
  }
  EXPECT_EQ(write([&](auto& tx) { return credit_amount(tx, *rules, renewal, total, "", now()); }).error().code,
            "credit_exceeds_invoice");
  ASSERT_TRUE(write([&](auto& tx) { return credit_amount(tx, *rules, renewal, dollars(left), "", now()); }).ok());
  EXPECT_EQ(invoice(renewal).status, InvoiceStatus::void_);
  expect_clean();
}

TEST_P(Corrections, a_write_off_gives_up_the_balance_and_a_late_payment_is_credit) {
  grouped();
  ASSERT_TRUE(write([&](auto& tx) { return write_off(tx, *rules, renewal, "gone", now()); }).ok());
  EXPECT_EQ(invoice(renewal).status, InvoiceStatus::uncollectible);
  EXPECT_EQ(pay(renewal, dollars(100)).surplus, dollars(100));
  EXPECT_EQ(credit(customer), dollars(100));
  expect_clean();
}

TEST_P(Corrections, an_overdue_invoice_has_one_late_fee) {
  grouped();
  const auto fee = [&](auto& tx) { return issue_late_fee(tx, *rules, renewal, dollars(100), now()); };
  EXPECT_TRUE(write(fee).value());
  EXPECT_FALSE(write(fee).value());
  expect_clean();
}

TEST_P(Corrections, numbers_are_given_back_by_a_rollback) {
  customer = account();
  const auto vps = product("a", dollars(1000));
  order(customer, {vps});
  EXPECT_THROW(write([&](storage::Transaction& tx) {
                 EXPECT_TRUE(issue_deposit(tx, *rules, customer, dollars(500), now()).ok());
                 throw std::runtime_error("changed my mind");
               }),
               std::runtime_error);
  EXPECT_EQ(invoice(order(customer, {vps}).invoice).number, "INV-2027-000002");
  expect_clean();
}

}  // namespace
}  // namespace bursar::invoicing
