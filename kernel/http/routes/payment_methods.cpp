#include "http/call.hpp"
#include "http/routes/means.hpp"
#include "http/routes/routes.hpp"
#include "http/views.hpp"
#include "payments/methods.hpp"
#include "payments/payments.hpp"
#include "payments/setups.hpp"

namespace bursar::http {

namespace {
using accounts::Action;

Answer render(const Call& call, const payments::PaymentMethod& method) {
  JsonWriter w;
  write_payment_method(w, call.app.ids, method);
  return call.versioned(std::move(w), method.version);
}

Result<Answer> list_methods(Call& call) {
  BURSAR_TRY(page, call.page());
  // The page goes on after the position shown last, whether its method is still there or not.
  auto all = call.app.db.read([&](storage::Connection& c) { return payments::list_methods(c, call.account); });
  std::erase_if(all, [&](const auto& m) { return m.position < page.after; });
  return call.list(
      std::move(all), page, [](const auto& m) { return std::int64_t{m.position} + 1; },
      [&](JsonWriter& w, const auto& m) { write_payment_method(w, call.app.ids, m); });
}

Answer render(const Call& call, const payments::MethodSetup& setup) {
  JsonWriter w;
  write_method_setup(w, call.app.ids, setup);
  return call.versioned(std::move(w), setup.version);
}

// Without a token: the customer goes to the gateway's own page, which is told in the answer.
Result<Answer> start_setup(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  const payments::NewSetup setup{.account = call.account,
                                 .gateway = in.text("gateway"),
                                 .label = in.optional_text("label", {.max = 100}).value_or(""),
                                 .checkout = read_ways_back(call, in)};
  if (in.has("expires_on")) in.fault("expires_on", "is for a method with a token; the gateway tells it itself");
  BURSAR_CHECK(in.finish());
  return call.once_outside("start_method_setup",
                           {.claim = [&](storage::Transaction& tx) -> Result<std::int64_t> {
                              BURSAR_TRY(id, call.app.setups->record(tx, setup, call.actor(), call.now));
                              return id.value();
                            },
                            .perform = [&](std::int64_t object, const auto& settling) -> Status {
                              call.app.setups->perform(MethodSetupId(object), settling);
                              return {};
                            },
                            .render =
                                [&](storage::Connection& c, std::int64_t object) {
                                  const auto stored = payments::find_setup(c, MethodSetupId(object));
                                  BURSAR_ASSERT(stored.has_value());
                                  return render(call, *stored);
                                }});
}

Result<Answer> add_method(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  if (!in.has("token")) return start_setup(call);
  const payments::NewPaymentMethod method{.gateway = in.text("gateway"),
                                          .token = in.text("token", {.max = 500}),
                                          .label = in.text("label", {.max = 100}),
                                          .expires_on = in.optional_date("expires_on")};
  BURSAR_CHECK(in.finish());
  return call.once("add_payment_method", [&](storage::Transaction& tx) -> Result<Answer> {
    BURSAR_TRY(id, payments::add_method(tx, call.app.payment_context->gateways, call.app.payment_context->vault,
                                        call.account, method, call.actor(), call.now));
    const auto made = payments::find_method(tx, id);
    BURSAR_ASSERT(made.has_value());
    return render(call, *made);
  });
}

// The method of the path, when it is the account's own.
Result<payments::PaymentMethod> find(Call& call, storage::Connection& c) {
  BURSAR_TRY(id, call.id<PaymentMethodId>("method"));
  auto method = payments::find_method(c, id);
  if (!method || method->account != call.account)
    return not_found("no_such_object", "There is no such payment method.");
  return *std::move(method);
}

Result<Answer> read_method(Call& call) {
  BURSAR_TRY(method, call.app.db.read([&](storage::Connection& c) { return find(call, c); }));
  return render(call, method);
}

Result<Answer> patch_method(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  payments::PaymentMethodPatch patch;
  patch.label = in.optional_text("label", {.max = 100});
  if (const auto position = in.optional_integer("position", 0, 1000)) patch.position = static_cast<int>(*position);
  BURSAR_CHECK(in.finish());
  BURSAR_TRY(version, call.if_match());
  BURSAR_TRY(method, call.app.db.write(
                         "patch_payment_method", [&](storage::Transaction& tx) -> Result<payments::PaymentMethod> {
                           BURSAR_TRY(before, find(call, tx));
                           return payments::update_method(tx, before.id, patch, version, call.actor(), call.now);
                         }));
  return render(call, method);
}

Result<Answer> remove_method(Call& call) {
  BURSAR_CHECK(call.app.db.write("remove_payment_method", [&](storage::Transaction& tx) -> Status {
    BURSAR_TRY(method, find(call, tx));
    return payments::remove_method(tx, method.id, call.actor(), call.now);
  }));
  call.wake_workers();  // the gateway is to forget it too
  return Call::no_content();
}

Result<Answer> read_setup(Call& call) {
  BURSAR_TRY(id, call.id<MethodSetupId>("setup"));
  const auto of = call.app.db.read([&](storage::Connection& c) { return payments::find_setup(c, id); });
  if (!of || of->account != call.account) return not_found("no_such_object", "There is no such setup.");
  return render(call, *call.app.setups->read(id));
}

Result<Answer> list_setups(Call& call) {
  BURSAR_TRY(page, call.page());
  return call.app.db.read([&](storage::Connection& c) {
    return call.list(
        payments::list_setups(c, call.account, MethodSetupId(page.after), page.fetch()), page,
        [](const auto& s) { return s.id.value(); },
        [&](JsonWriter& w, const auto& s) { write_method_setup(w, call.app.ids, s); });
  });
}

Answer render_autopay(const Call& call, storage::Connection& c) {
  const auto autopay = payments::read_autopay(c, call.account);
  JsonWriter w;
  w.begin_object().field("enabled", autopay.enabled).key("methods").begin_array();
  for (const auto& method : autopay.methods) write_payment_method(w, call.app.ids, method);
  w.end_array().end_object();
  return call.answer(std::move(w));
}

Result<Answer> read_autopay(Call& call) {
  return call.app.db.read([&](storage::Connection& c) { return render_autopay(call, c); });
}

Result<Answer> put_autopay(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  const bool enabled = in.boolean("enabled");
  const auto order = in.has("methods") ? in.id_list<PaymentMethodId>("methods", {.min = 0, .max = 100})
                                       : std::vector<PaymentMethodId>();
  BURSAR_CHECK(in.finish());
  return call.app.db.write("set_autopay", [&](storage::Transaction& tx) -> Result<Answer> {
    BURSAR_CHECK(call.if_match_content(render_autopay(call, tx)));
    BURSAR_CHECK(payments::set_autopay(tx, call.app.rules, call.account, enabled, order, call.actor(), call.now));
    return render_autopay(call, tx);
  });
}
}  // namespace

void add_payment_method_routes(RouteTable& routes) {
  const std::string_view one = "/accounts/{account}/payment-methods/{method}";
  routes.add({.path = "/accounts/{account}/payment-methods",
              .summary = "Saved payment methods, in the order autopay uses them",
              .action = Action::payment_methods_read,
              .subject = Subject::account,
              .response = "PaymentMethod",
              .list = true,
              .handler = list_methods});
  routes.add({.verb = Verb::post,
              .path = "/accounts/{account}/payment-methods",
              .summary = "Save a method: by the gateway's token, or without one on the gateway's own page",
              .action = Action::payment_methods_change,
              .subject = Subject::account,
              .request = "NewPaymentMethod",
              .response = "PaymentMethod",
              .or_response = "PaymentMethodSetup",
              .success = 201,
              .handler = add_method});
  routes.add({.path = one,
              .summary = "A saved payment method",
              .action = Action::payment_methods_read,
              .subject = Subject::account,
              .response = "PaymentMethod",
              .handler = read_method});
  routes.add({.verb = Verb::patch,
              .path = one,
              .summary = "Name or move a payment method",
              .action = Action::payment_methods_change,
              .subject = Subject::account,
              .request = "PaymentMethodPatch",
              .response = "PaymentMethod",
              .handler = patch_method});
  routes.add({.verb = Verb::delete_,
              .path = one,
              .summary = "Forget a payment method",
              .action = Action::payment_methods_change,
              .subject = Subject::account,
              .handler = remove_method});
  routes.add({.path = "/accounts/{account}/payment-method-setups",
              .summary = "Methods that were begun to be saved, newest first",
              .action = Action::payment_methods_read,
              .subject = Subject::account,
              .response = "PaymentMethodSetup",
              .list = true,
              .handler = list_setups});
  routes.add({.path = "/accounts/{account}/payment-method-setups/{setup}",
              .summary = "What became of saving a method; asks the gateway while that is open",
              .action = Action::payment_methods_read,
              .subject = Subject::account,
              .response = "PaymentMethodSetup",
              .handler = read_setup});
  routes.add({.path = "/accounts/{account}/autopay",
              .summary = "Whether invoices are charged by themselves",
              .action = Action::autopay_read,
              .subject = Subject::account,
              .response = "Autopay",
              .handler = read_autopay});
  routes.add({.verb = Verb::put,
              .path = "/accounts/{account}/autopay",
              .summary = "Switch autopay on or off",
              .action = Action::autopay_change,
              .subject = Subject::account,
              .request = "AutopaySetting",
              .response = "Autopay",
              .handler = put_autopay});
}

}  // namespace bursar::http
