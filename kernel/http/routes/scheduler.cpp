#include "scheduler/scheduler.hpp"

#include <charconv>

#include "accounts/audit.hpp"
#include "http/call.hpp"
#include "http/routes/routes.hpp"
#include "http/views.hpp"
#include "payments/payments.hpp"

namespace bursar::http {

namespace {
using accounts::Action;
constexpr std::int64_t preview_rows = 1000;  // of each kind; more and `truncated` is true

void write_job(JsonWriter& w, const IdCodec& ids, const scheduler::JobStatus& job) {
  w.begin_object()
      .field("name", job.name)
      .field("cron", job.cron)
      .field("timezone", job.timezone)
      .field("catch_up", job.catch_up);
  w.field("next_at", job.next_at).key("last_run");
  if (job.last) {
    write_run(w, ids, *job.last);
  } else {
    w.null();
  }
  w.end_object();
}

Result<Answer> list_jobs(Call& call) {
  BURSAR_TRY(page, call.page());
  return call.list_whole(call.app.scheduler->jobs(), page,
                         [&](JsonWriter& w, const auto& job) { write_job(w, call.app.ids, job); });
}

Result<Answer> read_job(Call& call) {
  BURSAR_TRY(job, call.app.scheduler->job(call.parameter("name")));
  JsonWriter w;
  write_job(w, call.app.ids, job);
  return call.answer(std::move(w));
}

Result<Answer> list_runs(Call& call) {
  BURSAR_TRY(page, call.page());
  BURSAR_TRY(job, call.app.scheduler->job(call.parameter("name")));
  const std::optional<Instant> before = page.after == 0 ? std::nullopt : std::optional(Instant(page.after));
  auto runs =
      call.app.db.read([&](storage::Connection& c) { return scheduler::list_runs(c, job.name, before, page.fetch()); });
  return call.list(
      std::move(runs), page, [](const auto& r) { return r.scheduled_at.unix_seconds(); },
      [&](JsonWriter& w, const auto& r) { write_run(w, call.app.ids, r); });
}

Result<Answer> start_run(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  const auto at = in.optional_instant("at");
  BURSAR_CHECK(in.finish());
  const std::string_view job = call.parameter("name");
  BURSAR_TRY(run, at ? call.app.scheduler->run_job_at(job, *at) : call.app.scheduler->request_run(job));
  call.app.db.write("audit_run",
                    [&](storage::Transaction& tx) { call.audit(tx, {}, "job.run", accounts::audit_object(run.id)); });
  call.wake_workers();
  JsonWriter w;
  write_run(w, call.app.ids, run);
  return call.answer(std::move(w));
}

// What the runs would leave behind: everything numbered after the newest row of now.
struct Marks {
  std::int64_t invoice = 0;
  std::int64_t payment = 0;
  std::int64_t message = 0;
  std::int64_t event = 0;
};
Marks read_marks(storage::Connection& c) {
  const auto newest = [&](storage::Sql sql) {
    auto rows = c.query(sql);
    return rows.next() ? rows.integer(0) : 0;
  };
  return {.invoice = newest("SELECT MAX(id) FROM invoices"),
          .payment = newest("SELECT MAX(id) FROM payments"),
          .message = newest("SELECT MAX(id) FROM messages"),
          .event = newest("SELECT MAX(id) FROM audit_events")};
}

bool write_invoices(JsonWriter& w, storage::Connection& c, const Call& call, const Marks& marks) {
  std::vector<InvoiceId> made;
  auto rows = c.query("SELECT id FROM invoices WHERE id > $1 ORDER BY id LIMIT $2", marks.invoice, preview_rows + 1);
  while (rows.next()) made.push_back(rows.id<InvoiceId>(0));
  const bool truncated = static_cast<std::int64_t>(made.size()) > preview_rows;
  if (truncated) made.pop_back();
  w.key("invoices").begin_array();
  for (const InvoiceId id : made) {
    const auto invoice = invoicing::find_invoice(c, id);
    if (!invoice) continue;
    w.begin_object();
    write_invoice_fields(w, call.app.ids, *invoice, call.today());
    w.key("lines").begin_array();
    for (const auto& line : invoicing::lines_of(c, *invoice)) write_invoice_line(w, call.app.ids, line);
    w.end_array().end_object();
  }
  w.end_array();
  return truncated;
}

bool write_charges(JsonWriter& w, storage::Connection& c, const IdCodec& ids, const Marks& marks) {
  std::int64_t count = 0;
  w.key("charges").begin_array();
  auto rows = c.query(
      "SELECT account_id, invoice_id, gateway, currency, amount FROM payments WHERE id > $1 ORDER BY id LIMIT $2",
      marks.payment, preview_rows + 1);
  while (rows.next() && ++count <= preview_rows) {
    w.begin_object().field("account_id", ids.text(rows.id<AccountId>(0)));
    id_field(w, ids, "invoice_id", rows.id<InvoiceId>(1));
    w.field("gateway", rows.text(2))
        .field("amount", Money(rows.integer(4), Currency::parse(rows.text(3)).value()))
        .end_object();
  }
  w.end_array();
  return count > preview_rows;
}

bool write_mails(JsonWriter& w, storage::Connection& c, const IdCodec& ids, const Marks& marks) {
  std::int64_t count = 0;
  w.key("mails").begin_array();
  auto rows =
      c.query("SELECT account_id, template, recipient, subject FROM messages WHERE id > $1 ORDER BY id LIMIT $2",
              marks.message, preview_rows + 1);
  while (rows.next() && ++count <= preview_rows) {
    w.begin_object().field("account_id", ids.text(rows.id<AccountId>(0))).field("template", rows.text(1));
    w.field("recipient", rows.text(2)).field("subject", rows.text(3)).end_object();
  }
  w.end_array();
  return count > preview_rows;
}

bool write_services(JsonWriter& w, storage::Connection& c, const IdCodec& ids, const Marks& marks,
                    std::string_view name, std::string_view action) {
  std::int64_t count = 0;
  w.key(name).begin_array();
  auto rows = c.query("SELECT account_id, object FROM audit_events WHERE id > $1 AND action = $2 ORDER BY id LIMIT $3",
                      marks.event, action, preview_rows + 1);
  while (rows.next() && ++count <= preview_rows) {
    const std::string_view object = rows.text(1);
    std::int64_t number = 0;
    const std::size_t colon = object.find(':');
    if (colon != std::string_view::npos)
      std::from_chars(object.data() + colon + 1, object.data() + object.size(), number);
    w.begin_object()
        .field("service_id", ids.text(ServiceId(number)))
        .field("account_id", ids.text(rows.id<AccountId>(0)))
        .end_object();
  }
  w.end_array();
  return count > preview_rows;
}

Result<Answer> preview(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  const Instant at = in.instant("at");
  const std::string job = in.optional_text("job", {}).value_or("daily");
  BURSAR_CHECK(in.finish());
  const Marks marks = call.app.db.read([](storage::Connection& c) { return read_marks(c); });
  JsonWriter w;
  bool truncated = false;
  const auto report = [&](storage::Transaction& tx) {
    call.app.payment_context->outbox.spread(tx, at);  // as it is done after a run
    w = JsonWriter();
    w.begin_object().field("at", at);
    truncated = write_invoices(w, tx, call, marks);
    truncated |= write_charges(w, tx, call.app.ids, marks);
    truncated |= write_mails(w, tx, call.app.ids, marks);
    truncated |= write_services(w, tx, call.app.ids, marks, "suspensions", "service.suspend");
    truncated |= write_services(w, tx, call.app.ids, marks, "terminations", "service.terminate");
  };
  BURSAR_TRY(runs, call.app.scheduler->preview(at, job, report));
  w.field("truncated", truncated).key("runs").begin_array();
  for (const auto& run : runs) write_run(w, call.app.ids, run);
  w.end_array().end_object();
  return call.answer(std::move(w));
}
}  // namespace

void add_scheduler_routes(RouteTable& routes) {
  routes.add({.path = "/scheduler/jobs",
              .summary = "Scheduled jobs with their next and last runs",
              .action = Action::scheduler_read,
              .response = "Job",
              .list = true,
              .handler = list_jobs});
  routes.add({.path = "/scheduler/jobs/{name}",
              .summary = "A scheduled job",
              .action = Action::scheduler_read,
              .response = "Job",
              .handler = read_job});
  routes.add({.path = "/scheduler/jobs/{name}/runs",
              .summary = "A job's runs, newest first",
              .action = Action::scheduler_read,
              .response = "Run",
              .list = true,
              .handler = list_runs});
  routes.add({.verb = Verb::post,
              .path = "/scheduler/jobs/{name}/runs",
              .summary = "Run the job now, or for a past instant",
              .action = Action::scheduler_run,
              .request = "NewRun",
              .response = "Run",
              .success = 201,
              .handler = start_run});
  routes.add({.verb = Verb::post,
              .path = "/scheduler/preview",
              .summary = "What the daily run would do at an instant; nothing is stored",
              .action = Action::scheduler_preview,
              .request = "NewPreview",
              .response = "Preview",
              .handler = preview});
}

}  // namespace bursar::http
