#include "accounts/accounts.hpp"

#include "accounts/audit.hpp"
#include "http/call.hpp"
#include "http/routes/routes.hpp"
#include "http/views.hpp"

namespace bursar::http {

namespace {
using accounts::Action;

Result<Answer> list_accounts(Call& call) {
  BURSAR_TRY(page, call.page());
  const accounts::AccountFilter filter{
      .email = call.query("email"), .after = AccountId(page.after), .limit = page.fetch()};
  auto found = call.app.db.read([&](storage::Connection& c) { return accounts::list_accounts(c, filter); });
  return call.list(
      std::move(found), page, [](const auto& a) { return a.id.value(); },
      [&](JsonWriter& w, const auto& a) { write_account(w, call.app.ids, a); });
}

Answer render(const Call& call, const accounts::Account& account) {
  JsonWriter w;
  write_account(w, call.app.ids, account);
  return call.versioned(std::move(w), account.version);
}

Result<Answer> read_account(Call& call, storage::Connection& c) {
  const auto account = accounts::find_account(c, call.account);
  BURSAR_ASSERT(account.has_value());
  return render(call, *account);
}

Result<Answer> patch_account(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  accounts::AccountPatch patch;
  patch.name = in.optional_text("name", {});
  patch.company = in.optional_text("company");
  patch.email = in.optional_text("email", {.max = 254});
  patch.phone = in.optional_text("phone");
  if (ObjectReader* address = in.optional_object("address")) {
    patch.street = address->optional_text("street", {.min = 0, .max = 500, .lines = true});
    patch.city = address->optional_text("city");
    patch.region = address->optional_text("region");
    patch.postal_code = address->optional_text("postal_code");
    patch.country = address->optional_text("country");
  }
  patch.tax_id = in.optional_text("tax_id");
  patch.currency = in.optional_text("currency");
  patch.language = in.optional_text("language");
  patch.tax_exempt = in.optional_boolean("tax_exempt");
  BURSAR_CHECK(in.finish());
  if (patch.tax_exempt) BURSAR_CHECK(call.require(Action::account_update_tax_exemption, call.account));
  BURSAR_TRY(version, call.if_match());
  BURSAR_TRY(account, call.app.db.write("patch_account", [&](storage::Transaction& tx) {
    return accounts::update_account(tx, call.account, patch, version, call.app.config.provider.currencies, call.now,
                                    call.actor());
  }));
  return render(call, account);
}

Result<Answer> list_members(Call& call) {
  BURSAR_TRY(page, call.page());
  auto all = call.app.db.read([&](storage::Connection& c) { return accounts::list_members(c, call.account); });
  std::vector<accounts::Member> rest;
  for (auto& member : all) {
    if (member.user.value() > page.after) rest.push_back(std::move(member));
  }
  std::sort(rest.begin(), rest.end(), [](const auto& a, const auto& b) { return a.user < b.user; });
  return call.list(
      std::move(rest), page, [](const auto& m) { return m.user.value(); },
      [&](JsonWriter& w, const accounts::Member& m) {
        w.begin_object().field("user_id", call.app.ids.text(m.user)).field("email", m.email).field("name", m.name);
        w.field("role", m.role).field("since", m.since).end_object();
      });
}

Answer render_audit(const Call& call, std::vector<accounts::AuditEvent> events, const Page& page) {
  return call.list(
      std::move(events), page, [](const auto& e) { return e.id.value(); },
      [&](JsonWriter& w, const auto& e) { write_audit_event(w, call.app.ids, e); });
}

Result<Answer> list_audit_of_account(Call& call) {
  BURSAR_TRY(page, call.page());
  const accounts::AuditFilter filter{
      .account = call.account, .before = AuditEventId(page.after), .limit = page.fetch()};
  return render_audit(call, call.app.db.read([&](storage::Connection& c) { return accounts::list_audit(c, filter); }),
                      page);
}

Result<Answer> list_all_audit(Call& call) {
  BURSAR_TRY(page, call.page());
  const accounts::AuditFilter filter{
      .account = call.query_id<AccountId>("account"), .before = AuditEventId(page.after), .limit = page.fetch()};
  return render_audit(call, call.app.db.read([&](storage::Connection& c) { return accounts::list_audit(c, filter); }),
                      page);
}
}  // namespace

void add_account_routes(RouteTable& routes) {
  routes.add({.path = "/accounts",
              .summary = "Every customer account",
              .action = Action::accounts_list,
              .response = "Account",
              .list = true,
              .query = {{"email", "string", "Exactly this address"}},
              .handler = list_accounts});
  routes.add({.path = "/accounts/{account}",
              .summary = "A customer account",
              .action = Action::account_read,
              .subject = Subject::account,
              .response = "Account",
              .reader = read_account});
  routes.add({.verb = Verb::patch,
              .path = "/accounts/{account}",
              .summary = "Change account details",
              .action = Action::account_update,
              .subject = Subject::account,
              .request = "AccountPatch",
              .response = "Account",
              .handler = patch_account});
  routes.add({.path = "/accounts/{account}/members",
              .summary = "Who may act for the account",
              .action = Action::members_read,
              .subject = Subject::account,
              .response = "Member",
              .list = true,
              .handler = list_members});
  routes.add({.path = "/accounts/{account}/audit-events",
              .summary = "Who did what on the account",
              .action = Action::audit_read,
              .subject = Subject::account,
              .response = "AuditEvent",
              .list = true,
              .handler = list_audit_of_account});
  routes.add({.path = "/audit-events",
              .summary = "Who did what, everywhere",
              .action = Action::audit_read_all,
              .response = "AuditEvent",
              .list = true,
              .query = {account_filter},
              .handler = list_all_audit});
}

}  // namespace bursar::http
