// How each amount of an invoice came to be.
#include "dunning/holds.hpp"
#include "http/call.hpp"
#include "http/routes/routes.hpp"
#include "http/views.hpp"
#include "invoicing/derivation.hpp"
#include "invoicing/explain_invoice.hpp"
#include "payments/autopay_attempts.hpp"
#include "payments/explain_ledger.hpp"

namespace bursar::http {

namespace {
using accounts::Action;

void write_group(JsonWriter& w, const invoicing::TaxGroup& group) {
  w.begin_object().field("rule", group.rule).field("place", group.place).field("category", group.category);
  w.field("rate", percent_to_string(group.rate)).field("inclusive", group.inclusive);
  w.field("taxable", group.taxable).field("tax", group.tax).field("formula", group.formula).end_object();
}

void write_line(JsonWriter& w, const IdCodec& ids, const invoicing::LineExplanation& explained) {
  const invoicing::Line& line = explained.line;
  w.begin_object().field("line_id", ids.text(line.id)).field("kind", invoicing::to_string(line.kind));
  w.field("description", line.description).field("in_total", explained.in_total);
  json_or_null(w, "derivation", explained.derivation);
  w.field("unit_price", line.unit_price).field("quantity", line.quantity).field("listed", explained.listed);
  text_or_null(w, "tax_contained", explained.tax_contained.num == 0 ? "" : percent_to_string(explained.tax_contained));
  w.field("taxable", explained.taxable).field("tax_group", static_cast<std::int64_t>(explained.tax_group));
  w.field("net", line.net).field("tax", line.tax).field("total", line.net + line.tax).key("steps").begin_array();
  for (const auto& step : explained.steps) {
    w.begin_object().field("name", step.name).field("formula", step.formula).field("result", step.result).end_object();
  }
  w.end_array().field("sentence", explained.sentence).end_object();
}

void write_settlement(JsonWriter& w, storage::Connection& c, const IdCodec& ids, const invoicing::Invoice& invoice) {
  const auto settling = invoicing::settling_of(c, invoice);
  std::vector<ledger::StoredEntry> entries;
  for (const auto& one : settling) entries.push_back(one.entry);
  const auto told = payments::explain_entries(c, ids, entries);
  for (std::size_t i = 0; i < settling.size(); ++i) {
    const auto& one = settling[i];
    w.begin_object().field("entry_id", ids.text(one.entry.id)).field("kind", one.entry.kind);
    text_or_null(w, "source_id", told[i].source);
    w.field("explanation", told[i].text).field("booked_on", one.entry.booked_on).field("amount", one.amount);
    w.field("balance_after", one.balance_after).key("allocations").begin_array();
    for (const auto& part : one.allocations) {
      w.begin_object();
      id_field(w, ids, "payment_id", part.payment);
      w.field("amount", part.amount);
      json_or_null(w, "derivation", part.derivation);
      w.field("formula", invoicing::derivation_in_words(part.derivation, part.amount)).end_object();
    }
    w.end_array().end_object();
  }
}

// What was taken back, line by line.
void write_credit_notes(JsonWriter& w, storage::Connection& c, const IdCodec& ids, const invoicing::Invoice& invoice) {
  w.key("credit_notes").begin_array();
  for (const auto& note : invoicing::credit_notes_of(c, invoice.id)) {
    w.begin_object().field("credit_note_id", ids.text(note.id)).field("number", note.number).key("lines").begin_array();
    for (const auto& line : note.lines) {
      const Money total = line.net + line.tax;
      w.begin_object().field("line_id", ids.text(line.line));
      json_or_null(w, "derivation", line.derivation);
      w.field("formula", invoicing::derivation_in_words(line.derivation, total));
      w.field("net", line.net).field("tax", line.tax).field("total", total).end_object();
    }
    w.end_array().field("total", note.total).end_object();
  }
  w.end_array();
}

// What comes next while it is owed, and by which day of the plan.
void write_next(JsonWriter& w, storage::Connection& c, const invoicing::Invoice& invoice) {
  w.key("next").begin_object().field("held_until", dunning::held_until(c, invoice.id));
  w.field("charge_on", invoice.autopay_on);
  json_or_null(w, "charge_derivation", invoicing::autopay_derivation(c, invoice));
  w.field("charges_made", std::int64_t{invoice.autopay_attempts});
  w.key("collection");
  if (invoice.dunning) {
    w.begin_object().field("action", invoicing::to_string(invoice.dunning->step.action));
    w.field("on", invoice.dunning->on).field("days_after_due", std::int64_t{invoice.dunning->step.offset});
    w.end_object();
  } else {
    w.null();
  }
  w.end_object();
}

Result<Answer> explain_invoice(Call& call) {
  BURSAR_TRY(id, call.id<InvoiceId>("invoice"));
  const IdCodec& ids = call.app.ids;
  return call.app.db.read([&](storage::Connection& c) -> Result<Answer> {
    const auto invoice = invoicing::find_invoice(c, id);
    BURSAR_ASSERT(invoice.has_value());
    const auto explained = invoicing::explain_invoice(c, *invoice);
    JsonWriter w;
    w.begin_object().field("invoice_id", ids.text(id)).key("lines").begin_array();
    for (const auto& line : explained.lines) write_line(w, ids, line);
    w.end_array().key("tax_groups").begin_array();
    for (const auto& group : explained.tax_groups) write_group(w, group);
    w.end_array();
    w.field("net", invoice->net).field("tax", invoice->tax).field("total", invoice->total);
    w.key("settlement").begin_array();
    write_settlement(w, c, ids, *invoice);
    w.end_array();
    write_credit_notes(w, c, ids, *invoice);
    w.field("balance", invoice->balance);
    write_autopay_attempts(w, ids, payments::attempts_of(c, id));
    write_next(w, c, *invoice);
    w.end_object();
    return call.answer(std::move(w));
  });
}
}  // namespace

void add_explanation_routes(RouteTable& routes) {
  routes.add({.path = "/invoices/{invoice}/explanation",
              .summary = "How each amount of the invoice came to be, and what comes next",
              .action = Action::invoices_read,
              .subject = Subject::invoice,
              .response = "InvoiceExplanation",
              .handler = explain_invoice});
}

}  // namespace bursar::http
