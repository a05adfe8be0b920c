// The step "invoices": the next period of every service that falls due.
//
// Everything is in bulk: a chunk of a thousand accounts is a fixed number of statements. A period is invoiced once:
// the service moves on in the same transaction, and the database refuses a second line for it.
#include <map>
#include <tuple>
#include <utility>

#include "base/assert.hpp"
#include "invoicing/derivation.hpp"
#include "invoicing/due_services.hpp"
#include "invoicing/invoice_writer.hpp"
#include "invoicing/notice_span.hpp"
#include "invoicing/step_support.hpp"

namespace bursar::invoicing {
namespace {

using scheduler::ChunkRequest;
using scheduler::ChunkResult;
using scheduler::RunContext;
using storage::Batch;
using storage::Transaction;

class Chunk {
 public:
  Chunk(const Rules& rules, const DueChunk& due, CivilDate horizon, const RunContext& run)
      : rules_(rules), due_(due), horizon_(horizon), again_(due.again), writer_(rules, run.date, run.now) {}

  // Whether a service that this walk has passed is due once more: it was more than a period behind.
  [[nodiscard]] bool again() const { return again_; }

  void add_all(const ChunkRequest& request) {
    const auto& services = due_.services;
    for (std::size_t begin = 0, end = 0; begin < services.size(); begin = end) {
      begin_account(request, services[begin].account);
      end = begin + 1;
      while (end < services.size() && same_invoice(services[begin], services[end])) ++end;
      add_invoice(begin, end);
    }
  }

  // Answers the counts of the chunk.
  scheduler::Counts write(Transaction& tx, Instant now) {
    if (writer_.size() == 0) return {};
    const auto written = writer_.flush(tx);
    tx.update_many("services", 1, advanced_);
    tell_customers(tx, "invoice_created", written.first.value(), written.first.value() + written.count - 1, now);
    scheduler::Counts counts{{"invoices", written.count}, {"services", static_cast<std::int64_t>(advanced_.size())}};
    if (!written.paid.empty()) counts["paid_by_credit"] = static_cast<std::int64_t>(written.paid.size());
    return counts;
  }

 private:
  [[nodiscard]] bool same_invoice(const DueService& a, const DueService& b) const {
    return rules_.billing.group_by == settings::GroupBy::due_date && a.account == b.account && a.due_on == b.due_on &&
           a.currency == b.currency;
  }

  void add_invoice(std::size_t begin, std::size_t end) {
    const DueService& first = due_.services[begin];
    const BuyerAccount& buyer = due_.accounts.at(first.account);
    DraftInvoice draft{.account = first.account,
                       .buyer_party = buyer.party,
                       .autopay = buyer.autopay,
                       .kind = InvoiceKind::renewal,
                       .currency = first.currency,
                       .due_on = first.due_on,
                       .notice_days = rules_.billing.generate_days_before_due,
                       .lines = {}};
    draft.lines.reserve(end - begin);
    for (std::size_t i = begin; i < end; ++i) add_service(due_.services[i], buyer, draft.lines);
    writer_.add(std::move(draft));
  }

  void add_service(const DueService& service, const BuyerAccount& buyer, std::vector<DraftLine>& lines) {
    const int next = service.periods_invoiced + 1;
    const Period period{service.due_on, due_date(service.anchor_on, service.anchor_day, service.cycle, next)};
    BURSAR_ASSERT(period.start < period.end);  // else the stored anchor and count do not fit the due date
    const SoldProduct& product = due_.products.at(service.product);
    lines.push_back({.kind = LineKind::recurring,
                     .service = service.id,
                     .period = period,
                     .description = describe_period(product.name, service.label, period),
                     .unit_code = product.unit_code,
                     .unit_price = service.price,
                     .treatment = &treatment(buyer, product),
                     .derivation = derive_agreed(product.code, service.cycle, service.price)});
    const bool lowered = add_discount(service, lines);
    auto periods_left = service.promotion_periods_left;
    if (lowered && periods_left) --*periods_left;
    if (period.end <= horizon_) again_ = true;
    advanced_.add(service.id, next, period.end, periods_left, service.version + 1);
  }

  bool add_discount(const DueService& service, std::vector<DraftLine>& lines) const {
    const auto promotion = due_.promotions.find(service.promotion);
    const bool over = service.promotion_periods_left && *service.promotion_periods_left <= 0;
    if (promotion == due_.promotions.end() || over) return false;
    const Money off = promotion->second.discount(service.price);
    if (off.is_positive()) {
      lines.push_back(discount_line(lines.back(), off, promotion->second.code));
      lines.back().derivation = derive_discount(promotion->second, service.price);
    }
    return true;
  }

  // Many buyers share few treatments; the map keeps them where the lines point to.
  const catalog::TaxTreatment& treatment(const BuyerAccount& buyer, const SoldProduct& product) {
    const auto& tax = buyer.tax;
    const TreatmentKey key{tax.country, tax.region, !tax.tax_id.empty(), tax.exempt, product.tax_class};
    const auto found = treatments_.find(key);
    if (found != treatments_.end()) return found->second;
    return treatments_.emplace(key, rules_.tax.treatment(tax, product.tax_class)).first->second;
  }
  using TreatmentKey = std::tuple<std::string, std::string, bool, bool, std::string>;

  const Rules& rules_;
  const DueChunk& due_;
  CivilDate horizon_;
  bool again_;
  std::map<TreatmentKey, catalog::TaxTreatment> treatments_;
  InvoiceWriter writer_;
  Batch advanced_{{"id", Batch::integer},
                  {"periods_invoiced", Batch::integer},
                  {"next_due_on", Batch::text},
                  {"promotion_periods_left", Batch::integer},
                  {"version", Batch::integer}};
};

class RenewalStep final : public scheduler::Step {
 public:
  explicit RenewalStep(const Rules& rules) : rules_(rules) {}
  [[nodiscard]] std::string_view name() const override { return "invoices"; }
  [[nodiscard]] std::optional<scheduler::Reach> reach() const override { return {{"invoice", "services"}}; }
  [[nodiscard]] std::int64_t count_reached(storage::Connection& c, const RunContext& run) const override {
    const CivilDate horizon = run.date.plus_days(rules_.billing.generate_days_before_due);
    auto rows = c.query("SELECT count(*) FROM services WHERE next_due_on <= $1", horizon);
    return rows.next() ? rows.integer(0) : 0;
  }
  [[nodiscard]] std::int64_t count_all(storage::Connection& c) const override {
    auto rows = c.query("SELECT count(*) FROM services WHERE next_due_on IS NOT NULL");
    return rows.next() ? rows.integer(0) : 0;
  }

  ChunkResult run_chunk(Transaction& tx, const RunContext& run, const ChunkRequest& request) override {
    const CivilDate horizon = run.date.plus_days(rules_.billing.generate_days_before_due);
    const DueChunk due = read_due_chunk(tx, horizon, request);
    Chunk chunk(rules_, due, horizon, run);
    chunk.add_all(request);
    ChunkResult result{.cursor = due.cursor, .finished = due.finished, .counts = chunk.write(tx, run.now)};
    if (chunk.again() && due.finished) return {.cursor = "", .finished = false, .counts = std::move(result.counts)};
    if (chunk.again() && !due.again) result.cursor += " again";
    return result;
  }

 private:
  const Rules& rules_;
};

}  // namespace

std::unique_ptr<scheduler::Step> renewal_step(const Rules& rules) { return std::make_unique<RenewalStep>(rules); }

}  // namespace bursar::invoicing
