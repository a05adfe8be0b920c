#include "payments/payments.hpp"

#include "accounts/audit.hpp"
#include "http/call.hpp"
#include "http/routes/means.hpp"
#include "http/routes/routes.hpp"
#include "http/views.hpp"
#include "invoicing/issue.hpp"
#include "payments/deposits.hpp"

namespace bursar::http {

namespace {
using accounts::Action;

void write_payment_of(JsonWriter& w, storage::Connection& c, const IdCodec& ids, const payments::Payment& payment) {
  write_payment(w, ids, payment, payments::allocations_of(c, payment));
}

Answer render_in(const Call& call, storage::Connection& c, const payments::Payment& payment) {
  JsonWriter w;
  write_payment_of(w, c, call.app.ids, payment);
  return call.versioned(std::move(w), payment.version);
}

Answer render(const Call& call, const payments::Payment& payment) {
  return call.app.db.read([&](storage::Connection& c) { return render_in(call, c, payment); });
}

payments::NewPayment new_payment(const Call& call, ObjectReader& in) {
  Means means = read_means(call, in);
  return {.invoice = {},
          .gateway = std::move(means.gateway),
          .method = means.method,
          .origin = origin_of_payment(call),
          .checkout = std::move(means.checkout)};
}

Result<Answer> pay_invoice(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  BURSAR_TRY(invoice, call.id<InvoiceId>("invoice"));
  payments::NewPayment payment = new_payment(call, in);
  payment.invoice = invoice;
  payment.amount = in.optional_money("amount");
  payment.use_credit = in.optional_boolean("use_credit").value_or(false);
  BURSAR_CHECK(in.finish());
  BURSAR_CHECK(require_saving(call, payment.checkout));
  const auto record = [&](storage::Transaction& tx) {
    return call.app.payments->record(tx, payment, call.actor(), call.now);
  };
  return take_payment(call, "record_payment", record, render_in);
}

Result<Answer> deposit(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  const auto amount = in.money("amount");
  const payments::NewPayment payment = new_payment(call, in);
  if (amount && !amount->is_positive()) in.fault("amount", "must be positive");
  BURSAR_CHECK(in.finish());
  BURSAR_CHECK(require_saving(call, payment.checkout));
  const auto record = [&](storage::Transaction& tx) -> Result<PaymentId> {
    BURSAR_CHECK(payments::check_deposit(tx, *call.app.payment_context, call.account, *amount, call.now));
    BURSAR_TRY(invoice, invoicing::issue_deposit(tx, call.app.rules, call.account, *amount, call.now));
    payments::NewPayment of_invoice = payment;
    of_invoice.invoice = invoice;
    return call.app.payments->record(tx, of_invoice, call.actor(), call.now);
  };
  return take_payment(call, "record_deposit", record, render_in);
}

Result<Answer> list_payments(Call& call) {
  BURSAR_TRY(page, call.page());
  const AccountId of = call.account ? call.account : call.query_id<AccountId>("account").value_or(AccountId());
  payments::PaymentFilter filter{.account = of, .before = PaymentId(page.after), .limit = page.fetch()};
  if (const auto text = call.query("status")) {
    using enum payments::PaymentStatus;
    for (const auto status : {pending, requires_action, succeeded, failed, unknown, refunded, partially_refunded}) {
      if (payments::to_string(status) == *text) filter.status = status;
    }
  }
  return call.app.db.read([&](storage::Connection& c) {
    return call.list(
        payments::list_payments(c, filter), page, [](const auto& p) { return p.id.value(); },
        [&](JsonWriter& w, const auto& p) { write_payment_of(w, c, call.app.ids, p); });
  });
}

Result<Answer> list_payments_of_invoice(Call& call) {
  BURSAR_TRY(page, call.page());
  BURSAR_TRY(invoice, call.id<InvoiceId>("invoice"));
  return call.app.db.read([&](storage::Connection& c) {
    std::vector<payments::Payment> rest;
    for (auto& payment : payments::payments_of_invoice(c, invoice)) {
      if (payment.id.value() > page.after) rest.push_back(std::move(payment));
    }
    return call.list(
        std::move(rest), page, [](const auto& p) { return p.id.value(); },
        [&](JsonWriter& w, const auto& p) { write_payment_of(w, c, call.app.ids, p); });
  });
}

Result<Answer> read_payment(Call& call) {
  BURSAR_TRY(id, call.id<PaymentId>("payment"));
  const auto payment = call.app.payments->read(id);
  if (!payment) return not_found("no_such_object", "There is no such payment.");
  return render(call, *payment);
}

Result<Answer> patch_payment(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  const std::string status = in.choice("status", {"succeeded", "failed"});
  const auto received = in.optional_money("received");
  const std::string reference = in.optional_text("reference").value_or("");
  BURSAR_CHECK(in.finish());
  BURSAR_TRY(id, call.id<PaymentId>("payment"));
  BURSAR_TRY(version, call.if_match());
  const auto before = call.app.db.read([&](storage::Connection& c) { return payments::find_payment(c, id); });
  if (!before) return not_found("no_such_object", "There is no such payment.");
  if (version && *version != before->version) {
    return Error{.kind = ErrorKind::precondition_failed,
                 .code = "version_changed",
                 .detail = "The payment has changed since you read it."};
  }
  if (received && received->currency() != before->amount.currency()) {
    return invalid("invalid_fields", "The amount is in another currency than the payment.",
                   {{"/received/currency", "must be the payment's"}});
  }
  BURSAR_TRY(payment, status == "succeeded"
                          ? call.app.payments->confirm(id, received.value_or(before->amount), reference, call.actor())
                          : call.app.payments->dismiss(id, call.actor()));
  call.wake_workers();
  return render(call, payment);
}

void write_gateway(JsonWriter& w, const payments::GatewayInfo& gateway) {
  w.begin_object().field("instance", gateway.instance).field("display_name", gateway.display_name);
  w.field("stored_methods", gateway.stored_methods)
      .field("setups", gateway.setups)
      .field("refunds", gateway.refunds)
      .field("partial_refunds", gateway.partial_refunds);
  w.field("staff_confirms", gateway.staff_confirms).key("currencies").begin_array();
  for (const Currency& currency : gateway.currencies) w.value(currency.code());
  w.end_array().key("limits").begin_array();
  for (const auto& limit : gateway.limits) {
    w.begin_object().field("minimum", Money(limit.minimum, limit.currency)).key("maximum");
    if (limit.maximum > 0) {
      w.value(Money(limit.maximum, limit.currency));
    } else {
      w.null();
    }
    w.end_object();
  }
  w.end_array().end_object();
}

Result<Answer> list_gateways(Call& call) {
  BURSAR_TRY(page, call.page());
  return call.list_whole(call.app.payment_context->gateways.list(), page, write_gateway);
}
}  // namespace

void add_payment_routes(RouteTable& routes) {
  const QueryParameter status{"status", "pending|requires_action|succeeded|failed|unknown|refunded|partially_refunded",
                              "In this status"};
  routes.add({.verb = Verb::post,
              .path = "/invoices/{invoice}/payments",
              .summary = "Pay the invoice",
              .action = Action::invoices_pay,
              .subject = Subject::invoice,
              .request = "NewPayment",
              .response = "Payment",
              .keyed = true,
              .success = 201,
              .handler = pay_invoice});
  routes.add({.path = "/invoices/{invoice}/payments",
              .summary = "What was paid or tried for the invoice",
              .action = Action::payments_read,
              .subject = Subject::invoice,
              .response = "Payment",
              .list = true,
              .handler = list_payments_of_invoice});
  routes.add({.verb = Verb::post,
              .path = "/accounts/{account}/deposits",
              .summary = "Add credit",
              .action = Action::invoices_pay,
              .subject = Subject::account,
              .request = "NewDeposit",
              .response = "Payment",
              .keyed = true,
              .success = 201,
              .handler = deposit});
  routes.add({.path = "/accounts/{account}/payments",
              .summary = "The account's payments, newest first",
              .action = Action::payments_read,
              .subject = Subject::account,
              .response = "Payment",
              .list = true,
              .query = {status},
              .handler = list_payments});
  routes.add({.path = "/payments",
              .summary = "Every payment, newest first",
              .action = Action::accounts_list,
              .response = "Payment",
              .list = true,
              .query = {status, account_filter},
              .handler = list_payments});
  routes.add({.path = "/payments/{payment}",
              .summary = "A payment; asks the gateway while its outcome is open",
              .action = Action::payments_read,
              .subject = Subject::payment,
              .response = "Payment",
              .handler = read_payment});
  routes.add({.verb = Verb::patch,
              .path = "/payments/{payment}",
              .summary = "Say that a payment's money has arrived, or will not",
              .action = Action::payments_confirm,
              .subject = Subject::payment,
              .request = "PaymentPatch",
              .response = "Payment",
              .handler = patch_payment});
  routes.add({.path = "/gateways",
              .summary = "The gateways one can pay with now",
              .action = Action::gateways_read,
              .response = "Gateway",
              .list = true,
              .handler = list_gateways});
}

}  // namespace bursar::http
