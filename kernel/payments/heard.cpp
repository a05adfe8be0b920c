#include "payments/heard.hpp"

#include "accounts/audit.hpp"
#include "payments/methods.hpp"
#include "payments/recording.hpp"
#include "payments/refunds.hpp"
#include "payments/settle.hpp"
#include "payments/suspense.hpp"

namespace bursar::payments {

namespace {

using effects::Verdict;
using What = Heard::What;

std::optional<Payment> find_meant(storage::Transaction& tx, const Context& context, const Hearsay& hearsay) {
  if (!hearsay.id.empty()) {
    const auto id = context.codec.parse<PaymentIdTag>(hearsay.id);
    if (!id.ok()) return std::nullopt;
    auto payment = find_payment(tx, *id);
    return payment && payment->gateway == hearsay.gateway ? std::move(payment) : std::nullopt;
  }
  if (hearsay.reference.empty()) return std::nullopt;
  auto rows = tx.query("SELECT id FROM payments WHERE gateway = $1 AND gateway_reference = $2", hearsay.gateway,
                       hearsay.reference);
  return rows.next() ? find_payment(tx, rows.id<PaymentId>(0)) : std::nullopt;
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
  if (booked) return {What::ignored, "the payment is booked"};
  const std::string key = charge_key(payment->id);
  // What is not final may be older than what we know: the gateway's own present word counts.
  if (!hearsay.answer || !is_final(*hearsay.answer)) {
    effects::ask_again(tx, key, now);
    return {What::applied, "the gateway is asked"};
  }
  const Settlement settled =
      settle_payment(tx, context, payment->id, *hearsay.answer,
                     hearsay.answer->outcome == GatewayOutcome::succeeded ? Verdict::done : Verdict::failed, now);
  effects::conclude(tx, key, settled.verdict, settled.error, now);
  return {What::applied, settled.error};
}

Heard hear_of_method(storage::Transaction& tx, const std::string& gateway, const GatewayMethod& method, Instant now) {
  PaymentMethodId id;
  AccountId account;
  {
    auto rows =
        tx.query("SELECT id, account_id FROM payment_methods WHERE gateway = $1 AND token = $2 AND status = 'active'",
                 gateway, method.token);
    if (!rows.next()) return {What::ignored, "no saved method of ours"};
    id = rows.id<PaymentMethodId>(0);
    account = rows.id<AccountId>(1);
  }
  const bool gone = method.label.empty();
  if (gone) {
    tx.execute("UPDATE payment_methods SET status = 'removed', version = version + 1 WHERE id = $1", id);
  } else {
    tx.execute("UPDATE payment_methods SET label = $2, expires_on = $3, version = version + 1 WHERE id = $1", id,
               method.label, expiry_of(method));
  }
  accounts::append_audit(tx, now,
                         {.account = account,
                          .action = gone ? "payment_method.gone" : "payment_method.renewed",
                          .object = accounts::audit_object(id)});
  return {What::applied};
}

Heard hear_of_refund(storage::Transaction& tx, const Context& context, const Hearsay& hearsay, Instant now) {
  std::optional<RefundId> id;
  if (!hearsay.id.empty()) {
    const auto parsed = context.codec.parse<RefundIdTag>(hearsay.id);
    if (parsed.ok() && find_refund(tx, *parsed)) id = *parsed;
  } else if (!hearsay.reference.empty()) {
    auto rows = tx.query(
        "SELECT r.id FROM refunds r JOIN payments p ON p.id = r.payment_id "
        "WHERE p.gateway = $1 AND r.gateway_reference = $2",
        hearsay.gateway, hearsay.reference);
    if (rows.next()) id = rows.id<RefundId>(0);
  }
  if (!id) return {What::unknown, "no refund of ours is known by this name"};
  effects::ask_again(tx, "refund:" + std::to_string(id->value()) + ":1", now);
  return {What::applied, "the gateway is asked"};
}

}  // namespace bursar::payments
