// Customer accounts: who is billed. The legal data (name, company, address, tax id) that documents name are kept as
// immutable snapshots in `parties`; a change of them makes a new one, issued documents keep theirs.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/actor.hpp"
#include "base/id.hpp"
#include "base/money.hpp"
#include "base/time.hpp"
#include "settings/config.hpp"
#include "storage/database.hpp"

namespace bursar::accounts {

struct PostalAddress {
  std::string street = {};  // lines separated by \n
  std::string city = {};
  std::string region = {};  // ISO 3166-2 subdivision without the country
  std::string postal_code = {};
  std::string country = {};  // ISO 3166-1 alpha-2
  bool operator==(const PostalAddress&) const = default;
};

struct Account {
  AccountId id;
  std::string status;  // active, closed
  std::string name;
  std::string company;
  std::string email;
  std::string phone;
  PostalAddress address;
  std::string tax_id;
  bool tax_exempt = false;
  Currency currency;
  std::string language;  // BCP 47
  bool autopay_enabled = false;
  std::int64_t party = 0;  // the present snapshot in parties
  Instant created_at;
  std::int64_t version = 1;  // for ETag
};

// What a new account needs. The field names of errors are those of the API: "/address/country".
struct NewAccount {
  std::string name;
  std::string company = {};
  std::string email;
  std::string phone = {};
  PostalAddress address;
  std::string tax_id = {};
  std::string currency = {};  // empty: the provider's default
  std::string language = {};  // empty: "en"
};

// Fields that are to change.
struct AccountPatch {
  std::optional<std::string> name = std::nullopt;
  std::optional<std::string> company = std::nullopt;
  std::optional<std::string> email = std::nullopt;
  std::optional<std::string> phone = std::nullopt;
  std::optional<std::string> street = std::nullopt;
  std::optional<std::string> city = std::nullopt;
  std::optional<std::string> region = std::nullopt;
  std::optional<std::string> postal_code = std::nullopt;
  std::optional<std::string> country = std::nullopt;
  std::optional<std::string> tax_id = std::nullopt;
  std::optional<std::string> language = std::nullopt;
  std::optional<std::string> currency = std::nullopt;  // refused once the account has an invoice
  std::optional<bool> tax_exempt = std::nullopt;       // staff only: Action::account_update_tax_exemption
};

std::optional<Account> find_account(storage::Connection& c, AccountId id);

struct AccountFilter {
  std::optional<std::string> email = std::nullopt;  // exact, any case
  AccountId after = {};
  int limit = 50;
};
std::vector<Account> list_accounts(storage::Connection& c, const AccountFilter& filter);  // by id

// Writes an account without a user, its first party snapshot and the audit event.
Result<AccountId> create_account(storage::Transaction& tx, const NewAccount& account,
                                 std::span<const Currency> currencies, Instant now, const Actor& actor);

// `expected_version`: from If-Match; none: whatever it is. precondition_failed when the account has changed since.
Result<Account> update_account(storage::Transaction& tx, AccountId id, const AccountPatch& patch,
                               std::optional<std::int64_t> expected_version, std::span<const Currency> currencies,
                               Instant now, const Actor& actor);

// The provider's own snapshot, as sellers are named on documents. ensure_seller_party() is called at start: it writes a
// new row when the configured data differ from the newest one. seller_party() answers the newest; InvariantBroken if
// there is none.
std::int64_t ensure_seller_party(storage::Transaction& tx, const settings::Provider& provider, Instant now);
std::int64_t seller_party(storage::Connection& c);

struct Party {
  std::int64_t id = 0;
  AccountId account;  // empty: the provider
  std::string name;
  std::string company;
  std::string email;
  PostalAddress address;
  std::string tax_id;
};
std::optional<Party> find_party(storage::Connection& c, std::int64_t id);

}  // namespace bursar::accounts
