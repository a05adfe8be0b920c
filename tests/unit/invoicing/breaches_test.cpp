// Goal: each kind of damage to the books is found and named. The damage is done by SQL, behind the product's back.
#include "unit/invoicing/fixture.hpp"

namespace bursar::invoicing {
namespace {

struct Damage {
  const char* invariant;
  storage::Sql sql;
};

const Damage damages[] = {
    {"entry_balances",
     "INSERT INTO postings (entry_id, position, ledger_account, account_id, currency, amount)"
     " SELECT MIN(id), 99, 'revenue', 0, 'USD', -1 FROM journal_entries"},
    {"posting_has_entry",
     "INSERT INTO postings (entry_id, position, ledger_account, account_id, currency, amount)"
     " VALUES (999999999, 0, 'revenue', 0, 'USD', -1)"},
    {"credit_is_ledger", "UPDATE credit_balances SET amount = amount + 1"},
    {"invoice_balance_is_receivable", "UPDATE invoices SET balance = balance + 1 WHERE status = 'open'"},
    {"invoice_balance_adds_up", "UPDATE allocations SET amount = amount + 1 WHERE payment_id IS NULL"},
    {"invoice_lines_add_up", "UPDATE invoice_lines SET net = net + 1"},
    {"invoice_is_booked",
     "INSERT INTO invoices (id, account_id, kind, status, issued_on, due_on, currency, net, tax, total, balance,"
     " seller_party_id, buyer_party_id, created_at) SELECT 999999999, MIN(account_id), 'manual', 'open', '2027-01-31',"
     " '2027-01-31', 'USD', 5, 0, 5, 5, 1, 1, '2027-01-31T00:00:00Z' FROM invoices"},
    {"status_fits_balance", "UPDATE invoices SET status = 'paid' WHERE status = 'open'"},
    {"periods_abut", "UPDATE invoice_lines SET period_start = '2027-02-27' WHERE period_start = '2027-02-28'"},
    {"invoice_numbers_gap_free", "UPDATE invoices SET sequence = 77 WHERE sequence = 2"},
    {"series_is_counted", "UPDATE number_series SET next = next + 1"},
    {"numbers_follow_dates", "UPDATE invoices SET issued_on = '2026-01-01' WHERE sequence = 2"},
    {"allocations_within_payment", "UPDATE payments SET received = 1"},
    {"ended_is_not_due", "UPDATE services SET status = 'cancelled'"},
};

class Breaches : public InvoicingTest {
 protected:
  std::set<std::string> broken() {
    std::set<std::string> names;
    const IdCodec codec(IdCodec::Key{});
    verify::verify(*db, codec, [&](const verify::Breach& breach) { names.insert(breach.invariant); });
    return names;
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, Breaches, test::backends());

TEST_P(Breaches, are_each_found_by_name) {
  for (const Damage& damage : damages) {
    SCOPED_TRACE(damage.invariant);
    today = day("2027-01-31");
    start_over();
    const auto customer = account();
    const auto placed = order(customer, {product("a", dollars(1000))});
    pay(placed.invoice, dollars(1100));
    today = day("2027-03-24");
    run();
    write([&](auto& tx) { grant_credit(tx, *rules, customer, dollars(300), 900'001, "", now()); });
    ASSERT_TRUE(broken().empty());
    write([&](auto& tx) { return tx.execute(damage.sql); });
    EXPECT_TRUE(broken().contains(damage.invariant));
  }
}

}  // namespace
}  // namespace bursar::invoicing
