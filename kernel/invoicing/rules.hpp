// What every act on invoices needs to know of the configuration, prepared once. Immutable: shared by all threads.
#pragma once

#include <string>
#include <vector>

#include "base/time.hpp"
#include "invoicing/collection_plan.hpp"
#include "settings/config.hpp"

namespace bursar::invoicing {

struct Rules {
  explicit Rules(const settings::Config& config)
      : provider(config.provider), billing(config.billing), tax_rules(config.tax_rules), plan(config.billing) {}

  // Civil dates of documents are dates in the provider's zone.
  [[nodiscard]] CivilDate today(Instant now) const { return provider.timezone.date(now); }
  [[nodiscard]] bool legal_at_issue() const {
    return billing.invoice_becomes_legal == settings::InvoiceBecomesLegal::at_issue;
  }

  settings::Provider provider;
  settings::Billing billing;
  std::vector<settings::TaxRule> tax_rules;
  CollectionPlan plan;
};

}  // namespace bursar::invoicing
