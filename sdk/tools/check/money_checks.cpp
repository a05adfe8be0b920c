// The rules of abi/payment.h, tried on a plugin whose provider is a script.
#include <limits>
#include <random>

#include "payment_calls.hpp"

namespace check {
namespace {

using bursar::testing::HttpAnswer;

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
  Opened opened(options);
  (void)pay(opened, "pay_check3", "key-check3", money(opened, 1234));
  if (opened.host.exchanges.empty()) skip("sends nothing through the http service");
  try_misfortunes(opened, {"pay_check3", "key-check3"}, access_token(),
                  {BURSAR_PAYMENT_UNKNOWN, BURSAR_PAYMENT_NOT_ATTEMPTED},
                  [&] { return pay(opened, "pay_check3", "key-check3", money(opened, 1234)).outcome(); });
}

// A plugin that meant to act and found its time over must not act.
void money_late(const Options& options) {
  Opened opened(options);
  opened.host.network = [](const auto&) { return access_token(); };
  const Answer answer = pay(opened, "pay_late", "key-late", money(opened, 1234), opened.host.now_ms - 1);
  if (opened.host.exchanges.empty()) skip("sends nothing through the http service");
  require(answer.outcome() == BURSAR_PAYMENT_NOT_ATTEMPTED || answer.status == BURSAR_DEADLINE,
          "the deadline was over before anything was sent: the outcome must be not_attempted");
}

void money_references(const Options& options) {
  const Opened opened(options);
  const Answer first = pay(opened, "pay_check6", "key-check6", money(opened, 1234));
  const Answer second = pay(opened, "pay_check7", "key-check7", money(opened, 1234));
  if (first.reference.empty() || second.reference.empty()) skip("gives no references without its provider");
  require(first.reference != second.reference, "two payments have the same gateway reference, " + first.reference +
                                                   ": the second would be taken for the first");
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

void money_lookup(const Options& options) {
  Opened opened(options);
  const bursar_payment_outcome absent = look_up(opened, BURSAR_LOOKUP_ANY, "pay_never", money(opened, 1234)).outcome();
  require(absent != BURSAR_PAYMENT_SUCCEEDED && absent != BURSAR_PAYMENT_DECLINED, "knows of a payment that never was");
  if (!opened.host.exchanges.empty()) {
    require(absent == BURSAR_PAYMENT_UNKNOWN,
            "lookup could not reach the provider: the outcome must be unknown, a refused connection says nothing");
    return;
  }
  const Answer paid = pay(opened, "pay_check4", "key-check4", money(opened, 1234));
  if (paid.outcome() != BURSAR_PAYMENT_SUCCEEDED) return;
  const Answer found = look_up(opened, BURSAR_LOOKUP_ANY, "pay_check4", money(opened, 1234));
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
  const auto give_back = [&](const std::string& id, std::int64_t minor) {
    return refund(opened, id, payment, "pay_check5",
                  bursar::detail::to_abi({minor, bursar::detail::read(paid).currency}), paid);
  };
  require(give_back("ref_over", 1235).outcome() != BURSAR_PAYMENT_SUCCEEDED, "gives back more than was charged");
  const Answer whole = give_back("ref_whole", 1234);
  require(whole.outcome() != BURSAR_PAYMENT_SUCCEEDED || give_back("ref_whole", 1234).reference == whole.reference,
          "the same refund was made twice");
  require(give_back("ref_more", 1).outcome() != BURSAR_PAYMENT_SUCCEEDED || whole.outcome() != BURSAR_PAYMENT_SUCCEEDED,
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
      {"money.late", "what could not be sent in time is not_attempted", &money_late},
      {"money.references", "two payments have two references", &money_references},
      {"money.amounts", "small, huge, no-decimal and three-decimal amounts keep the rules", &money_amounts},
      {"money.lookup", "lookup finds what was and invents nothing", &money_lookup},
      {"money.refund", "refunds never exceed the charge", &money_refund},
      {"money.fuzz", "random provider answers keep the rules", &money_fuzz},
  };
  return checks;
}

}  // namespace check
