#include "payments/autopay_plan.hpp"

namespace bursar::payments {

std::optional<CivilDate> next_autopay(const settings::Autopay& autopay, int attempts, CivilDate last_on) {
  if (attempts < 1 || attempts > static_cast<int>(autopay.retry_after_days.size())) return std::nullopt;
  const auto index = static_cast<std::size_t>(attempts - 1);
  const int before = index == 0 ? 0 : autopay.retry_after_days[index - 1];
  return last_on.plus_days(autopay.retry_after_days[index] - before);
}

}  // namespace bursar::payments
