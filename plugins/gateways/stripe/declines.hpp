// What Stripe's words for a refused payment mean here.
#pragma once

#include <bursar/payment.hpp>

namespace stripe {

// `act`: the customer can make it work by confirming it with their bank.
enum class Refusal { soft, final, act };

struct Decline {
  Refusal refusal = Refusal::soft;
  std::string_view code;  // one of those beside bursar_payment_result::decline_code
};

// `decline_code` is the bank's word, `code` Stripe's, `advice_code` what the network advises; each may be empty. A word
// that is not known may pass another time.
[[nodiscard]] Decline decline_of(std::string_view code, std::string_view decline_code, std::string_view advice_code);

}  // namespace stripe
