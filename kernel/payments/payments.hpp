// Taking money for invoices. Every path (customer at the portal, autopay, staff confirmation, a late answer, the
// reconciler) ends in one settlement, which books each gateway transaction once.
//
// pay() in three parts, none of which can lose money when the process dies between them:
//   1. one transaction writes the payment and the effect "charge:<payment>:1";
//   2. the gateway is called outside any transaction, with that key;
//   3. one transaction stores what the answer means, and the effect's end with it.
// Died after 1 or 2, the effect is unknown and is looked up at the gateway, never simply sent again.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "accounts/actor.hpp"
#include "base/id.hpp"
#include "base/money.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "base/vault.hpp"
#include "effects/effects.hpp"
#include "invoicing/rules.hpp"
#include "notices/outbox.hpp"
#include "payments/ask_pause.hpp"
#include "payments/gateway.hpp"
#include "payments/payment.hpp"
#include "storage/database.hpp"

namespace bursar::payments {

// What a customer who is present wants of the gateway's page.
struct Checkout {
  std::string return_url = {};  // where it leads back to; empty: the portal's own page
  std::string cancel_url = {};  // empty: return_url
  bool save_method = false;     // they agree to have the method kept for later charges
};

struct NewPayment {
  InvoiceId invoice;
  std::string gateway;                         // may be empty when a method is named
  PaymentMethodId method = {};                 // none: the customer is present and acts with the gateway
  std::optional<Money> amount = std::nullopt;  // default: the balance; more than it becomes credit
  PaymentOrigin origin = PaymentOrigin::customer;
  // Account credit pays as much of the amount as it can, at once; the gateway is asked for the rest.
  bool use_credit = false;
  Checkout checkout = {};
};

// What a payment and its settlement need. Everything in it must outlive it; thread-safe.
struct Context {
  storage::Database& db;
  const Clock& clock;
  const invoicing::Rules& rules;
  const notices::Outbox& outbox;
  Gateways& gateways;
  const IdCodec& codec;
  const Vault& vault;
  std::string public_url;         // of the portal, for the way back from a gateway
  std::string webhooks_url = {};  // an instance's webhooks arrive at this and its name
  // Performs (or inspects) the effect under this key at once on the calling thread, unless somebody is at it; answers
  // whether it did: effects::Workers::run_now().
  std::function<bool(std::string_view key, const effects::Settling& settling)> perform_now;
};

// The effects of kind "charge": begin or charge, then lookup until the gateway knows.
class ChargeHandler final : public effects::Handler {
 public:
  explicit ChargeHandler(const Context& context) : context_(context) {}  // must outlive it
  [[nodiscard]] std::string_view kind() const override { return "charge"; }
  [[nodiscard]] int concurrency(std::string_view instance) const override;
  effects::Outcome perform(const effects::Effect& effect) override;
  effects::Outcome inspect(const effects::Effect& effect) override;
  void settle(storage::Transaction& tx, const effects::Effect& effect, effects::Outcome& outcome, Instant now) override;

 private:
  const Context& context_;
};

// The effects of kind "complete": the money of a payment that the customer has approved is taken.
class CompleteHandler final : public effects::Handler {
 public:
  explicit CompleteHandler(const Context& context) : context_(context) {}  // must outlive it
  [[nodiscard]] std::string_view kind() const override { return "complete"; }
  [[nodiscard]] int concurrency(std::string_view instance) const override;
  effects::Outcome perform(const effects::Effect& effect) override;
  effects::Outcome inspect(const effects::Effect& effect) override;
  void settle(storage::Transaction& tx, const effects::Effect& effect, effects::Outcome& outcome, Instant now) override;

 private:
  const Context& context_;
};

class Payments {
 public:
  explicit Payments(const Context& context) : context_(context) {}  // must outlive it

  // Part 1 alone, for a caller with its own transaction (idempotency keys): the payment is stored and its charge is
  // recorded for perform() below, or for the workers after `grace`.
  // Errors: not_found no_such_invoice, no_such_payment_method; conflict invoice_not_open, payment_in_flight (the money
  // for this balance may be on its way already; the detail names no ids); credit_covers_all (use_credit, and nothing is
  // left for a gateway); invalid /gateway, /amount, /payment_method, /save_method.
  Result<PaymentId> record(storage::Transaction& tx, const NewPayment& payment, const accounts::Actor& actor,
                           Instant now);
  // Parts 2 and 3, on the calling thread; `settling` joins the transaction of part 3. Does nothing when the workers or
  // another thread are at it.
  void perform(PaymentId payment, const effects::Settling& settling = {});
  // All three; the payment as it is then.
  Result<Payment> pay(const NewPayment& payment, const accounts::Actor& actor);

  // The payment, after asking the gateway when its outcome is still open (at most once in some seconds).
  std::optional<Payment> read(PaymentId payment);

  // Staff saw the money of a payment arrive: `received` is what really came, `reference` the bank's, may be empty.
  // Closes its task. conflict payment_not_open when it is settled already.
  Result<Payment> confirm(PaymentId payment, Money received, const std::string& reference,
                          const accounts::Actor& actor);
  // It will not come, or the gateway's word of it can't be booked: the payment fails. Closes its task.
  Result<Payment> dismiss(PaymentId payment, const accounts::Actor& actor);

 private:
  const Context& context_;
  AskPause<PaymentId> pause_;
};

}  // namespace bursar::payments
