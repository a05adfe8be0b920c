// When an automatic charge is tried again, and the codes of one that was taken back before the gateway was asked.
#pragma once

#include <optional>
#include <string_view>

#include "base/time.hpp"
#include "settings/config.hpp"

namespace bursar::payments {

// `attempts` made so far, the last one recorded on `last_on`: the day of the next; none when the schedule is used up.
// The schedule's days count from the first attempt, so after a delay the distances stay.
std::optional<CivilDate> next_autopay(const settings::Autopay& autopay, int attempts, CivilDate last_on);

inline constexpr std::string_view autopay_is_off = "autopay_off";
inline constexpr std::string_view invoice_changed = "invoice_changed";
inline constexpr std::string_view invoice_held = "invoice_held";
inline bool is_withdrawal(std::string_view decline_code) {
  return decline_code == autopay_is_off || decline_code == invoice_changed || decline_code == invoice_held;
}

}  // namespace bursar::payments
