// Goal: each kind of damage to the books is found and named, and no check of `db verify` is without a damage that shows
// it can fail. The damage is done by SQL, behind the product's back; where the store itself would refuse it, the table
// is first rebuilt without its constraints.
#include <sqlite3.h>

#include "accounts/audit_seal.hpp"
#include "unit/invoicing/fixture.hpp"

namespace bursar::invoicing {
namespace {

using storage::Sql;

// No view may stand on a table that goes; no check asks one.
#define WITHOUT_CONSTRAINTS(table)                                                                \
  Sql("DROP VIEW IF EXISTS held_invoices"), Sql("CREATE TABLE stripped AS SELECT * FROM " table), \
      Sql("DROP TABLE " table), Sql("ALTER TABLE stripped RENAME TO " table)

struct Damage {
  const char* invariant;
  std::vector<Sql> done_by;
};

const std::vector<Damage>& damages() {
  static const std::vector<Damage> all = {
      {"entry_balances",
       {"INSERT INTO postings (entry_id, position, ledger_account, account_id, currency, amount)"
        " SELECT MIN(id), 99, 'revenue', 0, 'USD', -1 FROM journal_entries"}},
      {"posting_has_entry",
       {"INSERT INTO postings (entry_id, position, ledger_account, account_id, currency, amount)"
        " VALUES (999999999, 0, 'revenue', 0, 'USD', -1)"}},
      {"entry_has_postings",
       {"INSERT INTO journal_entries (id, kind, source_id, account_id, booked_at, booked_on)"
        " VALUES (999999999, 'gateway_fee', 1, 0, '2027-01-31T00:00:00Z', '2027-01-31')"}},
      {"entry_has_cause",
       {"INSERT INTO journal_entries (id, kind, source_id, account_id, booked_at, booked_on)"
        " VALUES (999999999, 'credit_note', 1, 0, '2027-01-31T00:00:00Z', '2027-01-31')"}},
      {"entry_booked_once",
       {WITHOUT_CONSTRAINTS("journal_entries"),
        "INSERT INTO journal_entries (id, kind, source_id, account_id, booked_at, booked_on) SELECT 999999999, kind,"
        " source_id, account_id, booked_at, booked_on FROM journal_entries ORDER BY id LIMIT 1"}},
      {"credit_is_ledger", {"UPDATE credit_balances SET amount = amount + 1"}},
      {"credit_never_negative",
       {"INSERT INTO postings (entry_id, position, ledger_account, account_id, currency, amount)"
        " SELECT MIN(entry_id), 99, 'customer_credit', MIN(account_id), 'USD', 5 FROM postings WHERE account_id <> 0"}},
      {"receipt_booked_once",
       {WITHOUT_CONSTRAINTS("payments"),
        "INSERT INTO payments (id, account_id, gateway, origin, status, currency, amount, received, fee, refunded,"
        " gateway_reference, next_action, decline_code, decline_text, created_at, version) SELECT 999999999, "
        "account_id,"
        " gateway, origin, 'failed', currency, amount, 0, 0, 0, gateway_reference, '', '', '', created_at, 1 FROM"
        " payments WHERE gateway_reference IS NOT NULL"}},
      {"receipt_is_booked", {"UPDATE payments SET received = received + 1"}},
      {"allocations_within_payment", {"UPDATE payments SET received = 100"}},
      {"refunds_within_payment", {"UPDATE refunds SET amount = 999999"}},
      {"refunded_is_refunds", {"UPDATE payments SET refunded = refunded + 1 WHERE refunded > 0"}},
      {"refund_booked_once",
       {WITHOUT_CONSTRAINTS("refunds"),
        "INSERT INTO refunds (id, account_id, payment_id, destination, status, currency, amount, gateway_reference,"
        " created_at) SELECT 999999999, account_id, payment_id, destination, 'failed', currency, amount,"
        " gateway_reference, created_at FROM refunds"}},
      {"allocation_has_invoice", {"UPDATE allocations SET invoice_id = 999999999 WHERE payment_id IS NULL"}},
      {"suspense_is_itemised",
       {"INSERT INTO suspense_items (id, gateway, reference, currency, amount, status, received_at) "
        "VALUES (990099, 'cards', 'tx', 'USD', 100, 'open', '2027-01-01T00:00:00Z')"}},
      {"allocation_is_booked", {"UPDATE allocations SET amount = amount + 1"}},
      {"open_setup_is_pursued",
       {"INSERT INTO method_setups (id, account_id, gateway, status, created_at) "
        "VALUES (990100, 1, 'cards', 'requires_action', '2027-01-01T00:00:00Z')"}},
      {"saved_method_is_the_accounts", {"UPDATE payments SET save_method = 1, saved_method_id = 999999999"}},
      {"allocation_keeps_currency", {"UPDATE payments SET currency = 'EUR'"}},
      {"tax_is_booked", {"UPDATE invoice_lines SET tax_place = 'FR' WHERE tax <> 0"}},
      {"invoice_balance_is_receivable", {"UPDATE invoices SET balance = balance + 1 WHERE status = 'open'"}},
      {"invoice_balance_adds_up", {"UPDATE allocations SET amount = amount + 1 WHERE payment_id IS NULL"}},
      {"invoice_lines_add_up", {"UPDATE invoice_lines SET net = net + 1"}},
      {"line_has_invoice", {"UPDATE invoice_lines SET invoice_id = 999999999"}},
      {"invoice_is_booked",
       {"INSERT INTO invoices (id, account_id, kind, status, issued_on, due_on, currency, net, tax, total, balance,"
        " seller_party_id, buyer_party_id, created_at) SELECT 999999999, MIN(account_id), 'manual', 'open',"
        " '2027-01-31', '2027-01-31', 'USD', 5, 0, 5, 5, 1, 1, '2027-01-31T00:00:00Z' FROM invoices"}},
      {"status_fits_balance", {"UPDATE invoices SET status = 'paid' WHERE status = 'open'"}},
      {"only_open_is_collected", {"UPDATE invoices SET autopay_on = '2027-02-01' WHERE status = 'paid'"}},
      {"paid_is_legal", {"UPDATE invoices SET paid_at = NULL WHERE status = 'paid'"}},
      {"one_line_a_period",
       {WITHOUT_CONSTRAINTS("invoice_lines"),
        "UPDATE invoice_lines SET period_start = '2027-01-31' WHERE kind = 'recurring'"}},
      {"periods_abut", {"UPDATE invoice_lines SET period_start = '2027-02-27' WHERE period_start = '2027-02-28'"}},
      {"billed_until_due_date", {"UPDATE invoice_lines SET period_end = '2027-04-29' WHERE period_end = '2027-04-30'"}},
      {"due_date_is_anchored", {"UPDATE services SET next_due_on = '2027-03-30' WHERE next_due_on IS NOT NULL"}},
      {"invoice_numbers_gap_free", {"UPDATE invoices SET sequence = 77 WHERE sequence = 2"}},
      {"credit_note_numbers_gap_free", {"UPDATE credit_notes SET sequence = 77 WHERE sequence = 1"}},
      {"series_is_counted", {"UPDATE number_series SET next = next + 1"}},
      {"numbers_follow_dates", {"UPDATE invoices SET issued_on = '2026-01-01' WHERE sequence = 2"}},
      {"credit_note_numbers_follow_dates", {"UPDATE credit_notes SET issued_on = '2026-01-01' WHERE sequence = 2"}},
      {"credit_note_adds_up", {"UPDATE credit_note_lines SET net = net + 1"}},
      {"credit_note_within_line", {"UPDATE credit_note_lines SET net = net + 100000"}},
      {"credit_notes_within_invoice", {"UPDATE credit_notes SET net = net + 100000, total = total + 100000"}},
      {"one_late_fee", {WITHOUT_CONSTRAINTS("invoices"), "UPDATE invoices SET late_fee_of = 4711"}},
      {"document_is_as_issued", {"UPDATE invoice_lines SET description = 'Another' WHERE position = 1"}},
      {"credit_note_is_as_issued", {"UPDATE credit_notes SET reason = 'Another'"}},
      {"party_is_as_written", {WITHOUT_CONSTRAINTS("parties"), "UPDATE parties SET tax_id = 'DE0'"}},
      {"document_has_digest", {"UPDATE credit_notes SET digest = NULL WHERE sequence = 2"}},
      {"tax_is_rounded_once", {"UPDATE invoice_lines SET tax = tax + 1, net = net - 1"}},
      {"names_what_is_there", {"UPDATE invoices SET buyer_party_id = 999999999"}},
      {"suspended_has_reason", {"UPDATE services SET status = 'suspended'"}},
      {"ended_is_not_due", {"UPDATE services SET status = 'cancelled'"}},
      {"no_lines_after_end", {"UPDATE services SET ended_at = '2027-01-01T00:00:00Z'"}},
      {"state_has_cause", {"UPDATE services SET status = 'terminated', next_due_on = NULL"}},
      {"desired_state_is_pursued", {"UPDATE services SET desired_state = 'suspended'"}},
      {"cancellation_is_done",
       {"INSERT INTO cancellations (service_id, account_id, kind, effective_on, status, requested_at) SELECT MIN(id),"
        " MIN(account_id), 'immediate', '2027-02-01', 'done', '2027-02-01T00:00:00Z' FROM services WHERE status ="
        " 'active'"}},
      {"unpaid_change_has_open_invoice",
       {"UPDATE service_changes SET invoice_id = 999999999 WHERE status = 'awaiting_payment'"}},
      {"paid_change_is_applied",
       {"UPDATE service_changes SET status = 'withdrawn', invoice_id = (SELECT MIN(id) FROM invoices WHERE status ="
        " 'paid') WHERE status = 'awaiting_payment'"}},
      {"service_has_last_terms", {"UPDATE services SET price = price + 1"}},
      {"change_credit_is_credited", {"UPDATE service_changes SET credit = credit + 1"}},
      {"scheduled_change_waits", {"UPDATE service_changes SET status = 'scheduled' WHERE status = 'awaiting_payment'"}},
      {"billed_change_has_its_terms",
       {"UPDATE service_changes SET status = 'scheduled', billed_at = '2027-03-21T00:00:00Z' WHERE status ="
        " 'awaiting_payment'"}},
      {"change_is_looked_at", {"UPDATE service_changes SET look_on = NULL"}},
      {"new_plan_is_pursued", {"UPDATE service_changes SET plan_state = 'wanted'"}},
      {"panel_account_is_one_services",
       {"UPDATE services SET panel = 'web1', panel_reference = 'account-1', actual_state = 'active'",
        "INSERT INTO services (id, account_id, product_id, status, currency, cycle, price, started_on, anchor_day,"
        " anchor_on, panel, actual_state, panel_reference, created_at) SELECT 999999999, account_id, product_id,"
        " status, currency, cycle, price, started_on, anchor_day, anchor_on, panel, actual_state, panel_reference,"
        " created_at FROM services"}},
      {"effect_has_next_look", {"UPDATE effects SET state = 'waiting', next_at = NULL"}},
      {"effect_in_flight_has_lease", {"UPDATE effects SET state = 'in_flight', next_at = NULL, lease_until = NULL"}},
      {"effect_is_over", {"UPDATE effects SET state = 'done', finished_at = NULL"}},
      {"pending_payment_is_pursued", {"UPDATE payments SET status = 'unknown'"}},
      {"message_once",
       {WITHOUT_CONSTRAINTS("messages"),
        "INSERT INTO messages (id, cause, account_id, channel, recipient, template, subject, body, status, created_at)"
        " SELECT 999999999, cause, account_id, channel, recipient, template, subject, body, 'sent', created_at FROM"
        " messages"}},
      {"message_is_pursued", {"DELETE FROM effects WHERE kind = 'message'"}},
      {"instant_runs_once",
       {WITHOUT_CONSTRAINTS("scheduler_runs"),
        "INSERT INTO scheduler_runs (id, job, scheduled_at, logical_date, status, catch_up, step, fence, error) SELECT"
        " id + 1, job, scheduled_at, logical_date, status, 0, '', 1, '' FROM scheduler_runs"}},
      {"runs_in_order",
       {"INSERT INTO scheduler_runs (id, job, scheduled_at, logical_date, status) VALUES (999999999, 'daily',"
        " '2027-01-01T03:00:00Z', '2027-01-01', 'waiting')"}},
      {"running_run_is_held", {"UPDATE scheduler_runs SET status = 'running', owner = NULL, lease_until = NULL"}},
      {"done_run_did_all_steps", {"UPDATE scheduler_steps SET status = 'running'"}},
      {"held_step_did_nothing",
       {"INSERT INTO step_checks (run_id, step, kind, objects, reach, verdict, checked_at, decided_at) VALUES "
        "(800000004,"
        " 'invoices', 'invoice', 'services', 9, 'lapsed', '2027-03-24T03:00:00Z', '2027-03-25T03:00:00Z')"}},
      {"held_run_awaits_approval", {"UPDATE scheduler_runs SET status = 'held'"}},
      {"decision_has_its_person",
       {"INSERT INTO step_checks (run_id, step, kind, objects, reach, verdict, checked_at, decided_at) VALUES "
        "(800000004,"
        " 'invoices', 'invoice', 'services', 9, 'approved', '2027-03-24T03:00:00Z', '2027-03-24T04:00:00Z')"}},
      {"cancelled_order_starts_nothing",
       {"UPDATE orders SET status = 'cancelled'", "UPDATE services SET status = 'pending'"}},
      {"answer_is_stored", {"UPDATE idempotency_keys SET status = NULL"}},
      {"account_has_owner", {"UPDATE memberships SET role = 'viewer'"}},
      {"audit_is_as_sealed", {"UPDATE audit_events SET object = 'inv:1' WHERE seal_position IS NOT NULL"}},
      {"session_has_user", {"UPDATE users SET status = 'disabled'"}},
  };
  return all;
}

// Checks of the file itself, which no SQL of a sound connection can break; they have tests of their own below.
const std::set<std::string> of_the_file = {"file_is_sound", "foreign_keys_hold", "indexes_are_sound"};

// Each has its damage in tests/unit/payments/refund_breaches_test.cpp, beside what writes the rows.
const std::set<std::string> of_refunds = {"refunds_and_disputes_within_payment",
                                          "payment_counts_disputes",
                                          "refund_is_booked",
                                          "refund_leaves_its_gateway",
                                          "pending_refund_is_pursued",
                                          "approved_request_has_its_refund",
                                          "open_request_has_a_task",
                                          "verdict_follows_conditions",
                                          "disputed_money_is_booked",
                                          "decided_dispute_is_booked"};

// And these in tests/unit/dunning/holds_test.cpp.
const std::set<std::string> of_holds = {"no_charge_on_hold", "no_suspension_on_hold", "no_late_fee_on_hold",
                                        "hold_ends_by_itself"};

// Each has its damage in tests/unit/payments/waterfall_test.cpp.
const std::set<std::string> of_autopay = {"autopay_charge_is_an_attempt", "autopay_attempt_has_its_charge",
                                          "autopay_charges_one_at_a_time"};

// And these in tests/unit/payments/secret_breaches_test.cpp.
const std::set<std::string> of_secrets = {"secret_opens", "secret_is_encrypted", "method_is_found_by_its_token"};

class Breaches : public InvoicingTest {
 protected:
  std::set<std::string> broken() {
    std::set<std::string> names;
    verify::verify(*db, codec_, Vault(), [&](const verify::Breach& breach) { names.insert(breach.invariant); });
    return names;
  }

