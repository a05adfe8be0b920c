// Disputes and chargebacks: a customer's bank takes a payment back through the gateway, and may give it up again.
//
//   opened ----> won      the money is back; what was suspended for it comes back
//      |          ^
//      +-----> lost -+    the invoices it paid are owed again, or it is a loss (billing.disputes)
//
// Whoever hears of it (a webhook, staff) calls book_dispute(): any number of times and in any order, the end is the
// same. One that is won stays won. One is lost over what the gateway keeps in the end, which may be less than it took.
// Of a payment never more is refunded and disputed together than it received: what the gateway takes beyond that (a
// chargeback after a refund) is a claim against the gateway and, when lost, a loss; the customer's invoices do not pay
// for it a second time. Reasons: docs/design/refunds.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "accounts/actor.hpp"
#include "base/id.hpp"
#include "base/money.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "payments/payments.hpp"
#include "storage/database.hpp"

namespace bursar::payments {

struct Refund;

enum class DisputeStatus { opened, won, lost };
std::string_view to_string(DisputeStatus status);
std::optional<DisputeStatus> dispute_status(std::string_view text);

struct Dispute {
  DisputeId id;
  AccountId account;
  PaymentId payment;
  std::string gateway;    // plugin instance
  std::string reference;  // the gateway's id of it
  DisputeStatus status = DisputeStatus::opened;
  Money amount;   // what the gateway took; once it is lost: what it keeps
  Money counted;  // of it, what the payment had left: not refunded and not disputed before
  Money held;     // of it, what was taken from the customer's credit
  Money fee;      // what the gateway keeps for the dispute itself, as things stand, in the currency it counts in
  std::string reason;
  std::optional<Instant> respond_by;
  Instant opened_at;
  std::optional<Instant> closed_at;
  bool named = true;  // false: the gateway has told no id of it; the reference is that of its transaction
};
std::optional<Dispute> find_dispute(storage::Connection& c, DisputeId id);
std::optional<Dispute> find_dispute(storage::Connection& c, const std::string& gateway, const std::string& reference);
std::vector<Dispute> disputes_of(storage::Connection& c, PaymentId payment);  // oldest first
// Newest first, older than `before`; `status` none: any.
std::vector<Dispute> list_disputes(storage::Connection& c, std::optional<DisputeStatus> status, DisputeId before,
                                   int limit);

struct DisputeEvent {
  PaymentId payment;
  std::string reference;  // the gateway's id of the dispute
  DisputeStatus status = DisputeStatus::opened;
  // What was taken, or lost; default: as told before, else all that the payment received. One that is won is won whole.
  std::optional<Money> amount = std::nullopt;
  std::optional<Money> fee = std::nullopt;  // kept for this dispute in all, as things stand; zero: given back
  std::string reason = {};
  std::optional<Instant> respond_by = std::nullopt;
  bool named = true;  // see Dispute
};

// Errors: not_found no_such_payment; conflict payment_not_received (too early, or never), dispute_of_another_payment;
// invalid /amount, /fee, /reference.
Result<DisputeId> book_dispute(storage::Transaction& tx, const Context& context, const DisputeEvent& event,
                               const accounts::Actor& actor, Instant now);

// Finds the dispute that an event about the payment means, where it names none, or is the first to name it: the one
// that is open, else the one that was lost with the event's amount. Then `event.reference` is that dispute's, which
// takes the event's id where it had none. Otherwise false: the event is about a new one, and gets a reference made of
// the gateway's `transaction` where it has none.
bool recognise_dispute(storage::Transaction& tx, const Payment& payment, const std::string& transaction,
                       DisputeEvent& event);

// A refund came back as credit (its refunded amount is off the payment already) while disputes of the payment took more
// than it had left: the credit makes that good, so that the customer does not get the money twice.
void cover_disputes(storage::Transaction& tx, const Context& context, const Refund& refund, Instant now);

}  // namespace bursar::payments
