// The step "method_expiry": the customer hears in time of a method that auto-pay uses and that is about to expire.
#include <algorithm>
#include <charconv>

#include "payments/steps.hpp"

namespace bursar::payments {

namespace {

struct Expiring {
  PaymentMethodId method;
  AccountId account;
  std::string label;
  CivilDate expires_on;
};

class MethodExpiryStep final : public scheduler::Step {
 public:
  explicit MethodExpiryStep(const Context& context) : context_(context) {}
  [[nodiscard]] std::string_view name() const override { return "method_expiry"; }
  [[nodiscard]] bool runs_in_catch_up() const override { return false; }
  [[nodiscard]] std::optional<scheduler::Reach> reach() const override { return {{"mail", "payment methods"}}; }
  [[nodiscard]] std::int64_t count_reached(storage::Connection& c, const scheduler::RunContext& run) const override {
    const auto& days = context_.rules.billing.autopay.expiry_notice_days;
    if (!days) return 0;
    auto rows = c.query(
        "SELECT count(*) FROM payment_methods m JOIN accounts a ON a.id = m.account_id WHERE m.status = 'active' "
        "AND m.expiry_told_on IS NULL AND m.expires_on >= $1 AND m.expires_on <= $2 AND a.autopay_enabled = 1",
        run.date, run.date.plus_days(*days));
    return rows.next() ? rows.integer(0) : 0;
  }
  [[nodiscard]] std::int64_t count_all(storage::Connection& c) const override {
    auto rows = c.query("SELECT count(*) FROM payment_methods WHERE status = 'active'");
    return rows.next() ? rows.integer(0) : 0;
  }

  // Who was told is no longer found, so a chunk begins at the front; accounts left out are jumped over by the cursor.
  scheduler::ChunkResult run_chunk(storage::Transaction& tx, const scheduler::RunContext& run,
                                   const scheduler::ChunkRequest& request) override {
    const auto& days = context_.rules.billing.autopay.expiry_notice_days;
    if (!days) return {.cursor = request.cursor, .finished = true, .counts = {}};
    const auto expiring = find(tx, run.date, run.date.plus_days(*days), request);
    scheduler::ChunkResult result{
        .cursor = request.cursor, .finished = static_cast<int>(expiring.size()) < request.max_accounts, .counts = {}};
    if (expiring.empty()) return result;
    result.cursor = expiring.back().expires_on.to_string() + "/" + std::to_string(expiring.back().method.value());
    if (request.working_on != nullptr) *request.working_on = expiring.front().account;
    std::vector<notices::Notice> notices;
    for (const Expiring& one : expiring) {
      if (request.parked != nullptr && request.parked->contains(one.account)) continue;
      tx.execute("UPDATE payment_methods SET expiry_told_on = $2 WHERE id = $1", one.method, run.date);
      notices.push_back(notice_of(one));
    }
    context_.outbox.enqueue(tx, notices, run.now);
    if (!notices.empty()) result.counts["methods_expiring"] = static_cast<std::int64_t>(notices.size());
    return result;
  }

 private:
  static std::vector<Expiring> find(storage::Transaction& tx, CivilDate from, CivilDate until,
                                    const scheduler::ChunkRequest& request) {
    const std::string& cursor = request.cursor;
    const auto slash = std::min(cursor.find('/'), cursor.size());
    std::int64_t after = 0;
    if (slash < cursor.size()) std::from_chars(cursor.data() + slash + 1, cursor.data() + cursor.size(), after);
    std::vector<Expiring> out;
    auto rows = tx.query(
        "SELECT m.id, m.account_id, m.label, m.expires_on FROM payment_methods m JOIN accounts a ON a.id = "
        "m.account_id "
        "WHERE m.status = 'active' AND m.expiry_told_on IS NULL AND m.expires_on >= $1 AND m.expires_on <= $2 "
        "AND (m.expires_on, m.id) > ($3, $4) AND a.autopay_enabled = 1 ORDER BY m.expires_on, m.id LIMIT $5",
        from, until, cursor.substr(0, slash), after, request.max_accounts);
    while (rows.next()) {
      out.push_back({.method = rows.id<PaymentMethodId>(0),
                     .account = rows.id<AccountId>(1),
                     .label = rows.string(2),
                     .expires_on = rows.date(3)});
    }
    return out;
  }

  static notices::Notice notice_of(const Expiring& one) {
    return {.cause = "method_expiring:" + std::to_string(one.method.value()) + ":" + one.expires_on.to_string(),
            .account = one.account,
            .name = notices::Template::method_expiring,
            .values = {{"method", one.label}, {"expires_on", one.expires_on.to_string()}}};
  }

  const Context& context_;
};

}  // namespace

std::unique_ptr<scheduler::Step> method_expiry_step(const Context& context) {
  return std::make_unique<MethodExpiryStep>(context);
}

}  // namespace bursar::payments
