// Money that arrived at a gateway and belongs to no payment we know: booked at once, held in the suspense account, and
// shown to staff, who say whose it is or send it back. A payment that turns out later to be the one takes it out again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "payments/payments.hpp"

namespace bursar::payments {

// The codes of payments that brought no money of their own, as staff had decided on it in suspense.
inline constexpr std::string_view assigned_otherwise = "assigned_otherwise";
inline constexpr std::string_view sent_back = "sent_back";

struct SuspenseItem {
  SuspenseId id;
  std::string gateway;
  std::string reference;  // the gateway's transaction, once for each gateway
  Money amount;
  std::string note;
  std::string status;  // open, assigned, returned
  PaymentId payment;   // that it became
  Instant received_at;
  std::optional<Instant> closed_at;
};

std::optional<SuspenseItem> find_suspense(storage::Connection& c, SuspenseId id);
// Oldest first, after `after`; `status` empty: any.
std::vector<SuspenseItem> list_suspense(storage::Connection& c, const std::string& status, SuspenseId after, int limit);

// Books it and tells staff, unless that transaction is known already: as a suspense item, or as a payment.
// `amount` > 0, `reference` not empty. Answers whether it is new.
bool hold_in_suspense(storage::Transaction& tx, const Context& context, const std::string& gateway,
                      const std::string& reference, Money amount, const std::string& note, Instant now);

// The item of that transaction, for a payment that is being booked with it.
std::optional<SuspenseItem> suspense_of(storage::Connection& c, const std::string& gateway,
                                        const std::string& reference);
void close_suspense(storage::Transaction& tx, SuspenseId id, PaymentId payment, Instant now);

struct Assignment {
  AccountId account;
  InvoiceId invoice = {};  // none: all of it is credit
};
// It becomes a payment of that account, with all that follows from one. Errors: not_found no_such_suspense_item;
// conflict suspense_not_open, suspense_of_payment (a payment that is under way at the gateway has this transaction);
// invalid /account_id, /invoice_id.
Result<PaymentId> assign_suspense(storage::Transaction& tx, const Context& context, SuspenseId id,
                                  const Assignment& assignment, const accounts::Actor& actor, Instant now);
// Staff sent it back by hand. Errors: not_found, conflict as above; invalid /reason.
Status return_suspense(storage::Transaction& tx, const Context& context, SuspenseId id, const std::string& reason,
                       const accounts::Actor& actor, Instant now);

}  // namespace bursar::payments
