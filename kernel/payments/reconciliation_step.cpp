#include "accounts/audit_seal.hpp"
#include "accounts/identity.hpp"
#include "accounts/login_throttle.hpp"
#include "payments/lapse.hpp"
#include "payments/mass_payments.hpp"
#include "payments/steps.hpp"

namespace bursar::payments {

namespace {

// Answers kept for idempotency keys live for at least a day; two leave room for clocks and long runs.
constexpr Duration idempotency_kept = days(2);

std::int64_t count(storage::Transaction& tx, storage::Sql sql) {
  auto rows = tx.query(sql);
  return rows.next() ? rows.integer(0) : 0;
}

class ReconciliationStep final : public scheduler::Step {
 public:
  explicit ReconciliationStep(const Context& context) : context_(context) {}
  [[nodiscard]] std::string_view name() const override { return "reconciliation"; }

  // What is open at gateways is few, and the rest are deletions by index: one chunk. Then the audit trail is sealed.
  scheduler::ChunkResult run_chunk(storage::Transaction& tx, const scheduler::RunContext& run,
                                   const scheduler::ChunkRequest& request) override {
    scheduler::Counts counts;
    if (request.cursor.empty()) reconcile(tx, run, counts);
    const std::int64_t sealed = accounts::seal_audit(tx, run.now, seal_of);
    if (sealed > 0) counts["sealed"] = sealed;
    return {.cursor = "sealing", .finished = sealed < seal_of, .counts = std::move(counts)};
  }

 private:
  static constexpr std::int64_t seal_of = 5000;  // events

  void reconcile(storage::Transaction& tx, const scheduler::RunContext& run, scheduler::Counts& counts) const {
    counts["asked_again"] = tx.execute(
        "UPDATE effects SET next_at = $1 WHERE next_at > $1 AND kind IN ('charge', 'complete', 'refund', 'setup', "
        "'void') "
        "AND state IN ('unknown', 'waiting')",
        run.now);
    if (const auto lapsed = let_lapse(tx, context_, run.now); lapsed > 0) {
      counts["lapsed"] = lapsed;
    }
    tx.execute("DELETE FROM idempotency_keys WHERE created_at < $1", run.now - idempotency_kept);
    accounts::expire_sessions(tx, run.now);
    accounts::expire_throttle(tx, run.now);
    if (const auto closed = close_old_mass_payments(tx, run.now); closed > 0) counts["mass_payments_closed"] = closed;
    counts["unknown"] = count(tx,
                              "SELECT COUNT(*) FROM effects WHERE next_at IS NOT NULL AND state = 'unknown' "
                              "AND kind IN ('charge', 'complete', 'refund')");
    counts["to_confirm"] =
        count(tx, "SELECT COUNT(*) FROM staff_tasks WHERE status = 'open' AND kind = 'confirm_payment'");
  }

  const Context& context_;
};

}  // namespace

std::unique_ptr<scheduler::Step> reconciliation_step(const Context& context) {
  return std::make_unique<ReconciliationStep>(context);
}

}  // namespace bursar::payments
