#include "invoicing/orders.hpp"

#include "http/call.hpp"
#include "http/routes/routes.hpp"
#include "http/views.hpp"
#include "invoicing/change.hpp"
#include "services/services.hpp"

namespace bursar::http {

namespace {
using accounts::Action;

invoicing::OrderRequest read_items(Call& call, ObjectReader& in) {
  invoicing::OrderRequest order;
  order.account = call.account;
  for (ObjectReader* item : in.objects("items", {.max = 50})) {
    invoicing::OrderItem wanted;
    wanted.product = item->id<ProductId>("product_id");
    const auto cycle = BillingCycle::parse(item->text("cycle"));
    if (cycle.ok()) {
      wanted.cycle = *cycle;
    } else {
      item->fault("cycle", cycle.error().detail);
    }
    wanted.quantity = item->optional_integer("quantity", 1, 100).value_or(1);
    wanted.label = item->optional_text("label").value_or("");
    order.items.push_back(std::move(wanted));
  }
  order.promotion_code = in.optional_text("promotion_code", {.min = 0, .max = 64}).value_or("");
  return order;
}

Result<invoicing::OrderRequest> read_order(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  auto order = read_items(call, in);
  BURSAR_CHECK(in.finish());
  return order;
}

void write_amounts(JsonWriter& w, const invoicing::Amounts& amounts) {
  w.begin_object().field("net", amounts.net).field("tax", amounts.tax).field("total", amounts.total).end_object();
}

struct Priced {
  invoicing::Quote quote;
  std::optional<invoicing::ChangeTiming> timing = std::nullopt;  // of a change
  std::optional<CivilDate> effective_on = std::nullopt;
};

Result<Priced> price_change(Call& call, ObjectReader& in) {
  ObjectReader& inner = in.object("change");
  invoicing::ChangeRequest change;
  change.service = inner.id<ServiceId>("service_id");
  read_new_terms(inner, change);
  BURSAR_CHECK(in.finish());
  return call.app.db.read([&](storage::Connection& c) -> Result<Priced> {
    const auto service = services::find_service(c, change.service);
    if (!service || service->account != call.account) {
      return invalid("invalid_change", "The service cannot change so.",
                     {{"/change/service_id", "is not a service of the account"}});
    }
    BURSAR_TRY(quoted, invoicing::quote_change(c, call.app.rules, change, call.now));
    return Priced{.quote = std::move(quoted.quote), .timing = quoted.timing, .effective_on = quoted.effective_on};
  });
}

Result<Priced> price_order(Call& call, ObjectReader& in) {
  const auto order = read_items(call, in);
  BURSAR_CHECK(in.finish());
  BURSAR_TRY(quoted, call.app.db.read(
                         [&](storage::Connection& c) { return invoicing::quote(c, call.app.rules, order, call.now); }));
  return Priced{.quote = std::move(quoted)};
}

Result<Answer> quote(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  BURSAR_TRY(priced, in.has("change") ? price_change(call, in) : price_order(call, in));
  const invoicing::Quote& quoted = priced.quote;
  JsonWriter w;
  w.begin_object().field("currency", quoted.now.total.currency().code()).key("lines").begin_array();
  for (const invoicing::QuotedLine& line : quoted.lines) {
    w.begin_object().field("kind", invoicing::to_string(line.kind)).field("description", line.description);
    w.field("net", line.net).field("tax", line.tax).field("explanation", line.explanation).end_object();
  }
  w.end_array().key("now");
  write_amounts(w, quoted.now);
  w.key("recurring").begin_array();
  for (const invoicing::RecurringQuote& recurring : quoted.recurring) {
    w.begin_object().field("cycle", recurring.cycle.to_string()).key("amounts");
    write_amounts(w, recurring.amounts);
    w.end_object();
  }
  w.end_array().field("due_on", quoted.due_on);
  if (priced.timing) w.field("when", invoicing::to_string(*priced.timing)).field("effective_on", priced.effective_on);
  w.end_object();
  return call.answer(std::move(w));
}

struct OrderRow {
  OrderId id;
  std::string status;
  Instant placed_at;
  InvoiceId invoice;
};

void write_order(JsonWriter& w, storage::Connection& c, const Call& call, const OrderRow& order) {
  const IdCodec& ids = call.app.ids;
  w.begin_object()
      .field("id", ids.text(order.id))
      .field("account_id", ids.text(call.account))
      .field("status", order.status);
  w.field("placed_at", order.placed_at);
  id_field(w, ids, "invoice_id", order.invoice);
  w.key("service_ids").begin_array();
  auto rows =
      c.query("SELECT id FROM services WHERE account_id = $1 AND order_id = $2 ORDER BY id", call.account, order.id);
  while (rows.next()) w.value(ids.text(rows.id<ServiceId>(0)));
  w.end_array().end_object();
}

std::vector<OrderRow> read_orders(storage::Rows rows) {
  std::vector<OrderRow> out;
  while (rows.next()) out.push_back({rows.id<OrderId>(0), rows.string(1), rows.instant(2), rows.id<InvoiceId>(3)});
  return out;
}

Result<Answer> place_order(Call& call) {
  BURSAR_TRY(order, read_order(call));
  Result<Answer> answer = call.once("place_order", [&](storage::Transaction& tx) -> Result<Answer> {
    BURSAR_TRY(placed, invoicing::place_order(tx, call.app.rules, order, call.actor(), call.now));
    const auto rows =
        read_orders(tx.query("SELECT id, status, placed_at, invoice_id FROM orders WHERE id = $1", placed.order));
    BURSAR_ASSERT(rows.size() == 1);
    JsonWriter w;
    write_order(w, tx, call, rows.front());
    return call.answer(std::move(w));
  });
  call.wake_workers();
  return answer;
}

Result<Answer> list_orders(Call& call) {
  BURSAR_TRY(page, call.page());
  return call.app.db.read([&](storage::Connection& c) {
    auto orders = read_orders(
        c.query("SELECT id, status, placed_at, invoice_id FROM orders WHERE account_id = $1 AND ($2 = 0 OR id < $2)"
                " ORDER BY id DESC LIMIT $3",
                call.account, page.after, page.fetch()));
    return call.list(
        std::move(orders), page, [](const OrderRow& o) { return o.id.value(); },
        [&](JsonWriter& w, const OrderRow& o) { write_order(w, c, call, o); });
  });
}
}  // namespace

void add_order_routes(RouteTable& routes) {
  routes.add({.verb = Verb::post,
              .path = "/accounts/{account}/quotes",
              .summary = "What an order, or a change of a service, would cost; nothing is stored",
              .action = Action::orders_place,
              .subject = Subject::account,
              .request = "NewQuote",
              .response = "Quote",
              .handler = quote});
  routes.add({.verb = Verb::post,
              .path = "/accounts/{account}/orders",
              .summary = "Order products: services and an invoice",
              .action = Action::orders_place,
              .subject = Subject::account,
              .request = "NewOrder",
              .response = "Order",
              .keyed = true,
              .success = 201,
              .handler = place_order});
  routes.add({.path = "/accounts/{account}/orders",
              .summary = "The account's orders, newest first",
              .action = Action::orders_read,
              .subject = Subject::account,
              .response = "Order",
              .list = true,
              .handler = list_orders});
}

}  // namespace bursar::http
