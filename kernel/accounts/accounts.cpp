#include "accounts/accounts.hpp"

#include <algorithm>

#include "accounts/audit.hpp"
#include "accounts/fields.hpp"
#include "accounts/parties.hpp"

namespace bursar::accounts {

namespace {

Currency stored_currency(std::string_view code) {
  auto currency = Currency::parse(code);
  if (!currency.ok()) throw storage::StorageError("accounts.currency holds no currency", false);
  return *currency;
}

Account read_account(storage::Rows& rows) {
  return {.id = rows.id<AccountId>(0),
          .status = rows.string(1),
          .name = rows.string(2),
          .company = rows.string(3),
          .email = rows.string(4),
          .phone = rows.string(5),
          .address = {.street = rows.string(6),
                      .city = rows.string(7),
                      .region = rows.string(8),
                      .postal_code = rows.string(9),
                      .country = rows.string(10)},
          .tax_id = rows.string(11),
          .tax_exempt = rows.boolean(12),
          .currency = stored_currency(rows.text(13)),
          .language = rows.string(14),
          .autopay_enabled = rows.boolean(15),
          .party = rows.integer(16),
          .created_at = rows.instant(17),
          .version = rows.integer(18)};
}

void check_fields(const Account& account, std::vector<FieldError>& errors) {
  check_text("/name", account.name, 1, 200, Lines::one, errors);
  check_text("/company", account.company, 0, 200, Lines::one, errors);
  check_email("/email", account.email, errors);
  check_text("/phone", account.phone, 0, 50, Lines::one, errors);
  check_text("/address/street", account.address.street, 0, 500, Lines::several, errors);
  check_text("/address/city", account.address.city, 0, 100, Lines::one, errors);
  check_text("/address/region", account.address.region, 0, 100, Lines::one, errors);
  check_text("/address/postal_code", account.address.postal_code, 0, 20, Lines::one, errors);
  check_country("/address/country", account.address.country, errors);
  check_text("/tax_id", account.tax_id, 0, 50, Lines::one, errors);
  check_language("/language", account.language, errors);
}

std::optional<Currency> check_currency(std::string_view code, std::span<const Currency> currencies,
                                       std::vector<FieldError>& errors) {
  const auto found =
      std::find_if(currencies.begin(), currencies.end(), [&](const Currency& known) { return known.code() == code; });
  if (found != currencies.end()) return *found;
  std::string known;
  for (const auto& currency : currencies) known.append(known.empty() ? "" : ", ").append(currency.code());
  errors.push_back({"/currency", "must be one of " + known});
  return std::nullopt;
}

Error bad_fields(std::vector<FieldError> errors) {
  return invalid("invalid_fields", "Some fields are not valid.", std::move(errors));
}

Party party_of(const Account& account) {
  return {.account = account.id,
          .name = account.name,
          .company = account.company,
          .email = account.email,
          .address = account.address,
          .tax_id = account.tax_id};
}

bool has_invoice(storage::Connection& c, AccountId account) {
  return c.query("SELECT id FROM invoices WHERE account_id = $1 LIMIT 1", account).next();
}

// The account as it would be after the patch.
Account patched(Account account, const AccountPatch& patch) {
  const auto take = [](std::string& field, const std::optional<std::string>& value) {
    if (value) field = *value;
  };
  take(account.name, patch.name);
  take(account.company, patch.company);
  take(account.phone, patch.phone);
  take(account.address.street, patch.street);
  take(account.address.city, patch.city);
  take(account.address.region, patch.region);
  take(account.address.postal_code, patch.postal_code);
  take(account.address.country, patch.country);
  take(account.tax_id, patch.tax_id);
  take(account.language, patch.language);
  if (patch.email) account.email = normal_email(*patch.email);
  if (patch.tax_exempt) account.tax_exempt = *patch.tax_exempt;
  return account;
}

void store(storage::Transaction& tx, const Account& account) {
  tx.execute(
      "UPDATE accounts SET name = $2, company = $3, email = $4, phone = $5, street = $6, city = $7, region = $8, "
      "postal_code = $9, country = $10, tax_id = $11, tax_exempt = $12, currency = $13, language = $14, "
      "party_id = $15, version = $16 WHERE id = $1",
      account.id, account.name, account.company, account.email, account.phone, account.address.street,
      account.address.city, account.address.region, account.address.postal_code, account.address.country,
      account.tax_id, account.tax_exempt, account.currency.code(), account.language, account.party, account.version);
}

std::string changed_fields(const Account& before, const Account& after) {
  std::string names;
  const auto note = [&names](bool changed, std::string_view name) {
    if (changed) names.append(names.empty() ? "\"" : ",\"").append(name).append("\"");
  };
  note(before.name != after.name, "name");
  note(before.company != after.company, "company");
  note(before.email != after.email, "email");
  note(before.phone != after.phone, "phone");
  note(before.address != after.address, "address");
  note(before.tax_id != after.tax_id, "tax_id");
  note(before.tax_exempt != after.tax_exempt, "tax_exempt");
  note(before.currency != after.currency, "currency");
  note(before.language != after.language, "language");
  return names.empty() ? std::string() : "{\"changed\":[" + names + "]}";
}

}  // namespace

std::optional<Account> find_account(storage::Connection& c, AccountId id) {
  auto rows = c.query(
      "SELECT id, status, name, company, email, phone, street, city, region, postal_code, country, tax_id, tax_exempt, "
      "currency, language, autopay_enabled, party_id, created_at, version FROM accounts WHERE id = $1",
      id);
  if (!rows.next()) return std::nullopt;
  return read_account(rows);
}

std::vector<Account> list_accounts(storage::Connection& c, const AccountFilter& filter) {
  const std::int64_t after = filter.after.value();
  auto rows = filter.email
                  ? c.query(
                        "SELECT id, status, name, company, email, phone, street, city, region, postal_code, country, "
                        "tax_id, tax_exempt, currency, language, autopay_enabled, party_id, created_at, version "
                        "FROM accounts WHERE email = $1 AND id > $2 ORDER BY id LIMIT $3",
                        normal_email(*filter.email), after, filter.limit)
                  : c.query(
                        "SELECT id, status, name, company, email, phone, street, city, region, postal_code, country, "
                        "tax_id, tax_exempt, currency, language, autopay_enabled, party_id, created_at, version "
                        "FROM accounts WHERE id > $1 ORDER BY id LIMIT $2",
                        after, filter.limit);
  std::vector<Account> accounts;
  while (rows.next()) accounts.push_back(read_account(rows));
  return accounts;
}

Result<AccountId> create_account(storage::Transaction& tx, const NewAccount& fields,
                                 std::span<const Currency> currencies, Instant now, const Actor& actor) {
  BURSAR_ASSERT(!currencies.empty());
  std::vector<FieldError> errors;
  const auto currency =
      fields.currency.empty() ? std::optional(currencies.front()) : check_currency(fields.currency, currencies, errors);
  Account account{.id = {},
                  .status = "active",
                  .name = fields.name,
                  .company = fields.company,
                  .email = normal_email(fields.email),
                  .phone = fields.phone,
                  .address = fields.address,
                  .tax_id = fields.tax_id,
                  .currency = currency.value_or(currencies.front()),
                  .language = fields.language.empty() ? "en" : fields.language,
                  .created_at = now};
  check_fields(account, errors);
  if (!errors.empty()) return bad_fields(std::move(errors));
  account.id = tx.new_id<AccountId>();
  account.party = write_party(tx, party_of(account), now);
  tx.execute(
      "INSERT INTO accounts (id, status, name, company, email, phone, street, city, region, postal_code, country, "
      "tax_id, currency, language, party_id, created_at) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
      account.id, account.status, account.name, account.company, account.email, account.phone, account.address.street,
      account.address.city, account.address.region, account.address.postal_code, account.address.country,
      account.tax_id, account.currency.code(), account.language, account.party, now);
  append_audit(tx, now,
               {.actor = actor, .account = account.id, .action = "account.create", .object = audit_object(account.id)});
  return account.id;
}

Result<Account> update_account(storage::Transaction& tx, AccountId id, const AccountPatch& patch,
                               std::optional<std::int64_t> expected_version, std::span<const Currency> currencies,
                               Instant now, const Actor& actor) {
  const auto before = find_account(tx, id);
  if (!before) return not_found("no_such_account", "There is no such account.");
  if (expected_version && *expected_version != before->version) {
    return Error{.kind = ErrorKind::precondition_failed,
                 .code = "account_changed",
                 .detail = "The account was changed meanwhile.",
                 .cure = "Read it again and repeat the change.",
                 .retry = Retry::after_fix};
  }
  Account after = patched(*before, patch);
  std::vector<FieldError> errors;
  if (patch.currency && *patch.currency != before->currency.code()) {
    if (const auto currency = check_currency(*patch.currency, currencies, errors)) after.currency = *currency;
    if (has_invoice(tx, id)) errors.push_back({"/currency", "can't be changed once the account has an invoice"});
  }
  check_fields(after, errors);
  if (!errors.empty()) return bad_fields(std::move(errors));
  const std::string detail = changed_fields(*before, after);
  if (detail.empty()) return *before;
  if (!same_legal_data(party_of(*before), party_of(after))) after.party = write_party(tx, party_of(after), now);
  ++after.version;
  store(tx, after);
  append_audit(
      tx, now,
      {.actor = actor, .account = id, .action = "account.update", .object = audit_object(id), .detail = detail});
  return after;
}

}  // namespace bursar::accounts
