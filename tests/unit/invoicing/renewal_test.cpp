// Goal: every period is invoiced once, on the right day, in one invoice with what else is due then.
#include "unit/invoicing/fixture.hpp"

namespace bursar::invoicing {
namespace {

class Renewal : public InvoicingTest {
 protected:
  // Ordered and paid on the calendar's day.
  Placed started(AccountId account, std::vector<ProductId> products, std::string promotion = "") {
    const auto placed = order(account, products, std::move(promotion));
    if (invoice(placed.invoice).status == InvoiceStatus::open) pay(placed.invoice, invoice(placed.invoice).total);
    return placed;
  }
  void pay_everything(AccountId account) {
    for (const auto& due : invoices(account)) {
      if (due.status == InvoiceStatus::open) pay(due.id, due.balance);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, Renewal, test::backends());

TEST_P(Renewal, services_due_together_are_one_invoice_that_is_made_once) {
  const auto customer = account("DE");
  const auto placed =
      started(customer, {product("a", dollars(1000)), product("b", dollars(333)), product("c", dollars(1))});
  today = day("2027-02-20");
  EXPECT_EQ(run()["invoices"], 0) << "eight days before: too early";
  today = day("2027-02-21");
  EXPECT_EQ(run()["invoices"], 1);
  EXPECT_EQ(run()["invoices"], 0) << "a second run finds nothing";
  const auto renewal = invoices(customer).front();
  EXPECT_EQ(renewal.kind, InvoiceKind::renewal);
  EXPECT_EQ(renewal.due_on, day("2027-02-28"));
  EXPECT_EQ(renewal.issued_on, today);
  EXPECT_EQ(renewal.net, dollars(1334));
  EXPECT_EQ(renewal.tax, dollars(253));
  ASSERT_TRUE(renewal.dunning);
  EXPECT_EQ(renewal.dunning->on, day("2027-02-25"));
  const auto all = lines(renewal.id);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].period_start, day("2027-02-28"));
  EXPECT_EQ(all[0].period_end, day("2027-03-31"));
  EXPECT_EQ(service(placed.services[0]).next_due_on, day("2027-03-31"));
  expect_clean();
}

TEST_P(Renewal, an_anchor_on_the_31st_never_drifts) {
  const auto customer = account();
  started(customer, {product("a", dollars(1000))});
  std::vector<std::string> due;
  run_until(day("2028-03-31"));
  for (const auto& invoice : invoices(customer)) {
    if (invoice.kind == InvoiceKind::renewal) due.insert(due.begin(), invoice.due_on.to_string());
  }
  EXPECT_EQ(due, (std::vector<std::string>{"2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31", "2027-06-30",
                                           "2027-07-31", "2027-08-31", "2027-09-30", "2027-10-31", "2027-11-30",
                                           "2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31"}));
  expect_clean();
}

TEST_P(Renewal, chunks_of_one_account_make_what_one_chunk_makes) {
  const auto vps = product("a", dollars(1000));
  for (int i = 0; i < 7; ++i) started(account(), {vps, vps, vps});
  today = day("2027-02-21");
  EXPECT_EQ(run(today, 1)["invoices"], 7);
  read([](storage::Connection& c) {
    auto rows = c.query("SELECT COUNT(*), SUM(last_id - first_id + 1) FROM notice_spans");
    ASSERT_TRUE(rows.next());
    EXPECT_EQ(rows.integer(0), 7) << "one span a chunk";
    EXPECT_EQ(rows.integer(1), 7);
  });
  expect_clean();
}

TEST_P(Renewal, more_services_than_a_chunk_reads_at_once_stay_in_one_invoice) {
  const auto customer = account();
  const auto vps = product("a", dollars(100));
  for (int i = 0; i < 3; ++i) started(customer, std::vector<ProductId>(20, vps));
  today = day("2027-02-21");
  EXPECT_EQ(run(today, 1)["invoices"], 1);
  EXPECT_EQ(lines(invoices(customer).front().id).size(), 60u);
}

TEST_P(Renewal, by_configuration_each_service_has_an_invoice_of_its_own) {
  auto apart = config();
  apart.billing.group_by = settings::GroupBy::service;
  use(apart);
  const auto vps = product("a", dollars(1000));
  const auto customer = account();
  started(customer, {vps, vps});
  today = day("2027-02-21");
  EXPECT_EQ(run()["invoices"], 2);
  expect_clean();
}

TEST_P(Renewal, a_run_after_months_of_downtime_invoices_each_missed_period_as_due_then) {
  const auto customer = account();
  started(customer, {product("a", dollars(1000))});
  today = day("2027-05-10");
  EXPECT_EQ(run()["invoices"], 3);
  const auto all = invoices(customer);
  EXPECT_EQ(all[2].due_on, day("2027-02-28"));
  EXPECT_EQ(all[0].due_on, day("2027-04-30"));
  ASSERT_TRUE(all[2].dunning);
  EXPECT_EQ(all[2].dunning->on, day("2027-05-14")) << "the customer has the notice that was promised";
  expect_clean();
}

TEST_P(Renewal, a_late_run_dates_its_invoices_by_the_day_it_stands_for) {
  const auto customer = account();
  started(customer, {product("a", dollars(1000))});
  today = day("2027-02-24");
  run(day("2027-02-21"));
  const auto renewal = invoices(customer).front();
  EXPECT_EQ(renewal.issued_on, day("2027-02-21"));
  EXPECT_EQ(renewal.dunning->on, day("2027-02-28")) << "counted from the day the customer could know";
}

TEST_P(Renewal, dates_never_fall_as_numbers_grow) {
  const auto vps = product("a", dollars(1000));
  started(account(), {vps});
  today = day("2027-02-24");
  order(account(), {vps});  // issued today, before
  run(day("2027-02-21"));   // the late run of three days ago
  expect_clean();
}

TEST_P(Renewal, credit_is_spread_over_what_falls_due_and_never_spent_twice) {
  const auto customer = account();
  started(customer, {product("a", dollars(1000))});
  today = today.plus_days(5);
  started(customer, {product("b", dollars(700))});
  write([&](auto& tx) { grant_credit(tx, *rules, customer, dollars(1200), 900'001, "", now()); });
  today = day("2027-03-05");
  const auto counts = run();
  EXPECT_EQ(counts.at("invoices"), 2);
  EXPECT_EQ(counts.at("paid_by_credit"), 1);
  const auto all = invoices(customer);
  EXPECT_EQ(all[1].status, InvoiceStatus::paid);
  EXPECT_EQ(all[0].balance, dollars(500));
  EXPECT_TRUE(credit(customer).is_zero());
  expect_clean();
}

TEST_P(Renewal, loose_credit_goes_to_open_invoices_oldest_first_where_configured) {
  auto loose = config();
  loose.billing.apply_credit_to_open_invoices = true;
  use(loose);
  const auto customer = account();
  started(customer, {product("a", dollars(1000))});
  today = day("2027-03-25");
  run();
  write([&](auto& tx) { grant_credit(tx, *rules, customer, dollars(1500), 900'001, "", now()); });
  EXPECT_EQ(run().at("credit_applied"), 2);
  const auto all = invoices(customer);
  EXPECT_EQ(all[1].status, InvoiceStatus::paid);
  EXPECT_EQ(all[0].balance, dollars(500));
  expect_clean();
}

TEST_P(Renewal, a_promotion_lowers_as_many_periods_as_it_says) {
  promotion({.code = "THREE", .percent = parse_percent("10").value(), .periods = 3});
  const auto customer = account();
  started(customer, {product("a", dollars(1000))}, "THREE");
  run_until(day("2027-05-31"));
  std::vector<std::int64_t> totals;
  for (const auto& invoice : invoices(customer)) totals.push_back(invoice.total.minor());
  EXPECT_EQ(totals, (std::vector<std::int64_t>{1000, 1000, 900, 900, 900}));
  expect_clean();
}

TEST_P(Renewal, suspended_services_are_billed_and_pending_ones_are_not) {
  const auto customer = account();
  const auto vps = product("a", dollars(1000));
  const auto running = started(customer, {vps});
  const auto unpaid = order(customer, {vps});
  suspend_as_overdue(running.services[0]);
  today = day("2027-02-28");
  EXPECT_EQ(run()["services"], 1);
  EXPECT_EQ(service(unpaid.services[0]).periods_invoiced, 1);
}

TEST_P(Renewal, paying_brings_an_overdue_service_back_when_nothing_else_is_overdue) {
  const auto customer = account();
  const auto running = started(customer, {product("a", dollars(1000))});
  today = day("2027-04-05");
  run();  // two periods are overdue
  suspend_as_overdue(running.services[0]);
  const auto all = invoices(customer);
  pay(all[1].id, all[1].balance);
  EXPECT_EQ(service(running.services[0]).status, services::ServiceStatus::suspended);
  pay(all[0].id, all[0].balance);
  EXPECT_EQ(service(running.services[0]).status, services::ServiceStatus::active);
  expect_clean();
}

}  // namespace
}  // namespace bursar::invoicing
