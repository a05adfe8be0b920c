// What a gateway's page is told of the customer and of the ways back. Internal to payments.
#pragma once

#include <string>
#include <string_view>

#include "payments/payments.hpp"

namespace bursar::payments {

// `page`: where on the portal the customer ends up unless `checkout` says otherwise, "/payments/pay_...".
Visit visit_of(storage::Connection& c, const Context& context, AccountId account, std::string_view instance,
               std::string_view page, const Checkout& checkout);

}  // namespace bursar::payments
