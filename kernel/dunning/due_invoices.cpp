#include "dunning/due_invoices.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/assert.hpp"
#include "payments/under_way.hpp"
#include "services/services.hpp"

namespace bursar::dunning {
namespace {

// Where a chunk begins, after the row it names: "2027-01-31/17/4711" (dunning_on, account, invoice).
struct Cursor {
  std::string on = "";
  std::int64_t account = 0;
  std::int64_t invoice = 0;

  static Cursor read(std::string_view text) {
    Cursor out;
    if (text.empty()) return out;
    const auto first = text.find('/'), second = text.rfind('/');
    BURSAR_ASSERT(first != std::string_view::npos && second > first);
    out.on = text.substr(0, first);
    std::from_chars(text.data() + first + 1, text.data() + second, out.account);
    std::from_chars(text.data() + second + 1, text.data() + text.size(), out.invoice);
    return out;
  }
  [[nodiscard]] std::string text() const { return on + "/" + std::to_string(account) + "/" + std::to_string(invoice); }
};

// What of the invoices `i` is left in peace: what is on hold, and what a payment from before the run is under way for.
// One that this run has charged may be declined any moment, and nothing here depends on how soon.
#define BURSAR_LEFT_IN_PEACE(before)                                                                     \
  "(EXISTS (SELECT 1 FROM held_invoices h WHERE h.invoice_id = i.id) OR i.balance <= " BURSAR_UNDER_WAY( \
      "i.id", " AND p.created_at < " before) ")"

struct Page {
  std::vector<DueInvoice> invoices;  // without those of parked accounts
  Cursor last;
  int read = 0;
};

Page read_page(storage::Transaction& tx, std::string_view action, const scheduler::RunContext& run,
               const scheduler::ChunkRequest& request) {
  Page page{.invoices = {}, .last = Cursor::read(request.cursor)};
  auto rows = tx.query(
      "SELECT i.id, i.account_id, i.kind, coalesce(i.number, ''), i.due_on, i.balance, i.currency, i.version, "
      "i.dunning_offset, i.dunning_on,"
      " CASE WHEN EXISTS (SELECT 1 FROM orders o WHERE o.account_id = i.account_id AND o.invoice_id = i.id"
      " AND o.status = 'pending') THEN 1 ELSE 0 END"
      " FROM invoices i WHERE i.dunning_action = $1 AND i.dunning_on <= $2"
      " AND (i.dunning_on, i.account_id, i.id) > ($3, $4, $5) AND NOT " BURSAR_LEFT_IN_PEACE(
          "$7") " ORDER BY i.dunning_on, i.account_id, i.id LIMIT $6",
      action, run.date, page.last.on, page.last.account, page.last.invoice, request.max_accounts, run.scheduled_at);
  while (rows.next()) {
    ++page.read;
    page.last = {rows.string(9), rows.integer(1), rows.integer(0)};
    const auto account = rows.id<AccountId>(1);
    if (request.parked != nullptr && request.parked->contains(account)) continue;
    page.invoices.push_back(
        {.id = rows.id<InvoiceId>(0),
         .account = account,
         .kind = rows.string(2),
         .number = rows.string(3),
         .due_on = rows.date(4),
         .balance = Money(rows.integer(5), Currency::parse(rows.text(6)).value()),
         .version = rows.integer(7),
         .planned = {.step = {.offset = static_cast<int>(rows.integer(8)), .action = invoicing::dunning_action(action)},
                     .on = rows.date(9)},
         .of_waiting_order = rows.boolean(10)});
  }
  return page;
}

}  // namespace

std::optional<scheduler::Reach> DunningStep::reach() const {
  switch (action_) {
    case invoicing::DunningAction::remind:
      return {{"mail", "invoices"}};
    case invoicing::DunningAction::late_fee:
      return {{"fee", "invoices"}};
    case invoicing::DunningAction::suspend:
      return {{"suspend", "services"}};
    case invoicing::DunningAction::terminate:
      return {{"terminate", "services"}};
  }
  invariant_broken("a known DunningAction", __FILE__, __LINE__);
}

// Services where services end, invoices where customers are told of them.
std::int64_t DunningStep::count_reached(storage::Connection& c, const scheduler::RunContext& run) const {
  const std::string_view action = invoicing::to_string(action_);
  const bool services = reach()->objects == "services";
  auto rows = services
                  ? c.query(
                        "SELECT count(DISTINCT s.id) FROM invoices i JOIN invoice_lines l ON l.invoice_id = i.id "
                        "JOIN services s ON s.id = l.service_id WHERE i.dunning_action = $1 AND i.dunning_on <= $2 "
                        "AND NOT " BURSAR_LEFT_IN_PEACE("$3") " AND l.removed_at IS NULL AND s.status = CASE $1 WHEN 'suspend' THEN 'active' ELSE 'suspended' "
                        "END AND ($1 = 'suspend' OR s.suspend_reason = 'overdue')",
                        action, run.date, run.scheduled_at)
                  : c.query(
                        "SELECT count(*) FROM invoices i WHERE i.dunning_action = $1 AND i.dunning_on <= $2 "
                        "AND NOT " BURSAR_LEFT_IN_PEACE("$3"),
                        action, run.date, run.scheduled_at);
  return rows.next() ? rows.integer(0) : 0;
}

std::int64_t DunningStep::count_all(storage::Connection& c) const {
  if (reach()->objects == "services") return services::count_running(c);
  auto rows = c.query("SELECT count(*) FROM invoices WHERE dunning_action IS NOT NULL");
  return rows.next() ? rows.integer(0) : 0;
}

scheduler::ChunkResult DunningStep::run_chunk(storage::Transaction& tx, const scheduler::RunContext& run,
                                              const scheduler::ChunkRequest& request) {
  Page page = read_page(tx, invoicing::to_string(action_), run, request);
  scheduler::ChunkResult result{.cursor = page.last.text(), .finished = page.read < request.max_accounts, .counts = {}};
  if (page.invoices.empty()) return result;
  if (request.working_on != nullptr) *request.working_on = page.invoices.front().account;

  const CivilDate today = std::max(run.date, rules_.today(run.now));
  for (DueInvoice& invoice : page.invoices) invoice.planned = rules_.plan.due_now(invoice.planned, today);
  std::vector<notices::Notice> notices;
  act(tx, run, today, page.invoices, notices, result.counts);
  plan_next(tx, today, page.invoices);
  outbox_.enqueue(tx, notices, run.now);
  return result;
}

void DunningStep::plan_next(storage::Transaction& tx, CivilDate today, const std::vector<DueInvoice>& invoices) const {
  using storage::Batch;
  Batch batch{{"id", Batch::integer},
              {"dunning_action", Batch::text},
              {"dunning_on", Batch::text},
              {"dunning_offset", Batch::integer},
              {"version", Batch::integer}};
  for (const DueInvoice& invoice : invoices) {
    const auto next = rules_.plan.next(invoice.planned.step, invoice.due_on, today);
    if (next) {
      batch.add(invoice.id, invoicing::to_string(next->step.action), next->on, next->step.offset, invoice.version + 1);
    } else {
      batch.add(invoice.id, nullptr, nullptr, nullptr, invoice.version + 1);
    }
  }
  tx.update_many("invoices", 1, batch);
}

notices::Values DunningStep::values(const DueInvoice& invoice) {
  return {{"invoice_number", invoice.number},
          {"balance", invoice.balance.to_string()},
          {"due_on", invoice.due_on.to_string()}};
}

std::string DunningStep::planned_day(const DueInvoice& invoice, CivilDate today,
                                     invoicing::DunningAction action) const {
  CivilDate on = today;
  for (auto next = rules_.plan.next(invoice.planned.step, invoice.due_on, on); next;
       next = rules_.plan.next(next->step, invoice.due_on, on)) {
    on = next->on;
    if (next->step.action == action) return on.to_string();
  }
  return "";
}

std::vector<AffectedService> services_of(storage::Transaction& tx, const std::vector<DueInvoice>& invoices,
                                         std::string_view status) {
  std::vector<std::int64_t> ids;
  for (const DueInvoice& invoice : invoices) ids.push_back(invoice.id.value());
  auto rows = tx.query(
      "SELECT s.id, s.account_id, l.invoice_id, s.label, p.name FROM invoice_lines l "
      "JOIN services s ON s.id = l.service_id JOIN products p ON p.id = s.product_id "
      "WHERE l.invoice_id IN {list:$1} AND l.removed_at IS NULL AND s.status = $2 "
      "AND ($2 <> 'suspended' OR s.suspend_reason = 'overdue') ORDER BY s.id, l.invoice_id",
      std::span<const std::int64_t>(ids), status);
  std::vector<AffectedService> out;
  while (rows.next()) {
    if (!out.empty() && out.back().id == rows.id<ServiceId>(0)) continue;
    out.push_back({.id = rows.id<ServiceId>(0),
                   .account = rows.id<AccountId>(1),
                   .invoice = rows.id<InvoiceId>(2),
                   .label = rows.text(3).empty() ? rows.string(4) : rows.string(3)});
  }
  return out;
}

}  // namespace bursar::dunning
