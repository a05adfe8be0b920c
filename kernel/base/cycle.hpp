// How often a service is billed, and when its k-th period is due.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"

namespace bursar {

class BillingCycle {
 public:
  static constexpr int max_months = 36;

  static constexpr BillingCycle one_time() { return BillingCycle(0); }
  static BillingCycle months(int count);  // 1 to 36; throws InvariantBroken beyond
  // "one_time", "1m" to "36m", or a name: monthly, quarterly, semi_annually, annually, biennially, triennially.
  static Result<BillingCycle> parse(std::string_view text);

  [[nodiscard]] bool is_recurring() const { return months_ != 0; }
  [[nodiscard]] int month_count() const { return months_; }  // 0: one time
  [[nodiscard]] std::string to_string() const;               // stored: "one_time", "12m"
  [[nodiscard]] std::string name() const;                    // shown: "annually"; "5m" where there is no word
  auto operator<=>(const BillingCycle&) const = default;

 private:
  constexpr explicit BillingCycle(int months) : months_(static_cast<std::int8_t>(months)) {}
  std::int8_t months_;
};

// The start of period k (0, 1, ...) of a service whose period 0 starts on `anchor_on` and whose later ones fall on
// `anchor_day` (1 to 31) of their month, or the month's last day where it has none. Each is reckoned from the anchor
// and never from the one before, so a short February leaves no trace: 31 January, 28 February, 31 March.
// A one-time cycle has period 0 alone.
CivilDate due_date(CivilDate anchor_on, unsigned anchor_day, BillingCycle cycle, int k);

}  // namespace bursar
