#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "base/assert.hpp"
#include "invoicing/invoices.hpp"
#include "invoicing/settlement.hpp"
#include "payments/autopay_waterfall.hpp"
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
  std::string number;
  CivilDate due_on;
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
      "i.autopay_on, coalesce(i.number, ''), i.due_on "
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
                        .enabled = rows.boolean(6),
                        .number = rows.string(8),
                        .due_on = rows.date(9)});
  }
  return page;
}

// Invoices that some payment may be paying already, in order.
std::vector<std::int64_t> being_paid(storage::Transaction& tx, Gateways& gateways,
                                     std::span<const std::int64_t> invoices, Instant now) {
  std::vector<std::int64_t> out;
  auto rows = tx.query(
      "SELECT invoice_id, status, gateway, created_at, expires_at, origin FROM payments WHERE invoice_id IN {list:$1} "
      "AND status IN ('pending', 'requires_action', 'unknown') UNION ALL "
      "SELECT t.invoice_id, p.status, p.gateway, p.created_at, p.expires_at, p.origin FROM payment_targets t "
      "JOIN payments p ON p.id = t.payment_id "
      "WHERE t.invoice_id IN {list:$1} AND p.status IN ('pending', 'requires_action', 'unknown') ORDER BY 1",
      invoices);
  while (rows.next()) {
    const OpenPayment payment{.status = payment_status(rows.text(1)),
                              .gateway = rows.string(2),
                              .created_at = rows.instant(3),
                              .expires_at = rows.optional_instant(4)};
    // An automatic charge that nobody confirmed is let go of first.
    const bool is_autopay = payment_origin(rows.text(5)) == PaymentOrigin::autopay;
    if (is_autopay || in_flight(payment, gateways, now)) out.push_back(rows.integer(0));
  }
  return out;
}

// What the accounts have in credit.
using Credits = std::map<std::pair<AccountId, std::string>, std::int64_t>;

Credits credits_of(storage::Transaction& tx, std::span<const std::int64_t> accounts) {
  Credits credits;
  auto rows =
      tx.query("SELECT account_id, currency, amount FROM credit_balances WHERE account_id IN {list:$1} AND amount > 0",
               accounts);
  while (rows.next()) credits[{rows.id<AccountId>(0), rows.string(1)}] = rows.integer(2);
  return credits;
}

// What a chunk writes, in bulk.
class Plan {
 public:
  Plan(storage::Transaction& tx, const Context& context, const scheduler::RunContext& run, std::size_t most)
      : context_(context), run_(run), next_id_(tx.reserve_ids(static_cast<std::int64_t>(most))) {}

  void leave_until(const Due& due, const std::optional<invoicing::DerivedDay>& day) { plan(due, day, due.attempts); }

  // Charges the first method that can be, or ends the round at once.
  void begin_round(const Due& due, std::span<const Candidate> methods, const std::vector<Attempt>& history) {
    const int round = history.empty() ? 1 : history.back().round + 1;
    const Money amount(due.balance, stored_currency(due.currency));
    const Choice choice = choose_method(methods, history, round, context_.gateways, amount, run_.date);
    std::vector<Attempt> attempts;
    for (const PassedOver& over : choice.passed_over) {
      attempts.push_back(
          {.round = round, .method = over.method->id, .reason = std::string(over.reason), .label = over.method->label});
      if (over.reason == reason::no_gateway) missing_.insert(over.method->gateway);
    }
    if (choice.method != nullptr) {
      attempts.push_back(charge(due, *choice.method, round));
      plan(due, std::nullopt, due.attempts + 1);
    } else if (is_put_off(attempts)) {
      leave_until(due, put_off_from(run_.date));
      ++put_off_;
      if (!is_news(history, attempts)) attempts.clear();
    } else {
      fail(due, amount, round, history, attempts);
    }
    int sequence = history.empty() ? 0 : history.back().sequence;
    for (Attempt& attempt : attempts) {
      attempt.sequence = ++sequence;
      attempts_.push_back({due.account, due.invoice, std::move(attempt)});
    }
  }

