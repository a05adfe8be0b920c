// Goal: the table of rights says exactly what is written here, for every action, role and whose object it is; a new
// action or role without a row here fails. Method: the expectation is a second table, by action, compared in full.
#include "accounts/authorization.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace bursar::accounts {
namespace {

const AccountId mine(7), foreign(8);

Caller caller_with(Role role) {
  Caller caller;
  if (role == Role::anyone) return caller;
  caller.user = UserId(1);
  if (role == Role::owner) caller.memberships = {{mine, Role::owner}};
  if (role == Role::staff_support || role == Role::staff_billing || role == Role::staff_admin) caller.staff = role;
  return caller;
}

// "o" owner on the own account; "S", "B", "A": support, billing, admin on any account (or the installation);
// "u" every user, "*" everybody.
const std::map<std::string, std::string> expected = {
    {"account.read", "oSBA"},
    {"account.update", "oBA"},
    {"account.update_tax_exemption", "BA"},
    {"members.read", "oSA"},
    {"members.change", "oA"},
    {"orders.read", "oSBA"},
    {"orders.place", "oBA"},
    {"services.read", "oSBA"},
    {"services.update", "oSA"},
    {"services.cancel", "oBA"},
    {"services.operate", "A"},
    {"invoices.read", "oSBA"},
    {"invoices.pay", "oBA"},
    {"invoices.apply_credit", "oBA"},
    {"invoices.create", "BA"},
    {"invoices.change", "BA"},
    {"payments.read", "oSBA"},
    {"payments.refund", "BA"},
    {"payments.dispute", "BA"},
    {"payments.confirm", "BA"},
    {"refunds.request", "oBA"},
    {"refunds.decide", "BA"},
    {"holds.read", "oSBA"},
    {"holds.change", "oBA"},
    {"payment_methods.read", "oBA"},
    {"payment_methods.change", "o"},
    {"autopay.read", "oSBA"},
    {"autopay.change", "o"},
    {"ledger.read", "oBA"},
    {"notifications.read", "oSBA"},
    {"notifications.resend", "SA"},
    {"audit.read", "oA"},
    {"catalog.read", "*"},
    {"catalog.change", "A"},
    {"accounts.list", "SBA"},
    {"gateways.read", "u"},
    {"inbox.read", "SBA"},
    {"inbox.replay", "BA"},
    {"suspense.assign", "BA"},
    {"staff_tasks.read", "SBA"},
    {"staff_tasks.close", "BA"},
    {"scheduler.read", "SBA"},
    {"scheduler.run", "A"},
    {"scheduler.approve", "A"},
    {"scheduler.preview", "BA"},
    {"plugins.read", "SA"},
    {"plugins.test", "A"},
    {"reports.read", "BA"},
    {"audit.read_all", "A"},
    {"test_clock.read", "SBA"},
    {"test_clock.set", "A"},
};

char letter(Role role) {
  switch (role) {
    case Role::anyone:
      return '*';
    case Role::user:
      return 'u';
    case Role::owner:
      return 'o';
    case Role::staff_support:
      return 'S';
    case Role::staff_billing:
      return 'B';
    case Role::staff_admin:
      return 'A';
  }
  return '?';
}

bool holds(const std::string& letters, char letter) { return letters.find(letter) != std::string::npos; }

TEST(Authorization, every_action_has_an_expectation) {
  EXPECT_EQ(expected.size(), all_actions().size());
  for (const Action action : all_actions()) EXPECT_TRUE(expected.contains(std::string(to_text(action))));
}

TEST(Authorization, full_matrix_on_accounts) {
  for (const Action action : all_actions()) {
    if (!is_about_an_account(action)) continue;
    const std::string& letters = expected.at(std::string(to_text(action)));
    for (const Role role : all_roles()) {
      SCOPED_TRACE(std::string(to_text(action)) + " as " + std::string(to_text(role)));
      const Caller caller = caller_with(role);
      const bool allowed = holds(letters, letter(role));
      // Staff know of every account; an owner of the own one; nobody else of any.
      const Decision refused_on_own = role == Role::owner || caller.is_staff() ? Decision::forbidden : Decision::hidden;
      EXPECT_EQ(decide(caller, action, mine), allowed ? Decision::allow : refused_on_own);
      const Decision refused_on_foreign = caller.is_staff() ? Decision::forbidden : Decision::hidden;
      EXPECT_EQ(decide(caller, action, foreign), allowed && role != Role::owner ? Decision::allow : refused_on_foreign);
      EXPECT_EQ(decide(caller, action), Decision::hidden) << "an action on an account needs one";
    }
  }
}

TEST(Authorization, full_matrix_on_the_installation) {
  for (const Action action : all_actions()) {
    if (is_about_an_account(action)) continue;
    const std::string& letters = expected.at(std::string(to_text(action)));
    for (const Role role : all_roles()) {
      SCOPED_TRACE(std::string(to_text(action)) + " as " + std::string(to_text(role)));
      const bool allowed =
          holds(letters, letter(role)) || holds(letters, '*') || (holds(letters, 'u') && role != Role::anyone);
      EXPECT_EQ(decide(caller_with(role), action), allowed ? Decision::allow : Decision::forbidden);
    }
  }
}

TEST(Authorization, staff_who_own_an_account_keep_both_rights_and_no_more) {
  Caller caller = caller_with(Role::staff_support);
  caller.memberships = {{mine, Role::owner}};
  EXPECT_EQ(decide(caller, Action::invoices_pay, mine), Decision::allow);
  EXPECT_EQ(decide(caller, Action::invoices_pay, foreign), Decision::forbidden);
  EXPECT_EQ(decide(caller, Action::payments_confirm, mine), Decision::forbidden) << "nobody confirms their own money";
}

}  // namespace
}  // namespace bursar::accounts
