// Users and how they prove who they are: registration, staff, log in and out, sessions, passwords.
//
// Every function that computes a password hash does so outside a transaction. Thread-safe.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/accounts.hpp"
#include "accounts/actor.hpp"
#include "accounts/authorization.hpp"
#include "accounts/passwords.hpp"
#include "base/id.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "storage/database.hpp"

namespace bursar::accounts {

struct User {
  UserId id;
  std::string email;  // lower-cased
  std::string name;
  std::string staff_role;  // empty: not staff
  std::string status;      // active, disabled
  Instant created_at;
  std::int64_t version = 1;
};
std::optional<User> find_user(storage::Connection& c, UserId id);
std::optional<User> find_user_by_email(storage::Connection& c, std::string_view email);

struct Member {
  UserId user;
  std::string email;
  std::string name;
  std::string role;
  Instant since;
};
std::vector<Member> list_members(storage::Connection& c, AccountId account);

struct Session {
  SessionId id;
  Instant created_at;
  Instant expires_at;
  Instant last_used_at;
  std::string address;
  std::string agent;
};
std::vector<Session> list_sessions(storage::Connection& c, UserId user, Instant now);  // live ones, newest first

struct Registration {
  NewAccount account;  // its name and email are the user's too
  Secret password;
};
struct Registered {
  UserId user;
  AccountId account;
};
struct NewStaff {
  std::string email;
  std::string name;
  std::string role;  // admin, billing, support
  Secret password;
};
struct Login {
  std::string email;
  Secret password;
  std::string agent = {};  // User-Agent
};
struct LoggedIn {
  Secret token;
  SessionId session;
  UserId user;
  Instant expires_at;
};
struct IdentityOptions {
  Duration session_lifetime = days(30);
  Duration session_idle = days(7);  // a session not used for so long is over
};

// Who bears this token; nullopt: nobody (unknown, ended or malformed, or a disabled user). One query, for any read().
std::optional<Caller> find_caller(storage::Connection& c, std::string_view token, Instant now);
// As find_caller(), and whether touch_session() is due: last use is kept to within some minutes, not per request.
struct Authenticated {
  Caller caller;
  bool touch_due = false;
};
std::optional<Authenticated> authenticate(storage::Connection& c, std::string_view token, Instant now,
                                          const IdentityOptions& options = {});
void touch_session(storage::Transaction& tx, SessionId session, std::string_view address, Instant now);

// The one way sessions end. Answers how many did.
std::int64_t revoke_session(storage::Transaction& tx, UserId user, SessionId session);
std::int64_t revoke_sessions_of(storage::Transaction& tx, UserId user, SessionId except = {});
std::int64_t expire_sessions(storage::Transaction& tx, Instant now, const IdentityOptions& options = {});

class Identity {
 public:
  Identity(storage::Database& db, const Clock& clock, PasswordHasher& hasher, std::vector<Currency> currencies,
           IdentityOptions options = {});

  // User, account, membership "owner" and party snapshot in one transaction. Errors: invalid with every bad field;
  // conflict "email_taken"; too_many_requests.
  Result<Registered> register_customer(const Registration& registration, const Actor& actor);
  // For the CLI alone: no HTTP route may make staff.
  Result<UserId> create_staff(const NewStaff& staff, const Actor& actor);

  // Errors: unauthenticated "wrong_credentials" (the same for unknown email, wrong password and disabled user),
  // too_many_requests "login_throttled" with retry_after_seconds, unavailable "hashing_busy".
  Result<LoggedIn> log_in(const Login& login, const Actor& actor);
  Status log_out(const Caller& caller, const Actor& actor);
  // Ends every other session. Errors: invalid (/current_password, /new_password), too_many_requests.
  Status change_password(const Caller& caller, const Secret& current, const Secret& next, const Actor& actor);
  Result<User> rename_user(UserId user, const std::string& name, std::optional<std::int64_t> expected_version,
                           const Actor& actor);
  Status end_session(const Caller& caller, SessionId session, const Actor& actor);

 private:
  storage::Database& db_;
  const Clock& clock_;
  PasswordHasher& hasher_;
  std::vector<Currency> currencies_;
  IdentityOptions options_;
};

}  // namespace bursar::accounts
