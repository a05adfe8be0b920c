// Giving money back. Never more than a payment received, also with many requests at once: what is asked is taken off
// the payment's refundable rest in the transaction that records it.
//
//   received = refundable + refunded (on its way, gone, or credit by a refund) + disputed
//
// Where the money stands decides what is booked. What is credit already (a surplus, a deposit) goes first and needs no
// document. What pays an invoice becomes a numbered credit note and customer credit in the same transaction; what only
// lowered an open invoice is owed again. A refund to the gateway (or by hand) then takes it from that credit. One that
// the gateway refuses, at once or after having said yes, puts it back as credit: nothing is half booked, nothing lost.
// Reasons: docs/design/refunds.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "accounts/actor.hpp"
#include "base/id.hpp"
#include "base/money.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "effects/effects.hpp"
#include "payments/payments.hpp"
#include "settings/config.hpp"
#include "storage/database.hpp"

namespace bursar::payments {

enum class RefundDestination { gateway, credit, external };
std::string_view to_string(RefundDestination destination);
std::optional<RefundDestination> refund_destination(std::string_view text);
std::optional<settings::RefundedService> refunded_service(std::string_view text);  // keep, cancel, terminate_now

struct Refund {
  RefundId id;
  AccountId account;
  PaymentId payment;
  std::string gateway;  // by which the money leaves: the payment's, or another that staff sent it by
  RefundDestination destination = RefundDestination::credit;
  std::string status;  // pending, succeeded, failed, unknown
  Money amount;
  Money credited;  // taken back beside it: had been paid from elsewhere (credit), and is credit again
  std::string reference;
  std::string reason;
  RefundRequestId request;  // none: staff's own act
  Instant created_at;
  std::optional<Instant> settled_at;
};
std::optional<Refund> find_refund(storage::Connection& c, RefundId id);
std::optional<Refund> find_refund_by_reference(storage::Connection& c, const std::string& gateway,
                                               const std::string& reference);
std::vector<Refund> refunds_of(storage::Connection& c, PaymentId payment);  // oldest first

// What the payment could still give back; zero for one that brought nothing.
Money refundable(const Payment& payment);

struct NewRefund {
  PaymentId payment;
  std::optional<Money> amount = std::nullopt;  // default: all that is left, or what the lines cost
  RefundDestination destination = RefundDestination::gateway;
  std::string reason = {};
  // Lines of invoices that the payment paid; with each goes its discount. None: what the payment paid last goes back
  // first.
  std::vector<LineId> lines = {};
  // What becomes of services whose whole period goes back; none: as the rule of their product says.
  std::optional<settings::RefundedService> service = std::nullopt;
  RefundRequestId request = {};
  // Of money sent by hand: the gateway's id of it, or the bank's. What carries one is that movement and no other; one
  // without is taken for the next of its amount that the gateway tells of.
  std::string reference = {};
  // Of money sent by hand: the gateway it was sent by, where that is another than the payment's. What the payment's own
  // gateway tells of is never this one.
  std::string gateway = {};
};

// Records the refund and, to a gateway, the effect "refund:<refund>:1" that the workers perform.
// Errors: not_found no_such_payment; conflict payment_not_received, refund_exceeds_payment, nothing_to_refund,
// refund_exceeds_credit (what was paid is spent already), gateway_cannot_refund, invoice_not_paid (lines of an open
// invoice), refund_recorded (this reference), refund_may_be_recorded (by hand, without a reference, and one of this
// amount has one); invalid /amount, /reason, /reference, /gateway, /line_ids.
Result<RefundId> record_refund(storage::Transaction& tx, const Context& context, const NewRefund& refund,
                               const accounts::Actor& actor, Instant now);

// What the gateway says of a refund, whoever heard it: the worker that sent it, a lookup, a webhook. Any number of
// times, in any order: a success stands until the gateway says that it came back; a failure is final, and a gateway
// that says otherwise later is a task for staff.
void settle_refund(storage::Transaction& tx, const Context& context, RefundId refund, const GatewayAnswer& answer,
                   Instant now);

class RefundHandler final : public effects::Handler {
 public:
  explicit RefundHandler(const Context& context) : context_(context) {}
  [[nodiscard]] std::string_view kind() const override { return "refund"; }
  [[nodiscard]] int concurrency(std::string_view instance) const override;
  effects::Outcome perform(const effects::Effect& effect) override;
  effects::Outcome inspect(const effects::Effect& effect) override;
  void settle(storage::Transaction& tx, const effects::Effect& effect, effects::Outcome& outcome, Instant now) override;

 private:
  const Context& context_;
};

}  // namespace bursar::payments