  void write(storage::Transaction& tx, scheduler::Counts& counts) const {
    if (!payments_.empty()) tx.insert_many("payments", payments_);
    tx.update_many("invoices", 1, invoices_);
    effects::record(tx, run_.now, charges_);
    record_attempts(tx, attempts_, run_.now);
    context_.outbox.enqueue(tx, notices_, run_.now);
    for (const std::string& gateway : missing_) tell_staff_of_missing(tx, gateway, run_.now);
    if (!charges_.empty()) counts["charges"] += static_cast<std::int64_t>(charges_.size());
    if (failed_ > 0) counts["autopay_impossible"] += failed_;
    if (put_off_ > 0) counts["autopay_put_off"] += put_off_;
  }

 private:
  void plan(const Due& due, const std::optional<invoicing::DerivedDay>& day, std::int64_t attempts) {
    invoices_.add(due.invoice, day ? std::optional(day->on) : std::nullopt,
                  day ? std::string_view(day->derivation) : std::string_view(), attempts, due.version + 1);
  }
  Attempt charge(const Due& due, const Candidate& method, int round) {
    const std::int64_t id = next_id_++;
    payments_.add(id, due.account, method.gateway, method.id, due.invoice, "autopay", "pending", due.currency,
                  due.balance, run_.now);
    charges_.push_back({.kind = "charge",
                        .key = charge_key(PaymentId(id)),
                        .instance = method.gateway,
                        .account = due.account,
                        .object = id});
    return {.round = round,
            .method = method.id,
            .payment = PaymentId(id),
            .outcome = AttemptOutcome::charged,
            .reason = std::string(reason::first_usable)};
  }

  void fail(const Due& due, Money amount, int round, const std::vector<Attempt>& history,
            std::vector<Attempt>& attempts) {
    if (attempts.empty()) attempts.push_back({.round = round, .reason = std::string(reason::no_method)});
    const auto retry =
        next_autopay(context_.rules.billing.autopay, due.attempts + 1, run_.date, run_.date.plus_days(1));
    attempts.back().retry = retry;
    plan(due, retry, due.attempts + 1);
    ++failed_;
    if (!is_news(history, attempts)) return;
    notices_.push_back(failure_notice({.cause = std::to_string(due.invoice.value()) + ":" + std::to_string(round),
                                       .account = due.account,
                                       .amount = amount,
                                       .invoice_number = due.number,
                                       .due_on = due.due_on,
                                       .attempts = attempts,
                                       .retry_on = retry ? std::optional(retry->on) : std::nullopt}));
  }

  const Context& context_;
  const scheduler::RunContext& run_;
  std::int64_t next_id_;
  Batch payments_{{"id", Batch::integer},        {"account_id", Batch::integer}, {"gateway", Batch::text},
                  {"method_id", Batch::integer}, {"invoice_id", Batch::integer}, {"origin", Batch::text},
                  {"status", Batch::text},       {"currency", Batch::text},      {"amount", Batch::integer},
                  {"created_at", Batch::text}};
  Batch invoices_{{"id", Batch::integer},
                  {"autopay_on", Batch::text},
                  {"autopay_derivation", Batch::text},
                  {"autopay_attempts", Batch::integer},
                  {"version", Batch::integer}};
  std::vector<effects::NewEffect> charges_;
  std::vector<NewAttempt> attempts_;
  std::vector<notices::Notice> notices_;
  std::set<std::string> missing_;  // gateways
  std::int64_t failed_ = 0, put_off_ = 0;
};

class AutopayStep final : public scheduler::Step {
 public:
  explicit AutopayStep(const Context& context) : context_(context) {}
  [[nodiscard]] std::string_view name() const override { return "autopay"; }
  [[nodiscard]] bool runs_in_catch_up() const override { return false; }
  [[nodiscard]] std::optional<scheduler::Reach> reach() const override { return {{"charge", "invoices"}}; }
  [[nodiscard]] std::int64_t count_reached(storage::Connection& c, const scheduler::RunContext& run) const override {
    auto rows = c.query(
        "SELECT count(*) FROM invoices WHERE autopay_on <= $1 AND NOT EXISTS (SELECT 1 FROM held_invoices h"
        " WHERE h.invoice_id = invoices.id)",
        run.date);
    return rows.next() ? rows.integer(0) : 0;
  }
  [[nodiscard]] std::int64_t count_all(storage::Connection& c) const override {
    auto rows = c.query("SELECT count(*) FROM invoices WHERE autopay_on IS NOT NULL");
    return rows.next() ? rows.integer(0) : 0;
  }

