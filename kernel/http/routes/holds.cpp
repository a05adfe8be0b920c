#include "dunning/holds.hpp"

#include "http/call.hpp"
#include "http/routes/routes.hpp"
#include "http/views.hpp"
#include "payments/payments.hpp"

namespace bursar::http {

namespace {
using accounts::Action;

dunning::HoldOrigin origin_of(const Call& call) {
  return call.caller.is_staff() ? dunning::HoldOrigin::staff : dunning::HoldOrigin::customer;
}

void write_hold(JsonWriter& w, const IdCodec& ids, const dunning::Hold& hold) {
  w.begin_object().field("id", ids.text(hold.id)).field("account_id", ids.text(hold.account));
  id_field(w, ids, "invoice_id", hold.invoice);
  id_field(w, ids, "service_id", hold.service);
  w.field("status", hold.ended_at ? "ended" : "active").field("origin", dunning::to_string(hold.origin));
  w.field("reason", hold.reason).field("starts_on", hold.starts_on).field("until", hold.until);
  w.field("created_at", hold.created_at);
  id_field(w, ids, "created_by", hold.created_by);
  w.field("ended_at", hold.ended_at);
  text_or_null(w, "ended_by", hold.ended_by);
  w.end_object();
}

Result<Answer> render(const Call& call, storage::Connection& c, HoldId id) {
  const auto hold = dunning::find_hold(c, id);
  BURSAR_ASSERT(hold.has_value());
  JsonWriter w;
  write_hold(w, call.app.ids, *hold);
  return call.answer(std::move(w));
}

Result<Answer> list_holds(Call& call) {
  BURSAR_TRY(page, call.page());
  auto holds = call.app.db.read(
      [&](storage::Connection& c) { return dunning::list_holds(c, call.account, HoldId(page.after), page.fetch()); });
  return call.list(
      std::move(holds), page, [](const auto& h) { return h.id.value(); },
      [&](JsonWriter& w, const auto& h) { write_hold(w, call.app.ids, h); });
}

Result<Answer> read_hold(Call& call) {
  BURSAR_TRY(id, call.id<HoldId>("hold"));
  return call.app.db.read([&](storage::Connection& c) { return render(call, c, id); });
}

Result<Answer> place_hold(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  const dunning::NewHold hold{.account = call.account,
                              .invoice = in.optional_id<InvoiceId>("invoice_id").value_or(InvoiceId()),
                              .service = in.optional_id<ServiceId>("service_id").value_or(ServiceId()),
                              .until = in.date("until"),
                              .reason = in.text("reason", {.max = 500}),
                              .origin = origin_of(call)};
  BURSAR_CHECK(in.finish());
  Result<Answer> answer = call.once("place_hold", [&](storage::Transaction& tx) -> Result<Answer> {
    BURSAR_TRY(id,
               dunning::place_hold(tx, call.app.rules, call.app.payment_context->outbox, hold, call.actor(), call.now));
    return render(call, tx, id);
  });
  call.wake_workers();
  return answer;
}

Result<Answer> lift_hold(Call& call) {
  BURSAR_TRY(id, call.id<HoldId>("hold"));
  return call.once("lift_hold", [&](storage::Transaction& tx) -> Result<Answer> {
    BURSAR_CHECK(dunning::lift_hold(tx, call.app.rules, id, origin_of(call), call.actor(), call.now));
    return render(call, tx, id);
  });
}
}  // namespace

void add_hold_routes(RouteTable& routes) {
  routes.add({.path = "/accounts/{account}/holds",
              .summary = "The account's holds on collection, newest first",
              .action = Action::holds_read,
              .subject = Subject::account,
              .response = "Hold",
              .list = true,
              .handler = list_holds});
  routes.add({.verb = Verb::post,
              .path = "/accounts/{account}/holds",
              .summary = "Let collection rest until a day: of an invoice, of a service, or of the account",
              .action = Action::holds_change,
              .subject = Subject::account,
              .request = "NewHold",
              .response = "Hold",
              .success = 201,
              .handler = place_hold});
  routes.add({.path = "/holds/{hold}",
              .summary = "A hold on collection",
              .action = Action::holds_read,
              .subject = Subject::hold,
              .response = "Hold",
              .handler = read_hold});
  routes.add({.verb = Verb::delete_,
              .path = "/holds/{hold}",
              .summary = "Lift a hold before its day",
              .action = Action::holds_change,
              .subject = Subject::hold,
              .response = "Hold",
              .handler = lift_hold});
}

}  // namespace bursar::http
