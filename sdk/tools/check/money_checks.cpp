// The rules of abi/payment.h, tried on a plugin whose provider is a script.
#include <limits>
#include <random>

#include "check.hpp"

namespace check {
namespace {

using bursar::testing::HttpAnswer;
using bursar::testing::TestCall;

struct Answer {
  bursar_status status = BURSAR_OK;
  bursar_payment_result result{};
  std::vector<bursar::testing::Diagnostic> diagnostics;
  std::string reference;

  // What a host makes of it.
  [[nodiscard]] bursar_payment_outcome outcome() const {
    return status == BURSAR_OK ? result.outcome : BURSAR_PAYMENT_UNKNOWN;
  }
};

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
  const bool done = r.outcome == BURSAR_PAYMENT_SUCCEEDED || r.outcome == BURSAR_PAYMENT_AUTHORIZED;
  require(!done || r.gateway_reference.size != 0, "succeeded without a gateway reference");
  const bursar::Money processed = bursar::detail::read(r.processed);
  if (processed.present()) {
    require(r.outcome != BURSAR_PAYMENT_DECLINED, "declined, with a processed amount");
    require(processed.minor > 0, "a processed amount that is not positive");
    require(processed.currency == bursar::detail::read(asked).currency, "processed in another currency than was asked");
  }
  const bursar::Money fee = bursar::detail::read(r.fee);
  require(!fee.present() || fee.minor <= (processed.present() ? processed.minor : asked.minor),
          "a fee above the amount");
  require(r.outcome != BURSAR_PAYMENT_DECLINED || r.decline_code.size != 0, "declined without a decline_code");
  require(r.outcome != BURSAR_PAYMENT_REQUIRES_ACTION || r.action.type.size != 0,
          "requires action, and does not say which");
}

const bursar_payment_v1& payment_of(const Opened& opened) {
  const auto* table = opened.instance.table<bursar_payment_v1>(BURSAR_PAYMENT_ID);
  if (table == nullptr) skip("is no gateway");
  require(table->begin != nullptr || table->charge != nullptr, "a gateway with neither begin nor charge");
  return *table;
}

// Through charge where there is one, else begin.
Answer pay(const Opened& opened, const std::string& id, const std::string& key, bursar_money amount) {
  const bursar_payment_v1& table = payment_of(opened);
  TestCall call(key, opened.host.now_ms + 30'000);
  bursar_charge charge{};
  charge.struct_size = sizeof charge;
  charge.payment_id = bursar::detail::borrow(id);
  charge.account_id = bursar::detail::borrow("acc_check");
  charge.invoice_number = bursar::detail::borrow("INV-2026-000001");
  charge.description = bursar::detail::borrow("Invoice INV-2026-000001");
  charge.amount = amount;
  charge.return_url = bursar::detail::borrow("https://billing.example.com/return");
  charge.webhook_url = bursar::detail::borrow("https://billing.example.com/webhooks/check");
  if (table.charge != nullptr) charge.method_token = bursar::detail::borrow("method_check");
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

void money_table(const Options& options) {
  const Opened opened(options);
  const bursar_payment_v1& table = payment_of(opened);
  const std::uint64_t needs_capture = BURSAR_PAYMENT_CAN_AUTHORIZE;
  require((table.capabilities & needs_capture) == 0 || (table.capture != nullptr && table.void_payment != nullptr),
          "can authorize, but has no capture and void_payment");
  require((table.capabilities & BURSAR_PAYMENT_CAN_STORE_METHODS) == 0 || table.charge != nullptr,
          "stores methods, but has no charge");
  require((table.capabilities & BURSAR_PAYMENT_CAN_REFUND_PARTLY) == 0 || table.refund != nullptr,
          "refunds partly, but has no refund");
  for (std::uint64_t i = 0; i < table.currencies.count; ++i) {
    require(table.currencies.items[i].size == 3, "a currency is not three letters: " + text(table.currencies.items[i]));
  }
  if (table.lookup == nullptr && (table.capabilities & BURSAR_PAYMENT_STAFF_CONFIRMS) == 0) {
    fail("has no lookup: an unknown outcome could never be settled");
  }
}

void money_same_key(const Options& options) {
  const Opened opened(options);
  const Answer first = pay(opened, "pay_check1", "key-check1", money(opened, 1234));
  const Answer second = pay(opened, "pay_check1", "key-check1", money(opened, 1234));
  require(first.outcome() == second.outcome(), "the same key gave another outcome");
  require(first.reference == second.reference,
          "the same key gave another reference: " + first.reference + " and " + second.reference);
  if (opened.host.exchanges.size() >= 2) {
    const bool keyed =
        opened.host.exchanges.front().body.find("key-check1") != std::string::npos ||
        std::any_of(opened.host.exchanges.front().headers.begin(), opened.host.exchanges.front().headers.end(),
                    [](const auto& header) { return header.second.find("key-check1") != std::string::npos; });
    if (!keyed) warn("the first request carries the idempotency key in no header and not in its body");
  }
}

void money_refused(const Options& options) {
  Opened opened(options);
  opened.host.network = [](const auto&) { return refused_connection(); };
  const Answer answer = pay(opened, "pay_check2", "key-check2", money(opened, 1234));
  if (opened.host.exchanges.empty()) skip("sends nothing through the http service");
  require(answer.outcome() == BURSAR_PAYMENT_NOT_ATTEMPTED, "a refused connection must be not_attempted");
}

void money_misfortunes(const Options& options) {
  for (const Misfortune& misfortune : misfortunes()) {
    Opened opened(options);
    opened.host.network = [&](const auto&) { return misfortune.answer; };
    const Answer answer = pay(opened, "pay_check3", "key-check3", money(opened, 1234));
    if (opened.host.exchanges.empty()) skip("sends nothing through the http service");
    require(answer.outcome() == BURSAR_PAYMENT_UNKNOWN, std::string("the provider's answer was ") + misfortune.name +
                                                            ", the outcome must be unknown, not " +
                                                            std::to_string(answer.outcome()));
  }
}

void money_amounts(const Options& options) {
  const Opened opened(options);
  const bursar_payment_v1& table = payment_of(opened);
  int number = 0;
  const auto try_one = [&](std::int64_t minor, const char* currency) {
    const std::string id = "pay_amount" + std::to_string(++number);
    (void)pay(opened, id, "key-" + id, bursar::detail::to_abi({minor, currency}));
  };
  if (table.currencies.count == 0) {
    for (const char* currency : {"EUR", "JPY", "KWD"}) {
      for (const std::int64_t minor :
           {std::int64_t{1}, std::int64_t{999'999'999}, std::numeric_limits<std::int64_t>::max()})
        try_one(minor, currency);
    }
  } else {
    for (std::uint64_t i = 0; i < table.currencies.count; ++i) try_one(1234, text(table.currencies.items[i]).c_str());
  }
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

Answer set_up(const Opened& opened, const std::string& id) {
  const bursar_payment_v1& table = payment_of(opened);
  if (!BURSAR_HAS(&table, setup) || table.setup == nullptr) skip("cannot save a method without a payment");
  TestCall call("key-" + id, opened.host.now_ms + 30'000);
  bursar_setup setup{};
  setup.struct_size = sizeof setup;
  setup.setup_id = bursar::detail::borrow(id);
  setup.account_id = bursar::detail::borrow("acc_check");
  setup.currency = bursar::detail::borrow(table.currencies.count == 0 ? "EUR" : "");
  setup.return_url = bursar::detail::borrow("https://billing.example.com/return");
  setup.cancel_url = bursar::detail::borrow("https://billing.example.com/cancel");
  setup.webhook_url = bursar::detail::borrow("https://billing.example.com/webhooks/check");
  setup.customer_name = bursar::detail::borrow("Erika Example");
  setup.customer_email = bursar::detail::borrow("erika@example.com");
  Answer answer;
  answer.result.struct_size = sizeof answer.result;
  answer.status = table.setup(opened.instance.get(), call.get(), &setup, &answer.result);
  if (answer.status == BURSAR_OK) answer.reference = text(answer.result.gateway_reference);
  keeps_setup_rules(answer);
  return answer;
}

void money_setup(const Options& options) {
  Opened opened(options);
  const Answer first = set_up(opened, "setup_check1");
  const Answer second = set_up(opened, "setup_check1");
  require(first.outcome() == second.outcome() && first.reference == second.reference,
          "the same key began a second setup");
  const bursar_payment_v1& table = payment_of(opened);
  require(table.lookup != nullptr, "has setup, but no lookup that could find one");
  TestCall call;
  bursar_lookup lookup{};
  lookup.struct_size = sizeof lookup;
  lookup.kind = BURSAR_LOOKUP_SETUP;
  lookup.id = bursar::detail::borrow("setup_never");
  Answer absent;
  absent.result.struct_size = sizeof absent.result;
  absent.status = table.lookup(opened.instance.get(), call.get(), &lookup, &absent.result);
  keeps_setup_rules(absent);
  require(absent.outcome() != BURSAR_PAYMENT_SUCCEEDED && absent.outcome() != BURSAR_PAYMENT_DECLINED,
          "lookup knows of a setup that never was");
}

void money_setup_misfortunes(const Options& options) {
  Opened opened(options);
  opened.host.network = [](const auto&) { return refused_connection(); };
  const Answer refused = set_up(opened, "setup_check2");
  if (opened.host.exchanges.empty()) skip("sends nothing through the http service");
  require(refused.outcome() == BURSAR_PAYMENT_NOT_ATTEMPTED, "a refused connection must be not_attempted");
  for (const Misfortune& misfortune : misfortunes()) {
    opened.host.network = [&](const auto&) { return misfortune.answer; };
    require(set_up(opened, "setup_check3").outcome() == BURSAR_PAYMENT_UNKNOWN,
            std::string("the provider's answer was ") + misfortune.name + ", the outcome must be unknown");
  }
}

Answer look_up(const Opened& opened, const std::string& id, bursar_money asked) {
  const bursar_payment_v1& table = payment_of(opened);
  if (table.lookup == nullptr) skip("has no lookup");
  TestCall call;
  bursar_lookup lookup{};
  lookup.struct_size = sizeof lookup;
  lookup.id = bursar::detail::borrow(id);
  lookup.asked = asked;
  Answer answer;
  answer.result.struct_size = sizeof answer.result;
  answer.status = table.lookup(opened.instance.get(), call.get(), &lookup, &answer.result);
  if (answer.status == BURSAR_OK) answer.reference = text(answer.result.gateway_reference);
  keeps_rules(answer, asked);
  return answer;
}

void money_lookup(const Options& options) {
  Opened opened(options);
  const bursar_payment_outcome absent = look_up(opened, "pay_never", money(opened, 1234)).outcome();
  require(absent != BURSAR_PAYMENT_SUCCEEDED && absent != BURSAR_PAYMENT_DECLINED, "knows of a payment that never was");
  if (!opened.host.exchanges.empty()) {
    require(absent == BURSAR_PAYMENT_UNKNOWN,
            "lookup could not reach the provider: the outcome must be unknown, a refused connection says nothing");
    return;
  }
  const Answer paid = pay(opened, "pay_check4", "key-check4", money(opened, 1234));
  if (paid.outcome() != BURSAR_PAYMENT_SUCCEEDED) return;
  const Answer found = look_up(opened, "pay_check4", money(opened, 1234));
  require(found.outcome() == BURSAR_PAYMENT_SUCCEEDED && found.reference == paid.reference,
          "lookup does not find a payment that succeeded");
}

void money_refund(const Options& options) {
  const Opened opened(options);
  const bursar_payment_v1& table = payment_of(opened);
  if (table.refund == nullptr) skip("has no refund");
  const bursar_money paid = money(opened, 1234);
  const Answer payment = pay(opened, "pay_check5", "key-check5", paid);
  if (payment.outcome() != BURSAR_PAYMENT_SUCCEEDED) skip("nothing succeeds without its provider");
  const auto refund = [&](const std::string& id, std::int64_t minor) {
    TestCall call("key-" + id);
    bursar_refund request{};
    request.struct_size = sizeof request;
    request.refund_id = bursar::detail::borrow(id);
    request.payment_id = bursar::detail::borrow("pay_check5");
    request.gateway_reference = bursar::detail::borrow(payment.reference);
    request.amount = bursar::detail::to_abi({minor, bursar::detail::read(paid).currency});
    request.captured = paid;
    Answer answer;
    answer.result.struct_size = sizeof answer.result;
    answer.status = table.refund(opened.instance.get(), call.get(), &request, &answer.result);
    if (answer.status == BURSAR_OK) answer.reference = text(answer.result.gateway_reference);
    keeps_rules(answer, request.amount);
    return answer;
  };
  require(refund("ref_over", 1235).outcome() != BURSAR_PAYMENT_SUCCEEDED, "gives back more than was charged");
  const Answer whole = refund("ref_whole", 1234);
  require(whole.outcome() != BURSAR_PAYMENT_SUCCEEDED || refund("ref_whole", 1234).reference == whole.reference,
          "the same refund was made twice");
  require(refund("ref_more", 1).outcome() != BURSAR_PAYMENT_SUCCEEDED || whole.outcome() != BURSAR_PAYMENT_SUCCEEDED,
          "gives back more than was left");
}

void money_fuzz(const Options& options) {
  Opened opened(options);
  (void)payment_of(opened);
  std::mt19937_64 random(options.seed);
  static const std::string pieces[] = {
      "{",    "}",  "[",     "]", "\"id\":",  "\"x\"",   "\"status\":",        "\"succeeded\"",
      "null", "-1", "1e999", ",", "\xC3\x28", "\\u0000", "9223372036854775808"};
  opened.host.network = [&](const auto&) {
    HttpAnswer answer;
    answer.status = static_cast<int>(200 + random() % 400);
    const std::uint64_t length = random() % 20;
    for (std::uint64_t i = 0; i < length; ++i) answer.body += pieces[random() % std::size(pieces)];
    return answer;
  };
  for (int i = 0; i < 300; ++i) {
    const std::string id = "pay_fuzz" + std::to_string(i);
    (void)pay(opened, id, "key-" + id, money(opened, 1 + static_cast<std::int64_t>(random() % 10'000)));
  }
}

}  // namespace

const std::vector<Check>& money_checks() {
  static const std::vector<Check> checks = {
      {"money.table", "capabilities, currencies and functions agree", &money_table},
      {"money.same_key", "the same key twice is one charge", &money_same_key},
      {"money.refused", "a refused connection is not_attempted", &money_refused},
      {"money.misfortunes", "timeouts, 500 and damaged answers are unknown", &money_misfortunes},
      {"money.amounts", "small, huge, no-decimal and three-decimal amounts keep the rules", &money_amounts},
      {"money.lookup", "lookup finds what was and invents nothing", &money_lookup},
      {"money.setup", "saving a method moves no money, and the same key begins it once", &money_setup},
      {"money.setup_misfortunes", "refused is not_attempted, damaged answers are unknown", &money_setup_misfortunes},
      {"money.refund", "refunds never exceed the charge", &money_refund},
      {"money.fuzz", "random provider answers keep the rules", &money_fuzz},
  };
  return checks;
}

}  // namespace check
