#include <cstdio>

#include "base/json_text.hpp"
#include "cli/support.hpp"
#include "payments/payments.hpp"
#include "payments/refund_requests.hpp"

namespace bursar::cli {
namespace {

constexpr int page = 500;

void print_request(const payments::StoredRefundRequest& r, const IdCodec& ids, bool json) {
  const std::string status(payments::to_string(r.status));
  const std::string asked = (r.amount ? *r.amount : r.refundable).to_string();
  const std::string verdict = !r.eligible ? "not by the rules" : r.credit_only ? "to credit" : "by the rules";
  if (json) {
    std::printf(
        "{\"id\": %s, \"status\": %s, \"account\": %s, \"payment\": %s, \"asked\": %s, \"verdict\": %s, \"reason\": "
        "%s}\n",
        json_string(ids.text(r.id)).c_str(), json_string(status).c_str(), json_string(ids.text(r.account)).c_str(),
        json_string(ids.text(r.payment)).c_str(), json_string(asked).c_str(), json_string(verdict).c_str(),
        json_string(r.reason).c_str());
    return;
  }
  std::printf("%s  %-9s  %12s  %-16s  %s\n", ids.text(r.id).c_str(), status.c_str(), asked.c_str(), verdict.c_str(),
              r.reason.c_str());
  for (const payments::RefundCondition& one : r.conditions) {
    if (one.verdict == payments::ConditionVerdict::holds) continue;
    std::printf("    %s (%s): %s\n", one.name.c_str(), one.rule.c_str(), one.explanation.c_str());
  }
}

Result<payments::RefundDecision> decision_of(App& app, RefundRequestId id, const RefundDecisionOptions& options) {
  payments::RefundDecision decision{.approve = options.approve,
                                    .reason = options.reason,
                                    .override_reason = options.override_reason,
                                    .reference = options.reference,
                                    .gateway = options.gateway};
  if (!options.destination.empty()) {
    decision.destination = payments::refund_destination(options.destination);
    if (!decision.destination) return invalid("wrong_destination", "--to is gateway, credit or external");
  }
  if (!options.service.empty()) {
    decision.service = payments::refunded_service(options.service);
    if (!decision.service) return invalid("wrong_service", "--service is keep, cancel or terminate_now");
  }
  if (options.amount.empty()) return decision;
  const auto request =
      app.database().read([&](storage::Connection& c) { return payments::find_refund_request(c, id); });
  if (!request) return not_found("no_such_refund_request", "There is no such request.");
  BURSAR_TRY(amount, Money::parse(options.amount, request->refundable.currency()));
  decision.amount = amount;
  return decision;
}

}  // namespace

int refund_list(const Common& common, const std::string& status) {
  int code = done;
  const auto app = open_app(common, code);
  if (!app) return code;
  payments::RefundRequestFilter filter{.limit = page};
  filter.status = payments::refund_request_status(status);
  if (!status.empty() && !filter.status)
    return fail(invalid("wrong_status", "--status is requested, approved, declined or withdrawn"), wrong_usage);
  for (;;) {
    const auto requests =
        app->database().read([&](storage::Connection& c) { return payments::list_refund_requests(c, filter); });
    for (const auto& request : requests) print_request(request, app->codec(), common.json);
    if (std::ssize(requests) < page) return done;
    filter.before = requests.back().id;
  }
}

int refund_decide(const Common& common, const RefundDecisionOptions& options) {
  int code = done;
  const auto app = open_app(common, code);
  if (!app) return code;
  const auto id = app->codec().parse<RefundRequestIdTag>(options.request);
  if (!id.ok()) return fail(id.error());
  const auto decision = decision_of(*app, *id, options);
  if (!decision.ok()) return fail(decision.error(), wrong_usage);
  const Status decided = app->database().write("decide_refund_request", [&](storage::Transaction& tx) {
    return payments::decide_refund_request(tx, app->payment_context(), *id, *decision,
                                           {.kind = accounts::ActorKind::cli}, app->clock().now());
  });
  if (!decided.ok()) return fail(decided.error());
  app->drain();
  const auto stored =
      app->database().read([&](storage::Connection& c) { return payments::find_refund_request(c, *id); });
  print_request(*stored, app->codec(), common.json);
  return done;
}

}  // namespace bursar::cli
