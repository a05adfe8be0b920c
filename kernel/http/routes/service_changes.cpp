#include "http/call.hpp"
#include "http/routes/routes.hpp"
#include "http/views.hpp"
#include "invoicing/change.hpp"

namespace bursar::http {

namespace {
using accounts::Action;

Result<Answer> change_service(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  invoicing::ChangeRequest request;
  read_new_terms(in, request);
  BURSAR_CHECK(in.finish());
  BURSAR_TRY(id, call.id<ServiceId>("service"));
  request.service = id;
  Result<Answer> answer = call.once("change_service", [&](storage::Transaction& tx) -> Result<Answer> {
    BURSAR_TRY(change, invoicing::request_change(tx, call.app.rules, request, call.actor(), call.now));
    JsonWriter w;
    write_service_change(w, call.app.ids, change);
    return call.answer(std::move(w));
  });
  call.wake_workers();
  return answer;
}

Result<Answer> withdraw_change(Call& call) {
  BURSAR_TRY(id, call.id<ServiceId>("service"));
  BURSAR_CHECK(call.app.db.write("withdraw_change", [&](storage::Transaction& tx) {
    return invoicing::withdraw_change(tx, call.app.rules, id, call.actor(), call.now);
  }));
  call.wake_workers();
  return Call::no_content();
}
}  // namespace

void read_new_terms(ObjectReader& in, invoicing::ChangeRequest& request) {
  request.product = in.optional_id<ProductId>("product_id").value_or(ProductId());
  if (const auto text = in.optional_text("cycle")) {
    const auto cycle = BillingCycle::parse(*text);
    if (cycle.ok()) {
      request.cycle = *cycle;
    } else {
      in.fault("cycle", cycle.error().detail);
    }
  }
  if (!request.product && !request.cycle) in.fault("product_id", "name a product, a cycle, or both");
  if (const auto when = in.optional_choice("when", {"immediate", "end_of_period"})) {
    request.timing = *when == "immediate" ? invoicing::ChangeTiming::immediate : invoicing::ChangeTiming::end_of_period;
  }
}

void add_service_change_routes(RouteTable& routes) {
  routes.add({.verb = Verb::post,
              .path = "/services/{service}/change",
              .summary = "Give the service another product or billing cycle",
              .action = Action::orders_place,
              .subject = Subject::service,
              .request = "NewServiceChange",
              .response = "ServiceChange",
              .keyed = true,
              .success = 201,
              .handler = change_service});
  routes.add({.verb = Verb::delete_,
              .path = "/services/{service}/change",
              .summary = "Withdraw the change that is pending",
              .action = Action::orders_place,
              .subject = Subject::service,
              .handler = withdraw_change});
}

}  // namespace bursar::http
