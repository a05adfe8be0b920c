// The step "changes". A change whose invoice stayed unpaid, or whose service has ended, is withdrawn. After one that
// was applied, lines at the old terms of periods to come are taken back, paid or not; the step "invoices" bills them
// anew.
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
      look(tx, *change, run.now, result.counts);
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
        " ORDER BY ch.account_id, ch.id",
        date, accounts);
    while (rows.next()) changes.push_back(rows.integer(0));
    return changes;
  }

  void look(Transaction& tx, const ServiceChange& change, Instant now, Counts& counts) const {
    if (change.status == ChangeStatus::awaiting_payment) {
      // Of one that was paid after its service had ended, this gives the money back.
      const auto corrected = void_invoice(tx, rules_, change.invoice, "Change withdrawn", now);
      BURSAR_ASSERT(corrected.ok());
      ++counts["changes_withdrawn"];
      return;
    }
    const auto service = services::find_service(tx, change.service);
    BURSAR_ASSERT(service.has_value());
    const auto lines = lines_from(tx, service->id, change.next_period_on);
    const int adjusted = take_back(tx, rules_, lines, "Service changed", now);
    if (adjusted > 0) counts["invoices_adjusted"] += adjusted;
    take_back_periods(tx, *service, change.next_period_on);
    tx.execute("UPDATE service_changes SET look_on = NULL WHERE id = $1", change.id);
  }

  const Rules& rules_;
};

}  // namespace

std::unique_ptr<scheduler::Step> change_step(const Rules& rules) { return std::make_unique<ChangeStep>(rules); }

}  // namespace bursar::invoicing
