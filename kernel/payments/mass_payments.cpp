#include "payments/mass_payments.hpp"

#include <algorithm>
#include <set>

#include "accounts/audit.hpp"
#include "invoicing/invoices.hpp"
#include "invoicing/settlement.hpp"
#include "ledger/journal.hpp"
#include "payments/deposits.hpp"
#include "payments/recording.hpp"
#include "payments/staff_tasks.hpp"
#include "payments/stored.hpp"

namespace bursar::payments {

namespace {

using invoicing::Invoice;
using storage::Connection;
using storage::Transaction;

constexpr std::size_t most_invoices = 200;

void read_items(Connection& c, MassPayment& mass) {
  const Currency currency = mass.total.currency();
  // Of a chosen part, what its own payments have brought is not asked for again.
  auto rows = c.query(
      "SELECT i.invoice_id, n.number, i.amount, n.status, n.balance, coalesce((SELECT SUM(a.amount) FROM payments p "
      "JOIN allocations a ON a.payment_id = p.id WHERE p.mass_payment_id = i.mass_payment_id "
      "AND a.invoice_id = i.invoice_id), 0) FROM mass_payment_items i "
      "JOIN invoices n ON n.id = i.invoice_id WHERE i.mass_payment_id = $1 ORDER BY i.position",
      mass.id);
  while (rows.next()) {
    const auto amount = rows.is_null(2) ? std::nullopt : std::optional(Money(rows.integer(2), currency));
    const Money balance = rows.text(3) == "open" ? Money(rows.integer(4), currency) : Money::zero(currency);
    const Money part = amount ? *amount - std::min(*amount, Money(rows.integer(5), currency)) : balance;
    mass.items.push_back({.invoice = rows.id<InvoiceId>(0),
                          .number = rows.string(1),
                          .amount = amount,
                          .owed = std::min(part, balance)});
    mass.total += mass.items.back().owed;
  }
}

MassPayment read_row(storage::Rows& rows) {
  return {.id = rows.id<MassPaymentId>(0),
          .account = rows.id<AccountId>(1),
          .status = rows.string(3),
          .items = {},
          .total = Money::zero(stored_currency(rows.text(2))),
          .extra = Money(rows.integer(7), stored_currency(rows.text(2))),
          .created_at = rows.instant(4),
          .expires_at = rows.instant(5),
          .version = rows.integer(6)};
}

struct Chosen {
  NewMassPayment::Item item;
  Invoice invoice;
  Money amount;
};

// "" when the invoice can be paid in this company; else why not.
std::string objection(const NewMassPayment& mass, const std::optional<Invoice>& invoice,
                      const std::vector<Chosen>& before) {
  if (!invoice || invoice->account != mass.account) return "names no invoice of the account";
  if (invoice->status != invoicing::InvoiceStatus::open || !invoice->balance.is_positive()) {
    return "names an invoice on which nothing is owed";
  }
  if (!before.empty() && before.front().invoice.balance.currency() != invoice->balance.currency()) {
    return "mixes currencies; pay each currency by itself";
  }
  const bool twice =
      std::any_of(before.begin(), before.end(), [&](const Chosen& c) { return c.invoice.id == invoice->id; });
  return twice ? "names an invoice twice" : "";
}

// Every open invoice in the currency of the one that is due first.
std::vector<NewMassPayment::Item> everything_owed(Transaction& tx, AccountId account) {
  std::vector<NewMassPayment::Item> items;
  const auto open = invoicing::open_invoices(tx, account);
  for (const Invoice& invoice : open) {
    if (invoice.kind == invoicing::InvoiceKind::deposit || !invoice.balance.is_positive()) continue;
    if (invoice.balance.currency() != open.front().balance.currency()) continue;
    if (items.size() < most_invoices) items.push_back({.invoice = invoice.id});
  }
  return items;
}

// Account credit for the invoices in their order; what is left to pay of each.
Result<std::vector<Target>> use_credit(Transaction& tx, const Context& context, AccountId account,
                                       const std::vector<Target>& targets, Instant now) {
  Money credit = ledger::credit_balance(tx, account, targets.front().amount.currency());
  std::vector<Target> left;
  for (const Target& target : targets) {
    const Money used = std::min(credit, target.amount);
    if (used < target.amount) left.push_back({.invoice = target.invoice, .amount = target.amount - used});
    credit -= used;
    if (used.is_zero()) continue;
    BURSAR_TRY(applied, invoicing::apply_credit(tx, context.rules, target.invoice, used, now));
    (void)applied;  // its journal entry tells
  }
  return left;
}

Status check_extra(Transaction& tx, const Context& context, const NewMassPayment& mass, Currency currency,
                   Instant now) {
  if (!mass.extra) return {};
  if (mass.extra->currency() != currency || !mass.extra->is_positive()) {
    return bad_field("/extra", "must be above zero and in " + std::string(currency.code()));
  }
  if (mass.use_credit) return bad_field("/extra", "adds credit, and use_credit takes it");
  return mass.origin == PaymentOrigin::customer ? check_added(tx, context, mass.account, *mass.extra, "/extra", now)
                                                : Status();
}

// What credit paid of a chosen part would be asked for again by the next attempt.
Status check_use_of_credit(const NewMassPayment& mass) {
  const bool has_amounts = std::any_of(mass.items.begin(), mass.items.end(),
                                       [](const NewMassPayment::Item& item) { return item.amount.has_value(); });
  return mass.use_credit && has_amounts ? Status(bad_field("/amounts", "can't be named where credit is used"))
                                        : Status();
}

// A payment that brought something brought what was added, too.
bool has_brought_money(Connection& c, MassPaymentId id) {
  const auto payments = payments_of(c, id);
  return std::any_of(payments.begin(), payments.end(),
                     [](const Payment& payment) { return payment.received.is_positive(); });
}

Result<std::vector<Chosen>> choose(Transaction& tx, const NewMassPayment& mass) {
  const auto items = mass.items.empty() ? everything_owed(tx, mass.account) : mass.items;
  if (items.empty()) return conflict("nothing_to_pay", "Nothing is owed.");
  if (items.size() > most_invoices) {
    return bad_field("/invoice_ids", "may name at most " + std::to_string(most_invoices) + " invoices");
  }
  std::vector<Chosen> chosen;
  std::vector<FieldError> errors;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string at = "/" + std::to_string(i);
    auto invoice = invoicing::find_invoice(tx, items[i].invoice);
    if (std::string fault = objection(mass, invoice, chosen); !fault.empty()) {
      errors.push_back({"/invoice_ids" + at, std::move(fault)});
      continue;
    }
    const Money balance = invoice->balance;
    if (items[i].amount && (items[i].amount->currency() != balance.currency() || !items[i].amount->is_positive() ||
                            *items[i].amount > balance)) {
      errors.push_back({"/amounts" + at, "must be above zero and at most " + balance.to_string()});
      continue;
    }
    chosen.push_back({.item = items[i], .invoice = *std::move(invoice), .amount = items[i].amount.value_or(balance)});
  }
  if (!errors.empty()) return invalid("invalid_fields", "Some fields are not valid.", std::move(errors));
  return chosen;
}

// No invoice may be charged for twice: what is on its way for it counts.
Status check_under_way(Transaction& tx, const Context& context, const std::vector<Target>& targets, Instant now) {
  for (const Target& target : targets) {
    const Money coming = under_way(tx, context.gateways, target.invoice, target.amount.currency(), now);
    if (!coming.is_positive()) continue;
    const auto invoice = invoicing::find_invoice(tx, target.invoice);
    if (coming + target.amount > invoice->balance) return payment_in_flight(coming);
  }
  return {};
}

// A transfer that nobody confirmed yet is replaced by the next attempt.
void give_up_unconfirmed(Transaction& tx, const Context& context, MassPaymentId id, std::string_view why, Instant now) {
  for (const Payment& payment : payments_of(tx, id)) {
    if (payment.status != PaymentStatus::requires_action || !is_staff_confirmed(context.gateways, payment.gateway)) {
      continue;
    }
    tx.execute(
        "UPDATE payments SET status = 'failed', decline_code = $2, next_action = '', settled_at = $3, "
        "version = version + 1 WHERE id = $1",
        payment.id, why, now);
    close_task(tx, "confirm_payment", payment.id.value(), "dismissed", {}, now);
  }
}

struct Attempt {
  MassPaymentId mass_payment;
  AccountId account;
  std::vector<Target> targets;
  Money extra;
  Means means;
  PaymentOrigin origin;
  Checkout checkout;
};

Means means_of(const std::string& gateway, PaymentMethodId method, const Checkout& checkout) {
  return {.gateway = gateway, .method = method, .save_method = checkout.save_method};
}

Result<PaymentId> record_attempt(Transaction& tx, const Context& context, Attempt attempt, const accounts::Actor& actor,
                                 Instant now) {
  Money amount = attempt.extra;
  for (const Target& target : attempt.targets) amount += target.amount;
  BURSAR_TRY(gateway, choose_gateway(tx, context, attempt.means, attempt.account, amount.currency()));
  BURSAR_CHECK(check_limits(context.gateways, gateway, amount));
  BURSAR_CHECK(check_under_way(tx, context, attempt.targets, now));
  return insert_payment(tx,
                        {.account = attempt.account,
                         .gateway = gateway,
                         .method = attempt.means.method,
                         .invoice = {},
                         .mass_payment = attempt.mass_payment,
                         .targets = std::move(attempt.targets),
                         .origin = attempt.origin,
                         .amount = amount,
                         .checkout = attempt.checkout},
                        actor, now);
}

Error not_open(const MassPayment& mass) {
  return conflict("mass_payment_not_open", "The mass payment is " + mass.status + ".");
}

}  // namespace

