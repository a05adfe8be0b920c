#include "dunning/steps.hpp"

#include <algorithm>
#include <iterator>

#include "dunning/due_invoices.hpp"
#include "invoicing/issue.hpp"
#include "invoicing/periods.hpp"
#include "services/services.hpp"

namespace bursar::dunning {
namespace {

using invoicing::DunningAction;
using notices::Notice;
using notices::Template;

std::string cause(std::string_view what, InvoiceId invoice, int offset) {
  return std::string(what) + ":" + std::to_string(invoice.value()) + ":" + std::to_string(offset);
}

class Reminders final : public DunningStep {
 public:
  Reminders(const invoicing::Rules& rules, const notices::Outbox& outbox)
      : DunningStep(rules, outbox, DunningAction::remind) {}
  [[nodiscard]] std::string_view name() const override { return "reminders"; }

 protected:
  // One message for each account, and one more where some of its invoices are overdue and others not yet.
  void act(storage::Transaction&, const scheduler::RunContext&, CivilDate today,
           const std::vector<DueInvoice>& invoices, std::vector<Notice>& notices, scheduler::Counts& counts) override {
    const auto before = std::ssize(notices);
    for (const auto name : {Template::reminder, Template::overdue}) {
      for (const DueInvoice& invoice : invoices) {
        if ((today > invoice.due_on) != (name == Template::overdue)) continue;
        Notice& notice = notice_for(notices, name, invoice,
                                    [&] { return cause("reminder", invoice.id, invoice.planned.step.offset); });
        if (name != Template::overdue) continue;
        const std::string day = invoice.of_waiting_order ? cancelled_on(invoice, today)
                                                         : planned_day(invoice, today, DunningAction::suspend);
        if (!day.empty()) earliest(notice.values, invoice.of_waiting_order ? "cancel_on" : "suspend_on", day);
      }
    }
    counts["reminders"] += std::ssize(notices) - before;
  }

 private:
  // As the step "unpaid_orders" counts.
  [[nodiscard]] std::string cancelled_on(const DueInvoice& invoice, CivilDate today) const {
    const auto days = rules().billing.cancel_unpaid_orders_after_days;
    if (!days) return "";
    return std::max(invoice.due_on, today.plus_days(-invoice.planned.step.offset)).plus_days(*days).to_string();
  }
  static void earliest(notices::Values& values, std::string_view key, const std::string& day) {
    const auto found =
        std::find_if(values.begin(), values.end(), [&](const auto& value) { return value.first == key; });
    if (found == values.end()) {
      values.emplace_back(key, day);
    } else {
      found->second = std::min(found->second, day);
    }
  }
};

class LateFees final : public DunningStep {
 public:
  LateFees(const invoicing::Rules& rules, const notices::Outbox& outbox)
      : DunningStep(rules, outbox, DunningAction::late_fee) {}
  [[nodiscard]] std::string_view name() const override { return "late_fees"; }

 protected:
  void act(storage::Transaction& tx, const scheduler::RunContext& run, CivilDate,
           const std::vector<DueInvoice>& invoices, std::vector<Notice>& notices, scheduler::Counts& counts) override {
    if (!rules().billing.late_fee) return;  // taken out of the configuration since it was planned
    for (const DueInvoice& invoice : invoices) {
      const Money fee = fee_for(invoice);
      if (invoice.kind == "late_fee" || invoice.kind == "deposit" || !fee.is_positive()) continue;  // no fee on a fee
      if (invoice.of_waiting_order) continue;
      const auto issued = invoicing::issue_late_fee(tx, rules(), invoice.id, fee, run.now);
      if (!issued.ok()) throw std::runtime_error(issued.error().detail);
      if (!*issued) continue;
      notice_for(notices, Template::late_fee, invoice, [&] { return cause("late_fee", invoice.id, 0); })
          .items.back()
          .emplace_back("amount", fee.to_string());
      ++counts["late_fees"];
    }
  }

