#include "cli/demo_drive.hpp"

#include "cli/demo_customers.hpp"
#include "payments/payments.hpp"

namespace bursar::cli {
namespace {

class StoreDrive final : public DemoDrive {
 public:
  explicit StoreDrive(App& app) : app_(app) {}
  Status advance(Instant target) override { return app_.advance_clock(target); }
  Status transfer(InvoiceId invoice, Money amount) override {
    const accounts::Actor staff{.kind = accounts::ActorKind::cli};
    BURSAR_TRY(
        payment,
        app_.payments().pay(
            {.invoice = invoice, .gateway = demo_bank_gateway, .origin = payments::PaymentOrigin::staff}, staff));
    BURSAR_CHECK(app_.payments().confirm(payment.id, amount, "", staff));
    app_.drain();
    return {};
  }

 private:
  App& app_;
};

}  // namespace

std::unique_ptr<DemoDrive> drive_store(App& app) { return std::make_unique<StoreDrive>(app); }

}  // namespace bursar::cli
