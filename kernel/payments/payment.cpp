#include "payments/payment.hpp"

#include <array>
#include <utility>

#include "base/assert.hpp"
#include "payments/stored.hpp"

namespace bursar::payments {

namespace {

constexpr std::array<std::pair<PaymentStatus, std::string_view>, 7> status_names{{
    {PaymentStatus::pending, "pending"},
    {PaymentStatus::requires_action, "requires_action"},
    {PaymentStatus::succeeded, "succeeded"},
    {PaymentStatus::failed, "failed"},
    {PaymentStatus::unknown, "unknown"},
    {PaymentStatus::refunded, "refunded"},
    {PaymentStatus::partially_refunded, "partially_refunded"},
}};
constexpr std::array<std::pair<PaymentOrigin, std::string_view>, 3> origin_names{{
    {PaymentOrigin::customer, "customer"},
    {PaymentOrigin::autopay, "autopay"},
    {PaymentOrigin::staff, "staff"},
}};

template <class Names, class Value>
std::string_view name_of(const Names& names, Value value) {
  for (const auto& [known, name] : names) {
    if (known == value) return name;
  }
  invariant_broken("a value without a name", __FILE__, __LINE__);
}

template <class Names>
auto value_of(const Names& names, std::string_view stored) {
  for (const auto& [known, name] : names) {
    if (name == stored) return known;
  }
  invariant_broken("a stored name that this version does not know", __FILE__, __LINE__);
}

// In the order in which read_payment() takes them.
#define PAYMENT_COLUMNS                                                                                         \
  "id, account_id, gateway, method_id, invoice_id, origin, status, currency, amount, received, fee, refunded, " \
  "gateway_reference, next_action, decline_code, decline_text, created_at, settled_at, expires_at, version, "   \
  "mass_payment_id, disputed, save_method, saved_method_id, fee_currency"

Payment read_payment(storage::Rows& rows) {
  const Currency currency = stored_currency(rows.text(7));
  return {.id = rows.id<PaymentId>(0),
          .account = rows.id<AccountId>(1),
          .gateway = rows.string(2),
          .method = rows.id<PaymentMethodId>(3),
          .invoice = rows.id<InvoiceId>(4),
          .mass_payment = rows.id<MassPaymentId>(20),
          .origin = payment_origin(rows.text(5)),
          .status = payment_status(rows.text(6)),
          .amount = Money(rows.integer(8), currency),
          .received = Money(rows.integer(9), currency),
          .fee = Money(rows.integer(10), stored_currency(rows.text(24), currency)),
          .refunded = Money(rows.integer(11), currency),
          .disputed = Money(rows.integer(21), currency),
          .reference = rows.string(12),
          .next_action = rows.string(13),
          .decline_code = rows.string(14),
          .decline_text = rows.string(15),
          .created_at = rows.instant(16),
          .settled_at = rows.optional_instant(17),
          .expires_at = rows.optional_instant(18),
          .version = rows.integer(19),
          .save_method = rows.boolean(22),
          .saved_method = rows.id<PaymentMethodId>(23)};
}

std::vector<Payment> read_all(storage::Rows rows) {
  std::vector<Payment> out;
  while (rows.next()) out.push_back(read_payment(rows));
  return out;
}

}  // namespace

Currency stored_currency(std::string_view code) {
  const auto currency = Currency::parse(code);
  if (!currency.ok()) throw storage::StorageError("a stored currency code is no currency", false);
  return *currency;
}
Currency stored_currency(std::string_view code, Currency otherwise) {
  return code.empty() ? otherwise : stored_currency(code);
}

std::string_view to_string(PaymentStatus status) { return name_of(status_names, status); }
std::string_view to_string(PaymentOrigin origin) { return name_of(origin_names, origin); }
PaymentStatus payment_status(std::string_view stored) { return value_of(status_names, stored); }
PaymentOrigin payment_origin(std::string_view stored) { return value_of(origin_names, stored); }

std::optional<Payment> find_payment(storage::Connection& c, PaymentId id) {
  auto found = read_all(c.query("SELECT " PAYMENT_COLUMNS " FROM payments WHERE id = $1", id));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::vector<Payment> payments_of_invoice(storage::Connection& c, InvoiceId invoice) {
  return read_all(c.query("SELECT " PAYMENT_COLUMNS " FROM payments WHERE invoice_id = $1 OR id IN (SELECT payment_id "
                          "FROM payment_targets "
                          "WHERE invoice_id = $1) ORDER BY id",
                          invoice));
}

std::vector<Payment> payments_of(storage::Connection& c, MassPaymentId id) {
  return read_all(c.query("SELECT " PAYMENT_COLUMNS " FROM payments WHERE mass_payment_id = $1 ORDER BY id", id));
}

std::vector<Payment> list_payments(storage::Connection& c, const PaymentFilter& filter) {
  const std::int64_t before = filter.before ? filter.before.value() : INT64_MAX;
  const std::string_view status = filter.status ? to_string(*filter.status) : std::string_view();
  if (filter.account) {
    return read_all(c.query("SELECT " PAYMENT_COLUMNS " FROM payments WHERE account_id = $1 AND id < $2 AND "
                            "($3 = '' OR "
                            "status = $3) "
                            "ORDER BY id DESC LIMIT $4",
                            filter.account, before, status, filter.limit));
  }
  return read_all(c.query("SELECT " PAYMENT_COLUMNS " FROM payments WHERE id < $1 AND ($2 = '' OR status = $2) "
                          "ORDER BY "
                          "id DESC LIMIT $3",
                          before, status, filter.limit));
}

std::vector<Target> targets_of(storage::Connection& c, const Payment& payment) {
  if (payment.invoice) return {{.invoice = payment.invoice, .amount = payment.amount}};
  auto rows =
      c.query("SELECT invoice_id, amount FROM payment_targets WHERE payment_id = $1 ORDER BY position", payment.id);
  std::vector<Target> out;
  while (rows.next()) {
    out.push_back({.invoice = rows.id<InvoiceId>(0), .amount = Money(rows.integer(1), payment.amount.currency())});
  }
  return out;
}

std::vector<Allocation> allocations_of(storage::Connection& c, const Payment& payment) {
  auto rows =
      c.query("SELECT invoice_id, amount, created_at FROM allocations WHERE payment_id = $1 ORDER BY id", payment.id);
  std::vector<Allocation> out;
  while (rows.next()) {
    out.push_back({.invoice = rows.id<InvoiceId>(0),
                   .amount = Money(rows.integer(1), payment.amount.currency()),
                   .created_at = rows.instant(2)});
  }
  return out;
}

}  // namespace bursar::payments
