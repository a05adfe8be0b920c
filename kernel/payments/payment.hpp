// Payments as they are stored, and reading them. A payment is written down before its gateway is asked, and its status
// tells what is known of the money, never what is hoped.
//
//   pending -------> requires_action ---> succeeded ---> partially_refunded ---> refunded
//      |                   |                 ^
//      +----> unknown -----+-----------------+     (the gateway is asked until it knows)
//      |         |         |
//      +---------+---------+---> failed            (nothing was taken; should the gateway say otherwise later, it is
//                                                   booked then: money that arrived is never dropped)
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "base/money.hpp"
#include "base/time.hpp"
#include "storage/database.hpp"

namespace bursar::payments {

enum class PaymentStatus { pending, requires_action, succeeded, failed, unknown, refunded, partially_refunded };
enum class PaymentOrigin { customer, autopay, staff };
std::string_view to_string(PaymentStatus status);
std::string_view to_string(PaymentOrigin origin);
PaymentStatus payment_status(std::string_view stored);  // these throw InvariantBroken for another text
PaymentOrigin payment_origin(std::string_view stored);

struct Payment {
  PaymentId id;
  AccountId account;
  std::string gateway;              // plugin instance
  PaymentMethodId method;           // none: the customer is present
  InvoiceId invoice;                // what it was made for; none: see targets_of()
  MassPaymentId mass_payment = {};  // one of its attempts
  PaymentOrigin origin = PaymentOrigin::customer;
  PaymentStatus status = PaymentStatus::pending;
  Money amount;             // asked
  Money received;           // what the gateway took
  Money fee;                // what the gateway kept: of it, or beside it in the currency in which the gateway counts
  Money refunded;           // of it, what went back or is on its way back
  Money disputed;           // of it, what disputes, undecided or lost, hold
  std::string reference;    // the gateway's transaction id, once known
  std::string next_action;  // JSON {"type","url","text","fields"} for the customer; empty: none
  std::string decline_code;
  std::string decline_text;
  Instant created_at;
  std::optional<Instant> settled_at;
  std::optional<Instant> expires_at;
  std::int64_t version = 1;
  bool save_method = false;      // the customer agreed to have the method kept
  PaymentMethodId saved_method;  // what came of that

  // Whether the gateway may still take (or have taken) the money.
  [[nodiscard]] bool open() const {
    return status == PaymentStatus::pending || status == PaymentStatus::requires_action ||
           status == PaymentStatus::unknown;
  }
};

struct Allocation {
  InvoiceId invoice;
  Money amount;  // negative: taken back
  Instant created_at;
};

std::optional<Payment> find_payment(storage::Connection& c, PaymentId id);
std::vector<Allocation> allocations_of(storage::Connection& c, const Payment& payment);
// Oldest first; those too that pay it together with others.
std::vector<Payment> payments_of_invoice(storage::Connection& c, InvoiceId invoice);

std::vector<Payment> payments_of(storage::Connection& c, MassPaymentId id);  // its attempts, oldest first

// What a payment was asked for, in the order in which its money goes to the invoices. One target where it has an
// invoice of its own, none where it is all for credit.
struct Target {
  InvoiceId invoice;
  Money amount;
};
std::vector<Target> targets_of(storage::Connection& c, const Payment& payment);

struct PaymentFilter {
  AccountId account;  // none: every account's (staff)
  std::optional<PaymentStatus> status = std::nullopt;
  PaymentId before;  // older than this one; none: from the newest
  int limit = 50;
};
std::vector<Payment> list_payments(storage::Connection& c, const PaymentFilter& filter);  // newest first

}  // namespace bursar::payments
