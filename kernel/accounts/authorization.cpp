#include "accounts/authorization.hpp"

#include <algorithm>
#include <array>

#include "base/assert.hpp"

namespace bursar::accounts {

namespace {

// Whose object an action is allowed on: `own` needs a membership with that role, `any` is every account (staff),
// `installation` has no account.
enum class Whose { own, any, installation };

struct Rule {
  Action action;
  Role role;
  Whose whose;
};

using enum Action;
using enum Role;
using enum Whose;

// The table of rights. Absent means denied.
constexpr Rule rules[] = {
    {account_read, owner, own},
    {account_read, staff_support, any},
    {account_read, staff_billing, any},
    {account_read, staff_admin, any},
    {account_update, owner, own},
    {account_update, staff_billing, any},
    {account_update, staff_admin, any},
    {account_update_tax_exemption, staff_billing, any},
    {account_update_tax_exemption, staff_admin, any},
    {members_read, owner, own},
    {members_read, staff_support, any},
    {members_read, staff_admin, any},
    {members_change, owner, own},
    {members_change, staff_admin, any},
    {orders_read, owner, own},
    {orders_read, staff_support, any},
    {orders_read, staff_billing, any},
    {orders_read, staff_admin, any},
    {orders_place, owner, own},
    {orders_place, staff_billing, any},
    {orders_place, staff_admin, any},
    {services_read, owner, own},
    {services_read, staff_support, any},
    {services_read, staff_billing, any},
    {services_read, staff_admin, any},
    {services_update, owner, own},
    {services_update, staff_support, any},
    {services_update, staff_admin, any},
    {services_cancel, owner, own},
    {services_cancel, staff_billing, any},
    {services_cancel, staff_admin, any},
    {services_operate, staff_admin, any},
    {invoices_read, owner, own},
    {invoices_read, staff_support, any},
    {invoices_read, staff_billing, any},
    {invoices_read, staff_admin, any},
    {invoices_pay, owner, own},
    {invoices_pay, staff_billing, any},
    {invoices_pay, staff_admin, any},
    {invoices_apply_credit, owner, own},
    {invoices_apply_credit, staff_billing, any},
    {invoices_apply_credit, staff_admin, any},
    {invoices_create, staff_billing, any},
    {invoices_create, staff_admin, any},
    {invoices_change, staff_billing, any},
    {invoices_change, staff_admin, any},
    {payments_read, owner, own},
    {payments_read, staff_support, any},
    {payments_read, staff_billing, any},
    {payments_read, staff_admin, any},
    {payments_refund, staff_billing, any},
    {payments_refund, staff_admin, any},
    {payments_dispute, staff_billing, any},
    {payments_dispute, staff_admin, any},
    {payments_confirm, staff_billing, any},
    {payments_confirm, staff_admin, any},
    {refunds_request, owner, own},
    {refunds_request, staff_billing, any},
    {refunds_request, staff_admin, any},
    {refunds_decide, staff_billing, any},
    {refunds_decide, staff_admin, any},
    {holds_read, owner, own},
    {holds_read, staff_support, any},
    {holds_read, staff_billing, any},
    {holds_read, staff_admin, any},
    {holds_change, owner, own},
    {holds_change, staff_billing, any},
    {holds_change, staff_admin, any},
    {payment_methods_read, owner, own},
    {payment_methods_read, staff_billing, any},
    {payment_methods_read, staff_admin, any},
    {payment_methods_change, owner, own},
    {autopay_read, owner, own},
    {autopay_read, staff_support, any},
    {autopay_read, staff_billing, any},
    {autopay_read, staff_admin, any},
    {autopay_change, owner, own},
    {ledger_read, owner, own},
    {ledger_read, staff_billing, any},
    {ledger_read, staff_admin, any},
    {notifications_read, owner, own},
    {notifications_read, staff_support, any},
    {notifications_read, staff_billing, any},
    {notifications_read, staff_admin, any},
    {notifications_resend, staff_support, any},
    {notifications_resend, staff_admin, any},
    {audit_read, owner, own},
    {audit_read, staff_admin, any},

    {catalog_read, anyone, installation},
    {catalog_change, staff_admin, installation},
    {accounts_list, staff_support, installation},
    {accounts_list, staff_billing, installation},
    {accounts_list, staff_admin, installation},
    {gateways_read, user, installation},
    {inbox_read, staff_support, installation},
    {inbox_read, staff_billing, installation},
    {inbox_read, staff_admin, installation},
    {inbox_replay, staff_billing, installation},
    {inbox_replay, staff_admin, installation},
    {suspense_assign, staff_billing, installation},
    {suspense_assign, staff_admin, installation},
    {staff_tasks_read, staff_support, installation},
    {staff_tasks_read, staff_billing, installation},
    {staff_tasks_read, staff_admin, installation},
    {staff_tasks_close, staff_billing, installation},
    {staff_tasks_close, staff_admin, installation},
    {scheduler_read, staff_support, installation},
    {scheduler_read, staff_billing, installation},
    {scheduler_read, staff_admin, installation},
    {scheduler_run, staff_admin, installation},
    {scheduler_approve, staff_admin, installation},
    {scheduler_preview, staff_billing, installation},
    {scheduler_preview, staff_admin, installation},
    {plugins_read, staff_support, installation},
    {plugins_read, staff_admin, installation},
    {plugins_test, staff_admin, installation},
    {reports_read, staff_billing, installation},
    {reports_read, staff_admin, installation},
    {audit_read_all, staff_admin, installation},
    {test_clock_read, staff_support, installation},
    {test_clock_read, staff_billing, installation},
    {test_clock_read, staff_admin, installation},
    {test_clock_set, staff_admin, installation},
};

struct ActionName {
  Action action;
  std::string_view name;
};
constexpr ActionName action_names[] = {
    {account_read, "account.read"},
    {account_update, "account.update"},
    {account_update_tax_exemption, "account.update_tax_exemption"},
    {members_read, "members.read"},
    {members_change, "members.change"},
    {orders_read, "orders.read"},
    {orders_place, "orders.place"},
    {services_read, "services.read"},
    {services_update, "services.update"},
    {services_cancel, "services.cancel"},
    {services_operate, "services.operate"},
    {invoices_read, "invoices.read"},
    {invoices_pay, "invoices.pay"},
    {invoices_apply_credit, "invoices.apply_credit"},
    {invoices_create, "invoices.create"},
    {invoices_change, "invoices.change"},
    {payments_read, "payments.read"},
    {payments_refund, "payments.refund"},
    {payments_dispute, "payments.dispute"},
    {payments_confirm, "payments.confirm"},
    {refunds_request, "refunds.request"},
    {refunds_decide, "refunds.decide"},
    {holds_read, "holds.read"},
    {holds_change, "holds.change"},
    {payment_methods_read, "payment_methods.read"},
    {payment_methods_change, "payment_methods.change"},
    {autopay_read, "autopay.read"},
    {autopay_change, "autopay.change"},
    {ledger_read, "ledger.read"},
    {notifications_read, "notifications.read"},
    {notifications_resend, "notifications.resend"},
    {audit_read, "audit.read"},
    {catalog_read, "catalog.read"},
    {catalog_change, "catalog.change"},
    {accounts_list, "accounts.list"},
    {gateways_read, "gateways.read"},
    {inbox_read, "inbox.read"},
    {inbox_replay, "inbox.replay"},
    {suspense_assign, "suspense.assign"},
    {staff_tasks_read, "staff_tasks.read"},
    {staff_tasks_close, "staff_tasks.close"},
    {scheduler_read, "scheduler.read"},
    {scheduler_run, "scheduler.run"},
    {scheduler_approve, "scheduler.approve"},
    {scheduler_preview, "scheduler.preview"},
    {plugins_read, "plugins.read"},
    {plugins_test, "plugins.test"},
    {reports_read, "reports.read"},
    {audit_read_all, "audit.read_all"},
    {test_clock_read, "test_clock.read"},
    {test_clock_set, "test_clock.set"},
};

constexpr std::size_t action_count = std::size(action_names);

constexpr std::array<Action, action_count> make_actions() {
  std::array<Action, action_count> out{};
  for (std::size_t i = 0; i < action_count; ++i) out[i] = action_names[i].action;
  return out;
}
constexpr std::array<Action, action_count> actions = make_actions();
constexpr std::array<Role, 6> roles{anyone, user, owner, staff_support, staff_billing, staff_admin};

bool has_rule(Action action, Role role, Whose whose) {
  return std::any_of(std::begin(rules), std::end(rules), [&](const Rule& rule) {
    return rule.action == action && rule.role == role && rule.whose == whose;
  });
}

bool allowed_on_account(const Caller& caller, Action action, AccountId account) {
  if (caller.staff && has_rule(action, *caller.staff, any)) return true;
  return std::any_of(caller.memberships.begin(), caller.memberships.end(), [&](const Membership& membership) {
    return membership.account == account && has_rule(action, membership.role, own);
  });
}

bool allowed_on_installation(const Caller& caller, Action action) {
  if (has_rule(action, anyone, installation)) return true;
  if (caller.user && has_rule(action, user, installation)) return true;
  return caller.staff && has_rule(action, *caller.staff, installation);
}

}  // namespace

std::span<const Action> all_actions() { return actions; }
std::span<const Role> all_roles() { return roles; }

std::string_view to_text(Action action) {
  for (const auto& known : action_names) {
    if (known.action == action) return known.name;
  }
  invariant_broken("an action without a name", __FILE__, __LINE__);
}

std::string_view to_text(Role role) {
  switch (role) {
    case Role::anyone:
      return "anyone";
    case Role::user:
      return "user";
    case Role::owner:
      return "owner";
    case Role::staff_support:
      return "support";
    case Role::staff_billing:
      return "billing";
    case Role::staff_admin:
      return "admin";
  }
  invariant_broken("a role without a name", __FILE__, __LINE__);
}

std::optional<Role> staff_role_from_text(std::string_view text) {
  for (const Role role : {staff_support, staff_billing, staff_admin}) {
    if (to_text(role) == text) return role;
  }
  return std::nullopt;
}

std::optional<Role> member_role_from_text(std::string_view text) {
  if (text == to_text(Role::owner)) return Role::owner;
  return std::nullopt;
}

bool is_about_an_account(Action action) { return action < catalog_read; }

Decision decide(const Caller& caller, Action action, AccountId account) {
  if (!is_about_an_account(action)) {
    return allowed_on_installation(caller, action) ? Decision::allow : Decision::forbidden;
  }
  if (!account) return Decision::hidden;
  if (allowed_on_account(caller, action, account)) return Decision::allow;
  return allowed_on_account(caller, account_read, account) ? Decision::forbidden : Decision::hidden;
}

}  // namespace bursar::accounts
