// The step "unpaid_orders". An order whose invoice stayed unpaid long after it was due is cancelled with its services,
// which never began. What had been paid of it becomes credit, and so does money that comes later.
#include <algorithm>
#include <span>

#include "accounts/audit.hpp"
#include "base/assert.hpp"
#include "invoicing/corrections.hpp"
#include "invoicing/notice_span.hpp"
#include "invoicing/step_support.hpp"

namespace bursar::invoicing {
namespace {

using scheduler::ChunkRequest;
using scheduler::ChunkResult;
using scheduler::RunContext;
using storage::Transaction;

struct UnpaidOrder {
  OrderId id;
  AccountId account;
  InvoiceId invoice;
  CivilDate due_on;
  std::optional<CivilDate> reminded_on;  // the next step of its collection
  std::int64_t reminder_offset;

  // As the collection plan counts: from the day that leaves the full notice, however late it was issued, held or, the
  // server being down, reminded of. A step that was missed comes first.
  [[nodiscard]] bool is_over(CivilDate today, int days) const {
    if (!reminded_on) return due_on.plus_days(days) <= today;
    const CivilDate counted_from = std::max(due_on, reminded_on->plus_days(-static_cast<int>(reminder_offset)));
    return *reminded_on >= today && counted_from.plus_days(days) <= today;
  }
};

class UnpaidOrderStep final : public scheduler::Step {
 public:
  explicit UnpaidOrderStep(const Rules& rules) : rules_(rules) {}
  [[nodiscard]] std::string_view name() const override { return "unpaid_orders"; }
  [[nodiscard]] bool runs_in_catch_up() const override { return false; }

  // The cursor: the last account.
  ChunkResult run_chunk(Transaction& tx, const RunContext& run, const ChunkRequest& request) override {
    ChunkResult result{.cursor = request.cursor, .finished = true, .counts = {}};
    if (!rules_.billing.cancel_unpaid_orders_after_days) return result;
    const int days = *rules_.billing.cancel_unpaid_orders_after_days;
    std::vector<std::int64_t> accounts;
    {
      auto rows = tx.query(
          "SELECT DISTINCT o.account_id FROM orders o JOIN invoices i ON i.id = o.invoice_id WHERE o.status = 'pending'"
          " AND i.status = 'open' AND i.due_on <= $1 AND o.account_id > $2 ORDER BY o.account_id LIMIT $3",
          run.date.plus_days(-days), request.cursor.empty() ? 0 : cursor_number(request.cursor), request.max_accounts);
      while (rows.next()) accounts.push_back(rows.integer(0));
    }
    if (!accounts.empty()) result.cursor = std::to_string(accounts.back());
    result.finished = std::ssize(accounts) < request.max_accounts;
    for (const UnpaidOrder& order : unpaid(tx, run.date.plus_days(-days), accounts)) {
      if (is_parked(request, order.account) || !order.is_over(run.date, days)) continue;
      begin_account(request, order.account);
      cancel(tx, order, run.now);
      ++result.counts["orders_cancelled"];
    }
    return result;
  }

 private:
  // Those on hold are left out, and such as a payment is under way for: a bank may take days to say.
  static std::vector<UnpaidOrder> unpaid(Transaction& tx, CivilDate due_by, std::span<const std::int64_t> accounts) {
    std::vector<UnpaidOrder> orders;
    auto rows = tx.query(
        "SELECT o.id, o.account_id, i.id, i.due_on, i.dunning_on, coalesce(i.dunning_offset, 0) FROM orders o"
        " JOIN invoices i ON i.id = o.invoice_id WHERE o.status = 'pending' AND i.status = 'open' AND i.due_on <= $1"
        " AND o.account_id IN {list:$2} AND NOT EXISTS (SELECT 1 FROM held_invoices h WHERE h.invoice_id = i.id)"
        " AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.account_id = o.account_id AND p.status IN ('pending',"
        " 'unknown') AND (p.invoice_id = i.id OR EXISTS (SELECT 1 FROM payment_targets t WHERE t.payment_id = p.id AND"
        " t.invoice_id = i.id))) ORDER BY o.account_id, i.id",
        due_by, accounts);
    while (rows.next()) {
      orders.push_back({rows.id<OrderId>(0), rows.id<AccountId>(1), rows.id<InvoiceId>(2), rows.date(3),
                        rows.optional_date(4), rows.integer(5)});
    }
    return orders;
  }

  void cancel(Transaction& tx, const UnpaidOrder& order, Instant now) const {
    const auto cancelled = void_invoice(tx, rules_, order.invoice, "Order not paid", now);
    BURSAR_ASSERT(cancelled.ok());
    tell_customers(tx, "order_cancelled", order.invoice.value(), order.invoice.value(), now);
    accounts::append_audit(tx, now,
                           {.at = now,
                            .actor = {.kind = accounts::ActorKind::job},
                            .account = order.account,
                            .action = "order.cancel",
                            .object = accounts::audit_object(order.id)});
  }

  const Rules& rules_;
};

}  // namespace

std::unique_ptr<scheduler::Step> unpaid_order_step(const Rules& rules) {
  return std::make_unique<UnpaidOrderStep>(rules);
}

}  // namespace bursar::invoicing
