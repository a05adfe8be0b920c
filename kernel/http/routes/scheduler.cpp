#include "scheduler/scheduler.hpp"
#include "accounts/audit.hpp"
#include "foresight/foresight.hpp"
#include "http/call.hpp"
#include "http/routes/routes.hpp"
#include "http/views.hpp"
#include "payments/payments.hpp"

namespace bursar::http {

namespace {
using accounts::Action;
constexpr std::size_t preview_rows = 1000;  // of each kind; more and `truncated` is true

void write_job(JsonWriter& w, const IdCodec& ids, const scheduler::JobStatus& job) {
  w.begin_object()
      .field("name", job.name)
      .field("cron", job.cron)
      .field("timezone", job.timezone)
      .field("catch_up", job.catch_up);
  w.field("next_at", job.next_at);
  for (const auto& [name, run] : {std::pair("last_run", &job.last), std::pair("held_run", &job.held)}) {
    w.key(name);
    if (*run) {
      write_run(w, ids, **run);
    } else {
      w.null();
    }
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

void write_foresight(JsonWriter& w, const Call& call, const foresight::Foresight& foreseen) {
  const IdCodec& ids = call.app.ids;
  w.key("invoices").begin_array();
  for (const auto& [invoice, lines] : foreseen.invoices) {
    w.begin_object();
    write_invoice_fields(w, ids, invoice, call.today());
    w.key("lines").begin_array();
    for (const auto& line : lines) write_invoice_line(w, ids, line);
    w.end_array().end_object();
  }
  w.end_array().key("charges").begin_array();
  for (const auto& charge : foreseen.charges) {
    w.begin_object().field("account_id", ids.text(charge.account));
    id_field(w, ids, "invoice_id", charge.invoice);
    w.field("gateway", charge.gateway).field("amount", charge.amount).end_object();
  }
  w.end_array().key("mails").begin_array();
  for (const auto& mail : foreseen.mails) {
    w.begin_object();
    id_field(w, ids, "account_id", mail.account);
    w.field("template", mail.template_name);
    w.field("recipient", mail.recipient).field("subject", mail.subject).end_object();
  }
  w.end_array();
  const auto acts = [&](std::string_view name, const std::vector<foresight::ServiceAct>& list) {
    w.key(name).begin_array();
    for (const auto& act : list) {
      w.begin_object()
          .field("service_id", ids.text(act.service))
          .field("account_id", ids.text(act.account))
          .end_object();
    }
    w.end_array();
  };
  acts("suspensions", foreseen.suspensions);
  acts("terminations", foreseen.terminations);
  acts("changes", foreseen.changes);
  w.key("cancelled_orders").begin_array();
  for (const auto& [order, account] : foreseen.cancelled_orders) {
    w.begin_object().field("order_id", ids.text(order)).field("account_id", ids.text(account)).end_object();
  }
  w.end_array();
}

Result<Answer> decide_held_run(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  const scheduler::Approval approval{.run = in.id<RunId>("run_id"),
                                     .approve = in.choice("decision", {"approve", "reject"}) == "approve",
                                     .reason = in.text("reason", {.max = 500}),
                                     .by = call.caller.user};
  BURSAR_CHECK(in.finish());
  BURSAR_TRY(run, call.app.scheduler->decide(call.parameter("name"), approval, [&](storage::Transaction& tx) {
    call.audit(tx, {}, approval.approve ? "job.approve" : "job.reject", accounts::audit_object(approval.run));
  }));
  JsonWriter w;
  write_run(w, call.app.ids, run);
  return call.answer(std::move(w));
}

Result<Answer> preview(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  const Instant at = in.instant("at");
  const std::string job = in.optional_text("job", {}).value_or("daily");
  BURSAR_CHECK(in.finish());
  BURSAR_TRY(foreseen,
             foresight::foresee(*call.app.scheduler, call.app.payment_context->outbox, at, job, preview_rows));
  JsonWriter w;
  w.begin_object().field("at", at);
  write_foresight(w, call, foreseen);
  w.field("truncated", foreseen.truncated).key("runs").begin_array();
  for (const auto& run : foreseen.runs) write_run(w, call.app.ids, run);
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
              .path = "/scheduler/jobs/{name}/approval",
              .summary = "Let a held run go on, or end it without the steps that were held",
              .action = Action::scheduler_approve,
              .request = "RunApproval",
              .response = "Run",
              .handler = decide_held_run});
  routes.add({.verb = Verb::post,
              .path = "/scheduler/preview",
              .summary = "What the daily run would do at an instant; nothing is stored",
              .action = Action::scheduler_preview,
              .request = "NewPreview",
              .response = "Preview",
              .handler = preview});
}

}  // namespace bursar::http
