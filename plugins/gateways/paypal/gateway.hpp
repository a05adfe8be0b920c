// The payments: which requests an operation makes, in which order, and what their answers come to.
#pragma once

#include <bursar/payment.hpp>

#include "api.hpp"
#include "slips.hpp"

namespace paypal {

class Gateway {
 public:
  Gateway(bursar::Host host, Api& api, std::string brand)
      : host_(host), api_(api), slips_(host), brand_(std::move(brand)) {}

  bursar::Payment begin(bursar::Call& call, const bursar::Charge& charge);
  bursar::Payment charge(bursar::Call& call, const bursar::Charge& charge);
  bursar::Payment complete(bursar::Call& call, const bursar::Capture& capture);
  bursar::Payment refund(bursar::Call& call, const bursar::Refund& refund);
  bursar::Payment lookup(bursar::Call& call, const bursar::Lookup& lookup);

 private:
  [[nodiscard]] std::int64_t now() const { return host_.now().time_since_epoch().count(); }

  Answer make_order(bursar::Call& call, std::string_view payment_id, int round, const std::string& body, Act act);
  Answer ask_capture(bursar::Call& call, std::string_view payment_id, Slip& slip, const std::string& body);
  bursar::Payment after_capture(bursar::Call& call, const Answer& answer, std::string_view payment_id, Slip& slip);
  bursar::Payment to_approve_again(bursar::Call& call, const Answer& answer, std::string_view payment_id, Slip& slip);
  Json order_of(bursar::Call& call, const std::string& id);

  bursar::Payment payment_as_told(bursar::Call& call, const bursar::Lookup& lookup, Slip slip);
  bursar::Payment refund_as_told(bursar::Call& call, const bursar::Lookup& lookup, const RefundSlip& slip);
  bursar::Payment by_reference(bursar::Call& call, const bursar::Lookup& lookup);
  std::optional<bursar::Payment> refund_made(bursar::Call& call, std::string_view refund_id,
                                             const std::string& capture);

  bursar::Host host_;
  Api& api_;
  Slips slips_;
  std::string brand_;
};

}  // namespace paypal
