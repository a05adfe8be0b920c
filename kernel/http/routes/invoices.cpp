#include "invoicing/invoices.hpp"

#include "accounts/accounts.hpp"
#include "accounts/audit.hpp"
#include "dunning/holds.hpp"
#include "http/call.hpp"
#include "http/routes/routes.hpp"
#include "http/views.hpp"
#include "invoicing/corrections.hpp"
#include "invoicing/issue.hpp"
#include "invoicing/periods.hpp"
#include "invoicing/settlement.hpp"
#include "ledger/journal.hpp"
#include "payments/autopay_attempts.hpp"
#include "payments/under_way.hpp"

namespace bursar::http {

namespace {
using accounts::Action;

std::optional<invoicing::InvoiceStatus> status_from(const std::string& text) {
  for (const auto status :
       {invoicing::InvoiceStatus::draft, invoicing::InvoiceStatus::open, invoicing::InvoiceStatus::paid,
        invoicing::InvoiceStatus::void_, invoicing::InvoiceStatus::uncollectible, invoicing::InvoiceStatus::refunded}) {
    if (invoicing::to_string(status) == text) return status;
  }
  return std::nullopt;
}

std::map<InvoiceId, Money> under_way_of(storage::Connection& c, const std::vector<invoicing::Invoice>& invoices) {
  std::vector<std::int64_t> ids;
  for (const auto& invoice : invoices) {
    if (invoice.status == invoicing::InvoiceStatus::open) ids.push_back(invoice.id.value());
  }
  return ids.empty() ? std::map<InvoiceId, Money>() : payments::money_under_way(c, ids);
}

void write_under_way(JsonWriter& w, const invoicing::Invoice& invoice, const std::map<InvoiceId, Money>& under_way) {
  const auto found = under_way.find(invoice.id);
  w.field("under_way", found == under_way.end() ? Money::zero(invoice.total.currency()) : found->second);
}

Result<Answer> list_invoices(Call& call) {
  BURSAR_TRY(page, call.page());
  const AccountId of = call.account ? call.account : call.query_id<AccountId>("account").value_or(AccountId());
  invoicing::InvoiceFilter filter{.account = of,
                                  .due_before = call.query_date("due_before"),
                                  .before = InvoiceId(page.after),
                                  .limit = page.fetch()};
  if (const auto status = call.query("status")) filter.status = status_from(*status);
  std::map<InvoiceId, Money> under_way;
  auto found = call.app.db.read([&](storage::Connection& c) {
    auto invoices = invoicing::list_invoices(c, filter);
    under_way = under_way_of(c, invoices);
    return invoices;
  });
  return call.list(
      std::move(found), page, [](const auto& i) { return i.id.value(); },
      [&](JsonWriter& w, const auto& i) {
        w.begin_object();
        write_invoice_fields(w, call.app.ids, i, call.today());
        write_under_way(w, i, under_way);
        w.end_object();
      });
}

void write_allocations(JsonWriter& w, storage::Connection& c, const IdCodec& ids, const invoicing::Invoice& invoice) {
  w.key("allocations").begin_array();
  auto rows =
      c.query("SELECT payment_id, amount, created_at FROM allocations WHERE invoice_id = $1 ORDER BY id", invoice.id);
  while (rows.next()) {
    w.begin_object();
    id_field(w, ids, "payment_id", rows.id<PaymentId>(0));
    w.field("amount", Money(rows.integer(1), invoice.total.currency()))
        .field("created_at", rows.instant(2))
        .end_object();
  }
  w.end_array();
}

Result<Answer> render(const Call& call, storage::Connection& c, InvoiceId id) {
  const auto invoice = invoicing::find_invoice(c, id);
  if (!invoice) return not_found("no_such_object", "There is no such invoice.");
  const IdCodec& ids = call.app.ids;
  JsonWriter w;
  w.begin_object();
  write_invoice_fields(w, ids, *invoice, call.today());
  write_under_way(w, *invoice, under_way_of(c, {*invoice}));
  w.field("held_until", dunning::held_until(c, id));
  const auto lines = invoicing::lines_of(c, *invoice);
  w.key("lines").begin_array();
  for (const auto& line : lines) write_invoice_line(w, ids, line);
  w.end_array().key("lines_to_be_removed").begin_array();
  for (const LineId line : invoicing::lines_to_be_removed(c, id, lines)) w.value(ids.text(line));
  w.end_array().key("credit_notes").begin_array();
  for (const auto& note : invoicing::credit_notes_of(c, id)) write_credit_note(w, ids, note);
  w.end_array();
  if (const auto seller = accounts::find_party(c, invoice->seller_party)) write_party(w.key("seller"), *seller);
  if (const auto buyer = accounts::find_party(c, invoice->buyer_party)) write_party(w.key("buyer"), *buyer);
  write_allocations(w, c, ids, *invoice);
  write_autopay_attempts(w, ids, payments::attempts_of(c, id));
  w.end_object();
  return call.versioned(std::move(w), invoice->version);
}

Result<Answer> read_invoice(Call& call, storage::Connection& c) {
  BURSAR_TRY(id, call.id<InvoiceId>("invoice"));
  return render(call, c, id);
}

Result<Answer> create_invoice(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  const auto account = in.id<AccountId>("account_id");
  const CivilDate due_on = in.date("due_on");
  std::vector<invoicing::ManualLine> lines;
  for (ObjectReader* item : in.objects("lines", {.max = 100})) {
    const std::string description = item->text("description", {.max = 500});
    const auto unit_price = item->money("unit_price");
    const auto quantity = item->optional_integer("quantity", 1, 1'000'000).value_or(1);
    const auto tax_class = item->optional_text("tax_class", {}).value_or("standard");
    if (unit_price)
      lines.push_back(
          {.description = description, .unit_price = *unit_price, .quantity = quantity, .tax_class = tax_class});
  }
  BURSAR_CHECK(in.finish());
  BURSAR_CHECK(call.require(Action::invoices_create, account));
  call.account = account;
  return call.once("create_invoice", [&](storage::Transaction& tx) -> Result<Answer> {
    if (!accounts::find_account(tx, account))
      return invalid("invalid_fields", "There is no such account.", {{"/account_id", "names nothing we know"}});
    BURSAR_TRY(id, invoicing::issue_manual(tx, call.app.rules, account, lines, due_on, call.now));
    call.audit(tx, account, "invoice.create", accounts::audit_object(id));
    return render(call, tx, id);
  });
}

Status check_version(storage::Connection& c, InvoiceId id, std::optional<std::int64_t> expected) {
  const auto invoice = invoicing::find_invoice(c, id);
  if (!expected || (invoice && invoice->version == *expected)) return {};
  return Error{.kind = ErrorKind::precondition_failed,
               .code = "version_changed",
               .detail = "The invoice has changed since you read it."};
}

Result<Answer> patch_invoice(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  const std::string status = in.choice("status", {"void", "uncollectible"});
  const std::string reason = in.text("reason", {.max = 500, .lines = true});
  BURSAR_CHECK(in.finish());
  BURSAR_TRY(id, call.id<InvoiceId>("invoice"));
  BURSAR_TRY(version, call.if_match());
  return call.once("patch_invoice", [&](storage::Transaction& tx) -> Result<Answer> {
    BURSAR_CHECK(check_version(tx, id, version));
    if (status == "void") {
      BURSAR_CHECK(invoicing::void_invoice(tx, call.app.rules, id, reason, call.now));
    } else {
      BURSAR_CHECK(invoicing::write_off(tx, call.app.rules, id, reason, call.now));
    }
    call.audit(tx, call.account, status == "void" ? "invoice.void" : "invoice.write_off", accounts::audit_object(id));
    return render(call, tx, id);
  });
}

Status check_lines(storage::Connection& c, const invoicing::Invoice& invoice, const std::vector<LineId>& asked) {
  const auto known = invoicing::lines_of(c, invoice);
  std::vector<FieldError> faults;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (std::none_of(known.begin(), known.end(), [&](const auto& line) { return line.id == asked[i]; }))
      faults.push_back({"/line_ids/" + std::to_string(i), "is no line of this invoice"});
  }
  return faults.empty() ? Status()
                        : invalid("invalid_fields", "Some lines are not of this invoice.", std::move(faults));
}

Result<Answer> create_credit_note(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  const std::string reason = in.text("reason", {.max = 500, .lines = true});
  const auto amount = in.optional_money("amount");
  const auto lines = in.has("line_ids") ? in.id_list<LineId>("line_ids", {.max = 200}) : std::vector<LineId>();
  if (amount.has_value() == in.has("line_ids")) in.fault("amount", "give either amount or line_ids");
  BURSAR_CHECK(in.finish());
  BURSAR_TRY(id, call.id<InvoiceId>("invoice"));
  return call.once("create_credit_note", [&](storage::Transaction& tx) -> Result<Answer> {
    const auto invoice = invoicing::find_invoice(tx, id);
    if (amount && invoice && amount->currency() != invoice->total.currency()) {
      return invalid("invalid_fields", "The amount is in another currency than the invoice.",
                     {{"/amount/currency", "must be the invoice's"}});
    }
    if (invoice) BURSAR_CHECK(check_lines(tx, *invoice, lines));
    BURSAR_CHECK(amount ? invoicing::credit_amount(tx, call.app.rules, id, *amount, reason, call.now)
                        : invoicing::take_back_lines(tx, call.app.rules, id, lines, reason, call.now));
    call.audit(tx, call.account, "invoice.credit", accounts::audit_object(id));
    return render(call, tx, id);
  });
}

Result<Answer> apply_credit(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  const auto amount = in.optional_money("amount");
  BURSAR_CHECK(in.finish());
  BURSAR_TRY(id, call.id<InvoiceId>("invoice"));
  return call.once("apply_credit", [&](storage::Transaction& tx) -> Result<Answer> {
    const auto invoice = invoicing::find_invoice(tx, id);
    if (!invoice) return not_found("no_such_object", "There is no such invoice.");
    if (amount && (amount->currency() != invoice->total.currency() || !amount->is_positive())) {
      return invalid("invalid_fields", "The amount is wrong.",
                     {{"/amount", "must be positive and in the invoice's currency"}});
    }
    if (invoice->status == invoicing::InvoiceStatus::open &&
        ledger::credit_balance(tx, call.account, invoice->total.currency()).is_zero()) {
      return conflict("no_credit", "The account has no credit in this currency.");
    }
    BURSAR_CHECK(invoicing::apply_credit(tx, call.app.rules, id, amount.value_or(invoice->balance), call.now));
    call.audit(tx, call.account, "invoice.apply_credit", accounts::audit_object(id));
    tx.after_commit([&call] { call.wake_workers(); });
    return render(call, tx, id);
  });
}
}  // namespace