 private:
  // The percentage of what is overdue, at least the minimum of that currency where one is set.
  [[nodiscard]] Money fee_for(const DueInvoice& invoice) const {
    const settings::LateFee& rule = *rules().billing.late_fee;
    const Money share = invoice.balance.multiply(rule.percent, Rounding::half_up);
    const auto minimum = rule.minimum.find(std::string(invoice.balance.currency().code()));
    return minimum == rule.minimum.end() ? share : std::max(share, minimum->second);
  }
};

// Those of the services that really changed.
std::vector<AffectedService> change(storage::Transaction& tx, std::vector<AffectedService> services,
                                    services::Change what, Instant now) {
  std::vector<ServiceId> ids;
  for (const AffectedService& service : services) ids.push_back(service.id);
  const auto changed = services::change_services(
      tx, ids, what, {.actor = {.kind = accounts::ActorKind::job}, .reason = std::string(services::overdue)}, now);
  std::erase_if(services, [&](const AffectedService& s) {
    return std::find(changed.begin(), changed.end(), s.id) == changed.end();
  });
  return services;
}

const DueInvoice& invoice_of(const std::vector<DueInvoice>& invoices, const AffectedService& service) {
  return *std::find_if(invoices.begin(), invoices.end(), [&](const DueInvoice& i) { return i.id == service.invoice; });
}

class Suspension final : public DunningStep {
 public:
  Suspension(const invoicing::Rules& rules, const notices::Outbox& outbox)
      : DunningStep(rules, outbox, DunningAction::suspend) {}
  [[nodiscard]] std::string_view name() const override { return "suspension"; }

 protected:
  void act(storage::Transaction& tx, const scheduler::RunContext& run, CivilDate today,
           const std::vector<DueInvoice>& invoices, std::vector<Notice>& notices, scheduler::Counts& counts) override {
    const auto services = change(tx, services_of(tx, invoices, "active"), services::Change::suspend, run.now);
    for (const AffectedService& service : services) {
      const DueInvoice& invoice = invoice_of(invoices, service);
      notices::Values texts = values(invoice);
      texts.emplace_back("service", service.label);
      texts.emplace_back("terminate_on", planned_day(invoice, today, DunningAction::terminate));
      notices.push_back(
          {.cause = "suspended:" + std::to_string(service.id.value()) + ":" + std::to_string(invoice.id.value()),
           .account = service.account,
           .name = Template::suspended,
           .values = std::move(texts)});
    }
    counts["suspended"] += static_cast<std::int64_t>(services.size());
  }
};

// Only what is suspended for being overdue ends: a service that staff brought back by hand stays.
class Termination final : public DunningStep {
 public:
  Termination(const invoicing::Rules& rules, const notices::Outbox& outbox)
      : DunningStep(rules, outbox, DunningAction::terminate) {}
  [[nodiscard]] std::string_view name() const override { return "termination"; }

 protected:
  void act(storage::Transaction& tx, const scheduler::RunContext& run, CivilDate today,
           const std::vector<DueInvoice>& invoices, std::vector<Notice>& notices, scheduler::Counts& counts) override {
    const auto services = change(tx, services_of(tx, invoices, "suspended"), services::Change::terminate, run.now);
    for (const AffectedService& service : services) {
      invoicing::end_billing(tx, rules(), service.id, today, run.now);
      notices::Values texts = values(invoice_of(invoices, service));
      texts.emplace_back("service", service.label);
      notices.push_back({.cause = "terminated:" + std::to_string(service.id.value()),
                         .account = service.account,
                         .name = Template::terminated,
                         .values = std::move(texts)});
    }
    counts["terminated"] += static_cast<std::int64_t>(services.size());
  }
};

}  // namespace

std::vector<std::unique_ptr<scheduler::Step>> steps(const invoicing::Rules& rules, const notices::Outbox& outbox) {
  std::vector<std::unique_ptr<scheduler::Step>> out;
  out.push_back(std::make_unique<Reminders>(rules, outbox));
  out.push_back(std::make_unique<LateFees>(rules, outbox));
  out.push_back(std::make_unique<Suspension>(rules, outbox));
  out.push_back(std::make_unique<Termination>(rules, outbox));
  return out;
}

}  // namespace bursar::dunning
