// Saving a method at its gateway without a payment. As with a charge, the setup and the effect "setup:<id>:1" are
// written down before the gateway is asked; the customer acts on the gateway's page; what came of it is learnt from the
// answer, a reader, a webhook or the reconciler, whichever is first, and saves one method, once.
//
//   pending ---> requires_action ---> succeeded     (its method is there)
//      |               |                 ^
//      +--> unknown ---+-----------------+          (the gateway is asked until it knows)
//      |       |       |
//      +-------+-------+---> failed | expired       (should the gateway say later that it was saved after all, it is
//                                                    saved then: the customer agreed)
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "payments/ask_pause.hpp"
#include "payments/payments.hpp"
#include "payments/settle.hpp"

namespace bursar::payments {

enum class SetupStatus { pending, requires_action, succeeded, failed, unknown, expired };
std::string_view to_string(SetupStatus status);

struct MethodSetup {
  MethodSetupId id;
  AccountId account;
  std::string gateway;
  SetupStatus status = SetupStatus::pending;
  std::string label;        // the customer's own name for the method; empty: the gateway's
  Checkout checkout;        // where the page leads back to
  std::string reference;    // the gateway's own id, once known
  std::string next_action;  // JSON as a payment's
  std::string decline_code;
  std::string decline_text;
  PaymentMethodId method;  // succeeded: what it saved
  Instant created_at;
  std::optional<Instant> settled_at;
  std::optional<Instant> expires_at;
  std::int64_t version = 1;

  [[nodiscard]] bool open() const {
    return status == SetupStatus::pending || status == SetupStatus::requires_action || status == SetupStatus::unknown;
  }
};

struct NewSetup {
  AccountId account;
  std::string gateway;
  std::string label = {};
  Checkout checkout = {};
};

std::optional<MethodSetup> find_setup(storage::Connection& c, MethodSetupId id);
// Older than `before`; none: from the newest.
std::vector<MethodSetup> list_setups(storage::Connection& c, AccountId account, MethodSetupId before, int limit);
// By our id or the gateway's, at that gateway.
std::optional<MethodSetup> find_setup_of(storage::Connection& c, const std::string& gateway, MethodSetupId id,
                                         const std::string& reference);

std::string setup_key(MethodSetupId setup);

// What was found out about a setup, in the caller's transaction. Answers what its effect has to become.
Settlement settle_setup(storage::Transaction& tx, const Context& context, MethodSetupId id, const GatewayAnswer& answer,
                        Instant now);

// The effects of kind "setup".
class SetupHandler final : public effects::Handler {
 public:
  explicit SetupHandler(const Context& context) : context_(context) {}  // must outlive it
  [[nodiscard]] std::string_view kind() const override { return "setup"; }
  [[nodiscard]] int concurrency(std::string_view instance) const override;
  effects::Outcome perform(const effects::Effect& effect) override;
  effects::Outcome inspect(const effects::Effect& effect) override;
  void settle(storage::Transaction& tx, const effects::Effect& effect, effects::Outcome& outcome, Instant now) override;

 private:
  const Context& context_;
};

class Setups {
 public:
  explicit Setups(const Context& context) : context_(context) {}  // must outlive it

  // In the caller's transaction, to be taken further by perform(), or by the workers after a while.
  // Errors: invalid /gateway, /label; conflict too_many_payment_methods, too_many_setups (that nobody has finished).
  Result<MethodSetupId> record(storage::Transaction& tx, const NewSetup& setup, const accounts::Actor& actor,
                               Instant now);
  // Asks the gateway on the calling thread; `settling` joins the transaction that stores what it answered. Does nothing
  // when the workers or another thread are at it.
  void perform(MethodSetupId setup, const effects::Settling& settling = {});
  // The setup, after asking the gateway when its outcome is still open (at most once in some seconds).
  std::optional<MethodSetup> read(MethodSetupId setup);

 private:
  const Context& context_;
  AskPause<MethodSetupId> pause_;
};

}  // namespace bursar::payments
