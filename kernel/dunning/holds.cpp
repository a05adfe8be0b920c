#include "dunning/holds.hpp"

#include <algorithm>
#include <charconv>

#include "accounts/audit.hpp"
#include "base/assert.hpp"
#include "invoicing/derivation.hpp"
#include "invoicing/invoices.hpp"
#include "services/services.hpp"

namespace bursar::dunning {
namespace {

using storage::Batch;
using storage::Transaction;

constexpr std::string_view expiry = "expiry";

Hold read_row(const storage::Rows& rows) {
  return {.id = rows.id<HoldId>(0),
          .account = rows.id<AccountId>(1),
          .invoice = rows.id<InvoiceId>(2),
          .service = rows.id<ServiceId>(3),
          .origin = rows.text(4) == to_string(HoldOrigin::customer) ? HoldOrigin::customer : HoldOrigin::staff,
          .reason = rows.string(5),
          .starts_on = rows.date(6),
          .until = rows.date(7),
          .created_at = rows.instant(8),
          .created_by = rows.id<UserId>(9),
          .ended_at = rows.optional_instant(10),
          .ended_by = rows.string(11)};
}

Error field_fault(const char* pointer, std::string detail) {
  return invalid("invalid_fields", "Some fields are not valid.", {{pointer, std::move(detail)}});
}

Status check_object(storage::Connection& c, const NewHold& hold) {
  if (hold.invoice && hold.service) return field_fault("/service_id", "name an invoice or a service, not both");
  if (hold.invoice) {
    const auto invoice = invoicing::find_invoice(c, hold.invoice);
    if (!invoice || invoice->account != hold.account)
      return field_fault("/invoice_id", "is no invoice of this account");
    if (invoice->status != invoicing::InvoiceStatus::open || invoice->kind == invoicing::InvoiceKind::deposit)
      return field_fault("/invoice_id", "nothing is collected of this invoice: it is " +
                                            std::string(invoicing::to_string(invoice->status)));
  }
  if (hold.service) {
    const auto service = services::find_service(c, hold.service);
    if (!service || service->account != hold.account)
      return field_fault("/service_id", "is no service of this account");
    if (service->ended()) return field_fault("/service_id", "this service has ended");
  }
  return {};
}

Status check_until(const settings::Holds& rules, const NewHold& hold, CivilDate today) {
  const bool self_service = hold.origin == HoldOrigin::customer;
  const int most = self_service ? rules.self_service_days : rules.max_days;
  if (hold.until <= today) return field_fault("/until", "must be after today, " + today.to_string());
  if (hold.until > today.plus_days(most))
    return field_fault("/until", "must be " + today.plus_days(most).to_string() + " at the latest");
  return {};
}

Status check_self_service(storage::Connection& c, const settings::Holds& rules, const NewHold& hold, CivilDate today) {
  if (hold.origin != HoldOrigin::customer) return {};
  if (!rules.self_service)
    return conflict("holds_by_staff_only", "This provider puts invoices on hold on request; please write to them.");
  auto rows = c.query(
      "SELECT count(CASE WHEN ended_at IS NULL THEN 1 END),"
      " count(CASE WHEN origin = 'customer' AND starts_on > $2 THEN 1 END) FROM holds WHERE account_id = $1",
      hold.account, today.plus_days(-365));
  rows.next();
  if (rows.integer(0) > 0) return conflict("already_held", "Something of this account is on hold already.");
  if (rows.integer(1) >= rules.self_service_per_year) {
    return conflict("hold_limit_reached", "This was done " + std::to_string(rows.integer(1)) +
                                              " times within a year, as often as the provider allows.");
  }
  return {};
}

Status insert(Transaction& tx, HoldId id, const NewHold& hold, const accounts::Actor& actor, CivilDate today,
              Instant now) {
  const bool is_new =
      tx.execute(
          "INSERT INTO holds (id, account_id, invoice_id, service_id, origin, reason, starts_on, until_on, created_at,"
          " created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
          id, hold.account, hold.invoice, hold.service, to_string(hold.origin), hold.reason, today, hold.until, now,
          actor.user) == 1;
  if (is_new) return {};
  return Error{.kind = ErrorKind::conflict,
               .code = "already_held",
               .detail = "This is on hold already.",
               .cure = "Lift the hold that stands before you place another."};
}

void tell(Transaction& tx, const notices::Outbox& outbox, HoldId id, const NewHold& hold, Instant now) {
  notices::Notice notice{.cause = "hold:" + std::to_string(id.value()),
                         .account = hold.account,
                         .name = notices::Template::hold_placed,
                         .values = {{"until", hold.until.to_string()}}};
  if (hold.invoice) notice.values.emplace_back("invoice_number", invoicing::find_invoice(tx, hold.invoice)->number);
  if (hold.service) {
    auto rows = tx.query(
        "SELECT s.label, p.name FROM services s JOIN products p ON p.id = s.product_id WHERE s.id = $1", hold.service);
    if (rows.next()) notice.values.emplace_back("service", rows.text(0).empty() ? rows.string(1) : rows.string(0));
  }
  outbox.enqueue(tx, {&notice, 1}, now);
}

void audit(Transaction& tx, const char* action, HoldId id, AccountId account, const accounts::Actor& actor,
           Instant now) {
  accounts::append_audit(tx, now,
                         {.actor = actor, .account = account, .action = action, .object = accounts::audit_object(id)});
}

// What the hold covered and no other still does goes on from `today`.
void resume(Transaction& tx, const invoicing::Rules& rules, const Hold& hold, CivilDate today) {
  Batch batch{{"id", Batch::integer},          {"autopay_on", Batch::text}, {"autopay_derivation", Batch::text},
              {"dunning_action", Batch::text}, {"dunning_on", Batch::text}, {"dunning_offset", Batch::integer},
              {"version", Batch::integer}};
  auto rows = tx.query(
      "SELECT i.id, i.due_on, i.autopay_on, i.dunning_action, i.dunning_on, i.dunning_offset, i.version, "
      "i.autopay_derivation"
      " FROM invoices i"
      " WHERE i.account_id = $1 AND i.status = 'open' AND (i.autopay_on IS NOT NULL OR i.dunning_action IS NOT NULL)"
      " AND ($2 = 0 OR i.id = $2) AND ($3 = 0 OR EXISTS (SELECT 1 FROM invoice_lines l WHERE l.invoice_id = i.id"
      " AND l.service_id = $3 AND l.removed_at IS NULL))"
      " AND NOT EXISTS (SELECT 1 FROM held_invoices h WHERE h.invoice_id = i.id) ORDER BY i.id",
      hold.account, hold.invoice.value(), hold.service.value());
  while (rows.next()) {
    auto autopay_on = rows.optional_date(2);
    std::string autopay_derivation = rows.string(7);
    if (autopay_on && *autopay_on < today) {
      autopay_derivation =
          invoicing::derive("hold", {{"was_planned_on", autopay_on->to_string()}, {"not_before", today.to_string()}});
      autopay_on = today;
    }
    std::optional<invoicing::PlannedStep> next;
    if (!rows.is_null(3)) {
      next = rules.plan.resumed(
          {.step = {.offset = static_cast<int>(rows.integer(5)), .action = invoicing::dunning_action(rows.text(3))},
           .on = rows.date(4)},
          rows.date(1), today);
    }
    if (next) {
      batch.add(rows.integer(0), autopay_on, autopay_derivation, invoicing::to_string(next->step.action), next->on,
                next->step.offset, rows.integer(6) + 1);
    } else {
      batch.add(rows.integer(0), autopay_on, autopay_derivation, nullptr, nullptr, nullptr, rows.integer(6) + 1);
    }
  }
  if (!batch.empty()) tx.update_many("invoices", 1, batch);
}

// Answers whether it still stood.
bool end(Transaction& tx, const invoicing::Rules& rules, const Hold& hold, std::string_view by, CivilDate today,
         Instant now) {
  if (tx.execute("UPDATE holds SET ended_at = $2, ended_by = $3 WHERE id = $1 AND ended_at IS NULL", hold.id, now,
                 by) != 1) {
    return false;
  }
  resume(tx, rules, hold, today);
  return true;
}

class HoldStep final : public scheduler::Step {
 public:
  explicit HoldStep(const invoicing::Rules& rules) : rules_(rules) {}
  [[nodiscard]] std::string_view name() const override { return "holds"; }

