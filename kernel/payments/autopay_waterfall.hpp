// From one method to the next: what follows when an automatic charge has failed. In the transaction that stores the
// failure, so that a killed process leaves no invoice between two methods. See docs/design/payment-outcomes.md.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "payments/autopay_plan.hpp"
#include "payments/payments.hpp"

namespace bursar::payments {

// The active methods of each account, in the customer's order.
std::map<AccountId, std::vector<Candidate>> candidates_of(storage::Connection& c,
                                                          std::span<const std::int64_t> accounts);

// A round in which nothing paid.
struct FailedRound {
  std::string cause;  // the key of the one message about it, without the template's name
  AccountId account;
  Money amount;
  std::string invoice_number;
  CivilDate due_on;
  std::span<const Attempt> attempts;
  std::optional<CivilDate> retry_on;
};
// What the customer is told: each method with its reason, and what comes next.
notices::Notice failure_notice(const FailedRound& round);

// The payment is stored as failed. After a soft decline the schedule goes on; after a final one, and when the schedule
// is used up, the next method is charged at once. When none is left the customer is told once.
void autopay_declined(storage::Transaction& tx, const Context& context, const Payment& payment,
                      DeclineClass decline_class, Instant now);
// Staff say that its money will not come, whatever the gateway said. The round is over: who dismissed it must not set
// off another charge. The schedule's next round leaves this method out.
void autopay_dismissed(storage::Transaction& tx, const Context& context, const Payment& payment, Instant now);
// Automatic charges had to leave out the methods of a gateway that is not there.
void tell_staff_of_missing(storage::Transaction& tx, const std::string& gateway, Instant now);
// The charge was taken back before the gateway was asked, for one of the codes of autopay_plan.hpp.
void autopay_withdrawn(storage::Transaction& tx, const Context& context, const Payment& payment, std::string_view code,
                       Instant now);

}  // namespace bursar::payments
