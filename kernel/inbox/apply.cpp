#include "inbox/apply.hpp"

#include <utility>

#include "effects/effects.hpp"

namespace bursar::inbox {

namespace {

using payments::Heard;
using What = Heard::What;

payments::Hearsay hearsay_of(const std::string& instance, const WebhookEvent& event, const std::string& id) {
  return {.gateway = instance, .id = id, .reference = event.gateway_reference, .answer = event.payment};
}

Heard hear_of_refund(storage::Transaction& tx, const payments::Context& context, const std::string& instance,
                     const WebhookEvent& event, Instant now) {
  payments::Hearsay hearsay = hearsay_of(instance, event, event.refund_id);
  hearsay.payment_id = event.payment_id;
  if (event.payment && !event.payment->reference.empty()) {
    hearsay.payment_reference = std::exchange(hearsay.reference, event.payment->reference);
  }
  return payments::hear_of_refund(tx, context, hearsay, now);
}

Heard hear_of_dispute(storage::Transaction& tx, const payments::Context& context, const std::string& instance,
                      const WebhookEvent& event, payments::DisputeStatus status, Instant now) {
  const WebhookDispute& dispute = event.dispute;
  // An inquiry moves no money; only what follows it is booked.
  if (!dispute.amount && status == payments::DisputeStatus::opened) return {What::ignored, "no money was taken"};
  return payments::hear_of_dispute(tx, context, hearsay_of(instance, event, event.payment_id),
                                   {.payment = {},
                                    .reference = dispute.id,
                                    .status = status,
                                    .amount = dispute.amount,
                                    .fee = dispute.fee,
                                    .reason = dispute.reason,
                                    .respond_by = dispute.evidence_by},
                                   now);
}

// The panel says that something changed at its side: it is asked.
Heard hear_of_service(storage::Transaction& tx, const payments::Context& context, const std::string& instance,
                      const WebhookEvent& event, Instant now) {
  const auto id = context.codec.parse<ServiceIdTag>(event.service_id);
  if (!id.ok()) return {What::ignored, "it names no service of ours"};
  auto rows = tx.query("SELECT panel, state_version FROM services WHERE id = $1", *id);
  if (!rows.next() || rows.text(0) != instance) return {What::ignored, "it names no service at this panel"};
  effects::ask_again(tx, "provision:" + std::to_string(id->value()) + ":" + std::to_string(rows.integer(1)), now);
  return {What::applied, "the panel is asked"};
}

}  // namespace

Heard apply(storage::Transaction& tx, const payments::Context& context, const std::string& instance,
            const WebhookEvent& event, Instant now) {
  switch (event.kind) {
    case WebhookEventKind::payment:
      return payments::hear_of_payment(tx, context, hearsay_of(instance, event, event.payment_id), now);
    case WebhookEventKind::refund:
      return hear_of_refund(tx, context, instance, event, now);
    case WebhookEventKind::method_changed:
      if (!event.payment || !event.payment->method) return {What::ignored, "it names no method"};
      return payments::hear_of_method(tx, context, instance, *event.payment->method, event.occurred_at, now);
    case WebhookEventKind::method_saved:
      return payments::hear_of_setup(tx, context, hearsay_of(instance, event, event.setup_id), now);
    case WebhookEventKind::service:
      return hear_of_service(tx, context, instance, event, now);
    case WebhookEventKind::dispute_opened:
      return hear_of_dispute(tx, context, instance, event, payments::DisputeStatus::opened, now);
    case WebhookEventKind::dispute_won:
      return hear_of_dispute(tx, context, instance, event, payments::DisputeStatus::won, now);
    case WebhookEventKind::dispute_lost:
      return hear_of_dispute(tx, context, instance, event, payments::DisputeStatus::lost, now);
    case WebhookEventKind::unknown:
      break;
  }
  return {What::ignored, "nothing that concerns the books"};
}

}  // namespace bursar::inbox