std::optional<MassPayment> find_mass_payment(Connection& c, MassPaymentId id) {
  std::optional<MassPayment> mass;
  {
    auto rows = c.query(
        "SELECT id, account_id, currency, status, created_at, expires_at, version, extra FROM mass_payments WHERE id = "
        "$1",
        id);
    if (!rows.next()) return std::nullopt;
    mass = read_row(rows);
  }
  read_items(c, *mass);
  return mass;
}

std::vector<MassPayment> list_mass_payments(Connection& c, AccountId account, MassPaymentId before, int limit) {
  std::vector<MassPayment> out;
  {
    auto rows = c.query(
        "SELECT id, account_id, currency, status, created_at, expires_at, version, extra FROM mass_payments "
        "WHERE account_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        account, before ? before.value() : INT64_MAX, limit);
    while (rows.next()) out.push_back(read_row(rows));
  }
  for (MassPayment& mass : out) read_items(c, mass);
  return out;
}

Result<StartedMassPayment> start_mass_payment(Transaction& tx, const Context& context, const NewMassPayment& mass,
                                              const accounts::Actor& actor, Instant now) {
  BURSAR_CHECK(check_use_of_credit(mass));
  BURSAR_TRY(chosen, choose(tx, mass));
  const Currency currency = chosen.front().amount.currency();
  BURSAR_CHECK(check_extra(tx, context, mass, currency, now));
  const Money extra = mass.extra.value_or(Money::zero(currency));
  const auto id = tx.new_id<MassPaymentId>();
  tx.execute(
      "INSERT INTO mass_payments (id, account_id, currency, status, created_at, expires_at, extra) "
      "VALUES ($1, $2, $3, 'open', $4, $5, $6)",
      id, mass.account, currency.code(), now, now + days(context.rules.billing.mass_payment_days), extra.minor());
  using storage::Batch;
  Batch rows{{"mass_payment_id", Batch::integer},
             {"position", Batch::integer},
             {"invoice_id", Batch::integer},
             {"amount", Batch::integer}};
  std::vector<Target> targets;
  for (const Chosen& one : chosen) {
    const int position = static_cast<int>(targets.size()) + 1;
    if (one.item.amount) {
      rows.add(id, position, one.invoice.id, one.item.amount->minor());
    } else {
      rows.add(id, position, one.invoice.id, nullptr);
    }
    targets.push_back({.invoice = one.invoice.id, .amount = one.amount});
  }
  tx.insert_many("mass_payment_items", rows);
  BURSAR_CHECK(check_under_way(tx, context, targets, now));
  if (mass.use_credit) {
    BURSAR_TRY(left, use_credit(tx, context, mass.account, targets, now));
    if (left.empty()) return credit_covers_all("Apply credit to the invoices instead.");
    targets = std::move(left);
  }
  BURSAR_TRY(payment, record_attempt(tx, context,
                                     {.mass_payment = id,
                                      .account = mass.account,
                                      .targets = std::move(targets),
                                      .extra = extra,
                                      .means = means_of(mass.gateway, mass.method, mass.checkout),
                                      .origin = mass.origin,
                                      .checkout = mass.checkout},
                                     actor, now));
  return StartedMassPayment{.mass_payment = id, .payment = payment};
}

Result<PaymentId> retry_mass_payment(Transaction& tx, const Context& context, MassPaymentId id,
                                     const MassPaymentAttempt& attempt, const accounts::Actor& actor, Instant now) {
  const auto mass = find_mass_payment(tx, id);
  if (!mass) return not_found("no_such_mass_payment", "There is no such mass payment.");
  if (mass->status != "open") return not_open(*mass);
  std::vector<Target> targets;
  for (const auto& item : mass->items) {
    if (item.owed.is_positive()) targets.push_back({.invoice = item.invoice, .amount = item.owed});
  }
  if (targets.empty()) return conflict("nothing_to_pay", "Nothing is owed on its invoices any more.");
  give_up_unconfirmed(tx, context, id, "replaced", now);
  return record_attempt(tx, context,
                        {.mass_payment = id,
                         .account = mass->account,
                         .targets = std::move(targets),
                         .extra = has_brought_money(tx, id) ? Money::zero(mass->total.currency()) : mass->extra,
                         .means = means_of(attempt.gateway, attempt.method, attempt.checkout),
                         .origin = attempt.origin,
                         .checkout = attempt.checkout},
                        actor, now);
}

Status cancel_mass_payment(Transaction& tx, const Context& context, MassPaymentId id, const accounts::Actor& actor,
                           Instant now) {
  const auto mass = find_mass_payment(tx, id);
  if (!mass) return not_found("no_such_mass_payment", "There is no such mass payment.");
  if (mass->status != "open") return not_open(*mass);
  give_up_unconfirmed(tx, context, id, "cancelled", now);
  for (const Payment& payment : payments_of(tx, id)) {
    if (payment.status == PaymentStatus::pending || payment.status == PaymentStatus::unknown) {
      return payment_in_flight(payment.amount);
    }
  }
  tx.execute("UPDATE mass_payments SET status = 'cancelled', closed_at = $2, version = version + 1 WHERE id = $1", id,
             now);
  accounts::append_audit(tx, now,
                         {.actor = actor,
                          .account = mass->account,
                          .action = "mass_payment.cancel",
                          .object = accounts::audit_object(id)});
  return {};
}

void complete_if_nothing_is_owed(Transaction& tx, MassPaymentId id, Instant now) {
  const auto mass = find_mass_payment(tx, id);
  if (!mass || !mass->total.is_zero()) return;
  tx.execute(
      "UPDATE mass_payments SET status = 'completed', closed_at = $2, version = version + 1 "
      "WHERE id = $1 AND status IN ('open', 'expired')",
      id, now);
}

std::int64_t close_old_mass_payments(Transaction& tx, Instant now) {
  const auto settled = tx.execute(
      "UPDATE mass_payments SET status = 'completed', closed_at = $1, version = version + 1 WHERE status = 'open' "
      "AND NOT EXISTS (SELECT 1 FROM mass_payment_items i JOIN invoices n ON n.id = i.invoice_id "
      "WHERE i.mass_payment_id = mass_payments.id AND n.status = 'open')",
      now);
  return settled + tx.execute(
                       "UPDATE mass_payments SET status = 'expired', closed_at = $1, version = version + 1 "
                       "WHERE status = 'open' AND expires_at <= $1",
                       now);
}

}  // namespace bursar::payments
