// Which amounts, tokens and customers make the sandbox behave how; the tables are in README.md.
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
  settle_partly,
  abandon,  // an action that nobody takes
  post_form,
  approve,            // the customer approves; the money is taken by `complete`
  approve_timed_out,  // as approve, and the answer to `complete` is lost
  expire_soon,        // of a method: at the end of this month
  dispute,            // succeeds; the customer's bank disputes it later, and evidence decides
  dispute_won,        // as dispute; it is won without evidence
  dispute_lost,
};

// From the method token if it is a magic one, "tok_NAME" or "tok_NAME:ANYTHING", else from the amount, else
// `otherwise`.
[[nodiscard]] Behaviour behaviour_of_charge(std::string_view token, std::int64_t minor, Behaviour otherwise);
[[nodiscard]] Behaviour behaviour_of_refund(std::int64_t minor);
// From the customer's address, "anybody+NAME@example.com"; else an action.
[[nodiscard]] Behaviour behaviour_of_setup(std::string_view email);
[[nodiscard]] Behaviour behaviour_named(std::string_view name);
[[nodiscard]] std::string_view name_of(Behaviour behaviour);

}  // namespace sandbox
