// One payment over several invoices. The invoices stay separate documents with their own tax and numbers; a mass
// payment only names them, so its total is always what is still owed on them: it shrinks when one is paid, cancelled or
// changed meanwhile, and is never part of what the account owes. What arrives beyond that is customer credit, and so is
// what the customer chooses to add (`extra`).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "payments/payments.hpp"

namespace bursar::payments {

struct MassPayment {
  MassPaymentId id;
  AccountId account;
  // open, completed (nothing is owed on its invoices any more), cancelled, expired. Money that arrives late for one
  // that is over is booked all the same.
  std::string status;
  struct Item {
    InvoiceId invoice;
    std::string number;           // of the invoice; empty until it is legal
    std::optional<Money> amount;  // at most so much of it; none: all that is owed
    Money owed;                   // of that, what is still owed now, less what the mass payment has brought
  };
  std::vector<Item> items;  // in the order in which money goes to them
  Money total;              // the sum of what is owed
  Money extra;              // asked for beside it, for credit, until a payment has brought it
  Instant created_at;
  Instant expires_at;
  std::int64_t version = 1;
};

struct NewMassPayment {
  AccountId account;
  struct Item {
    InvoiceId invoice;
    std::optional<Money> amount = std::nullopt;  // default: the balance
  };
  std::vector<Item> items;  // 1 to 200, each invoice once; empty: every open invoice, by due date
  // Beside what is owed, for credit; within the limits of deposits, but for the least.
  std::optional<Money> extra = std::nullopt;
  bool use_credit = false;  // account credit first, in the order of the items; the payment is for the rest
  std::string gateway;      // may be empty when a method is named
  PaymentMethodId method = {};
  PaymentOrigin origin = PaymentOrigin::customer;
  Checkout checkout = {};
};

std::optional<MassPayment> find_mass_payment(storage::Connection& c, MassPaymentId id);
std::vector<MassPayment> list_mass_payments(storage::Connection& c, AccountId account, MassPaymentId before, int limit);

// Names the invoices and records the first attempt, to be taken further by Payments::perform() as any other.
// Errors: not_found no_such_payment_method; conflict nothing_to_pay, payment_in_flight, credit_covers_all; invalid
// /invoice_ids (not one of the account's open ones, another currency than the first, twice), /amounts, /extra,
// /gateway.
struct StartedMassPayment {
  MassPaymentId mass_payment;
  PaymentId payment;
};
Result<StartedMassPayment> start_mass_payment(storage::Transaction& tx, const Context& context,
                                              const NewMassPayment& mass_payment, const accounts::Actor& actor,
                                              Instant now);

struct MassPaymentAttempt {
  std::string gateway;  // may be empty when a method is named
  PaymentMethodId method = {};
  PaymentOrigin origin = PaymentOrigin::customer;
  Checkout checkout = {};
};
// Another attempt at what is owed by now. Errors as above; conflict mass_payment_not_open.
Result<PaymentId> retry_mass_payment(storage::Transaction& tx, const Context& context, MassPaymentId id,
                                     const MassPaymentAttempt& attempt, const accounts::Actor& actor, Instant now);

// The customer gives it up; an attempt that waits for their transfer is given up with it. Errors: conflict
// mass_payment_not_open, payment_in_flight.
Status cancel_mass_payment(storage::Transaction& tx, const Context& context, MassPaymentId id,
                           const accounts::Actor& actor, Instant now);

// After money arrived for it.
void complete_if_nothing_is_owed(storage::Transaction& tx, MassPaymentId id, Instant now);

// Closes those that are abandoned, and those whose invoices were settled by other ways. Answers how many.
std::int64_t close_old_mass_payments(storage::Transaction& tx, Instant now);

}  // namespace bursar::payments
