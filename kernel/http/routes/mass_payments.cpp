#include "payments/mass_payments.hpp"

#include "http/call.hpp"
#include "http/routes/means.hpp"
#include "http/routes/routes.hpp"
#include "http/views.hpp"

namespace bursar::http {

namespace {
using accounts::Action;

void write_mass_payment(JsonWriter& w, storage::Connection& c, const IdCodec& ids, const payments::MassPayment& mass) {
  w.begin_object().field("id", ids.text(mass.id)).field("account_id", ids.text(mass.account));
  w.field("status", mass.status).field("total", mass.total).field("extra", mass.extra).key("items").begin_array();
  for (const auto& item : mass.items) {
    w.begin_object().field("invoice_id", ids.text(item.invoice));
    text_or_null(w, "number", item.number);
    w.key("amount");
    if (item.amount) {
      w.value(*item.amount);
    } else {
      w.null();
    }
    w.field("owed", item.owed).end_object();
  }
  w.end_array().key("payments").begin_array();
  for (const auto& payment : payments::payments_of(c, mass.id)) {
    write_payment(w, ids, payment, payments::allocations_of(c, payment));
  }
  w.end_array().field("created_at", mass.created_at).field("expires_at", mass.expires_at).end_object();
}

Answer render(const Call& call, storage::Connection& c, MassPaymentId id) {
  const auto mass = payments::find_mass_payment(c, id);
  BURSAR_ASSERT(mass.has_value());
  JsonWriter w;
  write_mass_payment(w, c, call.app.ids, *mass);
  // What is owed and the payments change without a new version: the tag is that of the content.
  return call.answer(std::move(w));
}

Answer render(const Call& call, MassPaymentId id) {
  return call.app.db.read([&](storage::Connection& c) { return render(call, c, id); });
}

Answer render_of(const Call& call, storage::Connection& c, const payments::Payment& payment) {
  return render(call, c, payment.mass_payment);
}

Result<Answer> start(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  payments::NewMassPayment mass;
  mass.account = call.account;
  mass.origin = origin_of_payment(call);
  if (in.has("invoice_ids")) {
    for (const InvoiceId id : in.id_list<InvoiceId>("invoice_ids", {.min = 1, .max = 200})) {
      mass.items.push_back({.invoice = id});
    }
  }
  if (in.has("amounts")) {
    const auto amounts = in.money_list("amounts", {.min = 1, .max = 200});
    if (amounts.size() != mass.items.size()) {
      in.fault("amounts", "must have one amount for each of invoice_ids");
    } else {
      for (std::size_t i = 0; i < amounts.size(); ++i) mass.items[i].amount = amounts[i];
    }
  }
  mass.extra = in.optional_money("extra");
  mass.use_credit = in.optional_boolean("use_credit").value_or(false);
  const Means means = read_means(call, in);
  BURSAR_CHECK(in.finish());
  BURSAR_CHECK(require_saving(call, means.checkout));
  mass.gateway = means.gateway;
  mass.method = means.method;
  mass.checkout = means.checkout;
  const auto record = [&](storage::Transaction& tx) -> Result<PaymentId> {
    BURSAR_TRY(started, payments::start_mass_payment(tx, *call.app.payment_context, mass, call.actor(), call.now));
    return started.payment;
  };
  return take_payment(call, "start_mass_payment", record, render_of);
}

Result<Answer> try_again(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  BURSAR_TRY(id, call.id<MassPaymentId>("mass_payment"));
  const Means means = read_means(call, in);
  BURSAR_CHECK(in.finish());
  BURSAR_CHECK(require_saving(call, means.checkout));
  const auto record = [&](storage::Transaction& tx) {
    return payments::retry_mass_payment(tx, *call.app.payment_context, id,
                                        {.gateway = means.gateway,
                                         .method = means.method,
                                         .origin = origin_of_payment(call),
                                         .checkout = means.checkout},
                                        call.actor(), call.now);
  };
  return take_payment(call, "retry_mass_payment", record, render_of);
}

Result<Answer> cancel(Call& call) {
  BURSAR_TRY(id, call.id<MassPaymentId>("mass_payment"));
  BURSAR_CHECK(call.app.db.write("cancel_mass_payment", [&](storage::Transaction& tx) {
    return payments::cancel_mass_payment(tx, *call.app.payment_context, id, call.actor(), call.now);
  }));
  return render(call, id);
}

Result<Answer> read(Call& call) {
  BURSAR_TRY(id, call.id<MassPaymentId>("mass_payment"));
  return render(call, id);
}

Result<Answer> list(Call& call) {
  BURSAR_TRY(page, call.page());
  return call.app.db.read([&](storage::Connection& c) {
    return call.list(
        payments::list_mass_payments(c, call.account, MassPaymentId(page.after), page.fetch()), page,
        [](const auto& m) { return m.id.value(); },
        [&](JsonWriter& w, const auto& m) { write_mass_payment(w, c, call.app.ids, m); });
  });
}
}  // namespace

void add_mass_payment_routes(RouteTable& routes) {
  routes.add({.verb = Verb::post,
              .path = "/accounts/{account}/mass-payments",
              .summary = "Pay several invoices with one payment",
              .action = Action::invoices_pay,
              .subject = Subject::account,
              .request = "NewMassPayment",
              .response = "MassPayment",
              .keyed = true,
              .success = 201,
              .handler = start});
  routes.add({.path = "/accounts/{account}/mass-payments",
              .summary = "The account's mass payments, newest first",
              .action = Action::payments_read,
              .subject = Subject::account,
              .response = "MassPayment",
              .list = true,
              .handler = list});
  routes.add({.path = "/mass-payments/{mass_payment}",
              .summary = "A mass payment; its total is what is still owed on its invoices",
              .action = Action::payments_read,
              .subject = Subject::mass_payment,
              .response = "MassPayment",
              .handler = read});
  routes.add({.verb = Verb::delete_,
              .path = "/mass-payments/{mass_payment}",
              .summary = "Give a mass payment up",
              .action = Action::invoices_pay,
              .subject = Subject::mass_payment,
              .response = "MassPayment",
              .handler = cancel});
  routes.add({.verb = Verb::post,
              .path = "/mass-payments/{mass_payment}/payments",
              .summary = "Try again, for what is owed by now",
              .action = Action::invoices_pay,
              .subject = Subject::mass_payment,
              .request = "Means",
              .response = "MassPayment",
              .keyed = true,
              .success = 201,
              .handler = try_again});
}

}  // namespace bursar::http
