// What the configured rules (billing.refunds) say of refunding a payment, and why: each condition with the facts it was
// asked of, so that a customer and staff can read how the verdict came about.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "payments/refunds.hpp"

namespace bursar::payments {

enum class ConditionVerdict { holds, fails, credit_only };
std::string_view to_string(ConditionVerdict verdict);
ConditionVerdict condition_verdict(std::string_view stored);  // throws InvariantBroken for another text

struct RefundCondition {
  LineId line;          // none: about the payment
  std::string product;  // its code; empty: no product
  std::string rule;     // "default", or the code of the product whose rule it is
  std::string name;     // window, first_term, new_customer, promotion, gateway, refundable, deposit, surplus
  ConditionVerdict verdict = ConditionVerdict::holds;
  std::string explanation;
};

struct RefundVerdict {
  bool eligible = true;
  bool credit_only = false;
  // Up to which amount no person has to decide; none: always one.
  std::optional<Money> approve_up_to = std::nullopt;
  std::vector<RefundCondition> conditions;
};

// `lines` none: all that is left of what the payment paid. Windows are measured at `now`.
RefundVerdict judge_refund(storage::Connection& c, const Context& context, const Payment& payment,
                           const std::vector<LineId>& lines, Instant now);

}  // namespace bursar::payments
