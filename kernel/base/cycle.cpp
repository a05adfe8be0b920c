#include "base/cycle.hpp"

#include <charconv>

namespace bursar {
namespace {

struct Named {
  std::string_view name;
  int months;
};
constexpr Named named_cycles[] = {{"one_time", 0},  {"monthly", 1},     {"quarterly", 3},   {"semi_annually", 6},
                                  {"annually", 12}, {"biennially", 24}, {"triennially", 36}};

}  // namespace

BillingCycle BillingCycle::months(int count) {
  BURSAR_ASSERT(count >= 1 && count <= max_months);
  return BillingCycle(count);
}

Result<BillingCycle> BillingCycle::parse(std::string_view text) {
  for (const Named& named : named_cycles) {
    if (text == named.name) return BillingCycle(named.months);
  }
  const auto refuse = [] {
    return invalid("bad_cycle",
                   "A billing cycle is one_time, monthly, quarterly, semi_annually, annually, biennially, triennially, "
                   "or a number of months from 1m to 36m.");
  };
  if (text.size() < 2 || text.size() > 3 || text.back() != 'm' || text.front() < '1' || text.front() > '9')
    return refuse();
  int count = 0;
  const char* end = text.data() + text.size() - 1;
  const auto [stopped, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc() || stopped != end || count > max_months) return refuse();
  return BillingCycle(count);
}

std::string BillingCycle::to_string() const { return months_ == 0 ? "one_time" : std::to_string(months_) + "m"; }

std::string BillingCycle::name() const {
  for (const Named& named : named_cycles) {
    if (months_ == named.months) return std::string(named.name);
  }
  return to_string();
}

CivilDate due_date(CivilDate anchor_on, unsigned anchor_day, BillingCycle cycle, int k) {
  BURSAR_ASSERT(k >= 0 && (k == 0 || cycle.is_recurring()));
  if (k == 0) return anchor_on;
  return anchor_on.plus_months(k * cycle.month_count(), anchor_day);
}

}  // namespace bursar
