#include <algorithm>
#include <charconv>
#include <map>

#include "base/assert.hpp"
#include "payments/recording.hpp"
#include "payments/steps.hpp"
#include "payments/stored.hpp"

namespace bursar::payments {

namespace {

using storage::Batch;

// After the row it names: "2027-01-31/17/4711" (autopay_on, account, invoice).
struct Cursor {
  std::string on;
  std::int64_t account = 0;
  std::int64_t invoice = 0;
};

Cursor read_cursor(std::string_view text) {
  if (text.empty()) return {};
  const auto first = text.find('/'), second = text.rfind('/');
  BURSAR_ASSERT(first != std::string_view::npos && second > first);
  Cursor out{.on = std::string(text.substr(0, first))};
  std::from_chars(text.data() + first + 1, text.data() + second, out.account);
  std::from_chars(text.data() + second + 1, text.data() + text.size(), out.invoice);
  return out;
}

std::string cursor_text(const Cursor& cursor) {
  return cursor.on + "/" + std::to_string(cursor.account) + "/" + std::to_string(cursor.invoice);
}

struct Due {
  InvoiceId invoice;
  AccountId account;
  std::string currency;
  std::int64_t balance = 0;
  int attempts = 0;
  std::int64_t version = 0;
  bool enabled = false;
};
struct Method {
  PaymentMethodId id;
  std::string gateway;
};

struct Page {
  std::vector<Due> due;  // without those of parked accounts
  Cursor last;
  int read = 0;
};

Page read_page(storage::Transaction& tx, CivilDate until, const scheduler::ChunkRequest& request) {
  Page page{.due = {}, .last = read_cursor(request.cursor)};
  auto rows = tx.query(
      "SELECT i.id, i.account_id, i.currency, i.balance, i.autopay_attempts, i.version, a.autopay_enabled, "
      "i.autopay_on "
      "FROM invoices i JOIN accounts a ON a.id = i.account_id "
      "WHERE i.autopay_on <= $1 AND (i.autopay_on, i.account_id, i.id) > ($2, $3, $4) "
      "AND NOT EXISTS (SELECT 1 FROM held_invoices h WHERE h.invoice_id = i.id) "
      "ORDER BY i.autopay_on, i.account_id, i.id LIMIT $5",
      until, page.last.on, page.last.account, page.last.invoice, request.max_accounts);
  while (rows.next()) {
    ++page.read;
    page.last = {rows.string(7), rows.integer(1), rows.integer(0)};
    const auto account = rows.id<AccountId>(1);
    if (request.parked != nullptr && request.parked->contains(account)) continue;
    page.due.push_back({.invoice = rows.id<InvoiceId>(0),
                        .account = account,
                        .currency = rows.string(2),
                        .balance = rows.integer(3),
                        .attempts = static_cast<int>(rows.integer(4)),
                        .version = rows.integer(5),
                        .enabled = rows.boolean(6)});
  }
  return page;
}

// The first method of each account that is not past its month.
std::map<AccountId, Method> first_methods(storage::Transaction& tx, const std::vector<Due>& due, CivilDate today) {
  std::vector<std::int64_t> accounts;
  for (const Due& one : due) {
    if (one.enabled) accounts.push_back(one.account.value());
  }
  std::map<AccountId, Method> out;
  auto rows = tx.query(
      "SELECT account_id, id, gateway FROM payment_methods WHERE account_id IN {list:$1} AND status = 'active' "
      "AND (expires_on IS NULL OR expires_on >= $2) ORDER BY account_id, position, id",
      std::span<const std::int64_t>(accounts), today);
  while (rows.next()) {
    out.emplace(rows.id<AccountId>(0), Method{.id = rows.id<PaymentMethodId>(1), .gateway = rows.string(2)});
  }
  return out;
}

// Invoices that some payment may be paying already, in order.
std::vector<std::int64_t> being_paid(storage::Transaction& tx, Gateways& gateways, const std::vector<Due>& due,
                                     Instant now) {
  std::vector<std::int64_t> invoices, out;
  for (const Due& one : due) invoices.push_back(one.invoice.value());
  auto rows = tx.query(
      "SELECT invoice_id, status, gateway, created_at, expires_at FROM payments WHERE invoice_id IN {list:$1} "
      "AND status IN ('pending', 'requires_action', 'unknown') UNION ALL "
      "SELECT t.invoice_id, p.status, p.gateway, p.created_at, p.expires_at FROM payment_targets t "
      "JOIN payments p ON p.id = t.payment_id "
      "WHERE t.invoice_id IN {list:$1} AND p.status IN ('pending', 'requires_action', 'unknown') ORDER BY 1",
      std::span<const std::int64_t>(invoices));
  while (rows.next()) {
    const OpenPayment payment{.status = payment_status(rows.text(1)),
                              .gateway = rows.string(2),
                              .created_at = rows.instant(3),
                              .expires_at = rows.optional_instant(4)};
    if (in_flight(payment, gateways, now)) out.push_back(rows.integer(0));
  }
  return out;
}

class AutopayStep final : public scheduler::Step {
 public:
  explicit AutopayStep(const Context& context) : context_(context) {}
  [[nodiscard]] std::string_view name() const override { return "autopay"; }
  [[nodiscard]] bool runs_in_catch_up() const override { return false; }

