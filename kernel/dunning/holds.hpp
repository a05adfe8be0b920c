// Holds: until a day nothing is collected of an invoice, of whatever bills a service, or of an account. Nothing is
// charged automatically, reminded of, fined, suspended or terminated for what is held; paying it stays possible.
//
// A held invoice counts as due on the day its hold ends: the collection plan goes on from there, at the plan's own
// distances, so that what was left out does not come all at once. The daily run ends a hold, as its first step.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/actor.hpp"
#include "base/id.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "invoicing/rules.hpp"
#include "notices/outbox.hpp"
#include "scheduler/step.hpp"
#include "storage/database.hpp"

namespace bursar {
BURSAR_ID(HoldId, "hld");
}

namespace bursar::dunning {

enum class HoldOrigin { staff, customer };
std::string_view to_string(HoldOrigin origin);

struct Hold {
  HoldId id;
  AccountId account;
  InvoiceId invoice;  // both empty: all of the account's invoices
  ServiceId service;
  HoldOrigin origin = HoldOrigin::staff;
  std::string reason;
  CivilDate starts_on;
  CivilDate until;
  Instant created_at;
  UserId created_by;
  std::optional<Instant> ended_at = {};
  std::string ended_by = {};  // expiry, staff, customer
};

struct NewHold {
  AccountId account = {};
  InvoiceId invoice = {};
  ServiceId service = {};
  CivilDate until = {};
  std::string reason = {};
  HoldOrigin origin = HoldOrigin::staff;
};
// Tells the customer. Errors: invalid /until, /invoice_id, /service_id; conflict already_held; for a customer also
// holds_by_staff_only, hold_limit_reached.
Result<HoldId> place_hold(storage::Transaction& tx, const invoicing::Rules& rules, const notices::Outbox& outbox,
                          const NewHold& hold, const accounts::Actor& actor, Instant now);

// Collection goes on from today. Errors: not_found no_such_hold; conflict hold_over, hold_by_staff (a customer lifts
// what a customer placed).
Status lift_hold(storage::Transaction& tx, const invoicing::Rules& rules, HoldId id, HoldOrigin by,
                 const accounts::Actor& actor, Instant now);

std::optional<Hold> find_hold(storage::Connection& c, HoldId id);
// Newest first, older than `before`.
std::vector<Hold> list_holds(storage::Connection& c, AccountId account, HoldId before, int limit);
// Until when an invoice is held; none: it is not.
std::optional<CivilDate> held_until(storage::Connection& c, InvoiceId invoice);

// The step `holds`: ends those whose day has come.
std::unique_ptr<scheduler::Step> hold_step(const invoicing::Rules& rules);

}  // namespace bursar::dunning
