#include "verify/verify.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "base/cycle.hpp"
#include "base/digest.hpp"
#include "base/money.hpp"
#include "verify/checks.hpp"

namespace bursar::verify {
namespace {

class Walk {
 public:
  Walk(storage::Connection& c, const IdCodec& codec, const std::function<void(const Breach&)>& found,
       std::int64_t limit)
      : c_(c), codec_(codec), found_(found), limit_(limit) {}

  void queries(std::span<const QueryCheck> checks) {
    for (const QueryCheck& check : checks) {
      begin(check.invariant, check.promise);
      auto rows = c_.query(check.sql);
      const std::string_view prefix = check.prefix;
      while (rows.next()) {
        breach(prefix.empty() ? rows.string(0) : codec_.encode(prefix, rows.integer(0)), rows.string(1));
      }
    }
  }

  // Rounded once for each invoice, rule and rate, then spread over the lines: the sum must be that once-rounded tax.
  void tax_of_invoices() {
    begin("tax_is_rounded_once", "The tax of each rate on an invoice is its rounded share, half away from zero.");
    auto rows = c_.query(
        "SELECT l.invoice_id, l.tax_rate, l.tax_inclusive, i.currency, sum(l.net), sum(l.tax), l.tax_category FROM "
        "invoice_lines l "
        "JOIN invoices i ON i.id = l.invoice_id WHERE i.number IS NOT NULL OR l.removed_at IS NULL "
        "GROUP BY l.invoice_id, l.tax_category, l.tax_rate, l.tax_inclusive, i.currency");
    while (rows.next()) {
      const std::int64_t rate = rows.integer(1);
      const Currency currency = Currency::parse(rows.text(3)).value();
      const Money net(rows.integer(4), currency), tax(rows.integer(5), currency);
      const Money expected = rows.boolean(2) ? (net + tax).multiply({rate, whole + rate}, Rounding::half_up)
                                             : net.multiply({rate, whole}, Rounding::half_up);
      if (tax != expected) {
        breach(codec_.encode("inv", rows.integer(0)), rows.string(6) + " " + percent_to_string({rate, whole}) +
                                                          " % of " + net.to_string() + " is " + expected.to_string() +
                                                          ", not " + tax.to_string());
      }
    }
  }

  void due_dates() {
    begin("due_date_is_anchored", "The next due date of a service is its anchor plus the periods billed.");
    auto rows = c_.query(
        "SELECT id, anchor_on, anchor_day, cycle, periods_invoiced, next_due_on FROM services WHERE next_due_on IS NOT "
        "NULL");
    while (rows.next()) {
      const auto cycle = BillingCycle::parse(rows.text(3));
      if (!cycle.ok() || !cycle->is_recurring()) {
        breach(codec_.encode("srv", rows.integer(0)), "the cycle '" + rows.string(3) + "' has no next due date");
        continue;
      }
      const CivilDate expected =
          due_date(rows.date(1), static_cast<unsigned>(rows.integer(2)), *cycle, static_cast<int>(rows.integer(4)));
      if (expected != rows.date(5)) {
        breach(codec_.encode("srv", rows.integer(0)),
               "next due " + rows.string(5) + ", by its anchor " + expected.to_string());
      }
    }
  }

  void audit_seals() {
    begin("audit_is_as_sealed", "No event of the audit trail was changed or removed after it was sealed.");
    auto seals = c_.query("SELECT position, events, digest FROM audit_seals ORDER BY position");
    std::string before;
    for (std::int64_t expected = 1; seals.next(); ++expected) {
      const std::int64_t position = seals.integer(0);
      if (position != expected) breach("seal " + std::to_string(expected), "it is missing");
      expected = position;
      const auto [events, digest] = sealed_at(position, before);
      before = seals.string(2);
      if (events != seals.integer(1)) {
        breach("seal " + std::to_string(position),
               "it is over " + seals.string(1) + " events, there are " + std::to_string(events));
      } else if (digest != before) {
        breach("seal " + std::to_string(position), "an event of it, or the seal before it, is not as it was");
      }
    }
    auto strays = c_.query(
        "SELECT DISTINCT e.seal_position FROM audit_events e LEFT JOIN audit_seals s ON s.position = e.seal_position "
        "WHERE e.seal_position IS NOT NULL AND s.position IS NULL");
    while (strays.next()) breach("seal " + strays.string(0), "events name it, and it is missing");
  }

