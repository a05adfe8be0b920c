// The chart of accounts: the only names that money can stand under. Stored as text in postings.ledger_account.
//
//   receivable            asset      what customers owe; each posting names its invoice
//   customer_credit       liability  what we owe customers: deposits, surplus, credit notes of paid invoices
//   deposit_due           liability  deposits that are invoiced and not yet paid for
//   revenue               income     sales net of tax and discount
//   late_fee_income       income
//   tax_payable/DE        liability  tax collected, by the country (or country-region) it is owed to
//   clearing/cards        asset      money a gateway instance holds for us
//   disputed/cards        asset      what the gateway took for disputes that are not decided yet
//   gateway_fees          expense    what gateways keep
//   credit_granted        expense    credit given by staff
//   write_off             expense    invoices given up
//   dispute_losses        expense    what lost disputes took and nobody owes
//   suspense              liability  money that arrived and can't be assigned yet
#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace bursar::ledger {

class LedgerAccount {
 public:
  static LedgerAccount receivable() { return LedgerAccount("receivable"); }
  static LedgerAccount customer_credit() { return LedgerAccount("customer_credit"); }
  static LedgerAccount deposit_due() { return LedgerAccount("deposit_due"); }
  static LedgerAccount revenue() { return LedgerAccount("revenue"); }
  static LedgerAccount late_fee_income() { return LedgerAccount("late_fee_income"); }
  static LedgerAccount gateway_fees() { return LedgerAccount("gateway_fees"); }
  static LedgerAccount credit_granted() { return LedgerAccount("credit_granted"); }
  static LedgerAccount write_off() { return LedgerAccount("write_off"); }
  static LedgerAccount dispute_losses() { return LedgerAccount("dispute_losses"); }
  static LedgerAccount suspense() { return LedgerAccount("suspense"); }
  // `place`: ISO 3166-1 country, or country and subdivision as "US-CA".
  static LedgerAccount tax_payable(std::string_view place) { return LedgerAccount("tax_payable/", place); }
  static LedgerAccount clearing(std::string_view gateway_instance) {
    return LedgerAccount("clearing/", gateway_instance);
  }
  static LedgerAccount disputed(std::string_view gateway_instance) {
    return LedgerAccount("disputed/", gateway_instance);
  }

  // A name read back from the store.
  static LedgerAccount stored(std::string_view name) { return LedgerAccount(name); }

  // Whether postings to it belong to one customer (postings.account_id is set), and to one invoice.
  [[nodiscard]] bool belongs_to_customer() const { return name_ == "receivable" || name_ == "customer_credit"; }
  [[nodiscard]] bool belongs_to_invoice() const { return name_ == "receivable"; }
  [[nodiscard]] bool is_customer_credit() const { return name_ == "customer_credit"; }

  [[nodiscard]] const std::string& name() const { return name_; }
  auto operator<=>(const LedgerAccount&) const = default;

 private:
  explicit LedgerAccount(std::string_view name) : name_(name) {}
  LedgerAccount(std::string_view group, std::string_view member) : name_(group) { name_.append(member); }
  std::string name_;
};

}  // namespace bursar::ledger
