#include "payments/heard.hpp"

#include <algorithm>
#include <stdexcept>

#include "accounts/audit.hpp"
#include "ledger/journal.hpp"
#include "payments/recording.hpp"
#include "payments/refund_plan.hpp"
#include "payments/refunds.hpp"
#include "payments/settle.hpp"
#include "payments/staff_tasks.hpp"
#include "payments/suspense.hpp"

namespace bursar::payments {

namespace {

using effects::Verdict;
using What = Heard::What;

std::optional<Payment> find_meant(storage::Transaction& tx, const Context& context, const Hearsay& hearsay) {
  std::optional<Payment> named;
  if (!hearsay.id.empty()) {
    const auto id = context.codec.parse<PaymentIdTag>(hearsay.id);
    if (id.ok()) named = find_payment(tx, *id);
    if (!named || named->gateway != hearsay.gateway) return std::nullopt;
    // Staff may have given its money to another payment before it was known whose it is.
    if (named->decline_code != assigned_otherwise) return named;
  }
  if (hearsay.reference.empty()) return named;
  auto rows = tx.query("SELECT id FROM payments WHERE gateway = $1 AND gateway_reference = $2", hearsay.gateway,
                       hearsay.reference);
  return rows.next() ? find_payment(tx, rows.id<PaymentId>(0)) : named;
}

// Money that arrived is booked, whoever it is from.
Heard nobodys(storage::Transaction& tx, const Context& context, const Hearsay& hearsay, Instant now) {
  const bool money = hearsay.answer && hearsay.answer->outcome == GatewayOutcome::succeeded &&
                     hearsay.answer->processed && hearsay.answer->processed->is_positive();
  const std::string reference =
      hearsay.answer && !hearsay.answer->reference.empty() ? hearsay.answer->reference : hearsay.reference;
  if (!money || reference.empty()) return {What::unknown, "no payment of ours is known by this name"};
  const std::string note = hearsay.id.empty() ? "" : "it names the payment " + hearsay.id;
  hold_in_suspense(tx, context, hearsay.gateway, reference, *hearsay.answer->processed, note, now);
  return {What::suspense, hearsay.answer->processed->to_string() + " in suspense"};
}

bool is_final(const GatewayAnswer& answer) {
  return answer.outcome == GatewayOutcome::succeeded || answer.outcome == GatewayOutcome::declined;
}

}  // namespace

Heard hear_of_payment(storage::Transaction& tx, const Context& context, const Hearsay& hearsay, Instant now) {
  const auto payment = find_meant(tx, context, hearsay);
  if (!payment) return nobodys(tx, context, hearsay, now);
  const bool booked = !payment->open() && payment->status != PaymentStatus::failed;
  if (booked) {
    if (hearsay.answer && keep_agreed_method(tx, context, *payment, *hearsay.answer, now))
      return {What::applied, "the method is saved"};
    return {What::ignored, "the payment is booked"};
  }
  const std::string key = charge_key(payment->id);
  // Only money that came can't un-come. A decline may be of an earlier try at the same payment, and what follows it may
  // be lost on its way: the gateway's own present word counts.
  if (!hearsay.answer || hearsay.answer->outcome != GatewayOutcome::succeeded) {
    effects::ask_again(tx, key, now);
    return {What::applied, "the gateway is asked"};
  }
  const Settlement settled = settle_payment(tx, context, payment->id, *hearsay.answer, Verdict::done, now);
  effects::conclude(tx, key, settled.verdict, settled.error, now);
  if (settled.verdict == Verdict::done) effects::conclude(tx, void_key(payment->id), Verdict::done, "", now);
  return {What::applied, settled.error};
}

namespace {

std::optional<RefundId> find_meant_refund(storage::Transaction& tx, const Context& context, const Hearsay& hearsay) {
  if (!hearsay.id.empty()) {
    const auto parsed = context.codec.parse<RefundIdTag>(hearsay.id);
    if (!parsed.ok()) return std::nullopt;
    auto rows = tx.query("SELECT id FROM refunds WHERE id = $1 AND gateway = $2", *parsed, hearsay.gateway);
    return rows.next() ? std::optional(*parsed) : std::nullopt;
  }
  if (hearsay.reference.empty()) return std::nullopt;
  const auto refund = find_refund_by_reference(tx, hearsay.gateway, hearsay.reference);
  return refund ? std::optional(refund->id) : std::nullopt;
}

// Why a refund that was made at the gateway can't be recorded as it stands; empty: it can.
std::string obstacle(storage::Transaction& tx, const Payment& payment, const NewRefund& refund) {
  const auto plan = plan_refund(tx, payment, refund);
  if (!plan.ok()) return plan.error().detail;
  const Money from_credit = std::min(plan->amount, standing_of(tx, payment).free);
  const Money credit = ledger::credit_balance(tx, payment.account, plan->amount.currency());
  return credit < from_credit ? "what the payment brought is spent: the account has " + credit.to_string() + " credit"
                              : "";
}

// One of ours whose reference we have not heard yet.
bool refund_is_under_way(storage::Transaction& tx, PaymentId payment) {
  return tx
      .query(
          "SELECT 1 FROM refunds WHERE payment_id = $1 AND destination = 'gateway' AND status IN ('pending', "
          "'unknown')",
          payment)
      .next();
}

void ask_staff_to_record(storage::Transaction& tx, const Payment& payment, const Hearsay& hearsay,
                         const std::string& why, Instant now) {
  const std::string amount = hearsay.answer->processed->to_string();
  raise_task(tx, "refund_elsewhere", payment.account, payment.id.value(),
             "Record a refund of " + amount + " that was made at " + hearsay.gateway,
             hearsay.reference + ": " + amount + "; " + why, now);
}

// What stood in the way of recording a refund, as a dispute that has ended since, does no more: if that was all staff
// were asked about, there is nothing left to do for them.
void close_question(storage::Transaction& tx, const Payment& payment, const std::string& reference, Instant now) {
  std::string detail;
  {
    auto rows = tx.query(
        "SELECT detail FROM staff_tasks WHERE kind = 'refund_elsewhere' AND object_id = $1 AND status = 'open'",
        payment.id);
    if (rows.next()) detail = rows.string(0);
  }
  if (detail.starts_with(reference + ": ") && detail.find('\n') == std::string::npos)
    close_task(tx, "refund_elsewhere", payment.id.value(), "done", {}, now);
}

// Staff may have recorded it by hand, without its reference; money that they sent by another gateway is none of it.
// Those of its amount are alike, so it is the first of them; where all are of another amount nobody can tell but staff.
// nullopt: it is none of them.
std::optional<Heard> recorded_by_hand(storage::Transaction& tx, const Payment& payment, const Hearsay& hearsay,
                                      Instant now) {
  std::string others;
  for (const Refund& refund : refunds_of(tx, payment.id)) {
    const bool may_be_it = refund.destination == RefundDestination::external && refund.gateway == hearsay.gateway &&
                           refund.reference.empty();
    if (!may_be_it || refund.status != "succeeded") continue;
    if (refund.amount == *hearsay.answer->processed) {
      tx.execute("UPDATE refunds SET gateway_reference = $2 WHERE id = $1", refund.id, hearsay.reference);
      accounts::append_audit(tx, now,
                             {.actor = {.kind = accounts::ActorKind::job},
                              .account = refund.account,
                              .action = "payment.refund_told",
                              .object = accounts::audit_object(refund.id)});
      return Heard{What::applied, "it is a refund that staff recorded by hand"};
    }
    others += (others.empty() ? "" : ", ") + refund.amount.to_string();
  }
  if (others.empty()) return std::nullopt;
  const std::string why =
      "it may be one that is recorded by hand as " + others + ". If it is none of them, record it with this reference";
  ask_staff_to_record(tx, payment, hearsay, why, now);
  return Heard{What::applied, "staff are asked: " + why};
}

// A gateway may tell of what a dispute took as a refund too: of one that was lost over this amount nobody can tell but
// staff.
std::optional<Heard> taken_by_dispute(storage::Transaction& tx, const Payment& payment, const Hearsay& hearsay,
                                      Instant now) {
  const Money amount = *hearsay.answer->processed;
  for (const Dispute& dispute : disputes_of(tx, payment.id)) {
    if (dispute.status != DisputeStatus::lost || dispute.amount != amount) continue;
    const std::string why = "it may be what the dispute " + dispute.reference +
                            " took. If the gateway took both, record it with this reference";
    ask_staff_to_record(tx, payment, hearsay, why, now);
    return Heard{What::applied, "staff are asked: " + why};
  }
  return std::nullopt;
}

// Somebody refunded in the gateway's own pages: the money has left, and the books follow.
Heard refunded_elsewhere(storage::Transaction& tx, const Context& context, const Hearsay& hearsay, Instant now) {
  const auto payment = find_meant(
      tx, context,
      {.gateway = hearsay.gateway, .id = hearsay.payment_id, .reference = hearsay.payment_reference, .answer = {}});
  const bool left = hearsay.answer && hearsay.answer->outcome == GatewayOutcome::succeeded &&
                    hearsay.answer->processed && !hearsay.reference.empty();
  if (!payment || !left) return {What::unknown, "no refund of ours is known by this name"};
  if (payment->open() || payment->status == PaymentStatus::failed) {
    effects::ask_again(tx, charge_key(payment->id), now);  // what went back had come
    return {What::unknown, "it is of a payment that is not known to have arrived"};
  }
  if (refund_is_under_way(tx, payment->id)) return {What::unknown, "it may be a refund of ours that is under way"};
  if (auto heard = recorded_by_hand(tx, *payment, hearsay, now)) return *std::move(heard);
  if (auto heard = taken_by_dispute(tx, *payment, hearsay, now)) return *std::move(heard);
  const NewRefund refund{.payment = payment->id,
                         .amount = hearsay.answer->processed,
                         .destination = RefundDestination::external,
                         .reason = "Refunded at the gateway",
                         .reference = hearsay.reference};
  if (const std::string why = obstacle(tx, *payment, refund); !why.empty()) {
    ask_staff_to_record(tx, *payment, hearsay, why, now);
    return {What::applied, "staff are asked to record it: " + why};
  }
  const auto recorded = record_refund(tx, context, refund, {.kind = accounts::ActorKind::job}, now);
  // Parts of it may be written: the whole transaction is given up, and tried again.
  if (!recorded.ok()) throw std::runtime_error(recorded.error().detail);
  close_question(tx, *payment, hearsay.reference, now);
  return {What::applied, "recorded as done at the gateway"};
}

}  // namespace

Heard hear_of_refund(storage::Transaction& tx, const Context& context, const Hearsay& hearsay, Instant now) {
  const auto id = find_meant_refund(tx, context, hearsay);
  if (!id) return refunded_elsewhere(tx, context, hearsay, now);
  const std::string key = "refund:" + std::to_string(id->value()) + ":1";
  if (!hearsay.answer || !is_final(*hearsay.answer)) {
    effects::ask_again(tx, key, now);
    return {What::applied, "the gateway is asked"};
  }
  settle_refund(tx, context, *id, *hearsay.answer, now);
  effects::conclude(tx, key, hearsay.answer->outcome == GatewayOutcome::succeeded ? Verdict::done : Verdict::failed, "",
                    now);
  return {What::applied};
}

namespace {

// A loss may be what a refund made at the gateway tells already: one without an id, or one of a dispute that was open
// when a refund over as much was told. Only staff can tell; until then the money of an open dispute stays in doubt.
std::optional<Heard> taken_by_refund(storage::Transaction& tx, const Payment& payment, const DisputeEvent& event,
                                     const std::optional<Dispute>& known, Instant now) {
  if (event.status != DisputeStatus::lost) return std::nullopt;
  if (known ? known->status != DisputeStatus::opened : event.named) return std::nullopt;
  const Money amount = event.amount.value_or(known ? known->amount : payment.received);
  for (const Refund& refund : refunds_of(tx, payment.id)) {
    const bool told = refund.destination == RefundDestination::external && refund.gateway == payment.gateway &&
                      !refund.reference.empty() && (!known || refund.created_at >= known->opened_at);
    if (!told || refund.amount != amount) continue;
    const std::string why = "it may be what the refund " + refund.reference +
                            " gave back. Book the dispute as lost if the gateway took both, else as won";
    raise_task(tx, "refund_elsewhere", payment.account, payment.id.value(),
               "Look into " + amount.to_string() + " that " + payment.gateway + " took back",
               "dispute " + event.reference + ": " + amount.to_string() + "; " + why, now);
    return Heard{What::applied, "staff are asked: " + why};
  }
  return std::nullopt;
}

}  // namespace

Heard hear_of_dispute(storage::Transaction& tx, const Context& context, const Hearsay& hearsay, DisputeEvent event,
                      Instant now) {
  const auto payment = find_meant(tx, context, hearsay);
  if (!payment) return {What::unknown, "no payment of ours is known by this name"};
  event.payment = payment->id;
  const std::string transaction = hearsay.reference.empty() ? context.codec.text(payment->id) : hearsay.reference;
  const bool is_known = recognise_dispute(tx, *payment, transaction, event);
  if (!is_known) {
    // An inquiry that ends has taken nothing, and gives nothing back. What waits for its payment may be no inquiry.
    const bool moves_nothing = event.status == DisputeStatus::won && !event.amount;
    if (moves_nothing && payment->received.is_positive()) return {What::ignored, "no money was taken"};
  }
  const auto known = is_known ? find_dispute(tx, payment->gateway, event.reference) : std::nullopt;
  if (auto heard = taken_by_refund(tx, *payment, event, known, now)) return *std::move(heard);
  const auto booked = book_dispute(tx, context, event, {.kind = accounts::ActorKind::job}, now);
  return booked.ok() ? Heard{What::applied} : Heard{What::unknown, booked.error().detail};
}

}  // namespace bursar::payments
