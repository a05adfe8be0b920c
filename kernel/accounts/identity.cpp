#include "accounts/identity.hpp"

#include "accounts/audit.hpp"
#include "accounts/fields.hpp"
#include "accounts/login_throttle.hpp"
#include "accounts/tokens.hpp"

namespace bursar::accounts {

namespace {

constexpr std::size_t longest_agent = 300;

User read_user(storage::Rows& rows) {
  return {.id = rows.id<UserId>(0),
          .email = rows.string(1),
          .name = rows.string(2),
          .staff_role = rows.string(3),
          .status = rows.string(4),
          .created_at = rows.instant(5),
          .version = rows.integer(6)};
}

std::string stored_hash(storage::Connection& c, UserId user) {
  auto rows = c.query("SELECT password_hash FROM users WHERE id = $1", user);
  return rows.next() ? rows.string(0) : std::string();
}

Error wrong_credentials() {
  return {.kind = ErrorKind::unauthenticated,
          .code = "wrong_credentials",
          .detail = "The email or the password is wrong.",
          .retry = Retry::after_fix};
}

Error throttled(Duration wait) {
  return {.kind = ErrorKind::too_many_requests,
          .code = "login_throttled",
          .detail = "Too many attempts. Wait " + std::to_string(wait.seconds) + " s.",
          .retry = Retry::later,
          .retry_after_seconds = wait.seconds};
}

Error email_taken() { return conflict("email_taken", "A user with this email exists already."); }

void check_password_field(const Secret& password, std::string_view pointer, std::vector<FieldError>& errors) {
  if (const auto checked = check_new_password(password); !checked.ok()) {
    errors.push_back({std::string(pointer), checked.error().detail});
  }
}

bool is_taken(storage::Connection& c, std::string_view email) {
  return c.query("SELECT id FROM users WHERE email = $1", email).next();
}

Result<UserId> insert_user(storage::Transaction& tx, const std::string& email, const std::string& name,
                           const std::string& hash, const std::optional<std::string>& staff_role, Instant now) {
  const auto id = tx.new_id<UserId>();
  const auto inserted = tx.execute(
      "INSERT INTO users (id, email, name, password_hash, staff_role, created_at) VALUES ($1, $2, $3, $4, $5, $6) "
      "ON CONFLICT (email) DO NOTHING",
      id, email, name, hash, staff_role, now);
  if (inserted == 0) return email_taken();
  return id;
}

Actor as_user(Actor actor, UserId user) {
  actor.user = user;
  return actor;
}

}  // namespace

std::optional<User> find_user(storage::Connection& c, UserId id) {
  auto rows = c.query("SELECT id, email, name, staff_role, status, created_at, version FROM users WHERE id = $1", id);
  if (!rows.next()) return std::nullopt;
  return read_user(rows);
}

std::optional<User> find_user_by_email(storage::Connection& c, std::string_view email) {
  auto rows = c.query("SELECT id, email, name, staff_role, status, created_at, version FROM users WHERE email = $1",
                      normal_email(email));
  if (!rows.next()) return std::nullopt;
  return read_user(rows);
}

std::vector<Member> list_members(storage::Connection& c, AccountId account) {
  auto rows = c.query(
      "SELECT u.id, u.email, u.name, m.role, m.created_at FROM memberships m JOIN users u ON u.id = m.user_id "
      "WHERE m.account_id = $1 ORDER BY u.id",
      account);
  std::vector<Member> members;
  while (rows.next()) {
    members.push_back({.user = rows.id<UserId>(0),
                       .email = rows.string(1),
                       .name = rows.string(2),
                       .role = rows.string(3),
                       .since = rows.instant(4)});
  }
  return members;
}

Identity::Identity(storage::Database& db, const Clock& clock, PasswordHasher& hasher, std::vector<Currency> currencies,
                   IdentityOptions options)
    : db_(db), clock_(clock), hasher_(hasher), currencies_(std::move(currencies)), options_(options) {}

Result<Registered> Identity::register_customer(const Registration& registration, const Actor& actor) {
  const Instant now = clock_.now();
  const std::string email = normal_email(registration.account.email);
  // Every registration counts against the network, so that one place can't make accounts without end.
  const auto keys = throttle_keys("register", "", actor.address);
  if (const auto wait = db_.read([&](storage::Connection& c) { return throttled_for(c, keys, now); })) {
    return throttled(*wait);
  }
  std::vector<FieldError> password_errors;
  check_password_field(registration.password, "/password", password_errors);
  std::string hash;
  if (password_errors.empty()) {
    BURSAR_TRY(computed, hasher_.hash(registration.password));
    hash = std::move(computed);
  }
  return db_.write("register_customer", [&](storage::Transaction& tx) -> Result<Registered> {
    auto account = create_account(tx, registration.account, currencies_, now, actor);
    if (!account.ok() || !password_errors.empty()) {
      std::vector<FieldError> fields = account.ok() ? std::vector<FieldError>() : account.error().fields;
      fields.insert(fields.end(), password_errors.begin(), password_errors.end());
      return invalid("invalid_fields", "Some fields are not valid.", std::move(fields));
    }
    BURSAR_TRY(user, insert_user(tx, email, registration.account.name, hash, std::nullopt, now));
    tx.execute("INSERT INTO memberships (account_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)", *account,
               user, to_text(Role::owner), now);
    append_audit(
        tx, now,
        {.actor = as_user(actor, user), .account = *account, .action = "user.register", .object = audit_object(user)});
    note_failure(tx, keys, now);
    return Registered{user, *account};
  });
}

Result<UserId> Identity::create_staff(const NewStaff& staff, const Actor& actor) {
  const Instant now = clock_.now();
  const std::string email = normal_email(staff.email);
  std::vector<FieldError> errors;
  check_email("/email", email, errors);
  check_text("/name", staff.name, 1, 200, Lines::one, errors);
  if (!staff_role_from_text(staff.role)) errors.push_back({"/role", "must be admin, billing or support"});
  check_password_field(staff.password, "/password", errors);
  if (!errors.empty()) return invalid("invalid_fields", "Some fields are not valid.", std::move(errors));
  if (db_.read([&](storage::Connection& c) { return is_taken(c, email); })) return email_taken();
  BURSAR_TRY(hash, hasher_.hash(staff.password));
  return db_.write("create_staff", [&](storage::Transaction& tx) -> Result<UserId> {
    BURSAR_TRY(user, insert_user(tx, email, staff.name, hash, staff.role, now));
    append_audit(tx, now,
                 {.actor = actor,
                  .action = "user.create_staff",
                  .object = audit_object(user),
                  .detail = "{\"role\":\"" + staff.role + "\"}"});
    return user;
  });
}

Result<LoggedIn> Identity::log_in(const Login& login, const Actor& actor) {
  const Instant now = clock_.now();
  const auto keys = throttle_keys("login", login.email, actor.address);
  struct Found {
    std::optional<Duration> wait;
    std::optional<User> user;
    std::string hash;
  };
  const Found found = db_.read([&](storage::Connection& c) -> Found {
    Found out{.wait = throttled_for(c, keys, now), .user = find_user_by_email(c, login.email), .hash = {}};
    if (out.user && out.user->status == "active") out.hash = stored_hash(c, out.user->id);
    return out;
  });
  if (found.wait) return throttled(*found.wait);
  BURSAR_TRY(right,
             found.hash.empty() ? hasher_.verify_nobody(login.password) : hasher_.verify(found.hash, login.password));
  if (!right) {
    db_.write("login_failed", [&](storage::Transaction& tx) { note_failure(tx, keys, now); });
    return wrong_credentials();
  }
  const Secret token = new_token();
  const UserId user = found.user->id;
  return db_.write("log_in", [&](storage::Transaction& tx) -> Result<LoggedIn> {
    // The password was checked outside this transaction: it must still be the one, and the user still allowed in.
    const auto still = find_user(tx, user);
    if (!still || still->status != "active" || stored_hash(tx, user) != found.hash) return wrong_credentials();
    note_success(tx, keys);
    const auto session = tx.new_id<SessionId>();
    const Instant expires_at = now + options_.session_lifetime;
    tx.execute(
        "INSERT INTO sessions (id, token_hash, user_id, created_at, expires_at, last_used_at, address, agent) "
        "VALUES ($1, $2, $3, $4, $5, $4, $6, $7)",
        session, token_hash(token.reveal()), user, now, expires_at, actor.address,
        is_valid_utf8(login.agent) && login.agent.size() <= longest_agent ? login.agent : std::string());
    append_audit(tx, now, {.actor = as_user(actor, user), .action = "session.create", .object = audit_object(session)});
    return LoggedIn{.token = token, .session = session, .user = user, .expires_at = expires_at};
  });
}

Status Identity::log_out(const Caller& caller, const Actor& actor) {
  return end_session(caller, caller.session, actor);
}

Status Identity::end_session(const Caller& caller, SessionId session, const Actor& actor) {
  return db_.write("end_session", [&](storage::Transaction& tx) -> Status {
    if (revoke_session(tx, caller.user, session) == 0) {
      return not_found("no_such_session", "There is no such session.");
    }
    append_audit(tx, clock_.now(), {.actor = actor, .action = "session.end", .object = audit_object(session)});
    return {};
  });
}

Status Identity::change_password(const Caller& caller, const Secret& current, const Secret& next, const Actor& actor) {
  const Instant now = clock_.now();
  const auto keys = throttle_keys("login", caller.email, actor.address);
  std::vector<FieldError> errors;
  check_password_field(next, "/new_password", errors);
  if (!errors.empty()) return invalid("invalid_fields", "Some fields are not valid.", std::move(errors));
  struct Found {
    std::optional<Duration> wait;
    std::string hash;
  };
  const Found found = db_.read([&](storage::Connection& c) -> Found {
    return {.wait = throttled_for(c, keys, now), .hash = stored_hash(c, caller.user)};
  });
  if (found.wait) return throttled(*found.wait);
  BURSAR_TRY(right, hasher_.verify(found.hash, current));
  if (!right) {
    db_.write("password_check_failed", [&](storage::Transaction& tx) { note_failure(tx, keys, now); });
    return invalid("invalid_fields", "Some fields are not valid.", {{"/current_password", "is not the password"}});
  }
  BURSAR_TRY(hash, hasher_.hash(next));
  return db_.write("change_password", [&](storage::Transaction& tx) -> Status {
    const auto changed =
        tx.execute("UPDATE users SET password_hash = $3, version = version + 1 WHERE id = $1 AND password_hash = $2",
                   caller.user, found.hash, hash);
    if (changed == 0) return conflict("password_changed", "The password was changed meanwhile.");
    revoke_sessions_of(tx, caller.user, caller.session);
    append_audit(tx, now, {.actor = actor, .action = "user.change_password", .object = audit_object(caller.user)});
    return {};
  });
}

Result<User> Identity::rename_user(UserId user, const std::string& name, std::optional<std::int64_t> expected_version,
                                   const Actor& actor) {
  std::vector<FieldError> errors;
  check_text("/name", name, 1, 200, Lines::one, errors);
  if (!errors.empty()) return invalid("invalid_fields", "Some fields are not valid.", std::move(errors));
  return db_.write("rename_user", [&](storage::Transaction& tx) -> Result<User> {
    auto found = find_user(tx, user);
    if (!found) return not_found("no_such_user", "There is no such user.");
    if (expected_version && *expected_version != found->version) {
      return Error{.kind = ErrorKind::precondition_failed,
                   .code = "user_changed",
                   .detail = "The user was changed meanwhile.",
                   .retry = Retry::after_fix};
    }
    tx.execute("UPDATE users SET name = $2, version = version + 1 WHERE id = $1", user, name);
    append_audit(tx, clock_.now(), {.actor = actor, .action = "user.update", .object = audit_object(user)});
    found->name = name;
    ++found->version;
    return std::move(*found);
  });
}

}  // namespace bursar::accounts
