// An automatic charge that asks for the customer (3-D Secure) and that nobody answers. It may not wait for ever, and no
// other charge may begin beside it: so the gateway is told to let go of it (effect "void:<payment>:1"), and only when
// it has, the charge counts as declined for the time being and the schedule goes on. See
// docs/design/payment-outcomes.md.
#pragma once

#include "payments/payments.hpp"
#include "settings/config.hpp"

namespace bursar::payments {

// Records the void of each charge that has waited for longer than the setting says, or that its gateway said to be over
// by now; answers how many are new.
std::int64_t let_lapse(storage::Transaction& tx, const settings::Autopay& autopay, Instant now);

// The effects of kind "void".
class VoidHandler final : public effects::Handler {
 public:
  explicit VoidHandler(const Context& context) : context_(context) {}  // must outlive it
  [[nodiscard]] std::string_view kind() const override { return "void"; }
  [[nodiscard]] int concurrency(std::string_view instance) const override;
  effects::Outcome perform(const effects::Effect& effect) override;
  effects::Outcome inspect(const effects::Effect& effect) override;
  void settle(storage::Transaction& tx, const effects::Effect& effect, effects::Outcome& outcome, Instant now) override;

 private:
  [[nodiscard]] Payment payment_of(const effects::Effect& effect) const;

  const Context& context_;
};

}  // namespace bursar::payments