  void documents() {
    begin("document_is_as_issued", "An invoice says what it said when it got its number.");
    digests(
        "inv",
        c_.query("SELECT i.id, i.digest, i.number, i.kind, i.issued_on, i.due_on, i.currency, i.net, i.tax, i.total, "
                 "i.seller_party_id, i.buyer_party_id, l.position, l.kind, l.service_id, l.period_start, "
                 "l.period_end, l.description, l.quantity, l.unit_code, l.unit_price, l.net, l.tax, l.tax_rule, "
                 "l.tax_place, l.tax_rate, l.tax_inclusive, l.tax_category, l.exemption_reason FROM invoices i "
                 "LEFT JOIN invoice_lines l ON l.invoice_id = i.id AND l.on_document = 1 "
                 "WHERE i.digest IS NOT NULL ORDER BY i.id, l.position"),
        12, 29);
    begin("credit_note_is_as_issued", "A credit note says what it said when it was issued.");
    digests("crn",
            c_.query("SELECT n.id, n.digest, n.number, n.invoice_id, n.issued_on, n.currency, n.net, n.tax, n.total, "
                     "n.reason, n.seller_party_id, n.buyer_party_id, l.position, l.line_id, l.net, l.tax, "
                     "l.description FROM credit_notes n LEFT JOIN credit_note_lines l ON l.credit_note_id = n.id "
                     "WHERE n.digest IS NOT NULL ORDER BY n.id, l.position"),
            12, 17);
    begin("party_is_as_written", "The snapshot of a buyer or the seller is what it was when it was written.");
    digests("party",
            c_.query("SELECT id, digest, account_id, name, company, email, street, city, region, postal_code, country, "
                     "tax_id FROM parties WHERE digest IS NOT NULL ORDER BY id"),
            12, 12);
  }

  void sqlite_file() {
    begin("file_is_sound", "The database file is not damaged.");
    auto rows = c_.query("PRAGMA integrity_check");
    while (rows.next()) {
      if (rows.text(0) != "ok") breach("database", rows.string(0));
    }
    begin("foreign_keys_hold", "No row refers to one that is not there.");
    auto keys = c_.query("PRAGMA foreign_key_check");
    while (keys.next())
      breach(keys.string(0), "row " + keys.string(1) + " refers to a missing row of " + keys.string(2));
  }

  void secrets(const Vault& vault) {
    begin("secret_opens", "What is encrypted opens in its place, with a key that is here and noted in the store.");
    std::set<std::string, std::less<>> noted;
    auto keys = c_.query("SELECT id FROM encryption_keys");
    while (keys.next()) noted.insert(keys.string(0));
    each_secret([&](const SecretColumn& column, const storage::Rows& rows) {
      try {
        static_cast<void>(vault.open({column.column, rows.string(0)}, rows.text(1)));
        const std::string_view key = Vault::key_of(rows.text(1));
        if (!key.empty() && !noted.contains(key))
          breach(secret_object(column, rows),
                 "the key " + std::string(key) + " of its " + column.column + " is not noted");
      } catch (const VaultError& error) {
        breach(secret_object(column, rows), error.what());
      }
    });
    begin("secret_is_encrypted", "Where there is a key, nothing that is encrypted stands in clear.");
    if (!vault.keys().empty()) {
      each_secret([&](const SecretColumn& column, const storage::Rows& rows) {
        if (Vault::key_of(rows.text(1)).empty())
          breach(secret_object(column, rows),
                 std::string(column.column) + " stands in clear: run `bursar db reencrypt`");
      });
    }
    begin("method_is_found_by_its_token", "What a saved method is found by belongs to its token.");
    auto rows = c_.query("SELECT id, token, token_lookup FROM payment_methods ORDER BY id");
    while (rows.next()) {
      const PaymentMethodId id = rows.id<PaymentMethodId>(0);
      try {
        const std::string token = vault.open({"payment_methods.token", id}, rows.text(1));
        const auto lookups = vault.lookups("payment_methods.token", token);
        if (std::find(lookups.begin(), lookups.end(), rows.text(2)) == lookups.end())
          breach(codec_.text(id), "its token_lookup is of another token");
      } catch (const VaultError&) {
        continue;  // told above
      }
    }
  }

