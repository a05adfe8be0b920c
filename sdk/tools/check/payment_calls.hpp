// Calls of a gateway as a host makes them, each answer held against the rules of abi/payment.h.
#pragma once

#include "check.hpp"

namespace check {

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

// The gateway's table; skips the check where the plugin is none.
[[nodiscard]] const bursar_payment_v1& payment_of(const Opened& opened);
// In the first currency that the gateway takes.
[[nodiscard]] bursar_money money(const Opened& opened, std::int64_t minor);
// Through charge where there is one, else begin. `ends_at` 0: half a minute from now.
Answer pay(const Opened& opened, const std::string& id, const std::string& key, bursar_money amount,
           bursar_time ends_at = 0);
Answer refund(const Opened& opened, const std::string& id, const Answer& payment, const std::string& payment_id,
              bursar_money amount, bursar_money captured);
// Both skip the check where the gateway does not offer it.
Answer look_up(const Opened& opened, bursar_lookup_kind kind, const std::string& id, bursar_money asked = {});
Answer set_up(const Opened& opened, const std::string& id);

}  // namespace check
