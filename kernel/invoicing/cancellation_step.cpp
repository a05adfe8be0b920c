// The step "cancellations". First the invoices: a period that begins on or after the requested end is taken back with
// its discount, whether paid or not; of a service that never began, everything is. Others on a grouped invoice are not
// touched. Then the services whose day has come end.
#include <algorithm>

#include "base/assert.hpp"
#include "invoicing/periods.hpp"
#include "invoicing/step_support.hpp"
#include "services/services.hpp"

namespace bursar::invoicing {
namespace {

using scheduler::ChunkRequest;
using scheduler::ChunkResult;
using scheduler::Counts;
using scheduler::RunContext;
using storage::Transaction;

struct Wish {
  ServiceId service;
  AccountId account;
  CivilDate effective_on;
  services::CancellationKind kind;
};

std::vector<Wish> read_wishes(storage::Rows rows) {
  std::vector<Wish> wishes;
  while (rows.next()) {
    const auto kind =
        rows.text(3) == "immediate" ? services::CancellationKind::immediate : services::CancellationKind::end_of_period;
    wishes.push_back({rows.id<ServiceId>(0), rows.id<AccountId>(1), rows.date(2), kind});
  }
  return wishes;
}

class CancellationStep final : public scheduler::Step {
 public:
  explicit CancellationStep(const Rules& rules) : rules_(rules) {}
  [[nodiscard]] std::string_view name() const override { return "cancellations"; }
  [[nodiscard]] std::optional<scheduler::Reach> reach() const override { return {{"terminate", "services"}}; }
  [[nodiscard]] std::int64_t count_reached(storage::Connection& c, const RunContext& run) const override {
    auto rows =
        c.query("SELECT count(*) FROM cancellations WHERE status = 'requested' AND effective_on <= $1", run.date);
    return rows.next() ? rows.integer(0) : 0;
  }
  [[nodiscard]] std::int64_t count_all(storage::Connection& c) const override { return services::count_running(c); }

  // The cursor: "adjust ACCOUNT", then "end DATE ACCOUNT".
  ChunkResult run_chunk(Transaction& tx, const RunContext& run, const ChunkRequest& request) override {
    const auto cursor = split_cursor(request.cursor);
    if (cursor.empty() || cursor[0] == "adjust") return adjust_chunk(tx, run, request, cursor);
    return end_chunk(tx, run, request, cursor);
  }

 private:
  ChunkResult adjust_chunk(Transaction& tx, const RunContext& run, const ChunkRequest& request,
                           const std::vector<std::string>& cursor) const {
    const std::int64_t after = cursor.empty() ? 0 : cursor_number(cursor[1]);
    std::vector<std::int64_t> accounts;
    {
      auto rows = tx.query(
          "SELECT DISTINCT account_id FROM cancellations WHERE status = 'requested' AND adjusted_at IS NULL"
          " AND account_id > $1 ORDER BY account_id LIMIT $2",
          after, request.max_accounts);
      while (rows.next()) accounts.push_back(rows.integer(0));
    }
    if (accounts.empty()) return {.cursor = "end", .finished = false, .counts = {}};
    ChunkResult result{.cursor = "adjust " + std::to_string(accounts.back()), .finished = false, .counts = {}};
    const auto wishes = read_wishes(
        tx.query("SELECT service_id, account_id, effective_on, kind FROM cancellations WHERE status = 'requested'"
                 " AND adjusted_at IS NULL AND account_id IN {list:$1} ORDER BY account_id, service_id",
                 std::span<const std::int64_t>(accounts)));
    for (const Wish& wish : wishes) {
      if (is_parked(request, wish.account)) continue;
      begin_account(request, wish.account);
      adjust(tx, wish, run.now, result.counts);
    }
    return result;
  }

  void adjust(Transaction& tx, const Wish& wish, Instant now, Counts& counts) const {
    const auto service = services::find_service(tx, wish.service);
    BURSAR_ASSERT(service.has_value());
    const CancelledLines cancelled = cancelled_lines(tx, *service, wish.effective_on, wish.kind);
    const int adjusted = take_back(tx, rules_, cancelled.lines, "Service cancelled", now);
    if (adjusted > 0) counts["invoices_adjusted"] += adjusted;
    // They are to be invoiced again, should the wish be withdrawn.
    take_back_periods(tx, *service, cancelled.from);
    tx.execute("UPDATE cancellations SET adjusted_at = $2 WHERE service_id = $1", wish.service, now);
  }

  ChunkResult end_chunk(Transaction& tx, const RunContext& run, const ChunkRequest& request,
                        const std::vector<std::string>& cursor) const {
    const bool first = cursor.size() < 4;
    const auto wishes = read_wishes(
        tx.query("SELECT service_id, account_id, effective_on, kind FROM cancellations WHERE status = 'requested'"
                 " AND effective_on <= $1 AND (effective_on, account_id, service_id) > ($2, $3, $4)"
                 " ORDER BY effective_on, account_id, service_id LIMIT $5",
                 run.date, first ? std::string() : cursor[1], first ? std::int64_t{0} : cursor_number(cursor[2]),
                 first ? std::int64_t{0} : cursor_number(cursor[3]), request.max_accounts));
    ChunkResult result{.cursor = request.cursor, .finished = std::ssize(wishes) < request.max_accounts, .counts = {}};
    for (const Wish& wish : wishes) {
      result.cursor = "end " + wish.effective_on.to_string() + " " + std::to_string(wish.account.value()) + " " +
                      std::to_string(wish.service.value());
      if (is_parked(request, wish.account)) continue;
      begin_account(request, wish.account);
      end(tx, wish, run.now);
      ++result.counts["services_ended"];
    }
    return result;
  }

  static void end(Transaction& tx, const Wish& wish, Instant now) {
    const services::Cause cause{.actor = {.kind = accounts::ActorKind::job}, .reason = "cancelled by the customer"};
    services::change_services(tx, {&wish.service, 1}, services::Change::cancel, cause, now);
    tx.execute("UPDATE cancellations SET status = 'done', done_at = $2 WHERE service_id = $1", wish.service, now);
  }

  const Rules& rules_;
};

}  // namespace

std::unique_ptr<scheduler::Step> cancellation_step(const Rules& rules) {
  return std::make_unique<CancellationStep>(rules);
}

}  // namespace bursar::invoicing
