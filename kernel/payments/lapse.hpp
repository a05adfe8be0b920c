// Payments that wait for their customer and should wait no longer: the gateway is told to let go of each (effect
// "void:<payment>:1"), and only when it has, the payment has failed. See docs/design/payment-outcomes.md.
//
// An automatic charge that asks for the customer (3-D Secure) and that nobody answers may not wait for ever, and no
// other charge may begin beside it. A page that was left open of an invoice that was paid otherwise meanwhile would
// take the money a second time.
#pragma once

#include "payments/payments.hpp"

namespace bursar::payments {

// Records the void of each automatic charge that has waited for longer than the setting says, or that its gateway said
// to be over by now, and of each payment of which nothing is owed any more, where its gateway can let go of it; answers
// how many are new.
std::int64_t let_lapse(storage::Transaction& tx, const Context& context, Instant now);

// The same at once for what waits beside the payment that has just paid this invoice.
void let_go_of_others(storage::Transaction& tx, const Context& context, InvoiceId invoice, PaymentId paid_by,
                      Instant now);

// Whether all that the payment was for is paid or void, so that its money could only become credit.
bool nothing_is_owed(storage::Connection& c, const Payment& payment);

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
