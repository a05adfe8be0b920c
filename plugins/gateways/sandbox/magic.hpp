// Which amounts and tokens make the sandbox behave how; the table is in README.md.
#pragma once

#include <bursar/payment.hpp>

namespace sandbox {

enum class Behaviour {
  succeed,
  decline_soft,
  decline_final,
  require_action,
  settle_later,
  time_out_after,
  refuse_connection,
  settle_partly
};

// From the method token if it is a magic one, else from the amount, else `otherwise`.
[[nodiscard]] Behaviour behaviour_of_charge(std::string_view token, std::int64_t minor, Behaviour otherwise);
[[nodiscard]] Behaviour behaviour_of_refund(std::int64_t minor);
[[nodiscard]] Behaviour behaviour_named(std::string_view name);

}  // namespace sandbox