  // The cursor: "ACCOUNT/HOLD".
  scheduler::ChunkResult run_chunk(Transaction& tx, const scheduler::RunContext& run,
                                   const scheduler::ChunkRequest& request) override {
    const CivilDate today = rules_.today(run.now);
    std::vector<Hold> due = read_due(tx, today, request);
    scheduler::ChunkResult result{
        .cursor = request.cursor, .finished = std::ssize(due) < request.max_accounts, .counts = {}};
    for (const Hold& hold : due) {
      result.cursor = std::to_string(hold.account.value()) + "/" + std::to_string(hold.id.value());
      if (request.parked != nullptr && request.parked->contains(hold.account)) continue;
      if (request.working_on != nullptr) *request.working_on = hold.account;
      if (!end(tx, rules_, hold, expiry, today, run.now)) continue;
      audit(tx, "hold.end", hold.id, hold.account, {.kind = accounts::ActorKind::job}, run.now);
      ++result.counts["holds_ended"];
    }
    return result;
  }

 private:
  static std::vector<Hold> read_due(Transaction& tx, CivilDate today, const scheduler::ChunkRequest& request) {
    std::int64_t account = 0, id = 0;
    if (!request.cursor.empty()) {
      const char* const end = request.cursor.data() + request.cursor.size();
      const auto first = std::from_chars(request.cursor.data(), end, account);
      BURSAR_ASSERT(first.ec == std::errc() && first.ptr != end);
      std::from_chars(first.ptr + 1, end, id);
    }
    std::vector<Hold> out;
    auto rows = tx.query(
        "SELECT id, account_id, invoice_id, service_id, origin, reason, starts_on, until_on, created_at, created_by,"
        " ended_at, ended_by FROM holds WHERE ended_at IS NULL AND until_on <= $1 AND (account_id, id) > ($2, $3)"
        " ORDER BY account_id, id LIMIT $4",
        today, account, id, request.max_accounts);
    while (rows.next()) out.push_back(read_row(rows));
    return out;
  }

