// Giving money back. Never more than a payment received, also with many requests at once: what is asked is taken off
// the payment's refundable rest in the transaction that records it.
//
// What a refund takes back of an invoice becomes a numbered credit note and customer credit in the same transaction; a
// refund to the gateway (or by hand) then takes it from that credit. One that the gateway refuses puts it back as
// credit, so nothing is half booked and nothing is lost.
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
#include "storage/database.hpp"

namespace bursar::payments {

enum class RefundDestination { gateway, credit, external };
std::string_view to_string(RefundDestination destination);
std::optional<RefundDestination> refund_destination(std::string_view text);

struct Refund {
  RefundId id;
  AccountId account;
  PaymentId payment;
  RefundDestination destination = RefundDestination::credit;
  std::string status;  // pending, succeeded, failed, unknown
  Money amount;
  std::string reference;
  std::string reason;
  Instant created_at;
  std::optional<Instant> settled_at;
};
std::optional<Refund> find_refund(storage::Connection& c, RefundId id);
std::vector<Refund> refunds_of(storage::Connection& c, PaymentId payment);  // oldest first

struct NewRefund {
  PaymentId payment;
  std::optional<Money> amount = std::nullopt;  // default: all that is left
  RefundDestination destination = RefundDestination::gateway;
  std::string reason;
};

// Records the refund and, to a gateway, the effect "refund:<refund>:1" that the workers perform.
// Errors: not_found no_such_payment; conflict payment_not_received, refund_exceeds_payment, refund_exceeds_credit (what
// was paid is spent already), gateway_cannot_refund; invalid /amount, /reason.
Result<RefundId> record_refund(storage::Transaction& tx, const Context& context, const NewRefund& refund,
                               const accounts::Actor& actor, Instant now);

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
