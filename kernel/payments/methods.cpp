#include "payments/methods.hpp"

#include <algorithm>

#include "accounts/audit.hpp"
#include "accounts/fields.hpp"
#include "effects/effects.hpp"
#include "invoicing/invoices.hpp"
#include "payments/autopay_attempts.hpp"
#include "payments/method_tokens.hpp"

namespace bursar::payments {

namespace {

constexpr int most_methods = 20;

// $2: the day. A gateway repeats itself; the customer is told again only of another day.
#define NEW_EXPIRY \
  "expires_on = $2, expiry_told_on = CASE WHEN coalesce(expires_on, '') = coalesce($2, '') THEN expiry_told_on END"

PaymentMethod read_method(storage::Rows& rows) {
  return {.id = rows.id<PaymentMethodId>(0),
          .account = rows.id<AccountId>(1),
          .gateway = rows.string(2),
          .label = rows.string(3),
          .expires_on = rows.optional_date(4),
          .position = static_cast<int>(rows.integer(5)),
          .created_at = rows.instant(6),
          .version = rows.integer(7)};
}

// Positions are 0, 1, 2... in the order given.
void renumber(storage::Transaction& tx, const std::vector<PaymentMethodId>& order) {
  int position = 0;
  for (const PaymentMethodId id : order) {
    tx.execute("UPDATE payment_methods SET position = $2, version = version + 1 WHERE id = $1 AND position <> $2", id,
               position++);
  }
}

std::vector<PaymentMethodId> ids_of(const std::vector<PaymentMethod>& methods) {
  std::vector<PaymentMethodId> out;
  for (const auto& method : methods) out.push_back(method.id);
  return out;
}

void audit(storage::Transaction& tx, AccountId account, std::string action, std::string object,
           const accounts::Actor& actor, Instant now) {
  accounts::append_audit(
      tx, now, {.actor = actor, .account = account, .action = std::move(action), .object = std::move(object)});
}

struct Row {
  AccountId account;
  std::string gateway;
  std::string token;
  std::string label;
  std::optional<CivilDate> expires_on;
  bool named;  // the label is the customer's own
};

// At the end of the account's order.
PaymentMethodId insert_method(storage::Transaction& tx, const Vault& vault, const Row& row,
                              const accounts::Actor& actor, Instant now) {
  const auto others = list_methods(tx, row.account);
  const auto id = tx.new_id<PaymentMethodId>();
  const StoredToken token = stored_token(vault, id, row.token);
  tx.execute(
      "INSERT INTO payment_methods (id, account_id, gateway, token, token_lookup, label, expires_on, position, named, "
      "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
      id, row.account, row.gateway, token.sealed, token.lookup, row.label, row.expires_on,
      others.empty() ? 0 : others.back().position + 1, row.named, now);
  audit(tx, row.account, "payment_method.add", accounts::audit_object(id), actor, now);
  return id;
}

Error no_such_method() { return not_found("no_such_payment_method", "There is no such payment method."); }

}  // namespace

std::vector<PaymentMethod> list_methods(storage::Connection& c, AccountId account) {
  auto rows = c.query(
      "SELECT id, account_id, gateway, label, expires_on, position, created_at, version FROM payment_methods "
      "WHERE account_id = $1 AND status = 'active' ORDER BY position, id",
      account);
  std::vector<PaymentMethod> out;
  while (rows.next()) out.push_back(read_method(rows));
  return out;
}

std::optional<PaymentMethod> find_method(storage::Connection& c, PaymentMethodId id) {
  auto rows = c.query(
      "SELECT id, account_id, gateway, label, expires_on, position, created_at, version FROM payment_methods "
      "WHERE id = $1 AND status = 'active'",
      id);
  if (!rows.next()) return std::nullopt;
  return read_method(rows);
}

Status check_room_for_method(storage::Connection& c, AccountId account) {
  if (list_methods(c, account).size() < most_methods) return {};
  return conflict("too_many_payment_methods", "Remove a payment method first.");
}

Result<PaymentMethodId> add_method(storage::Transaction& tx, Gateways& gateways, const Vault& vault, AccountId account,
                                   const NewPaymentMethod& method, const accounts::Actor& actor, Instant now) {
  std::vector<FieldError> errors;
  const Gateway* gateway = gateways.find(method.gateway);
  if (gateway == nullptr || !gateway->info().stored_methods) {
    errors.push_back({"/gateway", "is no gateway that keeps payment methods"});
  }
  accounts::check_text("/token", method.token, 1, 500, accounts::Lines::one, errors);
  accounts::check_text("/label", method.label, 1, 100, accounts::Lines::one, errors);
  if (!errors.empty()) return invalid("invalid_fields", "Some fields are not valid.", std::move(errors));
  BURSAR_CHECK(check_room_for_method(tx, account));
  return insert_method(tx, vault,
                       {.account = account,
                        .gateway = method.gateway,
                        .token = method.token,
                        .label = method.label,
                        .expires_on = method.expires_on,
                        .named = true},
                       actor, now);
}

PaymentMethodId keep_method(storage::Transaction& tx, const Vault& vault, const KeptMethod& kept, Instant now) {
  auto found = active_methods_with(tx, vault, kept.gateway, kept.method.token);
  std::erase_if(found, [&](const ActiveMethod& one) { return one.account != kept.account; });
  if (!found.empty()) {
    const PaymentMethodId first = std::min_element(found.begin(), found.end(), [](const auto& a, const auto& b) {
                                    return std::pair(a.position, a.id) < std::pair(b.position, b.id);
                                  })->id;
    const StoredToken token = stored_token(vault, first, kept.method.token);
    tx.execute("UPDATE payment_methods SET token = $3, token_lookup = $4, " NEW_EXPIRY
               ", version = version + 1 WHERE id = $1",
               first, expiry_of(kept.method), token.sealed, token.lookup);
    return first;
  }
  const std::string& told = kept.method.label.empty() ? kept.method.type : kept.method.label;
  return insert_method(tx, vault,
                       {.account = kept.account,
                        .gateway = kept.gateway,
                        .token = kept.method.token,
                        .label = kept.name.empty() ? told : kept.name,
                        .expires_on = expiry_of(kept.method),
                        .named = !kept.name.empty()},
                       {.kind = accounts::ActorKind::job}, now);
}

int renew_methods(storage::Transaction& tx, const Vault& vault, const std::string& gateway, const GatewayMethod& method,
                  std::optional<Instant> told_at, Instant now) {
  const bool gone = method.label.empty();
  int count = 0;
  for (const ActiveMethod& ours : active_methods_with(tx, vault, gateway, method.token)) {
    ++count;
    if (gone) {
      // Nothing is left to detach, so nothing needs the token any more.
      tx.execute(
          "UPDATE payment_methods SET status = 'removed', token = '', token_lookup = '', version = version + 1 "
          "WHERE id = $1",
          ours.id);
    } else if (told_at && ours.told_at && *told_at < *ours.told_at) {
      continue;
    } else {
      tx.execute("UPDATE payment_methods SET label = CASE named WHEN 0 THEN $3 ELSE label END, " NEW_EXPIRY
                 ", told_at = coalesce($4, told_at), version = version + 1 WHERE id = $1",
                 ours.id, expiry_of(method), method.label, told_at);
    }
    audit(tx, ours.account, gone ? "payment_method.gone" : "payment_method.renewed", accounts::audit_object(ours.id),
          {.kind = accounts::ActorKind::job}, now);
  }
  return count;
}

Result<PaymentMethod> update_method(storage::Transaction& tx, PaymentMethodId id, const PaymentMethodPatch& patch,
                                    std::optional<std::int64_t> expected_version, const accounts::Actor& actor,
                                    Instant now) {
  const auto method = find_method(tx, id);
  if (!method) return no_such_method();
  if (expected_version && *expected_version != method->version) {
    return Error{.kind = ErrorKind::precondition_failed,
                 .code = "payment_method_changed",
                 .detail = "The payment method was changed meanwhile.",
                 .retry = Retry::after_fix};
  }
  std::vector<FieldError> errors;
  if (patch.label) accounts::check_text("/label", *patch.label, 1, 100, accounts::Lines::one, errors);
  if (patch.position && *patch.position < 0) errors.push_back({"/position", "must not be negative"});
  if (!errors.empty()) return invalid("invalid_fields", "Some fields are not valid.", std::move(errors));
  if (patch.label) {
    tx.execute("UPDATE payment_methods SET label = $2, named = 1, version = version + 1 WHERE id = $1", id,
               *patch.label);
  }
  if (patch.position) {
    auto order = ids_of(list_methods(tx, method->account));
    std::erase(order, id);
    const auto at = std::min(static_cast<std::size_t>(*patch.position), order.size());
    order.insert(order.begin() + static_cast<std::ptrdiff_t>(at), id);
    renumber(tx, order);
  }
  audit(tx, method->account, "payment_method.update", accounts::audit_object(id), actor, now);
  return *find_method(tx, id);
}

Status remove_method(storage::Transaction& tx, PaymentMethodId id, const accounts::Actor& actor, Instant now) {
  const auto method = find_method(tx, id);
  if (!method) return no_such_method();
  tx.execute("UPDATE payment_methods SET status = 'removed', version = version + 1 WHERE id = $1", id);
  const effects::NewEffect detach{.kind = "detach",
                                  .key = "detach:" + std::to_string(id.value()) + ":1",
                                  .instance = method->gateway,
                                  .account = method->account,
                                  .object = id.value()};
  effects::record(tx, now, {&detach, 1});
  audit(tx, method->account, "payment_method.remove", accounts::audit_object(id), actor, now);
  return {};
}

std::optional<CivilDate> expiry_of(const GatewayMethod& method) {
  if (method.expiry_year == 0) return std::nullopt;
  // The plugin host lets no month through that does not exist.
  return CivilDate(method.expiry_year, static_cast<unsigned>(method.expiry_month), 1).plus_months(1, 1).plus_days(-1);
}

Autopay read_autopay(storage::Connection& c, AccountId account) {
  auto rows = c.query("SELECT autopay_enabled FROM accounts WHERE id = $1", account);
  return {.enabled = rows.next() && rows.boolean(0), .methods = list_methods(c, account)};
}

Status set_autopay(storage::Transaction& tx, const invoicing::Rules& rules, AccountId account, bool enabled,
                   const std::vector<PaymentMethodId>& order, const accounts::Actor& actor, Instant now) {
  const auto methods = list_methods(tx, account);
  if (!order.empty()) {
    auto known = ids_of(methods), asked = order;
    std::sort(known.begin(), known.end());
    std::sort(asked.begin(), asked.end());
    if (known != asked) {
      return invalid("invalid_fields", "Some fields are not valid.",
                     {{"/methods", "must name every payment method of the account once"}});
    }
    renumber(tx, order);
  }
  if (enabled && methods.empty()) {
    return conflict("no_payment_method", "Automatic payment needs a saved payment method.");
  }
  tx.execute("UPDATE accounts SET autopay_enabled = $2, version = version + 1 WHERE id = $1", account, enabled);
  if (enabled) {
    // Invoices issued while it was off were passed over; each is charged on its day, or today when that has passed.
    for (const auto& invoice : invoicing::open_invoices(tx, account)) {
      if (invoice.autopay_on || invoice.autopay_attempts > 0 || invoice.kind == invoicing::InvoiceKind::deposit) {
        continue;
      }
      plan_charge(tx, invoice.id, rules.plan.first_autopay(invoice.due_on, rules.today(now)));
    }
  }
  audit(tx, account, enabled ? "autopay.enable" : "autopay.disable", accounts::audit_object(account), actor, now);
  return {};
}

}  // namespace bursar::payments
