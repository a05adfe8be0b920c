#include "payments/refund_requests.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <utility>

#include "accounts/audit.hpp"
#include "accounts/fields.hpp"
#include "ledger/journal.hpp"
#include "payments/refund_plan.hpp"
#include "payments/staff_tasks.hpp"
#include "payments/stored.hpp"

namespace bursar::payments {

namespace {

using notices::Template;
using storage::Batch;

constexpr const char* task_kind = "refund_request";

constexpr std::array<std::pair<RefundRequestStatus, std::string_view>, 4> status_names{{
    {RefundRequestStatus::requested, "requested"},
    {RefundRequestStatus::approved, "approved"},
    {RefundRequestStatus::declined, "declined"},
    {RefundRequestStatus::withdrawn, "withdrawn"},
}};

StoredRefundRequest read_row(storage::Rows& rows) {
  const Currency currency = stored_currency(rows.text(4));
  return {.id = rows.id<RefundRequestId>(0),
          .account = rows.id<AccountId>(1),
          .payment = rows.id<PaymentId>(2),
          .status = refund_request_status(rows.text(3)).value(),
          .amount = rows.is_null(5) ? std::nullopt : std::optional(Money(rows.integer(5), currency)),
          .lines = {},
          .reason = rows.string(6),
          .requested_at = rows.instant(7),
          .requested_by = rows.id<UserId>(8),
          .eligible = rows.boolean(9),
          .credit_only = rows.boolean(10),
          .refundable = Money(rows.integer(11), currency),
          .conditions = {},
          .decided_at = rows.optional_instant(12),
          .decided_by = rows.id<UserId>(13),
          .by_rule = rows.boolean(18),
          .decision_reason = rows.string(14),
          .override_reason = rows.string(15),
          .refund = rows.id<RefundId>(16),
          .version = rows.integer(17)};
}

// Lines and conditions of all of them: two queries.
void read_details(storage::Connection& c, std::vector<StoredRefundRequest>& requests) {
  std::map<std::int64_t, StoredRefundRequest*> by_id;
  std::vector<std::int64_t> ids;
  for (StoredRefundRequest& request : requests) {
    by_id.emplace(request.id.value(), &request);
    ids.push_back(request.id.value());
  }
  const std::span<const std::int64_t> list(ids);
  {
    auto rows = c.query(
        "SELECT request_id, line_id FROM refund_request_lines WHERE request_id IN {list:$1} "
        "ORDER BY request_id, position",
        list);
    while (rows.next()) by_id.at(rows.integer(0))->lines.push_back(rows.id<LineId>(1));
  }
  auto rows = c.query(
      "SELECT request_id, line_id, product, rule, name, verdict, explanation FROM refund_request_conditions "
      "WHERE request_id IN {list:$1} ORDER BY request_id, position",
      list);
  while (rows.next()) {
    by_id.at(rows.integer(0))
        ->conditions.push_back({.line = rows.id<LineId>(1),
                                .product = rows.string(2),
                                .rule = rows.string(3),
                                .name = rows.string(4),
                                .verdict = condition_verdict(rows.text(5)),
                                .explanation = rows.string(6)});
  }
}

std::vector<StoredRefundRequest> read_all(storage::Connection& c, storage::Rows rows) {
  std::vector<StoredRefundRequest> out;
  {
    storage::Rows all = std::move(rows);
    while (all.next()) out.push_back(read_row(all));
  }
  if (!out.empty()) read_details(c, out);
  return out;
}

void insert_details(storage::Transaction& tx, RefundRequestId id, const NewRefundRequest& request,
                    const RefundVerdict& verdict) {
  Batch lines{{"request_id", Batch::integer}, {"position", Batch::integer}, {"line_id", Batch::integer}};
  for (std::size_t i = 0; i < request.lines.size(); ++i) lines.add(id, i, request.lines[i]);
  if (!lines.empty()) tx.insert_many("refund_request_lines", lines);
  Batch conditions{{"request_id", Batch::integer}, {"position", Batch::integer}, {"line_id", Batch::integer},
                   {"product", Batch::text},       {"rule", Batch::text},        {"name", Batch::text},
                   {"verdict", Batch::text},       {"explanation", Batch::text}};
  for (std::size_t i = 0; i < verdict.conditions.size(); ++i) {
    const RefundCondition& one = verdict.conditions[i];
    conditions.add(id, i, one.line, one.product, one.rule, one.name, to_string(one.verdict), one.explanation);
  }
  if (!conditions.empty()) tx.insert_many("refund_request_conditions", conditions);
}

void tell(storage::Transaction& tx, const Context& context, const StoredRefundRequest& request, Template name,
          notices::Values values, Instant now) {
  const notices::Notice notice{
      .cause = std::string(notices::to_string(name)) + ":" + std::to_string(request.id.value()),
      .account = request.account,
      .name = name,
      .values = std::move(values)};
  context.outbox.enqueue(tx, {&notice, 1}, now);
}

void audit(storage::Transaction& tx, const StoredRefundRequest& request, const char* action,
           const accounts::Actor& actor, Instant now) {
  accounts::append_audit(
      tx, now,
      {.actor = actor, .account = request.account, .action = action, .object = accounts::audit_object(request.id)});
}

Status check_reason(const char* pointer, const std::string& reason) {
  std::vector<FieldError> errors;
  accounts::check_text(pointer, reason, 1, 500, accounts::Lines::one, errors);
  if (!errors.empty()) return invalid("invalid_fields", "Some fields are not valid.", std::move(errors));
  return {};
}

void close(storage::Transaction& tx, const StoredRefundRequest& request, RefundRequestStatus status,
           const RefundDecision& decision, RefundId refund, const accounts::Actor& actor, Instant now) {
  tx.execute(
      "UPDATE refund_requests SET status = $2, decided_at = $3, decided_by = $4, decision_reason = $5, "
      "override_reason = $6, refund_id = $7, by_rule = $8, version = version + 1 WHERE id = $1",
      request.id, to_string(status), now, actor.user, decision.reason, decision.override_reason, refund,
      actor.kind == accounts::ActorKind::job ? 1 : 0);
  close_task(tx, task_kind, request.id.value(), status == RefundRequestStatus::withdrawn ? "dismissed" : "done",
             actor.user, now);
}

// Where the money goes when nobody says.
RefundDestination usual_destination(const Context& context, const StoredRefundRequest& request,
                                    const Payment& payment) {
  const Gateway* gateway = context.gateways.find(payment.gateway);
  const bool sends = gateway != nullptr && gateway->info().refunds;
  return request.credit_only || !sends ? RefundDestination::credit : RefundDestination::gateway;
}

// Whether approving would succeed as it stands; else a person has to find another way.
bool can_be_carried_out(storage::Connection& c, const Context& context, const StoredRefundRequest& request,
                        const Payment& payment, const RefundPlan& plan) {
  if (usual_destination(context, request, payment) == RefundDestination::credit) return true;
  Money from_credit = plan.amount + plan.credited;
  for (const TakenBack& taken : plan.taken_back) from_credit -= taken.amount;
  const bool whole = plan.amount == payment.received;
  return ledger::credit_balance(c, payment.account, plan.amount.currency()) >= from_credit &&
         (whole || context.gateways.find(payment.gateway)->info().partial_refunds);
}

Status approve(storage::Transaction& tx, const Context& context, const StoredRefundRequest& request,
               const RefundDecision& decision, const accounts::Actor& actor, Instant now) {
  const auto payment = find_payment(tx, request.payment);
  BURSAR_ASSERT(payment.has_value());
  const auto destination = decision.destination.value_or(usual_destination(context, request, *payment));
  const bool against_rules = !request.eligible || (request.credit_only && destination != RefundDestination::credit);
  if (against_rules && decision.override_reason.empty()) {
    return Error{.kind = ErrorKind::conflict,
                 .code = "override_reason_required",
                 .detail = request.eligible ? "By the rules this money becomes credit only."
                                            : "By the rules this payment is not refunded.",
                 .cure = "Say in override_reason why it is done nevertheless."};
  }
  if (!decision.override_reason.empty()) BURSAR_CHECK(check_reason("/override_reason", decision.override_reason));
  if (decision.amount && request.amount && decision.amount->currency() == request.amount->currency() &&
      *decision.amount > *request.amount) {
    return invalid("invalid_fields", "Some fields are not valid.",
                   {{"/amount", "is more than was asked, " + request.amount->to_string()}});
  }
  BURSAR_TRY(refund, record_refund(tx, context,
                                   {.payment = request.payment,
                                    .amount = decision.amount ? decision.amount : request.amount,
                                    .destination = destination,
                                    .reason = request.reason,
                                    .lines = request.lines,
                                    .service = decision.service,
                                    .request = request.id,
                                    .reference = decision.reference,
                                    .gateway = decision.gateway},
                                   actor, now));
  close(tx, request, RefundRequestStatus::approved, decision, refund, actor, now);
  audit(tx, request, "refund_request.approve", actor, now);
  tell(tx, context, request, Template::refund_approved,
       {{"amount", find_refund(tx, refund)->amount.to_string()},
        {"to_credit", destination == RefundDestination::credit ? "yes" : ""},
        {"note", decision.reason}},
       now);
  return {};
}

}  // namespace

std::string_view to_string(RefundRequestStatus status) {
  for (const auto& [known, name] : status_names) {
    if (known == status) return name;
  }
  invariant_broken("a status without a name", __FILE__, __LINE__);
}

std::optional<RefundRequestStatus> refund_request_status(std::string_view text) {
  for (const auto& [known, name] : status_names) {
    if (name == text) return known;
  }
  return std::nullopt;
}

std::optional<StoredRefundRequest> find_refund_request(storage::Connection& c, RefundRequestId id) {
  auto found = read_all(
      c, c.query("SELECT id, account_id, payment_id, status, currency, amount, reason, requested_at, requested_by, "
                 "eligible, credit_only, refundable, decided_at, decided_by, decision_reason, override_reason, "
                 "refund_id, version, by_rule FROM refund_requests WHERE id = $1",
                 id));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::vector<StoredRefundRequest> list_refund_requests(storage::Connection& c, const RefundRequestFilter& filter) {
  std::vector<std::int64_t> accounts;
  for (const AccountId account : filter.accounts) accounts.push_back(account.value());
  const std::string_view status = filter.status ? to_string(*filter.status) : std::string_view();
  const std::int64_t before = filter.before ? filter.before.value() : INT64_MAX;
  if (accounts.empty()) {
    return read_all(
        c, c.query("SELECT id, account_id, payment_id, status, currency, amount, reason, requested_at, requested_by, "
                   "eligible, credit_only, refundable, decided_at, decided_by, decision_reason, override_reason, "
                   "refund_id, version, by_rule FROM refund_requests WHERE ($1 = '' OR status = $1) AND "
                   "($2 = 0 OR payment_id = $2) AND id < $3 ORDER BY id DESC LIMIT $4",
                   status, filter.payment.value(), before, filter.limit));
  }
  return read_all(
      c,
      c.query(
          "SELECT id, account_id, payment_id, status, currency, amount, reason, requested_at, requested_by, "
          "eligible, credit_only, refundable, decided_at, decided_by, decision_reason, override_reason, "
          "refund_id, version, by_rule FROM refund_requests WHERE account_id IN {list:$1} AND ($2 = '' OR status = $2) "
          "AND ($3 = 0 OR payment_id = $3) AND id < $4 ORDER BY id DESC LIMIT $5",
          std::span<const std::int64_t>(accounts), status, filter.payment.value(), before, filter.limit));
}

Result<RefundRequestId> request_refund(storage::Transaction& tx, const Context& context,
                                       const NewRefundRequest& request, const accounts::Actor& actor, Instant now) {
  const auto payment = find_payment(tx, request.payment);
  if (!payment) return not_found("no_such_payment", "There is no such payment.");
  BURSAR_CHECK(check_reason("/reason", request.reason));
  if (!context.rules.billing.refunds.self_service && actor.kind == accounts::ActorKind::user)
    return conflict("refunds_by_staff_only", "Refunds are made by our staff; please write to us.");
  if (tx.query("SELECT 1 FROM refund_requests WHERE payment_id = $1 AND status = 'requested'", payment->id).next())
    return conflict("refund_already_requested", "A refund of this payment has been asked for and is not decided yet.");
  BURSAR_TRY(plan,
             plan_refund(
                 tx, *payment,
                 {.payment = payment->id, .amount = request.amount, .reason = request.reason, .lines = request.lines}));
  const RefundVerdict verdict = judge_refund(tx, context, *payment, request.lines, now);
  const auto id = tx.new_id<RefundRequestId>();
  tx.execute(
      "INSERT INTO refund_requests (id, account_id, payment_id, status, currency, amount, reason, requested_at, "
      "requested_by, eligible, credit_only, refundable) VALUES ($1, $2, $3, 'requested', $4, $5, $6, $7, $8, $9, $10, "
      "$11)",
      id, payment->account, payment->id, payment->amount.currency().code(),
      request.amount ? std::optional(request.amount->minor()) : std::nullopt, request.reason, now, actor.user,
      verdict.eligible ? 1 : 0, verdict.credit_only ? 1 : 0, refundable(*payment).minor());
  insert_details(tx, id, request, verdict);
  const auto stored = find_refund_request(tx, id);
  BURSAR_ASSERT(stored.has_value());
  audit(tx, *stored, "refund_request.create", actor, now);
  raise_task(tx, task_kind, payment->account, id.value(), "Decide on a refund of " + plan.amount.to_string(),
             std::string(!verdict.eligible     ? "Not by the rules: "
                         : verdict.credit_only ? "By the rules, to credit: "
                                               : "By the rules: ") +
                 request.reason,
             now);
  tell(tx, context, *stored, Template::refund_requested,
       {{"amount", plan.amount.to_string()}, {"reason", request.reason}}, now);
  // Many small ones of a payment are a large one.
  if (verdict.eligible && verdict.approve_up_to && payment->refunded + plan.amount <= *verdict.approve_up_to &&
      can_be_carried_out(tx, context, *stored, *payment, plan)) {
    const accounts::Actor rule{.kind = accounts::ActorKind::job};
    BURSAR_CHECK(decide_refund_request(tx, context, id, {.approve = true}, rule, now));
  }
  return id;
}

Status decide_refund_request(storage::Transaction& tx, const Context& context, RefundRequestId id,
                             const RefundDecision& decision, const accounts::Actor& actor, Instant now) {
  const auto request = find_refund_request(tx, id);
  if (!request) return not_found("no_such_refund_request", "There is no such request.");
  const auto wanted = decision.approve ? RefundRequestStatus::approved : RefundRequestStatus::declined;
  if (request->status != RefundRequestStatus::requested) {
    if (request->status == wanted) {
      const auto refund = find_refund(tx, request->refund);
      const bool same = !refund || ((!decision.amount || *decision.amount == refund->amount) &&
                                    (!decision.destination || *decision.destination == refund->destination));
      if (same) return {};
    }
    return conflict("refund_request_decided",
                    "The request is " + std::string(to_string(request->status)) + " already.");
  }
  if (decision.approve) return approve(tx, context, *request, decision, actor, now);
  BURSAR_CHECK(check_reason("/reason", decision.reason));
  close(tx, *request, RefundRequestStatus::declined, decision, {}, actor, now);
  audit(tx, *request, "refund_request.decline", actor, now);
  tell(tx, context, *request, Template::refund_declined,
       {{"amount", find_payment(tx, request->payment)->received.to_string()}, {"note", decision.reason}}, now);
  return {};
}

Status withdraw_refund_request(storage::Transaction& tx, RefundRequestId id, const accounts::Actor& actor,
                               Instant now) {
  const auto request = find_refund_request(tx, id);
  if (!request) return not_found("no_such_refund_request", "There is no such request.");
  if (request->status != RefundRequestStatus::requested)
    return conflict("refund_request_decided",
                    "The request is " + std::string(to_string(request->status)) + " already.");
  close(tx, *request, RefundRequestStatus::withdrawn, {}, {}, actor, now);
  audit(tx, *request, "refund_request.withdraw", actor, now);
  return {};
}

}  // namespace bursar::payments
