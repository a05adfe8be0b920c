// What every act on invoices needs to know of the configuration, prepared once. Immutable: shared by all threads.
#pragma once

#include "base/time.hpp"
#include "catalog/tax.hpp"
#include "invoicing/collection_plan.hpp"
#include "invoicing/numbering.hpp"
#include "settings/config.hpp"

namespace bursar::invoicing {

struct Rules {
  explicit Rules(const settings::Config& config)
      : provider(config.provider),
        billing(config.billing),
        tax(config.tax_rules, config.provider.address.country),
        plan(config.billing),
        invoice_numbers(config.provider.invoice_number),
        credit_note_numbers(config.provider.credit_note_number) {}

  // Civil dates of documents are dates in the provider's zone.
  [[nodiscard]] CivilDate today(Instant now) const { return provider.timezone.date(now); }
  [[nodiscard]] bool legal_at_issue() const {
    return billing.invoice_becomes_legal == settings::InvoiceBecomesLegal::at_issue;
  }

  settings::Provider provider;
  settings::Billing billing;
  catalog::TaxRules tax;
  CollectionPlan plan;
  NumberFormat invoice_numbers;
  NumberFormat credit_note_numbers;
};

}  // namespace bursar::invoicing
