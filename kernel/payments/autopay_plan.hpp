// The decisions of auto-pay, without a store: which saved method is charged next, why one is passed over, and when an
// invoice is tried again.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.hpp"
#include "base/time.hpp"
#include "payments/autopay_attempts.hpp"
#include "payments/gateway.hpp"
#include "settings/config.hpp"

namespace bursar::payments {

// `rounds` begun so far, the last one on `began_on`: the next; none when the schedule is used up. The schedule's days
// count from the first round, so after a delay the distances stay. It is never on a day before `not_before`, and so not
// on the day on which the last one's outcome was learnt.
std::optional<invoicing::DerivedDay> next_autopay(const settings::Autopay& autopay, int rounds, CivilDate began_on,
                                                  CivilDate not_before);
// The day after one on which nothing could be charged, through no method's fault.
invoicing::DerivedDay put_off_from(CivilDate looked_on);

// The words of autopay_attempts.reason.
namespace reason {
// Of a charge:
inline constexpr std::string_view first_usable = "first_usable";
inline constexpr std::string_view after_failure = "after_failure";
// Of passing a method over:
inline constexpr std::string_view no_method = "no_method";
inline constexpr std::string_view expired = "method_expired";
inline constexpr std::string_view declined_for_good = "declined_for_good";
inline constexpr std::string_view no_gateway = "gateway_unavailable";
inline constexpr std::string_view not_off_session = "not_off_session";
inline constexpr std::string_view currency = "currency_not_taken";
inline constexpr std::string_view too_little = "amount_too_small";
inline constexpr std::string_view too_much = "amount_too_large";
}  // namespace reason
std::string_view reason_text(std::string_view reason);  // for people

struct Candidate {
  PaymentMethodId id;
  std::string gateway;
  std::string label;
  std::optional<CivilDate> expires_on;
};
struct PassedOver {
  const Candidate* method;
  std::string_view reason;
};
struct Choice {
  const Candidate* method = nullptr;    // none: nothing that is left can be charged
  std::vector<PassedOver> passed_over;  // before it, in order
};
// The first of the methods, in the customer's order, that can be charged for `amount` and has no attempt in this round.
// One that was declined for good stays out in later rounds.
Choice choose_method(std::span<const Candidate> in_order, std::span<const Attempt> history, int round,
                     Gateways& gateways, Money amount, CivilDate today);

// Whether the customer, who was told when the round before failed, learns something from this one: a round of nothing
// but the same obstacles is no news.
bool is_news(std::span<const Attempt> history, std::span<const Attempt> failed_round);
// Whether the same methods may pass on another day, without the customer doing anything.
bool may_pass_later(std::span<const Attempt> failed_round);

// Whether a round without any charge asked nobody, as a gateway was not there: it is no try of the schedule.
bool is_put_off(std::span<const Attempt> round);

// Codes of a charge that was taken back before the gateway was asked.
inline constexpr std::string_view autopay_is_off = "autopay_off";
inline constexpr std::string_view invoice_changed = "invoice_changed";
inline constexpr std::string_view invoice_held = "invoice_held";
inline constexpr std::string_view method_removed = "method_removed";
inline constexpr std::string_view declines_paused = "declines_paused";

}  // namespace bursar::payments
