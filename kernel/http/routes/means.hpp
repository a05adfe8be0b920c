// How somebody wants to pay, as the bodies of payments, mass payments, deposits and setups say it.
#pragma once

#include <functional>
#include <string>

#include "http/call.hpp"
#include "payments/payments.hpp"

namespace bursar::http {

struct Means {
  std::string gateway;  // may be empty when a method is named
  PaymentMethodId method;
  payments::Checkout checkout;
};
// Faults: /gateway (neither is named), those of read_ways_back.
Means read_means(const Call& call, ObjectReader& in);

// return_url and cancel_url: on an origin of ours, so that nobody is led elsewhere in our name.
payments::Checkout read_ways_back(const Call& call, ObjectReader& in);

// To have a method kept is a change of the account's methods. Errors: 403 or 404.
Status require_saving(const Call& call, const payments::Checkout& checkout);

payments::PaymentOrigin origin_of_payment(const Call& call);

// Records a payment by `record` and takes it further, once for the request's key: the gateway is called outside any
// transaction, and may have been before. `render` answers the payment as it is then.
Result<Answer> take_payment(Call& call, const char* what,
                            const std::function<Result<PaymentId>(storage::Transaction&)>& record,
                            Answer (*render)(const Call&, storage::Connection&, const payments::Payment&));

}  // namespace bursar::http