void add_invoice_routes(RouteTable& routes) {
  const std::vector<QueryParameter> filters = {
      {"status", "draft|open|paid|void|uncollectible|refunded", "In this status"},
      {"due_before", "date", "Due before this day"}};
  std::vector<QueryParameter> staff_filters = filters;
  staff_filters.push_back(account_filter);
  routes.add({.path = "/accounts/{account}/invoices",
              .summary = "The account's invoices, newest first",
              .action = Action::invoices_read,
              .subject = Subject::account,
              .response = "Invoice",
              .list = true,
              .query = filters,
              .handler = list_invoices});
  routes.add({.path = "/invoices",
              .summary = "Every invoice, newest first",
              .action = Action::accounts_list,
              .response = "Invoice",
              .list = true,
              .query = staff_filters,
              .handler = list_invoices});
  routes.add({.path = "/invoices/{invoice}",
              .summary = "An invoice with its lines",
              .action = Action::invoices_read,
              .subject = Subject::invoice,
              .response = "Invoice",
              .reader = read_invoice});
  routes.add({.verb = Verb::post,
              .path = "/invoices",
              .summary = "Issue an invoice by hand",
              .access = Access::login,
              .request = "NewInvoice",
              .response = "Invoice",
              .keyed = true,
              .success = 201,
              .handler = create_invoice});
  routes.add({.verb = Verb::patch,
              .path = "/invoices/{invoice}",
              .summary = "Void an invoice or write it off",
              .action = Action::invoices_change,
              .subject = Subject::invoice,
              .request = "InvoicePatch",
              .response = "Invoice",
              .handler = patch_invoice});
  routes.add({.verb = Verb::post,
              .path = "/invoices/{invoice}/credit-notes",
              .summary = "Take back lines or an amount",
              .action = Action::invoices_change,
              .subject = Subject::invoice,
              .request = "NewCreditNote",
              .response = "Invoice",
              .keyed = true,
              .success = 201,
              .handler = create_credit_note});
  routes.add({.verb = Verb::post,
              .path = "/invoices/{invoice}/credit",
              .summary = "Use account credit for the invoice",
              .action = Action::invoices_apply_credit,
              .subject = Subject::invoice,
              .request = "CreditUse",
              .response = "Invoice",
              .keyed = true,
              .handler = apply_credit});
}

}  // namespace bursar::http
