// Immutable snapshots of legal data.
#include "accounts/parties.hpp"

#include "base/assert.hpp"
#include "base/digest.hpp"

namespace bursar::accounts {

namespace {

Party read_party(storage::Rows& rows) {
  return {.id = rows.integer(0),
          .account = rows.id<AccountId>(1),
          .name = rows.string(2),
          .company = rows.string(3),
          .email = rows.string(4),
          .address = {.street = rows.string(5),
                      .city = rows.string(6),
                      .region = rows.string(7),
                      .postal_code = rows.string(8),
                      .country = rows.string(9)},
          .tax_id = rows.string(10)};
}

std::optional<Party> newest_seller(storage::Connection& c) {
  auto rows = c.query(
      "SELECT id, account_id, name, company, email, street, city, region, postal_code, country, tax_id FROM parties "
      "WHERE account_id IS NULL ORDER BY id DESC LIMIT 1");
  if (!rows.next()) return std::nullopt;
  return read_party(rows);
}

}  // namespace

bool same_legal_data(const Party& a, const Party& b) {
  return a.name == b.name && a.company == b.company && a.email == b.email && a.address == b.address &&
         a.tax_id == b.tax_id;
}

std::int64_t write_party(storage::Transaction& tx, const Party& party, Instant now) {
  const std::int64_t id = tx.reserve_ids(1);
  const PostalAddress& address = party.address;
  Digest digest;
  digest.add(party.account, party.name, party.company, party.email, address.street, address.city, address.region,
             address.postal_code, address.country, party.tax_id);
  tx.execute(
      "INSERT INTO parties (id, account_id, name, company, email, street, city, region, postal_code, country, tax_id, "
      "created_at, digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
      id, party.account, party.name, party.company, party.email, address.street, address.city, address.region,
      address.postal_code, address.country, party.tax_id, now, digest.hex());
  return id;
}

std::optional<Party> find_party(storage::Connection& c, std::int64_t id) {
  auto rows = c.query(
      "SELECT id, account_id, name, company, email, street, city, region, postal_code, country, tax_id FROM parties "
      "WHERE id = $1",
      id);
  if (!rows.next()) return std::nullopt;
  return read_party(rows);
}

std::int64_t ensure_seller_party(storage::Transaction& tx, const settings::Provider& provider, Instant now) {
  Party seller;
  seller.name = provider.name;
  seller.company = provider.legal_name.empty() ? provider.name : provider.legal_name;
  seller.email = provider.email;
  for (const auto& line : provider.address.street) {
    if (!seller.address.street.empty()) seller.address.street += '\n';
    seller.address.street += line;
  }
  seller.address.city = provider.address.city;
  seller.address.region = provider.address.region;
  seller.address.postal_code = provider.address.postal_code;
  seller.address.country = provider.address.country;
  seller.tax_id = provider.tax_id;
  const auto newest = newest_seller(tx);
  if (newest && same_legal_data(*newest, seller)) return newest->id;
  return write_party(tx, seller, now);
}

std::int64_t seller_party(storage::Connection& c) {
  const auto newest = newest_seller(c);
  BURSAR_ASSERT(newest.has_value());
  return newest->id;
}

}  // namespace bursar::accounts
