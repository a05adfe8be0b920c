// Goal: what must not depend on how the work was cut up does not: a run held twice, days caught up after a gap, an
// account left out for a fault. Method: the same seeded book lived through in both ways, compared row by row without
// ids.
#include <random>
#include <sstream>

#include "scheduler/scheduler.hpp"
#include "support/clock.hpp"
#include "unit/invoicing/fixture.hpp"

namespace bursar::invoicing {
namespace {

using Rows = std::multiset<std::string>;

class Metamorphic : public InvoicingTest {
 protected:
  // Every invoice with its lines, and where every service and credit stands; named by what a person would call them.
  Rows contents() {
    Rows out;
    for (const auto sql : {
             storage::Sql("SELECT 'invoice', a.email, i.kind, i.status, coalesce(i.number, ''), i.issued_on, i.due_on,"
                          " i.net, i.tax, i.balance FROM invoices i JOIN accounts a ON a.id = i.account_id"),
             storage::Sql("SELECT 'line', a.email, i.due_on, l.kind, l.description, coalesce(l.period_start, ''),"
                          " coalesce(l.period_end, ''), l.net, l.tax, CASE WHEN l.removed_at IS NULL THEN 0 ELSE 1 END"
                          " FROM invoice_lines l JOIN invoices i ON i.id = l.invoice_id JOIN accounts a ON a.id ="
                          " i.account_id"),
             storage::Sql("SELECT 'service', a.email, s.started_on, s.cycle, s.status, coalesce(s.next_due_on, ''),"
                          " coalesce(s.cancel_on, ''), s.periods_invoiced, coalesce(s.promotion_periods_left, -1),"
                          " s.price FROM services s JOIN accounts a ON a.id = s.account_id"),
             storage::Sql("SELECT 'credit', a.email, b.currency, '', '', '', '', b.amount, 0, 0 FROM credit_balances b"
                          " JOIN accounts a ON a.id = b.account_id"),
             storage::Sql("SELECT 'note', a.email, n.number, i.due_on, '', '', '', n.net, n.tax, 0 FROM credit_notes n"
                          " JOIN invoices i ON i.id = n.invoice_id JOIN accounts a ON a.id = n.account_id"),
         }) {
      read([&](auto& c) {
        auto rows = c.query(sql);
        while (rows.next()) {
          std::ostringstream row;
          for (int column = 0; column < 7; ++column) row << rows.text(column) << " | ";
          for (int column = 7; column < 10; ++column) row << rows.integer(column) << " | ";
          out.insert(row.str());
        }
      });
    }
    return out;
  }

  // Customers who order this and that over two months, some of them paying, some cancelling.
  void live(std::uint32_t seed) {
    std::mt19937 random(seed);
    const auto pick = [&](int below) { return static_cast<int>(random() % static_cast<std::uint32_t>(below)); };
    today = day("2026-11-28");
    auto chosen = config();
    if (seed % 2 == 1) chosen.billing.invoice_becomes_legal = settings::InvoiceBecomesLegal::at_payment;
    use(chosen);
    std::vector<AccountId> customers;
    for (int i = 0; i < 6; ++i) customers.push_back(account(i % 2 == 0 ? "DE" : "US"));
    const std::vector<ProductId> products = {product("a", dollars(1000)), product("b", dollars(333), dollars(50))};
    promotion({.code = "PART", .percent = parse_percent("33.3").value(), .periods = 2});
    std::vector<ServiceId> services;
    for (int step = 0; step < 30; ++step) {
      today = today.plus_days(pick(3));
      run();
      const AccountId customer = customers.at(static_cast<std::size_t>(pick(6)));
      const auto placed = order(customer, {products.at(static_cast<std::size_t>(pick(2)))}, pick(3) == 0 ? "PART" : "");
      const Money balance = invoice(placed.invoice).balance;
      if (pick(4) != 0 && balance.is_positive()) pay(placed.invoice, balance + dollars(pick(400)));
      services.push_back(placed.services.at(0));
      const ServiceId chosen_service = services.at(static_cast<std::size_t>(pick(static_cast<int>(services.size()))));
      if (pick(6) == 0 && !service(chosen_service).ended()) {
        cancel(chosen_service, services::CancellationKind::end_of_period);
      }
    }
    run();
  }

