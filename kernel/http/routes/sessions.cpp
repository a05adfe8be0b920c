#include "accounts/identity.hpp"
#include "http/authentication.hpp"
#include "http/call.hpp"
#include "http/routes/routes.hpp"

namespace bursar::http {

namespace {
Result<Answer> register_customer(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  accounts::Registration registration;
  accounts::NewAccount& account = registration.account;
  account.name = in.text("name");
  account.company = in.optional_text("company").value_or("");
  account.email = in.text("email", {.max = 254});
  account.phone = in.optional_text("phone").value_or("");
  ObjectReader& address = in.object("address");
  account.address.street = address.optional_text("street", {.min = 0, .max = 500, .lines = true}).value_or("");
  account.address.city = address.optional_text("city").value_or("");
  account.address.region = address.optional_text("region").value_or("");
  account.address.postal_code = address.optional_text("postal_code").value_or("");
  account.address.country = address.text("country");
  account.tax_id = in.optional_text("tax_id").value_or("");
  account.currency = in.optional_text("currency").value_or("");
  account.language = in.optional_text("language").value_or("");
  registration.password = Secret(in.text("password", {.max = 1024, .lines = true}));
  BURSAR_CHECK(in.finish());
  BURSAR_TRY(made, call.app.identity.register_customer(registration, call.actor()));
  JsonWriter w;
  w.begin_object()
      .field("user_id", call.app.ids.text(made.user))
      .field("account_id", call.app.ids.text(made.account))
      .end_object();
  return call.answer(std::move(w));
}

Result<Answer> log_in(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  accounts::Login login{.email = in.text("email", {.max = 254}),
                        .password = Secret(in.text("password", {.max = 1024, .lines = true}))};
  login.agent = std::string(call.request.header("User-Agent").substr(0, 200));
  BURSAR_CHECK(in.finish());
  BURSAR_TRY(done, call.app.identity.log_in(login, call.actor()));
  JsonWriter w;
  w.begin_object().field("token", done.token.reveal()).field("session_id", call.app.ids.text(done.session));
  w.field("user_id", call.app.ids.text(done.user)).field("expires_at", done.expires_at).end_object();
  Answer answer = call.answer(std::move(w));
  answer.set_header("Set-Cookie", set_session_cookie(done.token.reveal(), (done.expires_at - call.now).seconds));
  return answer;
}

Result<Answer> log_out(Call& call) {
  BURSAR_CHECK(call.app.identity.log_out(call.caller, call.actor()));
  Answer answer = Call::no_content();
  answer.set_header("Set-Cookie", clear_session_cookie());
  return answer;
}

void write_permissions(JsonWriter& w, const accounts::Caller& caller, std::optional<AccountId> account) {
  w.key("permissions").begin_array();
  for (const accounts::Action action : accounts::all_actions()) {
    if (accounts::is_about_an_account(action) != account.has_value()) continue;
    if (accounts::decide(caller, action, account.value_or(AccountId())) == accounts::Decision::allow)
      w.value(accounts::to_text(action));
  }
  w.end_array();
}

Result<Answer> read_me(Call& call) {
  struct Me {
    std::optional<accounts::User> user;
    std::vector<std::string> names;
  };
  const Me me = call.app.db.read([&](storage::Connection& c) {
    Me found{.user = accounts::find_user(c, call.caller.user), .names = {}};
    for (const auto& membership : call.caller.memberships) {
      const auto account = accounts::find_account(c, membership.account);
      found.names.push_back(account ? account->name : "");
    }
    return found;
  });
  if (!me.user) return not_found("no_such_object", "There is no such user.");
  JsonWriter w;
  w.begin_object()
      .field("id", call.app.ids.text(me.user->id))
      .field("email", me.user->email)
      .field("name", me.user->name)
      .key("staff_role");
  if (me.user->staff_role.empty()) {
    w.null();
  } else {
    w.value(me.user->staff_role);
  }
  w.field("created_at", me.user->created_at).key("accounts").begin_array();
  for (std::size_t i = 0; i < call.caller.memberships.size(); ++i) {
    const auto& membership = call.caller.memberships[i];
    w.begin_object().field("id", call.app.ids.text(membership.account)).field("name", me.names[i]);
    w.field("role", accounts::to_text(membership.role));
    write_permissions(w, call.caller, membership.account);
    w.end_object();
  }
  w.end_array();
  write_permissions(w, call.caller, std::nullopt);
  w.end_object();
  return call.versioned(std::move(w), me.user->version);
}

Result<Answer> patch_me(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  const std::string name = in.text("name");
  BURSAR_CHECK(in.finish());
  BURSAR_TRY(version, call.if_match());
  BURSAR_TRY(user, call.app.identity.rename_user(call.caller.user, name, version, call.actor()));
  return read_me(call);
}

Result<Answer> change_password(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  const Secret current(in.text("current_password", {.max = 1024, .lines = true}));
  const Secret next(in.text("new_password", {.max = 1024, .lines = true}));
  BURSAR_CHECK(in.finish());
  BURSAR_CHECK(call.app.identity.change_password(call.caller, current, next, call.actor()));
  return Call::no_content();
}

Result<Answer> list_my_sessions(Call& call) {
  BURSAR_TRY(page, call.page());
  const auto sessions =
      call.app.db.read([&](storage::Connection& c) { return accounts::list_sessions(c, call.caller.user, call.now); });
  const auto id_of = [](const accounts::Session& s) { return s.id.value(); };
  // All of a user's sessions, newest first; the page is cut out here.
  std::vector<accounts::Session> rest;
  for (const auto& session : sessions) {
    if ((page.after == 0 || id_of(session) < page.after) && static_cast<int>(rest.size()) < page.fetch())
      rest.push_back(session);
  }
  return call.list(std::move(rest), page, id_of, [&](JsonWriter& w, const accounts::Session& s) {
    w.begin_object()
        .field("id", call.app.ids.text(s.id))
        .field("current", s.id == call.caller.session)
        .field("created_at", s.created_at);
    w.field("expires_at", s.expires_at)
        .field("last_used_at", s.last_used_at)
        .field("address", s.address)
        .field("agent", s.agent)
        .end_object();
  });
}

Result<Answer> end_my_session(Call& call) {
  BURSAR_TRY(session, call.id<SessionId>("session"));
  BURSAR_CHECK(call.app.identity.end_session(call.caller, session, call.actor()));
  return Call::no_content();
}
}  // namespace

void add_session_routes(RouteTable& routes) {
  routes.add({.verb = Verb::post,
              .path = "/registrations",
              .summary = "Sign up: a user and their account",
              .access = Access::open,
              .request = "NewRegistration",
              .response = "Registration",
              .success = 201,
              .handler = register_customer});
  routes.add({.verb = Verb::post,
              .path = "/sessions",
              .summary = "Log in",
              .access = Access::open,
              .request = "NewSession",
              .response = "SessionToken",
              .success = 201,
              .handler = log_in});
  routes.add({.verb = Verb::delete_,
              .path = "/sessions/current",
              .summary = "Log out",
              .access = Access::login,
              .handler = log_out});
  routes.add({.path = "/me",
              .summary = "The user, their accounts and what they may do",
              .access = Access::login,
              .response = "Me",
              .handler = read_me});
  routes.add({.verb = Verb::patch,
              .path = "/me",
              .summary = "Change the user's name",
              .access = Access::login,
              .request = "MePatch",
              .response = "Me",
              .handler = patch_me});
  routes.add({.verb = Verb::put,
              .path = "/me/password",
              .summary = "Change the password; ends every other session",
              .access = Access::login,
              .request = "PasswordChange",
              .handler = change_password});
  routes.add({.path = "/me/sessions",
              .summary = "Where the user is logged in",
              .access = Access::login,
              .response = "Session",
              .list = true,
              .handler = list_my_sessions});
  routes.add({.verb = Verb::delete_,
              .path = "/me/sessions/{session}",
              .summary = "End one of the user's sessions",
              .access = Access::login,
              .handler = end_my_session});
}

}  // namespace bursar::http