  // Asked last: the first damage ends the transaction.
  void postgresql_indexes() {
    auto installed = c_.query("SELECT 1 FROM pg_extension WHERE extname = 'amcheck'");
    if (!installed.next()) return;
    begin("indexes_are_sound", "No index of the database is damaged, or without a row of its table.");
    std::vector<std::pair<std::int64_t, std::string>> indexes;
    {
      auto rows = c_.query(
          "SELECT CAST(i.indexrelid AS BIGINT), n.relname FROM pg_index i JOIN pg_class n ON n.oid = i.indexrelid JOIN "
          "pg_am a ON a.oid = n.relam WHERE a.amname = 'btree' AND i.indisvalid AND n.relnamespace = "
          "CAST(current_schema() AS regnamespace) ORDER BY n.relname");
      while (rows.next()) indexes.emplace_back(rows.integer(0), rows.string(1));
    }
    for (const auto& [id, name] : indexes) {
      try {
        auto sound = c_.query("SELECT CAST(bt_index_check(CAST($1 AS oid), true) AS TEXT)", id);
        sound.next();
      } catch (const storage::StorageError& e) {
        return breach(name, e.what());
      }
    }
  }

  Report report;

 private:
  static constexpr std::int64_t whole = 100'000'000;  // 100 % in stored rates

  void begin(const char* invariant, const char* promise) { report.checked.push_back({invariant, promise, 0}); }
  template <class Look>
  void each_secret(const Look& look) {
    for (const SecretColumn& column : secret_columns()) {
      auto rows = c_.query(column.sql);
      while (rows.next()) look(column, rows);
    }
  }
  [[nodiscard]] std::string secret_object(const SecretColumn& column, const storage::Rows& rows) const {
    return column.prefix.empty() ? rows.string(0) : codec_.encode(column.prefix, rows.integer(2));
  }
  void breach(std::string object, std::string detail) {
    if (++report.checked.back().breaches > limit_) return;
    found_({report.checked.back().invariant, std::move(object), std::move(detail)});
  }

  // How many events bear a seal, and its digest by what they say now (accounts/audit_seal.hpp).
  std::pair<std::int64_t, std::string> sealed_at(std::int64_t position, const std::string& before) {
    Digest digest;
    digest.add(before);
    std::int64_t events = 0;
    auto rows = c_.query(
        "SELECT id, at, actor, user_id, account_id, action, object, detail, address, request_id FROM audit_events "
        "WHERE seal_position = $1 ORDER BY id",
        position);
    for (; rows.next(); ++events) add_columns(digest, rows, 0, 10);
    return {events, digest.hex()};
  }

  static void add_columns(Digest& digest, const storage::Rows& rows, int begin, int end) {
    for (int i = begin; i < end; ++i) digest.add(rows.is_null(i) ? std::string_view() : rows.text(i));
  }

  // `rows`: id, stored digest, the columns of a document from 2 on and those of one of its lines from `lines` on, in
  // the order of documents and then lines.
  void digests(const char* prefix, storage::Rows rows, int lines, int end) {
    Digest digest;
    std::int64_t document = 0;
    std::string stored;
    const auto compare = [&] {
      if (document != 0 && digest.hex() != stored)
        breach(codec_.encode(prefix, document), "it, or a line of it, is not as it was");
    };
    while (rows.next()) {
      if (rows.integer(0) != document) {
        compare();
        document = rows.integer(0);
        stored = rows.string(1);
        add_columns(digest, rows, 2, lines);
      }
      if (lines < end && !rows.is_null(lines)) add_columns(digest, rows, lines, end);
    }
    compare();
  }

  storage::Connection& c_;
  const IdCodec& codec_;
  const std::function<void(const Breach&)>& found_;
  std::int64_t limit_;
};

}  // namespace

std::int64_t Report::breaches() const {
  std::int64_t sum = 0;
  for (const Checked& one : checked) sum += one.breaches;
  return sum;
}

Report verify(storage::Database& db, const IdCodec& codec, const Vault& vault,
              const std::function<void(const Breach&)>& found, std::int64_t breaches_each) {
  return db.read([&](storage::Connection& c) {
    Walk walk(c, codec, found, breaches_each);
    if (db.backend() == storage::Backend::sqlite) walk.sqlite_file();
    walk.queries(ledger_checks());
    walk.queries(invoice_checks());
    walk.tax_of_invoices();
    walk.documents();
    walk.due_dates();
    walk.queries(change_checks());
    walk.queries(refund_checks());
    walk.queries(hold_checks());
    walk.queries(state_checks());
    walk.audit_seals();
    walk.secrets(vault);
    if (db.backend() == storage::Backend::postgresql) walk.postgresql_indexes();
    return std::move(walk.report);
  });
}

}  // namespace bursar::verify
