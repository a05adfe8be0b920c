// Goal: an order is priced by the server alone, and services begin when it is paid, once.
#include "unit/invoicing/fixture.hpp"

namespace bursar::invoicing {
namespace {

class Orders : public InvoicingTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Orders, test::backends());

TEST_P(Orders, an_order_makes_pending_services_and_an_invoice_and_payment_starts_them) {
  const auto german = account("DE");
  const auto vps = product("vps-s", dollars(1000), dollars(500));
  const auto placed = order(german, {vps, vps});
  ASSERT_EQ(placed.services.size(), 2u);
  EXPECT_EQ(service(placed.services[0]).status, services::ServiceStatus::pending);
  EXPECT_FALSE(service(placed.services[0]).next_due_on);
  EXPECT_EQ(invoice(placed.invoice).net, dollars(3000));
  EXPECT_EQ(invoice(placed.invoice).tax, dollars(570));
  EXPECT_EQ(invoice(placed.invoice).number, "INV-2027-000001");
  EXPECT_EQ(lines(placed.invoice).size(), 4u);

  EXPECT_FALSE(pay(placed.invoice, dollars(3000)).newly_paid);
  EXPECT_EQ(service(placed.services[0]).status, services::ServiceStatus::pending);
  const auto settled = pay(placed.invoice, dollars(1000));
  EXPECT_TRUE(settled.newly_paid);
  EXPECT_EQ(settled.surplus, dollars(430));
  EXPECT_EQ(settled.services, placed.services);
  const auto started = service(placed.services[0]);
  EXPECT_EQ(started.status, services::ServiceStatus::active);
  EXPECT_EQ(started.next_due_on, day("2027-02-28"));
  EXPECT_EQ(credit(german), dollars(430));
  EXPECT_FALSE(invoice(placed.invoice).dunning);

  EXPECT_EQ(pay(placed.invoice, dollars(3570)).surplus, dollars(3570)) << "paid again: all of it is credit";
  EXPECT_EQ(service(placed.services[0]).version, started.version) << "and nothing starts a second time";
  expect_clean();
}

TEST_P(Orders, a_quote_is_what_the_order_then_costs) {
  const auto german = account("DE");
  const auto vps = product("vps-s", dollars(999), dollars(500));
  promotion({.code = "HALF", .percent = parse_percent("50").value()});
  const OrderRequest request{
      .account = german, .items = {{.product = vps, .cycle = BillingCycle::months(1)}}, .promotion_code = "half"};
  const auto quoted = read([&](auto& c) { return quote(c, *rules, request, now()); }).value();
  const auto placed = order(german, {vps}, "half");
  EXPECT_EQ(quoted.now.total, invoice(placed.invoice).total);
  EXPECT_EQ(quoted.lines.size(), 3u);
  ASSERT_EQ(quoted.recurring.size(), 1u);
  EXPECT_EQ(quoted.recurring[0].amounts.net, dollars(999)) << "the promotion is for one period";
  expect_clean();
}

TEST_P(Orders, bad_items_are_told_all_at_once_and_store_nothing) {
  const auto american = account();
  const auto vps = product("vps-s", dollars(1000));
  const OrderRequest request{.account = american,
                             .items = {{.product = ProductId(999'999), .cycle = BillingCycle::months(1)},
                                       {.product = vps, .cycle = BillingCycle::months(7)},
                                       {.product = vps, .cycle = BillingCycle::months(1), .quantity = -1}}};
  const auto refused = write([&](auto& tx) { return place_order(tx, *rules, request, {}, now()); });
  ASSERT_FALSE(refused.ok());
  ASSERT_EQ(refused.error().fields.size(), 3u);
  EXPECT_EQ(refused.error().fields[0].pointer, "/items/0/product");
  EXPECT_EQ(refused.error().fields[1].pointer, "/items/1/cycle");
  EXPECT_EQ(refused.error().fields[2].pointer, "/items/2/quantity");
  EXPECT_TRUE(invoices(american).empty());
}

TEST_P(Orders, what_is_free_starts_at_once) {
  const auto american = account();
  const auto placed = order(american, {product("free", dollars(0))});
  EXPECT_EQ(invoice(placed.invoice).status, InvoiceStatus::paid);
  EXPECT_EQ(service(placed.services[0]).status, services::ServiceStatus::active);
  expect_clean();
}

TEST_P(Orders, account_credit_is_used_first_and_may_pay_the_whole_order) {
  const auto american = account();
  write([&](auto& tx) { grant_credit(tx, *rules, american, dollars(1500), 900'001, "welcome", now()); });
  const auto vps = product("vps-s", dollars(1000));
  const auto first = order(american, {vps});
  EXPECT_EQ(invoice(first.invoice).status, InvoiceStatus::paid);
  EXPECT_EQ(service(first.services[0]).status, services::ServiceStatus::active);
  const auto second = order(american, {vps});
  EXPECT_EQ(invoice(second.invoice).balance, dollars(500));
  EXPECT_TRUE(credit(american).is_zero());
  expect_clean();
}

TEST_P(Orders, a_deposit_becomes_credit_when_it_is_paid_and_takes_no_credit_itself) {
  const auto american = account();
  const auto deposit = write([&](auto& tx) { return issue_deposit(tx, *rules, american, dollars(2000), now()); });
  EXPECT_TRUE(credit(american).is_zero());
  EXPECT_FALSE(invoice(*deposit).dunning);
  EXPECT_EQ(write([&](auto& tx) { return apply_credit(tx, *rules, *deposit, dollars(1), now()); }).error().code,
            "deposit_takes_no_credit");
  pay(*deposit, dollars(2000));
  EXPECT_EQ(credit(american), dollars(2000));
  expect_clean();
}

TEST_P(Orders, a_pro_forma_takes_its_number_when_it_is_paid) {
  auto at_payment = config();
  at_payment.billing.invoice_becomes_legal = settings::InvoiceBecomesLegal::at_payment;
  use(at_payment);
  const auto vps = product("vps-s", dollars(1000));
  const auto first = order(account(), {vps});
  const auto second = order(account(), {vps});
  EXPECT_FALSE(invoice(first.invoice).legal());
  today = today.plus_days(3);
  pay(second.invoice, dollars(1000));
  EXPECT_EQ(invoice(second.invoice).number, "INV-2027-000001");
  EXPECT_EQ(invoice(second.invoice).issued_on, today);
  expect_clean();
}

// Nothing is reminded of here, so that the due date alone counts; tests/unit/dunning looks at both.
settings::Config undunned() {
  auto quiet = config();
  quiet.billing.reminders = {.before_due = {}, .after_due = {}};
  quiet.billing.suspend_after_days.reset();
  quiet.billing.terminate_after_days.reset();
  return quiet;
}

TEST_P(Orders, that_nobody_pays_are_cancelled_once_long_after_they_were_due) {
  use(undunned());
  today = day("2027-01-01");
  const auto american = account();
  const auto vps = product("vps-s", dollars(1000));
  const auto unpaid = order(american, {vps, vps}), paid = order(american, {vps});
  pay(unpaid.invoice, dollars(300));
  pay(paid.invoice, dollars(1000));
  run_until(day("2027-01-30"));
  EXPECT_EQ(invoice(unpaid.invoice).status, InvoiceStatus::open);
  today = day("2027-01-31");
  EXPECT_EQ(run()["orders_cancelled"], 1);
  EXPECT_EQ(run()["orders_cancelled"], 0);
  EXPECT_EQ(invoice(unpaid.invoice).status, InvoiceStatus::refunded);
  for (const auto id : unpaid.services) EXPECT_EQ(service(id).status, services::ServiceStatus::cancelled);
  EXPECT_EQ(credit(american), dollars(300));
  EXPECT_EQ(service(paid.services[0]).status, services::ServiceStatus::active);
  pay(unpaid.invoice, dollars(1700));
  EXPECT_EQ(credit(american), dollars(2000)) << "too late: the money is credit";
  for (const auto id : unpaid.services) EXPECT_EQ(service(id).status, services::ServiceStatus::cancelled);
  expect_clean();
}

TEST_P(Orders, are_not_cancelled_while_a_payment_is_under_way) {
  use(undunned());
  today = day("2027-01-01");
  const auto placed = order(account(), {product("vps-s", dollars(1000))});
  write([&](auto& tx) {
    tx.execute(
        "INSERT INTO payments (id, account_id, gateway, invoice_id, origin, status, currency, amount, created_at)"
        " SELECT 700000001, account_id, 'bank', id, 'customer', 'pending', 'USD', 1000, created_at FROM invoices");
  });
  run_until(day("2027-02-10"));
  EXPECT_EQ(service(placed.services[0]).status, services::ServiceStatus::pending);
  write([&](auto& tx) { tx.execute("UPDATE payments SET status = 'failed'"); });
  EXPECT_EQ(run()["orders_cancelled"], 1);
  expect_clean();
}

TEST_P(Orders, wait_for_ever_where_the_provider_says_so) {
  auto patient = undunned();
  patient.billing.cancel_unpaid_orders_after_days.reset();
  use(patient);
  const auto placed = order(account(), {product("vps-s", dollars(1000))});
  run_until(today.plus_days(60));
  EXPECT_EQ(service(placed.services[0]).status, services::ServiceStatus::pending);
  pay(placed.invoice, dollars(1000));
  EXPECT_EQ(service(placed.services[0]).status, services::ServiceStatus::active);
  expect_clean();
}

TEST_P(Orders, of_which_the_customer_cancels_a_part_give_back_the_stock_of_that_part) {
  const auto vps = product("vps-s", dollars(1000));
  const auto stock = [&] { return read([&](auto& c) { return catalog::find_product(c, vps)->stock; }); };
  write([&](auto& tx) { tx.execute("UPDATE products SET stock = 3"); });
  const auto placed = order(account(), {vps, vps, vps});
  cancel(placed.services[0], services::CancellationKind::immediate);
  run();
  EXPECT_EQ(stock(), 1);
  EXPECT_EQ(invoice(placed.invoice).balance, dollars(2000));
  const services::Cause staff{.actor = {}, .reason = "by staff"};
  EXPECT_TRUE(write([&](auto& tx) {
                return services::change_service(tx, placed.services[1], services::Change::terminate, staff, now());
              }).ok());
  EXPECT_EQ(stock(), 2);
  pay(placed.invoice, dollars(2000));
  cancel(placed.services[2], services::CancellationKind::immediate);
  run_until(today.plus_days(1));
  EXPECT_EQ(service(placed.services[2]).status, services::ServiceStatus::cancelled);
  EXPECT_EQ(stock(), 2) << "that one was delivered";
  expect_clean();
}

TEST_P(Orders, that_end_unpaid_in_whatever_way_start_nothing_and_give_back_what_is_limited) {
  const auto vps = product("vps-s", dollars(1000));
  write([&](auto& tx) { tx.execute("UPDATE products SET stock = 2"); });
  promotion({.code = "ONCE", .percent = parse_percent("10").value(), .periods = 1, .max_uses = 1});
  for (int way = 0; way < 3; ++way) {
    SCOPED_TRACE(way);
    const auto placed = order(account(), {vps, vps}, "ONCE");
    const auto ended = write([&](auto& tx) -> Status {
      if (way == 0) return write_off(tx, *rules, placed.invoice, "no", now());
      if (way == 1) {
        BURSAR_CHECK(void_invoice(tx, *rules, placed.invoice, "no", now()));
      } else {
        BURSAR_CHECK(credit_amount(tx, *rules, placed.invoice, dollars(1800), "by phone", now()));
      }
      return {};
    });
    ASSERT_TRUE(ended.ok());
    for (const auto id : placed.services) EXPECT_EQ(service(id).status, services::ServiceStatus::cancelled);
    EXPECT_EQ(read([&](auto& c) { return catalog::find_product(c, vps)->stock; }), 2);
    expect_clean();
  }
}

}  // namespace
}  // namespace bursar::invoicing
