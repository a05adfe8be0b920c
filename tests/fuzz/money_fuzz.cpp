// Amounts, percentages, cycles, dates, instants and ids: what is accepted is the one canonical spelling of its value.
#include "base/money.hpp"

#include "base/cycle.hpp"
#include "base/id.hpp"
#include "base/time.hpp"
#include "fuzz/fuzz.hpp"

using namespace bursar;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text(data, size);
  for (const char* code : {"JPY", "USD", "KWD", "CLF"}) {
    const auto amount = Money::parse(text, Currency::parse(code).value());
    if (amount.ok()) {
      FUZZ_CHECK(amount->to_decimal() == text);
      FUZZ_CHECK(amount->minor() >= -Money::max_minor && amount->minor() <= Money::max_minor);
    } else {
      FUZZ_CHECK(amount.error().code.starts_with("amount_") && !amount.error().detail.empty());
    }
  }
  if (const auto rate = parse_percent(text); rate.ok()) {
    FUZZ_CHECK(rate->num >= 0 && rate->num <= rate->den);
    FUZZ_CHECK(parse_percent(percent_to_string(*rate)).value().num == rate->num);
  }
  if (const auto date = CivilDate::parse(text); date.ok()) FUZZ_CHECK(date->to_string() == text);
  if (const auto at = Instant::parse(text); at.ok()) FUZZ_CHECK(Instant::parse(at->to_string()).value() == *at);
  if (const auto cycle = BillingCycle::parse(text); cycle.ok()) {
    FUZZ_CHECK(BillingCycle::parse(cycle->to_string()).value() == *cycle);
  }
  const IdCodec ids({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
  if (const auto id = ids.parse<InvoiceIdTag>(text); id.ok()) FUZZ_CHECK(ids.text(*id).size() == text.size());
  return 0;
}
