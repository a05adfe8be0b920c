// The step "changes". A change whose invoice stayed unpaid, or whose service has ended, is withdrawn. After one that
// was applied, lines at the old terms of periods to come are taken back, paid or not; the step "invoices" bills them
// anew. One at the end of the period gets its billing terms when the next period is to be billed, and its product on
// its day.
#include <span>

#include "base/assert.hpp"
#include "invoicing/change_settlement.hpp"
#include "invoicing/corrections.hpp"
#include "invoicing/periods.hpp"
#include "invoicing/step_support.hpp"

namespace bursar::invoicing {
namespace {

using scheduler::ChunkRequest;
using scheduler::ChunkResult;
using scheduler::Counts;
using scheduler::RunContext;
using storage::Transaction;

class ChangeStep final : public scheduler::Step {
 public:
  explicit ChangeStep(const Rules& rules) : rules_(rules) {}
  [[nodiscard]] std::string_view name() const override { return "changes"; }

  // The cursor: the last account.
  ChunkResult run_chunk(Transaction& tx, const RunContext& run, const ChunkRequest& request) override {
    std::vector<std::int64_t> accounts;
    {
      auto rows = tx.query(
          "SELECT DISTINCT ch.account_id FROM service_changes ch JOIN services s ON s.id = ch.service_id"
          " WHERE ch.look_on IS NOT NULL AND (ch.look_on <= $1 OR s.ended_at IS NOT NULL) AND ch.account_id > $2"
          " ORDER BY ch.account_id LIMIT $3",
          run.date, request.cursor.empty() ? 0 : cursor_number(request.cursor), request.max_accounts);
      while (rows.next()) accounts.push_back(rows.integer(0));
    }
    ChunkResult result{.cursor = accounts.empty() ? request.cursor : std::to_string(accounts.back()),
                       .finished = std::ssize(accounts) < request.max_accounts,
                       .counts = {}};
    for (const std::int64_t id : due_changes(tx, run.date, accounts)) {
      const auto change = find_change(tx, id);
      BURSAR_ASSERT(change.has_value());
      if (is_parked(request, change->account)) continue;
      begin_account(request, change->account);
      look(tx, *change, run, result.counts);
    }
    return result;
  }

 private:
  static std::vector<std::int64_t> due_changes(Transaction& tx, CivilDate date,
                                               std::span<const std::int64_t> accounts) {
    std::vector<std::int64_t> changes;
    auto rows = tx.query(
        "SELECT ch.id FROM service_changes ch JOIN services s ON s.id = ch.service_id WHERE ch.look_on IS NOT NULL"
        " AND (ch.look_on <= $1 OR s.ended_at IS NOT NULL) AND ch.account_id IN {list:$2}"
        " ORDER BY ch.account_id, ch.service_id, ch.sequence",
        date, accounts);
    while (rows.next()) changes.push_back(rows.integer(0));
    return changes;
  }

  void look(Transaction& tx, const ServiceChange& change, const RunContext& run, Counts& counts) const {
    const auto service = services::find_service(tx, change.service);
    BURSAR_ASSERT(service.has_value());
    const bool waits = change.status == ChangeStatus::awaiting_payment;
    const bool came_to_nothing = change.status == ChangeStatus::scheduled && service->ended();
    if (waits || came_to_nothing) return withdraw(tx, change, run, counts);
    if (!change.billed) take_back_old_terms(tx, *service, change, run.now, counts);
    if (change.status == ChangeStatus::scheduled) return come_closer(tx, change, run, counts);
    tx.execute("UPDATE service_changes SET look_on = NULL WHERE id = $1", change.id);
  }

  void withdraw(Transaction& tx, const ServiceChange& change, const RunContext& run, Counts& counts) const {
    ++counts["changes_withdrawn"];
    close_change(tx, change, change.invoice ? Closed::unpaid : Closed::withdrawn, run.now);
    if (!change.invoice) return;
    // Of one that was paid after its service had ended, this gives the money back.
    const auto corrected = void_invoice(tx, rules_, change.invoice, "Change withdrawn", run.now);
    BURSAR_ASSERT(corrected.ok());
  }

  void take_back_old_terms(Transaction& tx, const services::Service& service, const ServiceChange& change, Instant now,
                           Counts& counts) const {
    const auto lines = lines_from(tx, service.id, change.next_period_on);
    const int adjusted = take_back(tx, rules_, lines, "Service changed", now);
    if (adjusted > 0) counts["invoices_adjusted"] += adjusted;
    take_back_periods(tx, service, change.next_period_on);
  }

  // A change at the end of the period.
  void come_closer(Transaction& tx, const ServiceChange& change, const RunContext& run, Counts& counts) const {
    if (change.effective_on <= run.date) {
      apply_change(tx, change, run.now);
      ++counts["changes_applied"];
      return;
    }
    const auto service = services::find_service(tx, change.service);  // as it is after the periods were taken back
    const CivilDate billed_on = change.effective_on.plus_days(-rules_.billing.generate_days_before_due);
    const bool is_cancelled = service->cancel_on && *service->cancel_on <= change.effective_on;
    if (change.billed || is_cancelled || billed_on > run.date) {
      const bool soon = change.billed || is_cancelled;
      tx.execute("UPDATE service_changes SET look_on = $2 WHERE id = $1", change.id,
                 soon ? change.effective_on : billed_on);
      return;
    }
    take_billing_terms(tx, *service, change);
    tx.execute("UPDATE service_changes SET look_on = effective_on, billed_at = $2 WHERE id = $1", change.id, run.now);
  }

  const Rules& rules_;
};

}  // namespace

std::unique_ptr<scheduler::Step> change_step(const Rules& rules) { return std::make_unique<ChangeStep>(rules); }

}  // namespace bursar::invoicing
