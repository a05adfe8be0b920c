#include "http/routes/means.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "http/authentication.hpp"

namespace bursar::http {

namespace {
constexpr Length url_length{.min = 1, .max = 2000};

bool is_ours(const settings::Server& server, std::string_view url) {
  const std::string_view origin = origin_of(url);
  const auto same = [&](std::string_view known) { return !origin.empty() && origin == origin_of(known); };
  return same(server.public_url) || std::any_of(server.return_origins.begin(), server.return_origins.end(), same);
}

std::string read_url(const Call& call, ObjectReader& in, std::string_view key) {
  std::string url = in.optional_text(key, url_length).value_or("");
  if (!url.empty() && !is_ours(call.app.config.server, url)) {
    in.fault(key, "must begin with server.public_url or one of server.return_origins");
  }
  return url;
}
}  // namespace

payments::Checkout read_ways_back(const Call& call, ObjectReader& in) {
  return {.return_url = read_url(call, in, "return_url"), .cancel_url = read_url(call, in, "cancel_url")};
}

Means read_means(const Call& call, ObjectReader& in) {
  Means means{.gateway = in.optional_text("gateway").value_or(""),
              .method = in.optional_id<PaymentMethodId>("payment_method").value_or(PaymentMethodId()),
              .checkout = read_ways_back(call, in)};
  means.checkout.save_method = in.optional_boolean("save_method").value_or(false);
  if (means.gateway.empty() && !means.method && !in.has("payment_method")) {
    in.fault("gateway", "name a gateway or a payment method");
  }
  return means;
}

Status require_saving(const Call& call, const payments::Checkout& checkout) {
  return checkout.save_method ? call.require(accounts::Action::payment_methods_change, call.account) : Status();
}

payments::PaymentOrigin origin_of_payment(const Call& call) {
  return call.caller.is_staff() ? payments::PaymentOrigin::staff : payments::PaymentOrigin::customer;
}

Result<Answer> take_payment(Call& call, const char* what,
                            const std::function<Result<PaymentId>(storage::Transaction&)>& record,
                            Answer (*render)(const Call&, storage::Connection&, const payments::Payment&)) {
  return call.once_outside(what, {.claim = [&](storage::Transaction& tx) -> Result<std::int64_t> {
                                    BURSAR_TRY(id, record(tx));
                                    return id.value();
                                  },
                                  .perform = [&](std::int64_t object, const auto& settling) -> Status {
                                    call.app.payments->perform(PaymentId(object), settling);
                                    call.wake_workers();
                                    return {};
                                  },
                                  .render =
                                      [&](storage::Connection& c, std::int64_t object) {
                                        const auto payment = payments::find_payment(c, PaymentId(object));
                                        BURSAR_ASSERT(payment.has_value());
                                        return render(call, c, *payment);
                                      }});
}

}  // namespace bursar::http
