#include "http/views.hpp"

#include <charconv>

namespace bursar::http {

void text_or_null(JsonWriter& w, std::string_view name, std::string_view text) {
  w.key(name);
  if (text.empty()) {
    w.null();
  } else {
    w.value(text);
  }
}

void json_or_null(JsonWriter& w, std::string_view name, std::string_view json) {
  w.key(name).raw(json.empty() ? "null" : json);
}

namespace {
void write_address(JsonWriter& w, const accounts::PostalAddress& address) {
  w.key("address").begin_object().field("street", address.street).field("city", address.city);
  w.field("region", address.region)
      .field("postal_code", address.postal_code)
      .field("country", address.country)
      .end_object();
}

// "inv:42" as it stands in the audit trail, as outside text.
std::string outside_object(const IdCodec& ids, std::string_view object) {
  const std::size_t colon = object.find(':');
  std::int64_t number = 0;
  if (colon == std::string_view::npos) return std::string(object);
  const auto [end, error] = std::from_chars(object.data() + colon + 1, object.data() + object.size(), number);
  if (error != std::errc() || end != object.data() + object.size()) return std::string(object);
  return ids.encode(object.substr(0, colon), number);
}
}  // namespace

void write_account(JsonWriter& w, const IdCodec& ids, const accounts::Account& a) {
  w.begin_object()
      .field("id", ids.text(a.id))
      .field("status", a.status)
      .field("name", a.name)
      .field("company", a.company);
  w.field("email", a.email).field("phone", a.phone);
  write_address(w, a.address);
  w.field("tax_id", a.tax_id).field("tax_exempt", a.tax_exempt).field("currency", a.currency.code());
  w.field("language", a.language)
      .field("autopay_enabled", a.autopay_enabled)
      .field("created_at", a.created_at)
      .end_object();
}

void write_party(JsonWriter& w, const accounts::Party& party) {
  w.begin_object().field("name", party.name).field("company", party.company).field("email", party.email);
  write_address(w, party.address);
  w.field("tax_id", party.tax_id).end_object();
}

void write_product(JsonWriter& w, const IdCodec& ids, const catalog::Product& p, bool for_staff) {
  w.begin_object()
      .field("id", ids.text(p.id))
      .field("code", p.code)
      .field("name", p.name)
      .field("description", p.description);
  w.field("group", p.group).field("status", p.retired ? "retired" : "active");
  if (for_staff) {
    w.field("panel", p.panel).key("panel_options").raw(p.panel_options.empty() ? "{}" : p.panel_options);
  }
  w.field("tax_class", p.tax_class).field("stock", p.stock).key("prices").begin_array();
  for (const catalog::Price& price : p.prices) {
    w.begin_object().field("cycle", price.cycle.to_string()).field("name", price.cycle.name());
    w.field("amount", price.amount).field("setup_fee", price.setup_fee).end_object();
  }
  w.end_array().field("created_at", p.created_at).end_object();
}

void write_promotion(JsonWriter& w, const IdCodec& ids, const catalog::Promotion& p) {
  w.begin_object().field("id", ids.text(p.id)).field("code", p.code).key("percent");
  if (p.percent) {
    w.value(percent_to_string(*p.percent));
  } else {
    w.null();
  }
  w.field("amount", p.amount);
  id_field(w, ids, "product_id", p.product);
  w.field("periods", p.periods).field("max_uses", p.max_uses).field("uses", p.uses);
  w.field("valid_from", p.valid_from).field("valid_until", p.valid_until).end_object();
}

void write_service_change(JsonWriter& w, const IdCodec& ids, const invoicing::ServiceChange& c) {
  w.begin_object().field("service_id", ids.text(c.service)).field("status", invoicing::to_string(c.status));
  w.field("when", invoicing::to_string(c.timing));
  w.field("product_id", ids.text(c.product)).field("cycle", c.cycle.to_string()).field("price", c.price);
  w.field("effective_on", c.effective_on);
  id_field(w, ids, "invoice_id", c.invoice);
  w.field("credit", c.credit).field("explanation", c.explanation);
  const bool lapses = c.status == invoicing::ChangeStatus::awaiting_payment;
  w.field("lapses_on", lapses ? c.look_on : std::nullopt);
  w.field("requested_at", c.requested_at).field("settled_at", c.settled_at).end_object();
}

void write_service(JsonWriter& w, const IdCodec& ids, const services::Service& s,
                   const invoicing::ServiceChange* pending) {
  w.begin_object().field("id", ids.text(s.id)).field("account_id", ids.text(s.account));
  id_field(w, ids, "order_id", s.order);
  w.field("product_id", ids.text(s.product)).field("label", s.label).field("status", services::to_string(s.status));
  w.field("suspend_reason", s.suspend_reason).field("cycle", s.cycle.to_string()).field("price", s.price);
  w.field("started_on", s.started_on).field("next_due_on", s.next_due_on).field("cancel_on", s.cancel_on);
  w.field("panel", s.panel).field("desired_state", s.desired_state).field("actual_state", s.actual_state);
  w.field("panel_reference", s.panel_reference)
      .field("created_at", s.created_at)
      .field("ended_at", s.ended_at)
      .key("pending_change");
  if (pending == nullptr) {
    w.null();
  } else {
    write_service_change(w, ids, *pending);
  }
  w.end_object();
}

void write_cancellation(JsonWriter& w, const IdCodec& ids, const services::Cancellation& c) {
  w.begin_object().field("service_id", ids.text(c.service));
  w.field("when", c.kind == services::CancellationKind::immediate ? "immediate" : "end_of_period")
      .field("reason", c.reason);
  w.field("effective_on", c.effective_on).field("status", c.status).field("requested_at", c.requested_at);
  w.field("done_at", c.done_at).end_object();
}

void write_invoice_fields(JsonWriter& w, const IdCodec& ids, const invoicing::Invoice& i, CivilDate today) {
  w.field("id", ids.text(i.id)).field("account_id", ids.text(i.account));
  text_or_null(w, "number", i.number);
  w.field("kind", invoicing::to_string(i.kind)).field("status", invoicing::to_string(i.status));
  w.field("overdue", i.overdue(today)).field("currency", i.total.currency().code());
  w.field("issued_on", i.issued_on).field("due_on", i.due_on);
  w.field("net", i.net).field("tax", i.tax).field("total", i.total).field("balance", i.balance);
  id_field(w, ids, "late_fee_of", i.late_fee_of);
  w.field("created_at", i.created_at).field("paid_at", i.paid_at).field("autopay_on", i.autopay_on);
}

void write_invoice_line(JsonWriter& w, const IdCodec& ids, const invoicing::Line& l) {
  w.begin_object()
      .field("id", ids.text(l.id))
      .field("kind", invoicing::to_string(l.kind))
      .field("description", l.description);
  w.field("quantity", l.quantity).field("unit_price", l.unit_price).field("net", l.net).field("tax", l.tax);
  w.field("tax_rule", l.tax_rule)
      .field("tax_rate", percent_to_string(l.tax_rate))
      .field("tax_inclusive", l.tax_inclusive);
  w.field("tax_category", l.tax_category).field("exemption_reason", l.exemption_reason);
  id_field(w, ids, "service_id", l.service);
  w.field("period_start", l.period_start).field("period_end", l.period_end).field("removed", l.removed).end_object();
}

void write_credit_note(JsonWriter& w, const IdCodec& ids, const invoicing::CreditNote& note) {
  w.begin_object()
      .field("id", ids.text(note.id))
      .field("invoice_id", ids.text(note.invoice))
      .field("number", note.number);
  w.field("issued_on", note.issued_on).field("net", note.net).field("tax", note.tax).field("total", note.total);
  w.field("reason", note.reason).key("lines").begin_array();
  for (const auto& line : note.lines) {
    w.begin_object().field("line_id", ids.text(line.line)).field("description", line.description);
    w.field("net", line.net).field("tax", line.tax).end_object();
  }
  w.end_array().end_object();
}

void write_payment(JsonWriter& w, const IdCodec& ids, const payments::Payment& p,
                   const std::vector<payments::Allocation>& allocations) {
  w.begin_object().field("id", ids.text(p.id)).field("account_id", ids.text(p.account));
  id_field(w, ids, "invoice_id", p.invoice);
  id_field(w, ids, "mass_payment_id", p.mass_payment);
  w.field("gateway", p.gateway);
  id_field(w, ids, "payment_method", p.method);
  id_field(w, ids, "saved_method", p.saved_method);
  w.field("origin", payments::to_string(p.origin)).field("status", payments::to_string(p.status));
  w.field("amount", p.amount).field("received", p.received).field("refunded", p.refunded);
  w.field("disputed", p.disputed).field("refundable", payments::refundable(p));
  text_or_null(w, "gateway_reference", p.reference);
  w.key("next_action").raw(p.next_action.empty() ? "null" : p.next_action);
  text_or_null(w, "decline_code", p.decline_code);
  text_or_null(w, "decline_text", p.decline_text);
  w.key("allocations").begin_array();
  for (const payments::Allocation& a : allocations) {
    w.begin_object().field("invoice_id", ids.text(a.invoice)).field("amount", a.amount).end_object();
  }
  w.end_array()
      .field("created_at", p.created_at)
      .field("settled_at", p.settled_at)
      .field("expires_at", p.expires_at)
      .end_object();
}

void write_refund(JsonWriter& w, const IdCodec& ids, const payments::Refund& r) {
  w.begin_object().field("id", ids.text(r.id)).field("payment_id", ids.text(r.payment));
  w.field("gateway", r.gateway).field("destination", payments::to_string(r.destination)).field("status", r.status);
  w.field("amount", r.amount).field("credited", r.credited);
  id_field(w, ids, "request_id", r.request);
  text_or_null(w, "reference", r.reference);
  w.field("reason", r.reason).field("created_at", r.created_at).field("settled_at", r.settled_at).end_object();
}

void write_refund_request(JsonWriter& w, const IdCodec& ids, const payments::StoredRefundRequest& r) {
  w.begin_object().field("id", ids.text(r.id)).field("account_id", ids.text(r.account));
  w.field("payment_id", ids.text(r.payment)).field("status", payments::to_string(r.status)).field("amount", r.amount);
  w.key("line_ids").begin_array();
  for (const LineId line : r.lines) w.value(ids.text(line));
  w.end_array().field("reason", r.reason).field("refundable", r.refundable);
  w.key("verdict").begin_object().field("eligible", r.eligible).field("credit_only", r.credit_only);
  w.key("conditions").begin_array();
  for (const payments::RefundCondition& one : r.conditions) {
    w.begin_object();
    id_field(w, ids, "line_id", one.line);
    text_or_null(w, "product", one.product);
    w.field("rule", one.rule).field("name", one.name).field("verdict", payments::to_string(one.verdict));
    w.field("explanation", one.explanation).end_object();
  }
  w.end_array().end_object().field("requested_at", r.requested_at);
  id_field(w, ids, "requested_by", r.requested_by);
  w.key("decision");
  if (!r.decided_at) {
    w.null().end_object();
    return;
  }
  w.begin_object().field("at", *r.decided_at).field("by_rule", r.by_rule);
  id_field(w, ids, "decided_by", r.decided_by);
  w.field("reason", r.decision_reason).field("override_reason", r.override_reason);
  id_field(w, ids, "refund_id", r.refund);
  w.end_object().end_object();
}

void write_dispute(JsonWriter& w, const IdCodec& ids, const payments::Dispute& d) {
  w.begin_object().field("id", ids.text(d.id)).field("account_id", ids.text(d.account));
  w.field("payment_id", ids.text(d.payment)).field("gateway", d.gateway).field("reference", d.reference);
  w.field("status", payments::to_string(d.status)).field("amount", d.amount).field("counted", d.counted);
  w.field("held", d.held).field("fee", d.fee).field("reason", d.reason).field("respond_by", d.respond_by);
  w.field("opened_at", d.opened_at).field("closed_at", d.closed_at).end_object();
}

void write_payment_method(JsonWriter& w, const IdCodec& ids, const payments::PaymentMethod& m) {
  w.begin_object().field("id", ids.text(m.id)).field("account_id", ids.text(m.account)).field("gateway", m.gateway);
  w.field("label", m.label)
      .field("expires_on", m.expires_on)
      .field("position", m.position)
      .field("created_at", m.created_at);
  w.end_object();
}

void write_method_setup(JsonWriter& w, const IdCodec& ids, const payments::MethodSetup& s) {
  w.begin_object().field("id", ids.text(s.id)).field("account_id", ids.text(s.account)).field("gateway", s.gateway);
  w.field("status", payments::to_string(s.status));
  id_field(w, ids, "payment_method", s.method);
  w.key("next_action").raw(s.next_action.empty() ? "null" : s.next_action);
  text_or_null(w, "decline_code", s.decline_code);
  text_or_null(w, "decline_text", s.decline_text);
  w.field("created_at", s.created_at).field("settled_at", s.settled_at).field("expires_at", s.expires_at).end_object();
}

void write_autopay_attempts(JsonWriter& w, const IdCodec& ids, const std::vector<payments::Attempt>& attempts) {
  w.key("autopay_attempts").begin_array();
  for (const payments::Attempt& attempt : attempts) {
    w.begin_object().field("round", attempt.round).field("outcome", payments::to_string(attempt.outcome));
    id_field(w, ids, "payment_method", attempt.method);
    w.field("method_label", attempt.label).field("gateway", attempt.gateway);
    id_field(w, ids, "payment_id", attempt.payment);
    text_or_null(w, "payment_status", attempt.payment_status);
    w.field("reason", attempt.reason).field("explanation", payments::explanation(attempt));
    w.field("created_at", attempt.created_at);
    w.field("retry_on", attempt.retry ? std::optional(attempt.retry->on) : std::nullopt);
    json_or_null(w, "retry_derivation", attempt.retry ? std::string_view(attempt.retry->derivation) : "");
    w.end_object();
  }
  w.end_array();
}

void write_ledger_entry(JsonWriter& w, const IdCodec& ids, const ledger::StoredEntry& entry,
                        const payments::EntryExplanation& explanation) {
  w.begin_object().field("id", ids.text(entry.id)).field("kind", entry.kind);
  text_or_null(w, "source_id", explanation.source);
  w.field("booked_at", entry.booked_at).field("booked_on", entry.booked_on).field("description", entry.description);
  w.field("explanation", explanation.text).key("postings").begin_array();
  for (std::size_t i = 0; i < entry.postings.size(); ++i) {
    const ledger::Posting& posting = entry.postings[i];
    w.begin_object().field("ledger_account", posting.ledger_account.name());
    id_field(w, ids, "invoice_id", posting.invoice);
    w.field("amount", posting.amount).field("explanation", explanation.postings[i]).end_object();
  }
  w.end_array().end_object();
}

namespace {
// What a task is about, by its kind.
std::string task_object(const IdCodec& ids, const payments::StaffTask& task) {
  if (task.kind == "confirm_payment" || task.kind == "refund_elsewhere") return ids.text(PaymentId(task.object));
  if (task.kind == "refund_request") return ids.text(RefundRequestId(task.object));
  if (task.kind == "refund_failed" || task.kind == "refund_unclear") return ids.text(RefundId(task.object));
  if (task.kind == "dispute") return ids.text(DisputeId(task.object));
  if (task.kind == "inbox_event") return ids.text(WebhookRequestId(task.object));
  if (task.kind == "approve_run") return ids.text(RunId(task.object));
  if (task.kind == "assign_suspense") return ids.text(SuspenseId(task.object));
  return ids.text(ServiceId(task.object));
}
}  // namespace

void write_task(JsonWriter& w, const IdCodec& ids, const payments::StaffTask& task) {
  w.begin_object().field("id", ids.text(task.id)).field("kind", task.kind);
  id_field(w, ids, "account_id", task.account);
  if (task.object == 0) {
    w.key("object_id").null();
  } else {
    w.field("object_id", task_object(ids, task));
  }
  w.field("title", task.title).field("detail", task.detail).field("status", task.status);
  w.field("created_at", task.created_at).field("closed_at", task.closed_at).end_object();
}

void write_notification(JsonWriter& w, const IdCodec& ids, const notices::MessageRow& m) {
  w.begin_object().field("id", ids.text(m.id));
  id_field(w, ids, "account_id", m.account);
  w.field("channel", m.channel);
  w.field("recipient", m.recipient)
      .field("template", m.template_name)
      .field("subject", m.subject)
      .field("body", m.body);
  w.field("status", m.status).field("created_at", m.created_at).field("sent_at", m.sent_at).end_object();
}

void write_run(JsonWriter& w, const IdCodec& ids, const scheduler::RunStatus& run) {
  w.begin_object().field("id", ids.text(run.id)).field("job", run.job).field("scheduled_at", run.scheduled_at);
  w.field("date", run.date).field("status", run.status).field("catch_up", run.catch_up).field("step", run.step);
  w.field("error", run.error).field("started_at", run.started_at).field("finished_at", run.finished_at);
  w.key("steps").begin_array();
  for (const scheduler::StepStatus& step : run.steps) {
    w.begin_object().field("name", step.name).field("done", step.done).key("counts").begin_object();
    for (const auto& [name, count] : step.counts) w.field(name, count);
    w.end_object().field("chunks", step.chunks).field("parked", step.parked).field("started_at", step.started_at);
    w.field("finished_at", step.finished_at).end_object();
  }
  w.end_array().key("checks").begin_array();
  for (const scheduler::StepCheck& check : run.checks) {
    w.begin_object().field("step", check.step).field("kind", check.kind).field("objects", check.objects);
    w.field("reach", check.reach).field("bound", check.bound).field("verdict", check.verdict);
    text_or_null(w, "reason", check.reason);
    w.field("checked_at", check.checked_at).field("decided_at", check.decided_at);
    id_field(w, ids, "decided_by", check.decided_by);
    text_or_null(w, "decision_reason", check.decision_reason);
    w.end_object();
  }
  w.end_array().end_object();
}

void write_audit_event(JsonWriter& w, const IdCodec& ids, const accounts::AuditEvent& e) {
  w.begin_object().field("id", ids.text(e.id)).field("at", e.at).field("actor", accounts::to_text(e.actor.kind));
  id_field(w, ids, "user_id", e.actor.user);
  id_field(w, ids, "account_id", e.account);
  w.field("action", e.action).field("object_id", outside_object(ids, e.object));
  w.key("detail").raw(e.detail.empty() ? "null" : e.detail);
  w.field("address", e.actor.address).field("request_id", e.actor.request_id).end_object();
}

}  // namespace bursar::http
