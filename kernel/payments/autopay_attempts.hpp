// What auto-pay has done about each invoice, method by method, and why: the rows of autopay_attempts. A round is one
// pass over the account's methods in their order; the schedule begins the next.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "base/time.hpp"
#include "invoicing/derivation.hpp"
#include "settings/config.hpp"
#include "storage/database.hpp"

namespace bursar::payments {

enum class AttemptOutcome {
  passed_over,     // not charged
  charged,         // its payment's status tells the rest
  declined_soft,   // may pass on another day
  declined_final,  // not tried again for this invoice
  withdrawn,       // taken back before the gateway was asked
};
std::string_view to_string(AttemptOutcome outcome);

struct Attempt {
  int sequence = 0;  // 1, 2, 3, ... of its invoice
  int round = 1;
  PaymentMethodId method = {};  // none: no method was saved
  PaymentId payment = {};       // none: passed over
  AttemptOutcome outcome = AttemptOutcome::passed_over;
  std::string reason = {};  // of passing over, choosing or taking back; a word of autopay_plan.hpp
  std::optional<invoicing::DerivedDay> retry = std::nullopt;  // of the last of a round that failed: the next
  Instant created_at = {};
  // Of what it names, as it stands now:
  std::string gateway = {};
  std::string label = {};
  std::string payment_status = {};
  std::string decline_text = {};
};

// For people: why it was passed over or chosen, or why it failed.
std::string explanation(const Attempt& attempt);

// Of each of the invoices that has some, oldest first.
std::map<InvoiceId, std::vector<Attempt>> attempts_of(storage::Connection& c, std::span<const std::int64_t> invoices);
std::vector<Attempt> attempts_of(storage::Connection& c, InvoiceId invoice);

struct NewAttempt {
  AccountId account;
  InvoiceId invoice;
  Attempt attempt;
};
void record_attempts(storage::Transaction& tx, std::span<const NewAttempt> attempts, Instant now);

// The charge of this payment has come to this. `reason`: of one that was taken back; else that of choosing it stays.
void end_attempt(storage::Transaction& tx, PaymentId payment, AttemptOutcome outcome, std::string_view reason = {});
// The day of the invoice's next automatic charge; none: there will be none.
void plan_charge(storage::Transaction& tx, InvoiceId invoice, const std::optional<invoicing::DerivedDay>& day);
// The invoice's last round has failed, and the next begins on this day, or never.
void end_round(storage::Transaction& tx, InvoiceId invoice, const std::optional<invoicing::DerivedDay>& retry);

// Whether so many of the latest automatic charges at the gateway were declined that the fault is hardly the customers'.
bool declines_nearly_all(storage::Connection& c, const settings::PauseWhenDeclined& limit, std::string_view gateway,
                         Instant now);

}  // namespace bursar::payments
