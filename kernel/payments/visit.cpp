#include "payments/visit.hpp"

#include "accounts/accounts.hpp"

namespace bursar::payments {

Visit visit_of(storage::Connection& c, const Context& context, AccountId account, std::string_view instance,
               std::string_view page, const Checkout& checkout) {
  Visit visit{.return_url = checkout.return_url, .cancel_url = checkout.cancel_url};
  if (visit.return_url.empty()) visit.return_url = context.public_url + std::string(page);
  if (visit.cancel_url.empty()) visit.cancel_url = visit.return_url;
  visit.webhook_url = context.webhooks_url + std::string(instance);
  if (const auto customer = accounts::find_account(c, account)) {
    visit.customer_name = customer->name;
    visit.customer_email = customer->email;
    visit.customer_country = customer->address.country;
    visit.locale = customer->language;
  }
  return visit;
}

}  // namespace bursar::payments
