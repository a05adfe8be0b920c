// What was asked of PayPal, written down before it is asked, in the host's store. No truth about money is kept here; it
// is what makes an unknown outcome answerable: PayPal has no search by an id of ours, and forgets request ids.
//
// An order at PayPal is captured once at most, however often and however late that is asked, so the order's id, stored
// before the first capture, is the key that never expires.
#pragma once

#include <bursar/host.hpp>

namespace paypal {

// Under "payment/ID".
struct Slip {
  std::string order{};        // empty: none is known, so nothing can have been captured
  bool away = false;          // made by charge, with a saved method; else the customer approves
  bool action = false;        // away: PayPal wants the customer after all
  int round = 0;              // how many orders lapsed before this one
  std::int64_t asked_at = 0;  // milliseconds, when its capture was last asked for; 0: never
};

// Under "refund/ID".
struct RefundSlip {
  std::string capture{};
  std::int64_t asked_at = 0;  // when it was first asked for
};

class Slips {
 public:
  explicit Slips(bursar::Host host) : host_(host) {}

  [[nodiscard]] std::optional<Slip> payment(bursar::Call& call, std::string_view id) const;
  [[nodiscard]] std::optional<RefundSlip> refund(bursar::Call& call, std::string_view id) const;

  // Writes `after` where `before` is what is stored; throws OutcomeUnknown when another call wrote in between.
  void write(bursar::Call& call, std::string_view id, const std::optional<Slip>& before, const Slip& after) const;
  void write(bursar::Call& call, std::string_view id, const RefundSlip& slip) const;

 private:
  bursar::Host host_;
};

}  // namespace paypal
