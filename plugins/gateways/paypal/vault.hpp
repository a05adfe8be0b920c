// Vault v3: PayPal accounts that customers agree to have kept, without a payment.
#pragma once

#include <bursar/payment.hpp>

#include "api.hpp"

namespace paypal {

class Vault {
 public:
  Vault(bursar::Host host, Api& api, std::string brand) : host_(host), api_(api), brand_(std::move(brand)) {}

  bursar::Payment setup(bursar::Call& call, const bursar::MethodSetup& setup);
  bursar::Payment lookup(bursar::Call& call, const bursar::Lookup& lookup);
  void detach_method(bursar::Call& call, const bursar::Detach& detach);

 private:
  // Under "setup/ID": PayPal has no search by an id of ours.
  struct Slip {
    std::string setup_token;
    std::string payment_token{};  // empty: the customer's consent has not been exchanged for it
  };

  std::optional<Slip> slip_of(bursar::Call& call, std::string_view id) const;
  void write(bursar::Call& call, std::string_view id, const Slip& slip) const;
  bursar::Payment exchange(bursar::Call& call, std::string_view id, Slip slip);

  bursar::Host host_;
  Api& api_;
  std::string brand_;
};

}  // namespace paypal