  scheduler::ChunkResult run_chunk(storage::Transaction& tx, const scheduler::RunContext& run,
                                   const scheduler::ChunkRequest& request) override {
    Page page = read_page(tx, run.date, request);
    scheduler::ChunkResult result{
        .cursor = cursor_text(page.last), .finished = page.read < request.max_accounts, .counts = {}};
    if (page.due.empty()) return result;
    if (request.working_on != nullptr) *request.working_on = page.due.front().account;
    plan(tx, run, page.due, result.counts);
    return result;
  }

 private:
  void plan(storage::Transaction& tx, const scheduler::RunContext& run, std::vector<Due>& due,
            scheduler::Counts& counts) const {
    std::vector<std::int64_t> accounts, ids;
    for (const Due& one : due) {
      ids.push_back(one.invoice.value());
      if (one.enabled) accounts.push_back(one.account.value());
    }
    auto methods = candidates_of(tx, accounts);
    Credits credits = credits_of(tx, accounts);
    auto history = attempts_of(tx, ids);
    const auto paying = being_paid(tx, context_.gateways, ids, run.now);
    Plan plan(tx, context_, run, due.size());
    for (Due& one : due) {
      if (std::binary_search(paying.begin(), paying.end(), one.invoice.value())) {
        // Its outcome decides; looked at again tomorrow.
        plan.leave_until(one, put_off_from(run.date));
        ++counts["autopay_waiting"];
        continue;
      }
      if (!one.enabled || one.balance <= 0) {
        // Not wanted, or nothing to charge. Switching autopay on plans the charge anew.
        plan.leave_until(one, std::nullopt);
        continue;
      }
      const auto& own = methods[one.account];
      const auto& past = history[one.invoice];
      if (leaves_something_to_charge(one, credits, own, past, run.date) &&
          use_credit(tx, one, credits, run.now, counts))
        continue;
      plan.begin_round(one, own, past);
    }
    plan.write(tx, counts);
  }

  // Credit that would leave less than any method takes, and so an unpaid rest, waits; unless nothing could be charged
  // anyway.
  [[nodiscard]] bool leaves_something_to_charge(const Due& due, const Credits& credits,
                                                std::span<const Candidate> methods, std::span<const Attempt> history,
                                                CivilDate today) const {
    const auto credit = credits.find({due.account, due.currency});
    if (credit == credits.end() || credit->second >= due.balance) return true;
    const int round = history.empty() ? 1 : history.back().round + 1;
    const auto can_charge = [&](std::int64_t minor) {
      const Money amount(minor, stored_currency(due.currency));
      return choose_method(methods, history, round, context_.gateways, amount, today).method != nullptr;
    };
    return can_charge(due.balance - credit->second) || !can_charge(due.balance);
  }

  // Credit goes before any method, also where open invoices do not take it by themselves. Answers whether it was
  // enough.
  bool use_credit(storage::Transaction& tx, Due& due, Credits& credits, Instant now, scheduler::Counts& counts) const {
    const auto credit = credits.find({due.account, due.currency});
    if (credit == credits.end() || credit->second == 0) return false;
    const Money balance(due.balance, stored_currency(due.currency));
    const auto settled = invoicing::apply_credit(tx, context_.rules, due.invoice, balance, now);
    BURSAR_ASSERT(settled.ok());
    credit->second -= settled->applied.minor();
    due.balance = settled->balance.minor();
    due.version = invoicing::find_invoice(tx, due.invoice)->version;
    ++counts["credit_applied"];
    if (settled->newly_paid) ++counts["paid_by_credit"];
    return settled->newly_paid;
  }

  const Context& context_;
};

}  // namespace

std::unique_ptr<scheduler::Step> autopay_step(const Context& context) { return std::make_unique<AutopayStep>(context); }

}  // namespace bursar::payments
