#include "payments/autopay_waterfall.hpp"

#include <algorithm>

#include "accounts/accounts.hpp"
#include "invoicing/invoices.hpp"
#include "payments/recording.hpp"
#include "payments/staff_tasks.hpp"

namespace bursar::payments {

namespace {

using invoicing::Invoice;

struct Round {
  int number = 0;
  std::vector<Attempt> history;  // of every round
  [[nodiscard]] std::vector<Attempt> attempts() const {
    std::vector<Attempt> out;
    for (const Attempt& attempt : history) {
      if (attempt.round == number) out.push_back(attempt);
    }
    return out;
  }
};

// The invoice's last round, if this payment is of it; one whose outcome was learnt too late moves nothing.
std::optional<Round> last_round(storage::Transaction& tx, const Payment& payment) {
  Round round{.history = attempts_of(tx, payment.invoice)};
  if (round.history.empty()) return std::nullopt;
  round.number = round.history.back().round;
  const bool is_of_it = std::any_of(round.history.begin(), round.history.end(), [&](const Attempt& attempt) {
    return attempt.round == round.number && attempt.payment == payment.id;
  });
  return is_of_it ? std::optional(std::move(round)) : std::nullopt;
}

// Counted from the day the round began, so that it does not matter when its outcome was learnt; but never twice on the
// day of that.
std::optional<invoicing::DerivedDay> next_round(const Context& context, const Round& round, int rounds_so_far,
                                                Instant now) {
  const Instant began = round.attempts().front().created_at;
  return next_autopay(context.rules.billing.autopay, rounds_so_far, context.rules.today(began),
                      context.rules.today(now).plus_days(1));
}

// As if this round had not been: it used nothing up of the schedule.
void plan_anew(storage::Transaction& tx, InvoiceId invoice, const std::optional<invoicing::DerivedDay>& day) {
  const auto planned = tx.execute(
      "UPDATE invoices SET autopay_attempts = CASE WHEN autopay_attempts > 0 THEN autopay_attempts - 1 ELSE 0 END "
      "WHERE id = $1 AND status = 'open'",
      invoice);
  if (planned == 1) plan_charge(tx, invoice, day);
}

void fail_round(storage::Transaction& tx, const Context& context, const Payment& payment, const Invoice& invoice,
                const std::optional<invoicing::DerivedDay>& retry, Instant now) {
  end_round(tx, invoice.id, retry);
  const auto round = last_round(tx, payment);
  BURSAR_ASSERT(round.has_value());
  const auto attempts = round->attempts();
  const auto notice = failure_notice({.cause = std::to_string(payment.id.value()),
                                      .account = payment.account,
                                      .amount = payment.amount,
                                      .invoice_number = invoice.number,
                                      .due_on = invoice.due_on,
                                      .attempts = attempts,
                                      .retry_on = retry ? std::optional(retry->on) : std::nullopt});
  context.outbox.enqueue(tx, {&notice, 1}, now);
}

void charge_next(storage::Transaction& tx, const Invoice& invoice, const Candidate& method, int sequence, int round,
                 Instant now) {
  const PaymentId id = insert_payment(tx,
                                      {.account = invoice.account,
                                       .gateway = method.gateway,
                                       .method = method.id,
                                       .invoice = invoice.id,
                                       .mass_payment = {},
                                       .targets = {},
                                       .origin = PaymentOrigin::autopay,
                                       .amount = invoice.balance,
                                       .caller_performs = false},
                                      {.kind = accounts::ActorKind::job}, now);
  const NewAttempt attempt{.account = invoice.account,
                           .invoice = invoice.id,
                           .attempt = {.sequence = sequence,
                                       .round = round,
                                       .method = method.id,
                                       .payment = id,
                                       .outcome = AttemptOutcome::charged,
                                       .reason = std::string(reason::after_failure)}};
  record_attempts(tx, {&attempt, 1}, now);
}

// Charges the next method of the round, or ends it.
void go_on(storage::Transaction& tx, const Context& context, const Payment& payment, const Invoice& invoice,
           const Round& round, Instant now) {
  const auto account = accounts::find_account(tx, invoice.account);
  if (!account || !account->autopay_enabled) return fail_round(tx, context, payment, invoice, std::nullopt, now);
  const CivilDate today = context.rules.today(now);
  // What the customer pays meanwhile comes first, and a hold is kept.
  if (under_way(tx, context.gateways, invoice.id, invoice.balance.currency(), now).is_positive() ||
      tx.query("SELECT 1 FROM held_invoices WHERE invoice_id = $1", invoice.id).next()) {
    return plan_anew(tx, invoice.id, put_off_from(today));
  }
  const std::int64_t id = invoice.account.value();
  const auto candidates = std::move(candidates_of(tx, std::span(&id, 1))[invoice.account]);
  const Choice choice =
      choose_method(candidates, round.history, round.number, context.gateways, invoice.balance, today);
  int sequence = round.history.back().sequence;
  std::vector<NewAttempt> passed_over;
  for (const PassedOver& over : choice.passed_over) {
    if (over.reason == reason::no_gateway) tell_staff_of_missing(tx, over.method->gateway, now);
    passed_over.push_back({.account = invoice.account,
                           .invoice = invoice.id,
                           .attempt = {.sequence = ++sequence,
                                       .round = round.number,
                                       .method = over.method->id,
                                       .reason = std::string(over.reason)}});
  }
  record_attempts(tx, passed_over, now);
  if (choice.method != nullptr) return charge_next(tx, invoice, *choice.method, sequence + 1, round.number, now);
  const Round ended{.number = round.number, .history = attempts_of(tx, invoice.id)};
  if (is_put_off(ended.attempts())) return plan_anew(tx, invoice.id, put_off_from(today));
  fail_round(tx, context, payment, invoice, next_round(context, round, invoice.autopay_attempts, now), now);
}

}  // namespace

std::map<AccountId, std::vector<Candidate>> candidates_of(storage::Connection& c,
                                                          std::span<const std::int64_t> accounts) {
  std::map<AccountId, std::vector<Candidate>> out;
  auto rows = c.query(
      "SELECT account_id, id, gateway, label, expires_on FROM payment_methods WHERE account_id IN {list:$1} "
      "AND status = 'active' ORDER BY account_id, position, id",
      accounts);
  while (rows.next()) {
    out[rows.id<AccountId>(0)].push_back({.id = rows.id<PaymentMethodId>(1),
                                          .gateway = rows.string(2),
                                          .label = rows.string(3),
                                          .expires_on = rows.optional_date(4)});
  }
  return out;
}

notices::Notice failure_notice(const FailedRound& round) {
  const std::string again = round.retry_on ? round.retry_on->to_string() : "";
  const bool may_pass = may_pass_later(round.attempts);
  const bool declined = std::any_of(round.attempts.begin(), round.attempts.end(), [](const Attempt& attempt) {
    return attempt.outcome == AttemptOutcome::declined_soft || attempt.outcome == AttemptOutcome::declined_final;
  });
  notices::Notice notice{.cause = "payment_failed:" + round.cause,
                         .account = round.account,
                         .name = notices::Template::payment_failed,
                         .values = {{"amount", round.amount.to_string()},
                                    {"invoice_number", round.invoice_number},
                                    {"due_on", round.due_on.to_string()},
                                    {"declined", declined ? "yes" : ""},
                                    {"retry_on", may_pass ? again : ""},
                                    {"look_on", may_pass ? "" : again}}};
  for (const Attempt& attempt : round.attempts) {
    std::string why = explanation(attempt);
    if (why.ends_with('.')) why.pop_back();  // the template goes on after it
    notice.items.push_back({{"method", attempt.label}, {"reason", std::move(why)}});
  }
  const auto& only = notice.items.front();
  notice.values.insert(notice.values.end(), only.begin(), only.end());
  return notice;
}

void autopay_declined(storage::Transaction& tx, const Context& context, const Payment& payment,
                      DeclineClass decline_class, Instant now) {
  const bool final = decline_class == DeclineClass::final;
  end_attempt(tx, payment.id, final ? AttemptOutcome::declined_final : AttemptOutcome::declined_soft);
  const auto invoice = invoicing::find_invoice(tx, payment.invoice);
  const auto round = last_round(tx, payment);
  if (!round || !invoice || invoice->status != invoicing::InvoiceStatus::open) return;
  const auto retry = next_round(context, *round, invoice->autopay_attempts, now);
  if (!final && retry) return fail_round(tx, context, payment, *invoice, retry, now);
  go_on(tx, context, payment, *invoice, *round, now);
}

void autopay_dismissed(storage::Transaction& tx, const Context& context, const Payment& payment, Instant now) {
  end_attempt(tx, payment.id, AttemptOutcome::declined_final);
  const auto invoice = invoicing::find_invoice(tx, payment.invoice);
  const auto round = last_round(tx, payment);
  if (!round || !invoice || invoice->status != invoicing::InvoiceStatus::open) return;
  fail_round(tx, context, payment, *invoice, next_round(context, *round, invoice->autopay_attempts, now), now);
}

void tell_staff_of_missing(storage::Transaction& tx, const std::string& gateway, Instant now) {
  // One task for all of them: an outage is one thing to mend, however many invoices wait.
  raise_task(tx, "gateway_missing", {}, 0, "Bring back a payment gateway that automatic charges wait for",
             no_gateway(gateway).error, now);
}

namespace {

void tell_staff_of_declines(storage::Transaction& tx, const std::string& gateway, Instant now) {
  raise_task(tx, "gateway_declines", {}, 0, "Look into a payment gateway that declines nearly every automatic charge",
             "the gateway '" + gateway + "': the other charges of the day wait for the next daily run", now);
}

}  // namespace

void autopay_withdrawn(storage::Transaction& tx, const Context& context, const Payment& payment, std::string_view code,
                       Instant now) {
  end_attempt(tx, payment.id, AttemptOutcome::withdrawn, code);
  if (code == autopay_is_off) return plan_anew(tx, payment.invoice, std::nullopt);
  if (code == declines_paused) tell_staff_of_declines(tx, payment.gateway, now);
  if (code == invoice_changed || code == invoice_held || code == declines_paused) {
    return plan_anew(tx, payment.invoice, put_off_from(context.rules.today(payment.created_at)));
  }
  if (code == reason::no_gateway) tell_staff_of_missing(tx, payment.gateway, now);
  const auto invoice = invoicing::find_invoice(tx, payment.invoice);
  const auto round = last_round(tx, payment);
  if (round && invoice && invoice->status == invoicing::InvoiceStatus::open) {
    go_on(tx, context, payment, *invoice, *round, now);
  }
}

}  // namespace bursar::payments
