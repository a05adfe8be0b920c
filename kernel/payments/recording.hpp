// The parts of recording a payment that single and mass payments share. Internal to payments.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "payments/payments.hpp"

namespace bursar::payments {

Error bad_field(std::string pointer, std::string detail);

bool is_staff_confirmed(Gateways& gateways, const std::string& instance);

struct Means {
  std::string gateway;     // may be empty when a method is named
  PaymentMethodId method;  // none: the customer is present
  bool save_method = false;
};
// The gateway instance to pay with. Errors: not_found no_such_payment_method, conflict too_many_payment_methods;
// invalid /gateway, /save_method.
Result<std::string> choose_gateway(storage::Transaction& tx, const Context& context, const Means& means,
                                   AccountId account, Currency currency);
// Whether the gateway takes this amount: invalid /gateway, with the limit.
Status check_limits(Gateways& gateways, const std::string& instance, Money amount);

// Whether the gateway may take this payment's money without anybody else doing a thing for it.
// A transfer is moved by the customer alone, and an action that nobody took lapses.
struct OpenPayment {
  PaymentStatus status;
  std::string gateway;
  Instant created_at;
  std::optional<Instant> expires_at;
};
bool in_flight(const OpenPayment& payment, Gateways& gateways, Instant now);
// What may arrive for the invoice any moment without anybody doing another thing.
Money under_way(storage::Connection& c, Gateways& gateways, InvoiceId invoice, Currency currency, Instant now);
Error payment_in_flight(Money coming);
Error credit_covers_all(std::string cure);

struct Recording {
  AccountId account;
  std::string gateway;
  PaymentMethodId method;
  InvoiceId invoice;            // or, of a mass payment,
  MassPaymentId mass_payment;   // this
  std::vector<Target> targets;  // of a mass payment, in its order
  PaymentOrigin origin = PaymentOrigin::customer;
  Money amount;
  bool caller_performs = true;  // the workers leave the charge to the calling thread for a while
  Checkout checkout = {};
};
// Writes the payment and its charge.
PaymentId insert_payment(storage::Transaction& tx, const Recording& recording, const accounts::Actor& actor,
                         Instant now);

std::string charge_key(PaymentId payment);
std::string void_key(PaymentId payment);

// What a call to a gateway that is not there comes to.
GatewayAnswer no_gateway(const std::string& instance);

}  // namespace bursar::payments
