// How the domain's objects look outside: one function for each schema of schemas.cpp.
#pragma once

#include <string_view>

#include "accounts/accounts.hpp"
#include "accounts/audit.hpp"
#include "base/id.hpp"
#include "catalog/products.hpp"
#include "catalog/promotions.hpp"
#include "http/json_writer.hpp"
#include "invoicing/change.hpp"
#include "invoicing/corrections.hpp"
#include "invoicing/invoices.hpp"
#include "ledger/journal.hpp"
#include "notices/outbox.hpp"
#include "payments/autopay_attempts.hpp"
#include "payments/disputes.hpp"
#include "payments/explain_ledger.hpp"
#include "payments/methods.hpp"
#include "payments/payment.hpp"
#include "payments/refund_requests.hpp"
#include "payments/refunds.hpp"
#include "payments/setups.hpp"
#include "payments/staff_tasks.hpp"
#include "scheduler/runs.hpp"
#include "services/cancellation.hpp"
#include "services/services.hpp"

namespace bursar::http {

// An id as outside text; null for an empty one.
template <class Tag>
void id_field(JsonWriter& w, const IdCodec& ids, std::string_view name, Id<Tag> id) {
  w.key(name);
  if (id) {
    w.value(ids.text(id));
  } else {
    w.null();
  }
}
// Text that may be missing: null instead of "".
void text_or_null(JsonWriter& w, std::string_view name, std::string_view text);
// A stored JSON document.
void json_or_null(JsonWriter& w, std::string_view name, std::string_view json);

void write_account(JsonWriter& w, const IdCodec& ids, const accounts::Account& account);
void write_party(JsonWriter& w, const accounts::Party& party);
// `for_staff`: also what customers need not know (panel and its options).
void write_product(JsonWriter& w, const IdCodec& ids, const catalog::Product& product, bool for_staff);
void write_promotion(JsonWriter& w, const IdCodec& ids, const catalog::Promotion& promotion);
// `pending`: the change that is still to come, or null.
void write_service(JsonWriter& w, const IdCodec& ids, const services::Service& service,
                   const invoicing::ServiceChange* pending);
void write_service_change(JsonWriter& w, const IdCodec& ids, const invoicing::ServiceChange& change);
void write_cancellation(JsonWriter& w, const IdCodec& ids, const services::Cancellation& cancellation);

// The fields of an invoice without the braces, so that a caller may add more.
void write_invoice_fields(JsonWriter& w, const IdCodec& ids, const invoicing::Invoice& invoice, CivilDate today);
void write_invoice_line(JsonWriter& w, const IdCodec& ids, const invoicing::Line& line);
void write_credit_note(JsonWriter& w, const IdCodec& ids, const invoicing::CreditNote& note);

void write_payment(JsonWriter& w, const IdCodec& ids, const payments::Payment& payment,
                   const std::vector<payments::Allocation>& allocations);
void write_refund(JsonWriter& w, const IdCodec& ids, const payments::Refund& refund);
void write_refund_request(JsonWriter& w, const IdCodec& ids, const payments::StoredRefundRequest& request);
void write_dispute(JsonWriter& w, const IdCodec& ids, const payments::Dispute& dispute);
void write_payment_method(JsonWriter& w, const IdCodec& ids, const payments::PaymentMethod& method);
void write_method_setup(JsonWriter& w, const IdCodec& ids, const payments::MethodSetup& setup);
// The field "autopay_attempts".
void write_autopay_attempts(JsonWriter& w, const IdCodec& ids, const std::vector<payments::Attempt>& attempts);
void write_ledger_entry(JsonWriter& w, const IdCodec& ids, const ledger::StoredEntry& entry,
                        const payments::EntryExplanation& explanation);
void write_task(JsonWriter& w, const IdCodec& ids, const payments::StaffTask& task);
void write_notification(JsonWriter& w, const IdCodec& ids, const notices::MessageRow& message);
void write_run(JsonWriter& w, const IdCodec& ids, const scheduler::RunStatus& run);
void write_audit_event(JsonWriter& w, const IdCodec& ids, const accounts::AuditEvent& event);

}  // namespace bursar::http
