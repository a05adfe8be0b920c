#include "services/services.hpp"

#include "accounts/audit.hpp"
#include "effects/effects.hpp"
#include "http/call.hpp"
#include "http/routes/routes.hpp"
#include "http/views.hpp"
#include "invoicing/change.hpp"
#include "invoicing/periods.hpp"
#include "services/cancellation.hpp"

namespace bursar::http {

namespace {
using accounts::Action;

Result<services::Service> find(Call& call, storage::Connection& c) {
  BURSAR_TRY(id, call.id<ServiceId>("service"));
  auto service = services::find_service(c, id);
  if (!service) return not_found("no_such_object", "There is no such service.");
  return *std::move(service);
}

Answer render(const Call& call, storage::Connection& c, const services::Service& service) {
  const std::int64_t id = service.id.value();
  const auto pending = invoicing::pending_changes(c, {&id, 1});
  JsonWriter w;
  write_service(w, call.app.ids, service, pending.empty() ? nullptr : &pending.begin()->second);
  return call.versioned(std::move(w), service.version);
}

Answer render_cancellation(const Call& call, const services::Cancellation& cancellation) {
  JsonWriter w;
  write_cancellation(w, call.app.ids, cancellation);
  return call.answer(std::move(w));
}

Result<Answer> find_cancellation(const Call& call, storage::Connection& c, ServiceId id) {
  const auto found = services::find_cancellation(c, id);
  if (!found || found->status == "withdrawn")
    return not_found("no_cancellation", "No cancellation has been asked for.");
  return render_cancellation(call, *found);
}

Result<Answer> list_services(Call& call) {
  BURSAR_TRY(page, call.page());
  const AccountId of = call.account ? call.account : call.query_id<AccountId>("account").value_or(AccountId());
  return call.app.db.read([&](storage::Connection& c) {
    auto found = services::list_services(c, of, ServiceId(page.after), page.fetch());
    std::vector<std::int64_t> ids;
    for (const auto& service : found) ids.push_back(service.id.value());
    const auto pending = invoicing::pending_changes(c, ids);
    return call.list(
        std::move(found), page, [](const auto& s) { return s.id.value(); },
        [&](JsonWriter& w, const auto& s) {
          const auto change = pending.find(s.id);
          write_service(w, call.app.ids, s, change == pending.end() ? nullptr : &change->second);
        });
  });
}

Result<Answer> read_service(Call& call, storage::Connection& c) {
  BURSAR_TRY(service, find(call, c));
  return render(call, c, service);
}

Result<Answer> patch_service(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  const std::string label = in.text("label", {.min = 0, .max = 200});
  BURSAR_CHECK(in.finish());
  BURSAR_TRY(version, call.if_match());
  return call.app.db.write("patch_service", [&](storage::Transaction& tx) -> Result<Answer> {
    BURSAR_TRY(before, find(call, tx));
    const auto changed = tx.execute(
        "UPDATE services SET label = $2, version = version + 1 WHERE id = $1 AND ($3 IS NULL OR version = $3)",
        before.id, label, version);
    if (changed == 0) {
      return Error{.kind = ErrorKind::precondition_failed,
                   .code = "version_changed",
                   .detail = "The service has changed since you read it."};
    }
    call.audit(tx, call.account, "service.update", accounts::audit_object(before.id));
    BURSAR_TRY(after, find(call, tx));
    return render(call, tx, after);
  });
}

Result<Answer> put_cancellation(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  const bool at_once = in.choice("when", {"immediate", "end_of_period"}) == "immediate";
  const std::string reason = in.optional_text("reason", {.min = 0, .max = 2000, .lines = true}).value_or("");
  BURSAR_CHECK(in.finish());
  const auto kind = at_once ? services::CancellationKind::immediate : services::CancellationKind::end_of_period;
  BURSAR_TRY(id, call.id<ServiceId>("service"));
  return call.app.db.write("request_cancellation", [&](storage::Transaction& tx) -> Result<Answer> {
    const auto before = find_cancellation(call, tx, id);
    BURSAR_CHECK(call.if_match_content(before.ok() ? *before : Answer{.status = 404}));
    BURSAR_TRY(cancellation,
               services::request_cancellation(tx, id, kind, reason, call.actor(), call.today(), call.now));
    return render_cancellation(call, cancellation);
  });
}

Result<Answer> read_cancellation(Call& call) {
  BURSAR_TRY(id, call.id<ServiceId>("service"));
  return call.app.db.read([&](storage::Connection& c) { return find_cancellation(call, c, id); });
}

Result<Answer> withdraw_cancellation(Call& call) {
  BURSAR_TRY(id, call.id<ServiceId>("service"));
  BURSAR_CHECK(call.app.db.write("withdraw_cancellation", [&](storage::Transaction& tx) {
    return services::withdraw_cancellation(tx, id, call.actor(), call.now);
  }));
  return Call::no_content();
}

// Tells the panel again what the service's state should be, for one that a person repaired by hand.
Status provision_again(storage::Transaction& tx, const services::Service& service, Instant now) {
  if (service.panel.empty() || service.desired_state == "none") {
    return conflict("nothing_to_provision", "No panel runs this service.");
  }
  tx.execute("UPDATE services SET state_version = state_version + 1, version = version + 1 WHERE id = $1", service.id);
  const effects::NewEffect effect{
      .kind = "provision",
      .key = "provision:" + std::to_string(service.id.value()) + ":" + std::to_string(service.state_version + 1),
      .instance = service.panel,
      .account = service.account,
      .object = service.id.value()};
  effects::record(tx, now, {&effect, 1});
  return {};
}

Result<Answer> operate(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  const std::string reason = in.optional_text("reason", {.min = 0, .max = 500, .lines = true}).value_or("");
  BURSAR_CHECK(in.finish());
  const std::string_view operation = call.route.path.substr(call.route.path.rfind('/') + 1);
  Result<Answer> answer = call.once("operate_service", [&](storage::Transaction& tx) -> Result<Answer> {
    BURSAR_TRY(service, find(call, tx));
    if (operation == "provision" && service.status != services::ServiceStatus::pending) {
      BURSAR_CHECK(provision_again(tx, service, call.now));
      call.audit(tx, call.account, "service.provision", accounts::audit_object(service.id));
    } else {
      const auto change = operation == "suspend"     ? services::Change::suspend
                          : operation == "unsuspend" ? services::Change::unsuspend
                          : operation == "terminate" ? services::Change::terminate
                                                     : services::Change::activate;
      BURSAR_CHECK(
          services::change_service(tx, service.id, change, {.actor = call.actor(), .reason = reason}, call.now));
      if (change == services::Change::terminate) {
        invoicing::end_billing(tx, call.app.rules, service.id, call.today(), call.now);
      }
    }
    BURSAR_TRY(changed, find(call, tx));
    return render(call, tx, changed);
  });
  call.wake_workers();
  return answer;
}
}  // namespace

void add_service_routes(RouteTable& routes) {
  routes.add({.path = "/accounts/{account}/services",
              .summary = "The account's services",
              .action = Action::services_read,
              .subject = Subject::account,
              .response = "Service",
              .list = true,
              .handler = list_services});
  routes.add({.path = "/services",
              .summary = "Every service",
              .action = Action::accounts_list,
              .response = "Service",
              .list = true,
              .query = {account_filter},
              .handler = list_services});
  routes.add({.path = "/services/{service}",
              .summary = "A service",
              .action = Action::services_read,
              .subject = Subject::service,
              .response = "Service",
              .reader = read_service});
  routes.add({.verb = Verb::patch,
              .path = "/services/{service}",
              .summary = "Change a service's label",
              .action = Action::services_update,
              .subject = Subject::service,
              .request = "ServicePatch",
              .response = "Service",
              .handler = patch_service});
  routes.add({.verb = Verb::put,
              .path = "/services/{service}/cancellation",
              .summary = "Ask to end the service",
              .action = Action::services_cancel,
              .subject = Subject::service,
              .request = "NewCancellation",
              .response = "Cancellation",
              .handler = put_cancellation});
  routes.add({.path = "/services/{service}/cancellation",
              .summary = "The wish to end the service",
              .action = Action::services_read,
              .subject = Subject::service,
              .response = "Cancellation",
              .handler = read_cancellation});
  routes.add({.verb = Verb::delete_,
              .path = "/services/{service}/cancellation",
              .summary = "Withdraw the wish to end the service",
              .action = Action::services_cancel,
              .subject = Subject::service,
              .handler = withdraw_cancellation});
  struct Operation {
    std::string_view path;
    std::string_view summary;
  };
  for (const Operation& operation :
       {Operation{"/services/{service}/operations/suspend", "Suspend the service"},
        Operation{"/services/{service}/operations/unsuspend", "Bring a suspended service back"},
        Operation{"/services/{service}/operations/terminate", "End the service"},
        Operation{"/services/{service}/operations/provision", "Set the service up, or tell the panel again"}}) {
    routes.add({.verb = Verb::post,
                .path = operation.path,
                .summary = operation.summary,
                .action = Action::services_operate,
                .subject = Subject::service,
                .request = "Reason",
                .response = "Service",
                .keyed = true,
                .handler = operate});
  }
}

}  // namespace bursar::http