  const invoicing::Rules& rules_;
};

}  // namespace

std::string_view to_string(HoldOrigin origin) { return origin == HoldOrigin::staff ? "staff" : "customer"; }

Result<HoldId> place_hold(Transaction& tx, const invoicing::Rules& rules, const notices::Outbox& outbox,
                          const NewHold& hold, const accounts::Actor& actor, Instant now) {
  const CivilDate today = rules.today(now);
  BURSAR_CHECK(check_self_service(tx, rules.billing.holds, hold, today));
  BURSAR_CHECK(check_object(tx, hold));
  BURSAR_CHECK(check_until(rules.billing.holds, hold, today));
  const auto id = tx.new_id<HoldId>();
  BURSAR_CHECK(insert(tx, id, hold, actor, today, now));
  audit(tx, "hold.place", id, hold.account, actor, now);
  tell(tx, outbox, id, hold, now);
  return id;
}

Status lift_hold(Transaction& tx, const invoicing::Rules& rules, HoldId id, HoldOrigin by, const accounts::Actor& actor,
                 Instant now) {
  const auto hold = find_hold(tx, id);
  if (!hold) return not_found("no_such_hold", "There is no such hold.");
  if (by == HoldOrigin::customer && hold->origin != by)
    return conflict("hold_by_staff", "The provider placed this hold; please write to them to lift it.");
  if (!end(tx, rules, *hold, to_string(by), rules.today(now), now))
    return conflict("hold_over", "This hold has ended already.");
  audit(tx, "hold.lift", id, hold->account, actor, now);
  return {};
}

std::optional<Hold> find_hold(storage::Connection& c, HoldId id) {
  auto rows = c.query(
      "SELECT id, account_id, invoice_id, service_id, origin, reason, starts_on, until_on, created_at, created_by,"
      " ended_at, ended_by FROM holds WHERE id = $1",
      id);
  if (!rows.next()) return std::nullopt;
  return read_row(rows);
}

std::vector<Hold> list_holds(storage::Connection& c, AccountId account, HoldId before, int limit) {
  std::vector<Hold> out;
  auto rows = c.query(
      "SELECT id, account_id, invoice_id, service_id, origin, reason, starts_on, until_on, created_at, created_by,"
      " ended_at, ended_by FROM holds WHERE account_id = $1 AND ($2 = 0 OR id < $2) ORDER BY id DESC LIMIT $3",
      account, before.value(), limit);
  while (rows.next()) out.push_back(read_row(rows));
  return out;
}

std::optional<CivilDate> held_until(storage::Connection& c, InvoiceId invoice) {
  auto rows = c.query("SELECT max(until_on) FROM held_invoices WHERE invoice_id = $1", invoice);
  if (!rows.next()) return std::nullopt;
  return rows.optional_date(0);
}

std::unique_ptr<scheduler::Step> hold_step(const invoicing::Rules& rules) { return std::make_unique<HoldStep>(rules); }

}  // namespace bursar::dunning
