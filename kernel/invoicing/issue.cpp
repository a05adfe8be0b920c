#include "invoicing/issue.hpp"

#include <algorithm>

#include "accounts/accounts.hpp"
#include "base/assert.hpp"
#include "invoicing/derivation.hpp"
#include "invoicing/invoice_writer.hpp"
#include "invoicing/paid.hpp"

namespace bursar::invoicing {
namespace {

using storage::Transaction;

constexpr std::int64_t largest_quantity = 1'000'000;
constexpr std::int64_t largest_line = Money::max_minor / 1000;  // so that no sum of lines leaves the range

catalog::TaxBuyer buyer_of(const accounts::Account& account) {
  return {.country = account.address.country,
          .region = account.address.region,
          .tax_id = account.tax_id,
          .exempt = account.tax_exempt};
}

catalog::TaxTreatment untaxed(std::string reason) { return {.exemption_reason = std::move(reason)}; }

DraftInvoice draft_for(const accounts::Account& account, InvoiceKind kind, Currency currency, CivilDate due_on) {
  return {.account = account.id,
          .buyer_party = account.party,
          .autopay = account.autopay_enabled,
          .kind = kind,
          .currency = currency,
          .due_on = due_on,
          .lines = {}};
}

InvoiceId write_one(Transaction& tx, const Rules& rules, DraftInvoice draft, Instant now) {
  InvoiceWriter writer(rules, rules.today(now), now);
  writer.add(std::move(draft));
  return writer.flush(tx).first;
}

Error no_such_account() { return not_found("no_such_account", "There is no such account."); }

}  // namespace

Result<InvoiceId> issue_deposit(Transaction& tx, const Rules& rules, AccountId id, Money amount, Instant now) {
  const auto account = accounts::find_account(tx, id);
  if (!account) return no_such_account();
  if (!amount.is_positive() || amount.currency() != account->currency) {
    return invalid("invalid_amount", "The amount must be positive and in the account's currency.",
                   {{"/amount", "must be positive and in the account's currency"}});
  }
  const auto treatment = untaxed("Prepayment: taxed when it is used");
  DraftInvoice draft = draft_for(*account, InvoiceKind::deposit, amount.currency(), rules.today(now));
  draft.lines.push_back({.kind = LineKind::deposit,
                         .description = "Account credit",
                         .unit_price = amount,
                         .treatment = &treatment,
                         .derivation = derive_named("customer", amount)});
  return write_one(tx, rules, std::move(draft), now);
}

Result<InvoiceId> issue_late_fee(Transaction& tx, const Rules& rules, InvoiceId overdue_id, Money fee, Instant now) {
  const auto overdue = find_invoice(tx, overdue_id);
  if (!overdue) return not_found("no_such_invoice", "There is no such invoice.");
  BURSAR_ASSERT(fee.is_positive());
  {
    auto rows = tx.query("SELECT id FROM invoices WHERE late_fee_of = $1", overdue_id);
    if (rows.next()) return InvoiceId();
  }
  const auto account = accounts::find_account(tx, overdue->account);
  BURSAR_ASSERT(account.has_value());
  const auto treatment = untaxed("Compensation for late payment");
  DraftInvoice draft = draft_for(*account, InvoiceKind::late_fee, fee.currency(), rules.today(now));
  draft.notice_days = rules.billing.generate_days_before_due;
  draft.late_fee_of = overdue_id;
  draft.lines.push_back({.kind = LineKind::late_fee,
                         .description = "Late fee" + (overdue->legal() ? " for " + overdue->number : std::string()),
                         .unit_price = fee,
                         .treatment = &treatment,
                         .derivation = rules.billing.late_fee
                                           ? derive_late_fee(*rules.billing.late_fee, overdue->number, overdue->balance)
                                           : derive_named("staff", fee)});
  return write_one(tx, rules, std::move(draft), now);
}

Result<InvoiceId> issue_manual(Transaction& tx, const Rules& rules, AccountId id, const std::vector<ManualLine>& lines,
                               CivilDate due_on, Instant now) {
  const auto account = accounts::find_account(tx, id);
  if (!account) return no_such_account();
  std::vector<FieldError> errors;
  if (lines.empty()) errors.push_back({"/lines", "must not be empty"});
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string pointer = "/lines/" + std::to_string(i);
    const ManualLine& line = lines[i];
    if (line.description.empty()) errors.push_back({pointer + "/description", "must not be empty"});
    if (line.quantity < 1 || line.quantity > largest_quantity) {
      errors.push_back({pointer + "/quantity", "must be 1 to 1000000"});
    }
    if (!line.unit_price.is_positive() ||
        line.unit_price.minor() > largest_line / std::max<std::int64_t>(line.quantity, 1)) {
      errors.push_back({pointer + "/unit_price", "must be above zero and not beyond reason"});
    }
    if (line.unit_price.currency() != account->currency) {
      errors.push_back({pointer + "/unit_price", "must be in the account's currency"});
    }
  }
  if (due_on < rules.today(now)) errors.push_back({"/due_on", "must not be in the past"});
  if (!errors.empty()) return invalid("invalid_invoice", "The invoice has bad fields.", std::move(errors));
  std::vector<catalog::TaxTreatment> treatments;
  treatments.reserve(lines.size());  // the lines point into it
  DraftInvoice draft = draft_for(*account, InvoiceKind::manual, account->currency, due_on);
  for (const auto& line : lines) {
    treatments.push_back(rules.tax.treatment(buyer_of(*account), line.tax_class));
    draft.lines.push_back({.kind = LineKind::manual,
                           .description = line.description,
                           .quantity = line.quantity,
                           .unit_price = line.unit_price,
                           .treatment = &treatments.back(),
                           .derivation = derive_named("staff", line.unit_price)});
  }
  return write_one(tx, rules, std::move(draft), now);
}

}  // namespace bursar::invoicing
