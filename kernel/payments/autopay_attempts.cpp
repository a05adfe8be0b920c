#include "payments/autopay_attempts.hpp"

#include <array>
#include <utility>

#include "base/assert.hpp"
#include "payments/autopay_plan.hpp"

namespace bursar::payments {

namespace {

using Row = std::pair<AttemptOutcome, std::string_view>;
constexpr std::array<Row, 5> outcomes{{
    {AttemptOutcome::passed_over, "passed_over"},
    {AttemptOutcome::charged, "charged"},
    {AttemptOutcome::declined_soft, "declined_soft"},
    {AttemptOutcome::declined_final, "declined_final"},
    {AttemptOutcome::withdrawn, "withdrawn"},
}};

AttemptOutcome outcome_named(std::string_view stored) {
  for (const auto& [outcome, name] : outcomes) {
    if (name == stored) return outcome;
  }
  invariant_broken("a stored outcome of an attempt", __FILE__, __LINE__);
}

std::optional<invoicing::DerivedDay> read_retry(std::optional<CivilDate> on, std::string_view derivation) {
  return on ? std::optional(invoicing::DerivedDay{*on, std::string(derivation)}) : std::nullopt;
}

}  // namespace

std::string_view to_string(AttemptOutcome outcome) {
  for (const auto& [known, name] : outcomes) {
    if (known == outcome) return name;
  }
  invariant_broken("an outcome without a name", __FILE__, __LINE__);
}

std::string explanation(const Attempt& attempt) {
  const bool failed = attempt.outcome != AttemptOutcome::passed_over && attempt.outcome != AttemptOutcome::charged;
  if (!failed) return std::string(reason_text(attempt.reason));
  return attempt.decline_text.empty() ? "the payment was refused" : attempt.decline_text;
}

std::map<InvoiceId, std::vector<Attempt>> attempts_of(storage::Connection& c, std::span<const std::int64_t> invoices) {
  std::map<InvoiceId, std::vector<Attempt>> out;
  auto rows = c.query(
      "SELECT a.invoice_id, a.round, a.method_id, a.payment_id, a.outcome, a.reason, a.retry_on, a.created_at, "
      "coalesce(p.gateway, m.gateway, ''), coalesce(m.label, ''), coalesce(p.status, ''), coalesce(p.decline_text, "
      "''), "
      "a.sequence, a.retry_derivation "
      "FROM autopay_attempts a LEFT JOIN payments p ON p.id = a.payment_id "
      "LEFT JOIN payment_methods m ON m.id = a.method_id WHERE a.invoice_id IN {list:$1} ORDER BY a.invoice_id, "
      "a.sequence",
      invoices);
  while (rows.next()) {
    out[rows.id<InvoiceId>(0)].push_back({.sequence = static_cast<int>(rows.integer(12)),
                                          .round = static_cast<int>(rows.integer(1)),
                                          .method = rows.id<PaymentMethodId>(2),
                                          .payment = rows.id<PaymentId>(3),
                                          .outcome = outcome_named(rows.text(4)),
                                          .reason = rows.string(5),
                                          .retry = read_retry(rows.optional_date(6), rows.text(13)),
                                          .created_at = rows.instant(7),
                                          .gateway = rows.string(8),
                                          .label = rows.string(9),
                                          .payment_status = rows.string(10),
                                          .decline_text = rows.string(11)});
  }
  return out;
}

std::vector<Attempt> attempts_of(storage::Connection& c, InvoiceId invoice) {
  const std::int64_t id = invoice.value();
  auto found = attempts_of(c, std::span(&id, 1));
  return std::move(found[invoice]);
}

void record_attempts(storage::Transaction& tx, std::span<const NewAttempt> attempts, Instant now) {
  if (attempts.empty()) return;
  using storage::Batch;
  Batch rows{{"sequence", Batch::integer}, {"account_id", Batch::integer},   {"invoice_id", Batch::integer},
             {"round", Batch::integer},    {"method_id", Batch::integer},    {"payment_id", Batch::integer},
             {"outcome", Batch::text},     {"reason", Batch::text},          {"retry_on", Batch::text},
             {"created_at", Batch::text},  {"retry_derivation", Batch::text}};
  for (const auto& [account, invoice, attempt] : attempts) {
    rows.add(attempt.sequence, account, invoice, attempt.round, attempt.method, attempt.payment,
             to_string(attempt.outcome), attempt.reason,
             attempt.retry ? std::optional(attempt.retry->on) : std::nullopt, now,
             attempt.retry ? std::string_view(attempt.retry->derivation) : std::string_view());
  }
  tx.insert_many("autopay_attempts", rows);
}

void end_attempt(storage::Transaction& tx, PaymentId payment, AttemptOutcome outcome, std::string_view reason) {
  tx.execute(
      "UPDATE autopay_attempts SET outcome = $2, reason = CASE $3 WHEN '' THEN reason ELSE $3 END "
      "WHERE payment_id = $1",
      payment, to_string(outcome), reason);
}

void plan_charge(storage::Transaction& tx, InvoiceId invoice, const std::optional<invoicing::DerivedDay>& day) {
  tx.execute("UPDATE invoices SET autopay_on = $2, autopay_derivation = $3, version = version + 1 WHERE id = $1",
             invoice, day ? std::optional(day->on) : std::nullopt,
             day ? std::string_view(day->derivation) : std::string_view());
}

void end_round(storage::Transaction& tx, InvoiceId invoice, const std::optional<invoicing::DerivedDay>& retry) {
  const auto retry_on = retry ? std::optional(retry->on) : std::nullopt;
  tx.execute(
      "UPDATE autopay_attempts SET retry_on = $2, retry_derivation = $3 WHERE invoice_id = $1 "
      "AND sequence = (SELECT max(sequence) FROM autopay_attempts WHERE invoice_id = $1)",
      invoice, retry_on, retry ? std::string_view(retry->derivation) : std::string_view());
  plan_charge(tx, invoice, retry);
}

bool declines_nearly_all(storage::Connection& c, const settings::PauseWhenDeclined& limit, std::string_view gateway,
                         Instant now) {
  if (!limit.share) return false;
  // Less than a day, so that the next daily run tries anew.
  constexpr Duration looked_at = hours(12);
  auto rows = c.query(
      "SELECT a.outcome FROM payments p JOIN autopay_attempts a ON a.payment_id = p.id WHERE p.gateway = $1"
      " AND p.origin = 'autopay' AND p.settled_at IS NOT NULL AND p.settled_at > $2"
      " AND p.decline_code <> 'declines_paused' AND a.outcome <> 'withdrawn' ORDER BY p.settled_at DESC LIMIT $3",
      gateway, now - looked_at, limit.of);
  std::int64_t answered = 0, declined = 0;
  for (; rows.next(); ++answered) declined += rows.text(0) == "charged" ? 0 : 1;
  return answered == limit.of && declined * limit.share->den >= answered * limit.share->num;
}

}  // namespace bursar::payments