  // A sound book with a row of every kind.
  void sound_book() {
    today = day("2027-01-31");
    start_over();
    const auto customer = account("DE");
    const auto placed = order(customer, {product("a", dollars(1000))});
    pay(placed.invoice, dollars(1300));
    today = day("2027-02-01");
    for (const std::int64_t cents : {3000, 5000}) {
      const auto extra = write([&](auto& tx) {
        return issue_manual(tx, *rules, customer, {{.description = "extra", .unit_price = dollars(cents)}}, today,
                            now());
      });
      ASSERT_TRUE(write([&](auto& tx) { return credit_amount(tx, *rules, *extra, dollars(500), "late", now()); }).ok());
      today = today.plus_days(1);
    }
    today = day("2027-03-24");
    run();
    write([&](auto& tx) { grant_credit(tx, *rules, customer, dollars(300), 900'001, "", now()); });
    write([&](auto& tx) { add_what_others_write(tx, customer); });
    write([&](auto& tx) { return accounts::seal_audit(tx, now(), 1000); });
    ASSERT_EQ(broken(), std::set<std::string>());
  }

  void expect_found(const char* invariant) {
    EXPECT_TRUE(broken().contains(invariant)) << "the damage is not found, or not by its name";
  }

  const IdCodec codec_{IdCodec::Key{}};

 private:
  // Rows of the folders that invoicing does not know.
  static void add_what_others_write(storage::Transaction& tx, AccountId customer) {
    tx.execute("UPDATE payments SET gateway_reference = 'tx-1', refunded = 100, status = 'partially_refunded'");
    tx.execute(
        "INSERT INTO refunds (id, account_id, payment_id, destination, status, currency, amount, gateway_reference,"
        " created_at) SELECT 800000001, account_id, id, 'credit', 'succeeded', 'USD', 100, 're-1',"
        " '2027-02-01T00:00:00Z' FROM payments");
    tx.execute(
        "INSERT INTO service_changes (id, service_id, sequence, account_id, status, takes_effect, currency,"
        " from_product_id, from_cycle, from_price, to_product_id, to_cycle, to_price, effective_on, period_end, "
        "next_period_on,"
        " requested_at) SELECT 800000007, MIN(id), 1, account_id, 'applied', 'immediate', currency, product_id, cycle,"
        " 100, product_id, cycle, price, '2027-02-10', '2027-02-28', '2027-02-28', '2027-02-10T00:00:00Z' FROM services"
        " GROUP BY account_id, currency, product_id, cycle, price");
    tx.execute(
        "INSERT INTO service_changes (id, service_id, sequence, account_id, status, takes_effect, currency,"
        " from_product_id, from_cycle, from_price, to_product_id, to_cycle, to_price, effective_on, period_end, "
        "next_period_on,"
        " invoice_id, look_on, requested_at) SELECT 800000008, service_id, 2, account_id, 'awaiting_payment', "
        "'immediate',"
        " currency, from_product_id, from_cycle, to_price, to_product_id, to_cycle, 9000, '2027-03-20',"
        " '2027-03-31', '2027-03-31', (SELECT MIN(id) FROM invoices WHERE status = 'open'), '2027-03-27',"
        " '2027-03-20T00:00:00Z' FROM service_changes");
    tx.execute(
        "INSERT INTO messages (id, cause, account_id, channel, recipient, template, subject, body, status, created_at)"
        " VALUES (800000002, 'reminder:1:1', $1, 'mail', 'a@example.com', 'overdue', 's', 'b', 'waiting',"
        " '2027-02-01T00:00:00Z')",
        customer);
    tx.execute(
        "INSERT INTO effects (id, kind, key, instance, account_id, object_id, state, next_at, created_at) VALUES"
        " (800000003, 'message', 'message:800000002', 'mail', $1, 800000002, 'recorded', '2027-02-01T00:00:00Z',"
        " '2027-02-01T00:00:00Z')",
        customer);
    tx.execute(
        "INSERT INTO scheduler_runs (id, job, scheduled_at, logical_date, status, fence) VALUES (800000004, 'daily',"
        " '2027-03-24T03:00:00Z', '2027-03-24', 'done', 1)");
    tx.execute(
        "INSERT INTO scheduler_steps (run_id, position, step, status, started_at) VALUES (800000004, 0, 'invoices',"
        " 'done', '2027-03-24T03:00:00Z')");
    tx.execute(
        "INSERT INTO users (id, email, name, password_hash, created_at) VALUES (800000005, 'a@example.com', 'A', 'x',"
        " '2027-02-01T00:00:00Z')");
    tx.execute(
        "INSERT INTO memberships (account_id, user_id, role, created_at) VALUES ($1, 800000005, 'owner',"
        " '2027-02-01T00:00:00Z')",
        customer);
    tx.execute(
        "INSERT INTO sessions (id, token_hash, user_id, created_at, expires_at, last_used_at) VALUES (800000006, 'h',"
        " 800000005, '2027-02-01T00:00:00Z', '2027-03-01T00:00:00Z', '2027-02-01T00:00:00Z')");
    tx.execute(
        "INSERT INTO idempotency_keys (scope, route, key, body_hash, state, status, created_at, locked_until) VALUES"
        " ('a1', 'POST /x', 'k', 'h', 'done', 201, '2027-02-01T00:00:00Z', '2027-02-01T00:00:00Z')");
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, Breaches, test::backends());

TEST_P(Breaches, are_each_found_by_name) {
  for (const Damage& damage : damages()) {
    SCOPED_TRACE(damage.invariant);
    sound_book();
    write([&](auto& tx) {
      for (const Sql& sql : damage.done_by) tx.execute(sql);
    });
    expect_found(damage.invariant);
  }
}

TEST_P(Breaches, every_check_has_a_damage_that_it_finds) {
  std::set<std::string> damaged = of_the_file;
  damaged.insert(of_refunds.begin(), of_refunds.end());
  damaged.insert(of_holds.begin(), of_holds.end());
  damaged.insert(of_autopay.begin(), of_autopay.end());
  damaged.insert(of_secrets.begin(), of_secrets.end());
  for (const Damage& damage : damages()) EXPECT_TRUE(damaged.insert(damage.invariant).second) << damage.invariant;
  std::set<std::string> checked;
  for (const auto& one : verify::verify(*db, codec_, Vault(), [](const verify::Breach&) {}).checked)
    checked.insert(one.invariant);
  checked.insert(of_the_file.begin(), of_the_file.end());
  EXPECT_EQ(damaged, checked);
}

TEST_P(Breaches, of_the_file_are_found) {
  sound_book();
  if (GetParam() == storage::Backend::postgresql) {
    // An index that does not know of a row.
    write([&](auto& tx) {
      tx.execute("CREATE EXTENSION IF NOT EXISTS amcheck");
      tx.execute("UPDATE pg_index SET indisready = false WHERE indexrelid = CAST('effects_object' AS regclass)");
    });
    EXPECT_FALSE(broken().contains("indexes_are_sound"));
    write([&](auto& tx) {
      tx.execute(
          "INSERT INTO effects (id, kind, key, instance, account_id, object_id, state, next_at, created_at) SELECT"
          " 800000009, kind, 'message:1', instance, account_id, object_id, state, next_at, created_at FROM effects");
    });
    write([&](auto& tx) {
      tx.execute("UPDATE pg_index SET indisready = true WHERE indexrelid = CAST('effects_object' AS regclass)");
    });
    expect_found("indexes_are_sound");
    return;
  }
  const std::string path = db.url().substr(std::string("sqlite:").size());
  const auto outside = [&](const char* sql) {
    db.close();
    sqlite3* file = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &file), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(file, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(file);
    sqlite3_close(file);
    db.open();
  };
  outside("PRAGMA foreign_keys = OFF; DELETE FROM users");
  expect_found("foreign_keys_hold");
  // An index that does not know of a row.
  outside(
      "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX effects_object ON effects (state)'"
      " WHERE name = 'effects_object'");
  expect_found("file_is_sound");
}

}  // namespace
}  // namespace bursar::invoicing
