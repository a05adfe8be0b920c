#include "payments/autopay_plan.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.hpp"
#include "invoicing/derivation.hpp"

namespace bursar::payments {

namespace {

// Empty: its gateway takes this amount.
std::string_view refusal_of(const GatewayInfo& gateway, Money amount) {
  if (!gateway.stored_methods) return reason::not_off_session;
  const auto& currencies = gateway.currencies;
  if (!currencies.empty() && std::find(currencies.begin(), currencies.end(), amount.currency()) == currencies.end()) {
    return reason::currency;
  }
  for (const AmountLimit& limit : gateway.limits) {
    if (limit.currency != amount.currency()) continue;
    if (amount.minor() < limit.minimum) return reason::too_little;
    if (limit.maximum > 0 && amount.minor() > limit.maximum) return reason::too_much;
  }
  return {};
}

std::string_view obstacle_of(const Candidate& method, std::span<const Attempt> history, Gateways& gateways,
                             Money amount, CivilDate today) {
  const bool declined = std::any_of(history.begin(), history.end(), [&](const Attempt& attempt) {
    return attempt.method == method.id && attempt.outcome == AttemptOutcome::declined_final;
  });
  if (declined) return reason::declined_for_good;
  if (method.expires_on && *method.expires_on < today) return reason::expired;
  const Gateway* gateway = gateways.find(method.gateway);
  return gateway == nullptr ? reason::no_gateway : refusal_of(gateway->info(), amount);
}

}  // namespace

std::optional<invoicing::DerivedDay> next_autopay(const settings::Autopay& autopay, int rounds, CivilDate began_on,
                                                  CivilDate not_before) {
  if (rounds < 1 || rounds > static_cast<int>(autopay.retry_after_days.size())) return std::nullopt;
  const auto index = static_cast<std::size_t>(rounds - 1);
  const int before = index == 0 ? 0 : autopay.retry_after_days[index - 1];
  const int after = autopay.retry_after_days[index];
  return invoicing::DerivedDay{
      .on = std::max(began_on.plus_days(after - before), not_before),
      .derivation = invoicing::derive("schedule", {{"round_began_on", began_on.to_string()},
                                                   {"retry_after_days", std::to_string(after)},
                                                   {"of_the_round_before", std::to_string(before)},
                                                   {"not_before", not_before.to_string()}})};
}

invoicing::DerivedDay put_off_from(CivilDate looked_on) {
  return {.on = looked_on.plus_days(1),
          .derivation = invoicing::derive("put_off", {{"looked_on", looked_on.to_string()}, {"days", "1"}})};
}

std::string_view reason_text(std::string_view reason) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 10> texts{{
      {reason::first_usable, "the first method in your order that can be charged"},
      {reason::after_failure, "the methods before it could not pay"},
      {reason::no_method, "no payment method is saved"},
      {reason::expired, "it has expired"},
      {reason::declined_for_good, "it was declined for good"},
      {reason::no_gateway, "its payment service is not available"},
      {reason::not_off_session, "it can't be charged without you"},
      {reason::currency, "it does not take the invoice's currency"},
      {reason::too_little, "the amount is below what it takes"},
      {reason::too_much, "the amount is above what it takes"},
  }};
  for (const auto& [word, text] : texts) {
    if (word == reason) return text;
  }
  invariant_broken("a reason of an attempt", __FILE__, __LINE__);
}

Choice choose_method(std::span<const Candidate> in_order, std::span<const Attempt> history, int round,
                     Gateways& gateways, Money amount, CivilDate today) {
  Choice choice;
  for (const Candidate& method : in_order) {
    const bool had_its_turn = std::any_of(history.begin(), history.end(), [&](const Attempt& attempt) {
      return attempt.round == round && attempt.method == method.id;
    });
    if (had_its_turn) continue;
    const std::string_view obstacle = obstacle_of(method, history, gateways, amount, today);
    if (obstacle.empty()) {
      choice.method = &method;
      break;
    }
    choice.passed_over.push_back({&method, obstacle});
  }
  return choice;
}

bool is_news(std::span<const Attempt> history, std::span<const Attempt> failed_round) {
  return std::any_of(failed_round.begin(), failed_round.end(), [&](const Attempt& attempt) {
    if (attempt.outcome != AttemptOutcome::passed_over) return true;
    if (attempt.reason == reason::declined_for_good) return false;
    return std::none_of(history.begin(), history.end(), [&](const Attempt& before) {
      return before.round == attempt.round - 1 && before.method == attempt.method && before.reason == attempt.reason;
    });
  });
}

bool is_put_off(std::span<const Attempt> round) {
  const auto asked = [](const Attempt& attempt) {
    return attempt.outcome != AttemptOutcome::passed_over && attempt.outcome != AttemptOutcome::withdrawn;
  };
  return std::none_of(round.begin(), round.end(), asked) &&
         std::any_of(round.begin(), round.end(),
                     [](const Attempt& attempt) { return attempt.reason == reason::no_gateway; });
}

bool may_pass_later(std::span<const Attempt> failed_round) {
  return std::any_of(failed_round.begin(), failed_round.end(), [](const Attempt& attempt) {
    return attempt.outcome == AttemptOutcome::declined_soft || attempt.reason == reason::no_gateway;
  });
}

}  // namespace bursar::payments
