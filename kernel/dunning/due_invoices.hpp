// The common part of the dunning steps: which invoices are due for an action, in chunks, and planning what follows.
#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "invoicing/collection_plan.hpp"
#include "invoicing/rules.hpp"
#include "notices/outbox.hpp"
#include "scheduler/step.hpp"
#include "storage/database.hpp"

namespace bursar::dunning {

struct DueInvoice {
  InvoiceId id;
  AccountId account;
  std::string kind;
  std::string number;
  CivilDate due_on;
  Money balance;
  std::int64_t version = 1;
  invoicing::PlannedStep planned;
  bool of_waiting_order = false;  // nothing was delivered for it yet
};

class DunningStep : public scheduler::Step {
 public:
  [[nodiscard]] bool runs_in_catch_up() const final { return false; }
  [[nodiscard]] std::optional<scheduler::Reach> reach() const final;
  [[nodiscard]] std::int64_t count_reached(storage::Connection& c, const scheduler::RunContext& run) const final;
  [[nodiscard]] std::int64_t count_all(storage::Connection& c) const final;
  scheduler::ChunkResult run_chunk(storage::Transaction& tx, const scheduler::RunContext& run,
                                   const scheduler::ChunkRequest& request) final;

 protected:
  DunningStep(const invoicing::Rules& rules, const notices::Outbox& outbox, invoicing::DunningAction action)
      : rules_(rules), outbox_(outbox), action_(action) {}

  // Acts on the invoices; `today` is the day on which it really happens. Adds to `counts` and `notices`.
  virtual void act(storage::Transaction& tx, const scheduler::RunContext& run, CivilDate today,
                   const std::vector<DueInvoice>& invoices, std::vector<notices::Notice>& notices,
                   scheduler::Counts& counts) = 0;

  // The values that every dunning text may use.
  [[nodiscard]] static notices::Values values(const DueInvoice& invoice);
  // The account's notice of that name among `notices`, made where there is none, with the invoice as its newest item.
  // Invoices that come due together, as after downtime, are one message. `cause` names the first.
  template <class F>
  static notices::Notice& notice_for(std::vector<notices::Notice>& notices, notices::Template name,
                                     const DueInvoice& invoice, F&& cause) {
    auto found = std::find_if(notices.begin(), notices.end(), [&](const notices::Notice& notice) {
      return notice.name == name && notice.account == invoice.account;
    });
    if (found == notices.end()) {
      notices.push_back(
          {.cause = cause(), .account = invoice.account, .name = name, .values = values(invoice), .items = {}});
      found = std::prev(notices.end());
    }
    found->items.push_back(values(invoice));
    return *found;
  }
  // The day on which the plan comes to `action` if nothing is paid and this step is executed today; "" when never.
  [[nodiscard]] std::string planned_day(const DueInvoice& invoice, CivilDate today,
                                        invoicing::DunningAction action) const;
  [[nodiscard]] const invoicing::Rules& rules() const { return rules_; }

 private:
  void plan_next(storage::Transaction& tx, CivilDate today, const std::vector<DueInvoice>& invoices) const;
  const invoicing::Rules& rules_;
  const notices::Outbox& outbox_;
  invoicing::DunningAction action_;
};

// A service of an overdue invoice that a step changes.
struct AffectedService {
  ServiceId id;
  AccountId account;
  InvoiceId invoice;
  std::string label;
};
// The services that the invoices' lines bill and that are in `status`, each once.
std::vector<AffectedService> services_of(storage::Transaction& tx, const std::vector<DueInvoice>& invoices,
                                         std::string_view status);

}  // namespace bursar::dunning
