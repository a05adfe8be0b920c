// Methods that are removed here are forgotten at their gateway: the effects of kind "detach". To forget twice is to
// forget, so an attempt whose answer was lost is made again.
#pragma once

#include "payments/payments.hpp"

namespace bursar::payments {

class DetachHandler final : public effects::Handler {
 public:
  explicit DetachHandler(const Context& context) : context_(context) {}  // must outlive it
  [[nodiscard]] std::string_view kind() const override { return "detach"; }
  [[nodiscard]] int concurrency(std::string_view instance) const override;
  effects::Outcome perform(const effects::Effect& effect) override;
  effects::Outcome inspect(const effects::Effect& effect) override;
  void settle(storage::Transaction& tx, const effects::Effect& effect, effects::Outcome& outcome, Instant now) override;

 private:
  const Context& context_;
};

}  // namespace bursar::payments