  static std::string difference(const Rows& a, const Rows& b) {
    std::string out;
    for (const auto& row : a) {
      if (a.count(row) != b.count(row)) out += "\n- " + row;
    }
    for (const auto& row : b) {
      if (a.count(row) != b.count(row)) out += "\n+ " + row;
    }
    return out;
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, Metamorphic, test::backends());

TEST_P(Metamorphic, a_run_held_twice_is_a_run_held_once) {
  for (std::uint32_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    start_over();
    live(seed);
    for (int days = 0; days < 40; days += 10) {
      today = today.plus_days(10);
      run();
      const Rows once = contents();
      EXPECT_TRUE(run().empty());
      EXPECT_EQ(difference(once, contents()), "");
    }
    expect_clean();
  }
}

// What policy lets differ, and is not compared here: when a row was really written, when an invoice is reminded of and
// charged (the plan leaves the customer the notice counted from the real day), and the date of a credit note (a
// document of the day on which it is really made; the invoice it belongs to is dated by the day of its run).
TEST_P(Metamorphic, days_caught_up_after_a_gap_are_days_lived_through) {
  for (std::uint32_t seed = 1; seed <= 4; ++seed) {
    for (const int gap : {3, 75}) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", " + std::to_string(gap) + " days");
      start_over();
      live(seed);
      const CivilDate last = today.plus_days(gap);
      run_until(last);
      const Rows day_by_day = contents();
      expect_clean();

      start_over();
      live(seed);
      const CivilDate down_since = today;
      today = last;
      for (CivilDate missed = down_since.plus_days(1); missed <= last; missed = missed.plus_days(1)) run(missed);
      EXPECT_EQ(difference(day_by_day, contents()), "");
      expect_clean();
    }
  }
}

TEST_P(Metamorphic, chunks_of_any_size_make_the_same_book) {
  Rows whole;
  for (const int chunk : {500, 1, 2, 3}) {
    SCOPED_TRACE(chunk);
    start_over();
    live(7);
    today = today.plus_days(35);
    run(today, chunk);
    // Numbers follow the order of the walk, which is by due date and account whatever the chunk.
    if (whole.empty()) whole = contents();
    EXPECT_EQ(difference(whole, contents()), "");
  }
}

// Every cycle from one month to three years, begun on the 29th, the 30th and the 31st, for forty years, in one run.
TEST_P(Metamorphic, forty_years_of_every_cycle_keep_their_anchor) {
  auto untaxed = config();
  untaxed.tax_rules.clear();
  use(untaxed);
  const auto customer = account();
  std::vector<catalog::Price> prices = {{BillingCycle::one_time(), dollars(1), dollars(0)}};
  for (int months = 1; months <= 36; ++months) prices.push_back({BillingCycle::months(months), dollars(1), dollars(0)});
  const auto sold = write(
      [&](auto& tx) { return catalog::create_product(tx, {.code = "any", .name = "Any", .prices = prices}, now()); });
  struct Begun {
    CivilDate on;
    int months;
    ServiceId service;
  };
  std::vector<Begun> begun;
  for (const char* first : {"2027-01-29", "2027-01-30", "2027-01-31"}) {
    today = day(first);
    OrderRequest request{.account = customer, .items = {}};
    for (const auto& price : prices) request.items.push_back({.product = *sold, .cycle = price.cycle});
    const auto placed = write([&](auto& tx) { return place_order(tx, *rules, request, {}, now()); });
    ASSERT_TRUE(placed.ok());
    pay(placed->invoice, dollars(37));
    for (int months = 0; months <= 36; ++months) {
      begun.push_back({today, months, placed->services.at(static_cast<std::size_t>(months))});
    }
  }
  today = day("2067-01-31");
  run();
  for (const Begun& one : begun) {
    SCOPED_TRACE(one.on.to_string() + ", " + std::to_string(one.months) + " months");
    std::vector<CivilDate> starts;
    read([&](auto& c) {
      auto rows = c.query(
          "SELECT period_start FROM invoice_lines WHERE service_id = $1 AND period_start IS NOT NULL"
          " ORDER BY period_start",
          one.service);
      while (rows.next()) starts.push_back(rows.date(0));
    });
    if (one.months == 0) {
      EXPECT_TRUE(starts.empty());
      EXPECT_FALSE(service(one.service).next_due_on);
      continue;
    }
    // Reckoned apart from the product: months counted from January 2027, the day cut to the month's length.
    for (std::size_t k = 0; k < starts.size(); ++k) {
      const int month = static_cast<int>(k) * one.months;
      const CivilDate first_of_month(2027 + month / 12, static_cast<unsigned>(month % 12 + 1), 1);
      CivilDate expected = first_of_month.plus_days(static_cast<int>(one.on.day()) - 1);
      while (expected.month() != first_of_month.month()) expected = expected.plus_days(-1);
      EXPECT_EQ(starts[k], expected) << k;
    }
    // Invoiced up to seven days ahead.
    EXPECT_GE(starts.size(), static_cast<std::size_t>(40 * 12 / one.months));
    EXPECT_LE(starts.size(), static_cast<std::size_t>(40 * 12 / one.months + 2));
  }
  expect_clean();
}

TEST_P(Metamorphic, an_account_with_a_fault_stops_no_other_and_is_worked_off_once_it_is_mended) {
  std::vector<AccountId> customers;
  std::vector<ServiceId> bought;
  const auto sold = product("a", dollars(1000));
  for (int i = 0; i < 9; ++i) {
    customers.push_back(account());
    const auto placed = order(customers.back(), {sold});
    pay(placed.invoice, dollars(1000));
    bought.push_back(placed.services.at(0));
  }
  // The stored anchor contradicts the due date: the step cannot go on with this account.
  write([&](auto& tx) { tx.execute("UPDATE services SET anchor_on = '2020-01-31' WHERE id = $1", bought.at(4)); });

  const auto own_steps = steps(*rules);
  std::vector<scheduler::Step*> all;
  for (const auto& step : own_steps) all.push_back(step.get());
  test::ManualClock clock(now());
  const settings::Job daily{.name = "daily", .cron = "0 3 * * *", .timezone = Zone::utc()};
  const auto made = scheduler::Scheduler::create(*db, clock, {daily}, {{"daily", all}}, {.chunk_accounts = 4});
  ASSERT_TRUE(made.ok());
  scheduler::Scheduler& scheduler = **made;
  scheduler.run_due();
  clock.set("2027-02-22T12:00:00Z");
  scheduler.run_due();
  for (std::size_t i = 0; i < customers.size(); ++i) {
    EXPECT_EQ(invoices(customers[i]).size(), i == 4 ? 1U : 2U) << i;
  }
  const auto run_of = [&] { return read([&](auto& c) { return *scheduler::last_begun_run(c, "daily"); }); };
  EXPECT_EQ(run_of().status, "done");
  const auto parked_by = [&](RunId id) { return read([&](auto& c) { return scheduler::parked_accounts(c, id); }); };
  const auto parked = parked_by(run_of().id);
  ASSERT_EQ(parked.size(), 1U);
  EXPECT_EQ(parked[0].account, customers.at(4));
  EXPECT_FALSE(parked[0].reason.empty());

  write([&](auto& tx) { tx.execute("UPDATE services SET anchor_on = '2027-01-31' WHERE id = $1", bought.at(4)); });
  clock.set("2027-02-23T12:00:00Z");
  scheduler.run_due();
  EXPECT_EQ(invoices(customers.at(4)).size(), 2U);
  EXPECT_TRUE(parked_by(run_of().id).empty());
  expect_clean();
}

// Invoices of a run that is made up for after the turn of the year belong to the year of the day they stand for.
TEST_P(Metamorphic, a_year_that_was_closed_late_keeps_its_own_numbers_and_order) {
  today = day("2027-11-28");
  const auto customer = account();
  pay(order(customer, {product("a", dollars(1000))}).invoice, dollars(1000));
  const Instant back = Zone::utc().start_of_day(day("2028-01-03")) + hours(12);
  today = day("2028-01-03");
  order(account(), {product("b", dollars(500))});
  for (const char* missed : {"2027-12-21", "2028-01-02", "2028-01-03"}) run(day(missed));
  const auto made = invoices(customer).at(0);
  EXPECT_EQ(made.number, "INV-2027-000002");
  EXPECT_EQ(made.issued_on, day("2027-12-21"));
  EXPECT_EQ(made.created_at, back) << "when it was really made is kept, too";
  expect_clean();
}

}  // namespace
}  // namespace bursar::invoicing
