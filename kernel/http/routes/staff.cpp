#include "accounts/audit.hpp"
#include "http/call.hpp"
#include "http/routes/routes.hpp"
#include "http/views.hpp"
#include "notices/outbox.hpp"
#include "payments/payments.hpp"
#include "payments/staff_tasks.hpp"
#include "provisioning/provisioner.hpp"

namespace bursar::http {

namespace {
using accounts::Action;

Result<Answer> list_tasks(Call& call) {
  BURSAR_TRY(page, call.page());
  const std::string status = call.query("status").value_or("");
  auto tasks = call.app.db.read(
      [&](storage::Connection& c) { return payments::list_tasks(c, status, TaskId(page.after), page.fetch()); });
  return call.list(
      std::move(tasks), page, [](const auto& t) { return t.id.value(); },
      [&](JsonWriter& w, const auto& t) { write_task(w, call.app.ids, t); });
}

Status complete_payment_task(Call& call, const payments::StaffTask& task, const std::optional<Money>& received,
                             const std::string& reference) {
  BURSAR_CHECK(call.require(Action::payments_confirm, task.account));
  const PaymentId id(task.object);
  const auto payment = call.app.db.read([&](storage::Connection& c) { return payments::find_payment(c, id); });
  if (!payment || call.app.payments == nullptr) return conflict("task_not_open", "The task's payment is gone.");
  if (received && received->currency() != payment->amount.currency()) {
    return invalid("invalid_fields", "The amount is in another currency than the payment.",
                   {{"/received/currency", "must be the payment's"}});
  }
  const auto confirmed = call.app.payments->confirm(id, received.value_or(payment->amount), reference, call.actor());
  return confirmed.ok() ? Status() : Status(confirmed.error());
}

Result<Answer> complete_task(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  const auto received = in.optional_money("received");
  const std::string reference = in.optional_text("reference").value_or("");
  BURSAR_CHECK(in.finish());
  BURSAR_TRY(id, call.id<TaskId>("task"));
  const auto task = call.app.db.read([&](storage::Connection& c) { return payments::find_task(c, id); });
  if (!task) return not_found("no_such_object", "There is no such task.");
  call.account = task->account;
  const auto complete = [&](storage::Transaction& tx) -> Status {
    if (task->kind == "provision" || task->kind == "change_plan") {
      BURSAR_CHECK(provisioning::complete_task(tx, id, call.caller.user, call.now));
    } else {
      payments::close_task(tx, task->kind, task->object, "done", call.caller.user, call.now);
    }
    call.audit(tx, task->account, "task.complete", accounts::audit_object(id));
    return {};
  };
  Result<Answer> answer = call.once_outside(
      "claim_task", {.claim = [&](storage::Transaction& tx) -> Result<std::int64_t> {
                       const auto now_open = payments::find_task(tx, id);
                       if (!now_open || now_open->status != "open")
                         return conflict("task_not_open", "The task is closed already.");
                       return id.value();
                     },
                     .perform = [&](std::int64_t /*object*/, const auto& /*settling*/) -> Status {
                       if (task->kind == "confirm_payment")
                         return complete_payment_task(call, *task, received, reference);
                       if (task->kind == "refund_request" || task->kind == "dispute" || task->kind == "approve_run")
                         return conflict("task_closes_itself",
                                         "It is done when the request, dispute or run it names is decided.");
                       return call.app.db.write("complete_task", complete);
                     },
                     .render =
                         [&](storage::Connection& c, std::int64_t /*object*/) {
                           const auto now_stored = payments::find_task(c, id);
                           BURSAR_ASSERT(now_stored.has_value());
                           JsonWriter w;
                           write_task(w, call.app.ids, *now_stored);
                           return call.answer(std::move(w));
                         }});
  call.wake_workers();
  return answer;
}

Result<Answer> list_notifications(Call& call) {
  BURSAR_TRY(page, call.page());
  notices::MessageFilter filter;
  filter.account = call.account ? call.account : call.query_id<AccountId>("account").value_or(AccountId());
  filter.status = call.query("status").value_or("");
  filter.before = MessageId(page.after);
  filter.limit = page.fetch();
  auto messages = call.app.db.read([&](storage::Connection& c) { return notices::list_messages(c, filter); });
  return call.list(
      std::move(messages), page, [](const auto& m) { return m.id.value(); },
      [&](JsonWriter& w, const auto& m) { write_notification(w, call.app.ids, m); });
}

Result<Answer> resend_notification(Call& call) {
  BURSAR_TRY(id, call.id<MessageId>("notification"));
  BURSAR_CHECK(call.app.db.write("resend_notification", [&](storage::Transaction& tx) -> Status {
    BURSAR_CHECK(notices::resend(tx, id, call.now));
    call.audit(tx, call.account, "notification.resend", accounts::audit_object(id));
    return {};
  }));
  call.wake_workers();
  return Answer{.status = 202, .body = "{}"};
}
}  // namespace

void add_staff_routes(RouteTable& routes) {
  const QueryParameter message_status{"status", "waiting|sent|failed|unknown", "In this status"};
  routes.add({.path = "/staff-tasks",
              .summary = "Work that waits for a person",
              .action = Action::staff_tasks_read,
              .response = "StaffTask",
              .list = true,
              .query = {{"status", "open|done|dismissed", "In this status"}},
              .handler = list_tasks});
  routes.add({.verb = Verb::post,
              .path = "/staff-tasks/{task}/completion",
              .summary = "The work is done (the money came, the server is set up)",
              .action = Action::staff_tasks_close,
              .request = "TaskCompletion",
              .response = "StaffTask",
              .keyed = true,
              .handler = complete_task});
  routes.add({.path = "/accounts/{account}/notifications",
              .summary = "What the account was told",
              .action = Action::notifications_read,
              .subject = Subject::account,
              .response = "Notification",
              .list = true,
              .query = {message_status},
              .handler = list_notifications});
  routes.add({.path = "/notifications",
              .summary = "What customers were told",
              .action = Action::accounts_list,
              .response = "Notification",
              .list = true,
              .query = {message_status, account_filter},
              .handler = list_notifications});
  routes.add({.verb = Verb::post,
              .path = "/notifications/{notification}/deliveries",
              .summary = "Send a failed message again",
              .action = Action::notifications_resend,
              .subject = Subject::message,
              .response = "Object",
              .success = 202,
              .handler = resend_notification});
}

}  // namespace bursar::http
