// Who may do what. There is one table of rows (action, role, whose object); what no row names is denied. HTTP and CLI
// ask decide() and nothing else, so sub-users, access tokens and further staff roles come in as rows and as fields of
// Caller, not as conditions in routes.
//
//   switch (decide(caller, Action::invoices_pay, invoice.account)) { ... }
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"

namespace bursar::accounts {

// Ordered as in the table. "_read" also covers lists.
enum class Action {
  // On one customer account and what belongs to it.
  account_read,
  account_update,
  account_update_tax_exemption,
  members_read,
  members_change,
  orders_read,
  orders_place,  // quotes too
  services_read,
  services_update,
  services_cancel,
  services_operate,  // suspend, unsuspend, terminate, provision
  invoices_read,
  invoices_pay,  // payments, mass payments, deposits
  invoices_apply_credit,
  invoices_create,
  invoices_change,  // void, write off, credit note, due date
  payments_read,
  payments_refund,
  payments_dispute,  // book what a gateway told outside of its messages
  payments_confirm,  // staff saw the money arrive
  refunds_request,
  refunds_decide,
  holds_read,
  holds_change,
  payment_methods_read,
  payment_methods_change,
  autopay_read,
  autopay_change,
  ledger_read,  // balance, credit and every posting
  notifications_read,
  notifications_resend,
  audit_read,
  // On the installation; no account.
  catalog_read,
  catalog_change,
  accounts_list,
  gateways_read,
  inbox_read,  // what providers sent in, and money in suspense
  inbox_replay,
  suspense_assign,
  staff_tasks_read,
  staff_tasks_close,
  scheduler_read,
  scheduler_run,
  scheduler_approve,  // let a held run go on
  scheduler_preview,
  plugins_read,
  plugins_test,
  reports_read,
  audit_read_all,
  test_clock_read,
  test_clock_set,
};
std::span<const Action> all_actions();
std::string_view to_text(Action action);
bool is_about_an_account(Action action);

enum class Role {
  anyone,         // also without a login
  user,           // any login
  owner,          // of a customer account
  staff_support,  // reads nearly everything, changes little
  staff_billing,  // money, no configuration
  staff_admin,
};
std::span<const Role> all_roles();
std::string_view to_text(Role role);
std::optional<Role> staff_role_from_text(std::string_view text);   // "admin", "billing", "support"
std::optional<Role> member_role_from_text(std::string_view text);  // "owner"

struct Membership {
  AccountId account;
  Role role = Role::owner;
  bool operator==(const Membership&) const = default;
};

// Who asks, as of this request: read afresh from the database each time, so a lost right is lost at once.
struct Caller {
  UserId user = {};  // empty: nobody is logged in
  SessionId session = {};
  std::optional<Role> staff = std::nullopt;
  std::vector<Membership> memberships = {};
  std::string email = {};
  std::string name = {};
  [[nodiscard]] bool is_staff() const { return staff.has_value(); }
};

enum class Decision {
  allow,
  forbidden,  // 403: the caller may know of the object, but not do this
  hidden,     // 404: the caller may not even know that it exists
};

// `account`: whose object it is; empty for the actions on the installation.
Decision decide(const Caller& caller, Action action, AccountId account = {});

}  // namespace bursar::accounts
