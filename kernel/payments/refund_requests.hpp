// A customer asks for their money back; the rules judge it, staff (or a rule, for small sums) decide.
//
//   requested ---> approved    with the refund that came of it, in the same transaction
//       |    \---> declined    with a reason that the customer is told
//       +--------> withdrawn   by the customer
//
// A payment has one open request at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "payments/refund_rules.hpp"
#include "payments/refunds.hpp"

namespace bursar::payments {

enum class RefundRequestStatus { requested, approved, declined, withdrawn };
std::string_view to_string(RefundRequestStatus status);
std::optional<RefundRequestStatus> refund_request_status(std::string_view text);

struct StoredRefundRequest {
  RefundRequestId id;
  AccountId account;
  PaymentId payment;
  RefundRequestStatus status = RefundRequestStatus::requested;
  std::optional<Money> amount;  // asked; none: what the lines cost, or all the payment can give back
  std::vector<LineId> lines;
  std::string reason;
  Instant requested_at;
  UserId requested_by;
  bool eligible = false;  // by the rules, when it was asked
  bool credit_only = false;
  Money refundable;  // the most the payment could give back then
  std::vector<RefundCondition> conditions;
  std::optional<Instant> decided_at;
  UserId decided_by;  // none: by rule, or from the command line
  bool by_rule = false;
  std::string decision_reason;
  std::string override_reason;  // why against the rules
  RefundId refund;
  std::int64_t version = 1;
};
std::optional<StoredRefundRequest> find_refund_request(storage::Connection& c, RefundRequestId id);

struct RefundRequestFilter {
  std::vector<AccountId> accounts = {};  // none: every account's (staff)
  PaymentId payment = {};
  std::optional<RefundRequestStatus> status = std::nullopt;
  RefundRequestId before = {};  // older than this one; none: from the newest
  int limit = 50;
};
std::vector<StoredRefundRequest> list_refund_requests(storage::Connection& c, const RefundRequestFilter& filter);

struct NewRefundRequest {
  PaymentId payment;
  std::optional<Money> amount = std::nullopt;
  std::vector<LineId> lines = {};
  std::string reason = {};
};
// Stores the request with the verdict of the rules. One that the rules allow up to `approve_up_to` is approved at once.
// Errors: not_found no_such_payment; conflict refunds_by_staff_only (self_service is off), refund_already_requested,
// and what record_refund() says of amounts and lines.
Result<RefundRequestId> request_refund(storage::Transaction& tx, const Context& context,
                                       const NewRefundRequest& request, const accounts::Actor& actor, Instant now);

struct RefundDecision {
  bool approve = false;
  std::optional<RefundDestination> destination = std::nullopt;  // default: the gateway, or credit by the verdict
  std::optional<Money> amount = std::nullopt;                   // default: as asked
  std::string reason = {};                                      // required to decline
  std::string override_reason = {};                             // required to approve against the rules
  std::optional<settings::RefundedService> service = std::nullopt;
  std::string reference = {};  // of money sent by hand, as in NewRefund
  std::string gateway = {};    // likewise
};
// Saying the same again changes nothing. Errors: not_found no_such_refund_request; conflict refund_request_decided,
// override_reason_required, and those of record_refund(), with which the request stays open; invalid /amount, /reason.
Status decide_refund_request(storage::Transaction& tx, const Context& context, RefundRequestId id,
                             const RefundDecision& decision, const accounts::Actor& actor, Instant now);

// conflict refund_request_decided once it is decided.
Status withdraw_refund_request(storage::Transaction& tx, RefundRequestId id, const accounts::Actor& actor, Instant now);

}  // namespace bursar::payments
