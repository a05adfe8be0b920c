#include "verify/verify.hpp"

#include <openssl/sha.h>

#include <array>
#include <string>
#include <utility>

#include "base/cycle.hpp"
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

  Report report;

 private:
  static constexpr std::int64_t whole = 100'000'000;  // 100 % in stored rates

  void begin(const char* invariant, const char* promise) { report.checked.push_back({invariant, promise, 0}); }
  void breach(std::string object, std::string detail) {
    if (++report.checked.back().breaches > limit_) return;
    found_({report.checked.back().invariant, std::move(object), std::move(detail)});
  }

  // How many events bear a seal, and its digest by what they say now (accounts/audit_seal.hpp).
  std::pair<std::int64_t, std::string> sealed_at(std::int64_t position, const std::string& before) {
    std::string text = std::to_string(before.size()) + ":" + before;
    std::int64_t events = 0;
    auto rows = c_.query(
        "SELECT id, at, actor, user_id, account_id, action, object, detail, address, request_id FROM audit_events "
        "WHERE seal_position = $1 ORDER BY id",
        position);
    for (; rows.next(); ++events) {
      for (int column = 0; column < 10; ++column) {
        const std::string field = rows.is_null(column) ? "" : rows.string(column);
        text += std::to_string(field.size()) + ":" + field;
      }
    }
    std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash.data());
    std::string digest;
    for (const unsigned char byte : hash) {
      digest += "0123456789abcdef"[byte >> 4];
      digest += "0123456789abcdef"[byte & 15];
    }
    return {events, digest};
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

Report verify(storage::Database& db, const IdCodec& codec, const std::function<void(const Breach&)>& found,
              std::int64_t breaches_each) {
  return db.read([&](storage::Connection& c) {
    Walk walk(c, codec, found, breaches_each);
    if (db.backend() == storage::Backend::sqlite) walk.sqlite_file();
    walk.queries(ledger_checks());
    walk.queries(invoice_checks());
    walk.tax_of_invoices();
    walk.due_dates();
    walk.queries(change_checks());
    walk.queries(refund_checks());
    walk.queries(hold_checks());
    walk.queries(state_checks());
    walk.audit_seals();
    return std::move(walk.report);
  });
}

}  // namespace bursar::verify