  scheduler::ChunkResult run_chunk(storage::Transaction& tx, const scheduler::RunContext& run,
                                   const scheduler::ChunkRequest& request) override {
    const Page page = read_page(tx, run.date, request);
    scheduler::ChunkResult result{
        .cursor = cursor_text(page.last), .finished = page.read < request.max_accounts, .counts = {}};
    if (page.due.empty()) return result;
    if (request.working_on != nullptr) *request.working_on = page.due.front().account;
    charge(tx, run, page.due, result.counts);
    return result;
  }

 private:
  void charge(storage::Transaction& tx, const scheduler::RunContext& run, const std::vector<Due>& due,
              scheduler::Counts& counts) const {
    const auto methods = first_methods(tx, due, run.date);
    const auto paying = being_paid(tx, context_.gateways, due, run.now);
    Batch payments{{"id", Batch::integer},        {"account_id", Batch::integer}, {"gateway", Batch::text},
                   {"method_id", Batch::integer}, {"invoice_id", Batch::integer}, {"origin", Batch::text},
                   {"status", Batch::text},       {"currency", Batch::text},      {"amount", Batch::integer},
                   {"created_at", Batch::text}};
    Batch invoices{{"id", Batch::integer},
                   {"autopay_on", Batch::text},
                   {"autopay_attempts", Batch::integer},
                   {"version", Batch::integer}};
    std::vector<effects::NewEffect> charges;
    std::int64_t id = tx.reserve_ids(static_cast<std::int64_t>(due.size()));
    for (const Due& one : due) {
      const auto method = methods.find(one.account);
      if (std::binary_search(paying.begin(), paying.end(), one.invoice.value())) {
        // Its outcome decides; looked at again tomorrow.
        invoices.add(one.invoice, run.date.plus_days(1), one.attempts, one.version + 1);
        ++counts["autopay_waiting"];
      } else if (method == methods.end() || one.balance <= 0) {
        // Not wanted, or nothing to charge. Switching autopay on plans the charge anew.
        invoices.add(one.invoice, nullptr, one.attempts, one.version + 1);
      } else {
        payments.add(id, one.account, method->second.gateway, method->second.id, one.invoice, "autopay", "pending",
                     one.currency, one.balance, run.now);
        charges.push_back({.kind = "charge",
                           .key = "charge:" + std::to_string(id) + ":1",
                           .instance = method->second.gateway,
                           .account = one.account,
                           .object = id});
        invoices.add(one.invoice, nullptr, one.attempts + 1, one.version + 1);
        ++id;
      }
    }
    if (!payments.empty()) tx.insert_many("payments", payments);
    tx.update_many("invoices", 1, invoices);
    effects::record(tx, run.now, charges);
    if (!charges.empty()) counts["charges"] += static_cast<std::int64_t>(charges.size());
  }

  const Context& context_;
};

}  // namespace

std::unique_ptr<scheduler::Step> autopay_step(const Context& context) { return std::make_unique<AutopayStep>(context); }

}  // namespace bursar::payments
