// The step "credit": account credit for open invoices, oldest due first, where the configuration says so.
#include "base/assert.hpp"
#include "invoicing/invoices.hpp"
#include "invoicing/settlement.hpp"
#include "invoicing/step_support.hpp"
#include "ledger/journal.hpp"

namespace bursar::invoicing {
namespace {

using scheduler::ChunkRequest;
using scheduler::ChunkResult;
using storage::Transaction;

class CreditStep final : public scheduler::Step {
 public:
  explicit CreditStep(const Rules& rules) : rules_(rules) {}
  [[nodiscard]] std::string_view name() const override { return "credit"; }

  ChunkResult run_chunk(Transaction& tx, const scheduler::RunContext& run, const ChunkRequest& request) override {
    if (!rules_.billing.apply_credit_to_open_invoices)
      return {.cursor = request.cursor, .finished = true, .counts = {}};
    const auto accounts = with_credit(tx, request);
    ChunkResult result{.cursor = accounts.empty() ? request.cursor : std::to_string(accounts.back().value()),
                       .finished = std::ssize(accounts) < request.max_accounts,
                       .counts = {}};
    for (const AccountId account : accounts) {
      if (is_parked(request, account)) continue;
      begin_account(request, account);
      use_credit(tx, account, run.now, result.counts);
    }
    return result;
  }

 private:
  static std::vector<AccountId> with_credit(Transaction& tx, const ChunkRequest& request) {
    const std::int64_t after = request.cursor.empty() ? 0 : cursor_number(request.cursor);
    std::vector<AccountId> accounts;
    auto rows = tx.query(
        "SELECT DISTINCT account_id FROM credit_balances WHERE amount > 0 AND account_id > $1"
        " ORDER BY account_id LIMIT $2",
        after, request.max_accounts);
    while (rows.next()) accounts.push_back(rows.id<AccountId>(0));
    return accounts;
  }

  void use_credit(Transaction& tx, AccountId account, Instant now, scheduler::Counts& counts) const {
    for (const auto& invoice : open_invoices(tx, account)) {
      if (invoice.kind == InvoiceKind::deposit) continue;
      if (ledger::credit_balance(tx, account, invoice.balance.currency()).is_zero()) continue;
      const auto settled = apply_credit(tx, rules_, invoice.id, invoice.balance, now);
      BURSAR_ASSERT(settled.ok());
      ++counts["credit_applied"];
      if (settled.value().newly_paid) ++counts["paid_by_credit"];
    }
  }

  const Rules& rules_;
};

}  // namespace

std::unique_ptr<scheduler::Step> credit_step(const Rules& rules) { return std::make_unique<CreditStep>(rules); }

}  // namespace bursar::invoicing
