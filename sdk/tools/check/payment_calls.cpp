#include "payment_calls.hpp"

namespace check {
namespace {

using bursar::detail::borrow;
using bursar::testing::TestCall;

void keeps_rules(const Answer& answer, const bursar_money& asked) {
  if (answer.status != BURSAR_OK) return;
  const bursar_payment_result& r = answer.result;
  require(r.outcome >= BURSAR_PAYMENT_UNKNOWN && r.outcome <= BURSAR_PAYMENT_AUTHORIZED,
          "unknown outcome " + std::to_string(r.outcome));
  for (const bursar_str field : {r.gateway_reference, r.action.type, r.action.url, r.action.text, r.decline_code,
                                 r.decline_text, r.method.token}) {
    require(is_utf8(bursar::detail::read(field)), "a text of the answer is no UTF-8");
  }
  require(r.gateway_reference.size <= 255, "the gateway reference is longer than 255 bytes");
  require(text(r.gateway_reference).find('\0') == std::string::npos, "the gateway reference holds a NUL");
  const bool done = r.outcome == BURSAR_PAYMENT_SUCCEEDED || r.outcome == BURSAR_PAYMENT_AUTHORIZED;
  require(!done || r.gateway_reference.size != 0, "succeeded without a gateway reference");
  const bursar::Money processed = bursar::detail::read(r.processed);
  if (processed.present()) {
    require(r.outcome != BURSAR_PAYMENT_DECLINED, "declined, with a processed amount");
    require(processed.minor > 0, "a processed amount that is not positive");
    require(processed.currency == bursar::detail::read(asked).currency, "processed in another currency than was asked");
  }
  require(r.outcome != BURSAR_PAYMENT_AUTHORIZED, "only reserves the money, which nobody asked for");
  const bursar::Money fee = bursar::detail::read(r.fee);
  require(!fee.present() || fee.minor <= (processed.present() ? processed.minor : asked.minor),
          "a fee above the amount");
  require(r.outcome != BURSAR_PAYMENT_DECLINED || r.decline_code.size != 0, "declined without a decline_code");
  require(r.outcome != BURSAR_PAYMENT_REQUIRES_ACTION || r.action.type.size != 0,
          "requires action, and does not say which");
}

// What a setup, and a lookup of it, may answer.
void keeps_setup_rules(const Answer& answer) {
  if (answer.status != BURSAR_OK) return;
  const bursar_payment_result& r = answer.result;
  require(r.outcome >= BURSAR_PAYMENT_UNKNOWN && r.outcome <= BURSAR_PAYMENT_REQUIRES_ACTION,
          "a setup cannot have the outcome " + std::to_string(r.outcome));
  require(r.outcome != BURSAR_PAYMENT_SUCCEEDED || r.method.token.size != 0, "a setup succeeded without method.token");
  require(!bursar::detail::read(r.processed).present() && !bursar::detail::read(r.fee).present(),
          "a setup moves no money, yet processed or fee is there");
  require(r.outcome != BURSAR_PAYMENT_REQUIRES_ACTION || r.action.type.size != 0,
          "requires action, and does not say which");
}

}  // namespace

const bursar_payment_v1& payment_of(const Opened& opened) {
  const auto* table = opened.instance.table<bursar_payment_v1>(BURSAR_PAYMENT_ID);
  if (table == nullptr) skip("is no gateway");
  require(table->begin != nullptr || table->charge != nullptr, "a gateway with neither begin nor charge");
  return *table;
}

Answer pay(const Opened& opened, const std::string& id, const std::string& key, bursar_money amount,
           bursar_time ends_at) {
  const bursar_payment_v1& table = payment_of(opened);
  TestCall call(key, ends_at == 0 ? opened.host.now_ms + 30'000 : ends_at);
  bursar_charge charge{};
  charge.struct_size = sizeof charge;
  charge.payment_id = borrow(id);
  charge.account_id = borrow("acc_check");
  charge.invoice_number = borrow("INV-2026-000001");
  charge.description = borrow("Invoice INV-2026-000001");
  charge.amount = amount;
  charge.return_url = borrow("https://billing.example.com/return");
  charge.webhook_url = borrow("https://billing.example.com/webhooks/check");
  if (table.charge != nullptr) charge.method_token = borrow("method_check");
  Answer answer;
  answer.result.struct_size = sizeof answer.result;
  answer.status = (table.charge != nullptr ? table.charge : table.begin)(opened.instance.get(), call.get(), &charge,
                                                                         &answer.result);
  if (answer.status == BURSAR_OK) answer.reference = text(answer.result.gateway_reference);
  keeps_rules(answer, amount);
  answer.diagnostics = call.diagnostics;
  return answer;
}

bursar_money money(const Opened& opened, std::int64_t minor) {
  const bursar_payment_v1& table = payment_of(opened);
  return bursar::detail::to_abi({minor, table.currencies.count == 0 ? "EUR" : text(table.currencies.items[0])});
}

Answer set_up(const Opened& opened, const std::string& id) {
  const bursar_payment_v1& table = payment_of(opened);
  if (!BURSAR_HAS(&table, setup) || table.setup == nullptr) skip("cannot save a method without a payment");
  TestCall call("key-" + id, opened.host.now_ms + 30'000);
  bursar_setup setup{};
  setup.struct_size = sizeof setup;
  setup.setup_id = borrow(id);
  setup.account_id = borrow("acc_check");
  setup.currency = borrow(table.currencies.count == 0 ? "EUR" : "");
  setup.return_url = borrow("https://billing.example.com/return");
  setup.cancel_url = borrow("https://billing.example.com/cancel");
  setup.webhook_url = borrow("https://billing.example.com/webhooks/check");
  setup.customer_name = borrow("Erika Example");
  setup.customer_email = borrow("erika@example.com");
  Answer answer;
  answer.result.struct_size = sizeof answer.result;
  answer.status = table.setup(opened.instance.get(), call.get(), &setup, &answer.result);
  if (answer.status == BURSAR_OK) answer.reference = text(answer.result.gateway_reference);
  keeps_setup_rules(answer);
  return answer;
}

Answer refund(const Opened& opened, const std::string& id, const Answer& payment, const std::string& payment_id,
              bursar_money amount, bursar_money captured) {
  TestCall call("key-" + id, opened.host.now_ms + 30'000);
  bursar_refund request{};
  request.struct_size = sizeof request;
  request.refund_id = borrow(id);
  request.payment_id = borrow(payment_id);
  request.gateway_reference = borrow(payment.reference);
  request.amount = amount;
  request.captured = captured;
  Answer answer;
  answer.result.struct_size = sizeof answer.result;
  answer.status = payment_of(opened).refund(opened.instance.get(), call.get(), &request, &answer.result);
  if (answer.status == BURSAR_OK) answer.reference = text(answer.result.gateway_reference);
  keeps_rules(answer, request.amount);
  return answer;
}

Answer look_up(const Opened& opened, bursar_lookup_kind kind, const std::string& id, bursar_money asked) {
  const bursar_payment_v1& table = payment_of(opened);
  if (table.lookup == nullptr) skip("has no lookup");
  TestCall call;
  bursar_lookup lookup{};
  lookup.struct_size = sizeof lookup;
  lookup.kind = kind;
  lookup.id = borrow(id);
  lookup.asked = asked;
  Answer answer;
  answer.result.struct_size = sizeof answer.result;
  answer.status = table.lookup(opened.instance.get(), call.get(), &lookup, &answer.result);
  if (answer.status == BURSAR_OK) answer.reference = text(answer.result.gateway_reference);
  if (kind == BURSAR_LOOKUP_SETUP) {
    keeps_setup_rules(answer);
  } else {
    keeps_rules(answer, asked);
  }
  return answer;
}

}  // namespace check
