// Fills a store with customers and services that all fall due on one day, for the benchmark of the daily run.
//
//   bench-seed DATABASE_URL SERVICES DUE_ON [not-due|autopay]
//
// Every second account has one service, the others two: 1.5 on average, in two
// countries and two currencies. With "not-due" every service is due a year after DUE_ON; with "autopay" every
// account pays by a card that is saved at the gateway `cards`.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/time.hpp"
#include "storage/database.hpp"
#include "storage/migrate.hpp"

namespace bursar::bench {
namespace {

using storage::Batch;

constexpr std::int64_t accounts_a_batch = 10'000;

struct Ids {
  std::int64_t us_product;
  std::int64_t eu_product;
};

Ids seed_catalog(storage::Database& db, Instant now) {
  return db.write("bench_catalog", [&](storage::Transaction& tx) {
    const std::int64_t first = tx.reserve_ids(2);
    Batch products{{"id", Batch::integer}, {"code", Batch::text}, {"name", Batch::text}, {"created_at", Batch::text}};
    products.add(first, "vps-s", "VPS S", now);
    products.add(first + 1, "vps-m", "VPS M", now);
    tx.insert_many("products", products);
    Batch prices{
        {"product_id", Batch::integer}, {"currency", Batch::text}, {"cycle", Batch::text}, {"amount", Batch::integer}};
    prices.add(first, "USD", "1m", 1000);
    prices.add(first + 1, "EUR", "1m", 2000);
    tx.insert_many("prices", prices);
    return Ids{first, first + 1};
  });
}

void seed_accounts(storage::Transaction& tx, const Ids& products, std::int64_t from, std::int64_t count,
                   CivilDate due_on, bool autopay, Instant now) {
  constexpr std::int64_t ids_each = 5;
  const std::int64_t first = tx.reserve_ids(count * ids_each);
  Batch parties{{"id", Batch::integer},   {"account_id", Batch::integer}, {"name", Batch::text},
                {"company", Batch::text}, {"email", Batch::text},         {"street", Batch::text},
                {"city", Batch::text},    {"region", Batch::text},        {"postal_code", Batch::text},
                {"country", Batch::text}, {"tax_id", Batch::text},        {"created_at", Batch::text}};
  Batch accounts{{"id", Batch::integer},      {"name", Batch::text},
                 {"email", Batch::text},      {"country", Batch::text},
                 {"currency", Batch::text},   {"party_id", Batch::integer},
                 {"created_at", Batch::text}, {"autopay_enabled", Batch::integer}};
  Batch methods{{"id", Batch::integer},     {"account_id", Batch::integer}, {"gateway", Batch::text},
                {"token", Batch::text},     {"label", Batch::text},         {"position", Batch::integer},
                {"created_at", Batch::text}};
  Batch services{{"id", Batch::integer},
                 {"account_id", Batch::integer},
                 {"product_id", Batch::integer},
                 {"status", Batch::text},
                 {"currency", Batch::text},
                 {"cycle", Batch::text},
                 {"price", Batch::integer},
                 {"started_on", Batch::text},
                 {"anchor_day", Batch::integer},
                 {"anchor_on", Batch::text},
                 {"periods_invoiced", Batch::integer},
                 {"next_due_on", Batch::text},
                 {"created_at", Batch::text}};
  const CivilDate started = due_on.plus_months(-1, due_on.day());
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t account = first + i * ids_each, party = account + 1;
    const bool euro = i % 3 == 0;
    const std::string name = "Customer " + std::to_string(from + i);
    const std::string email = "customer" + std::to_string(from + i) + "@example.com";
    const char* country = euro ? "DE" : "US";
    const char* currency = euro ? "EUR" : "USD";
    parties.add(party, account, name, "", email, "1 Main Street", "Springfield", "", "12345", country, "", now);
    accounts.add(account, name, email, country, currency, party, now, autopay);
    if (autopay) methods.add(account + 4, account, "cards", "tok_success", "Test card", 0, now);
    for (std::int64_t s = 0; s < 1 + i % 2; ++s) {
      services.add(account + 2 + s, account, euro ? products.eu_product : products.us_product, "active", currency, "1m",
                   euro ? 2000 : 1000, started, due_on.day(), started, 1, due_on, now);
    }
  }
  tx.insert_many("parties", parties);
  tx.insert_many("accounts", accounts);
  tx.insert_many("services", services);
  if (autopay) tx.insert_many("payment_methods", methods);
}

int run(int argc, char** argv) {
  if (argc < 4) {
    std::fputs("usage: bench-seed DATABASE_URL SERVICES DUE_ON [not-due|autopay]\n", stderr);
    return 2;
  }
  auto opened = storage::Database::open(argv[1], {.create_if_missing = true});
  if (!opened.ok()) {
    std::fprintf(stderr, "%s\n", opened.error().detail.c_str());
    return 1;
  }
  storage::Database& db = **opened;
  const SystemClock clock;
  if (const auto migrated = storage::migrate(db, clock); !migrated.ok()) {
    std::fprintf(stderr, "%s\n", migrated.error().detail.c_str());
    return 1;
  }
  CivilDate due_on = CivilDate::parse(argv[3]).value();
  const Instant now = Zone::utc().start_of_day(due_on.plus_days(-40));
  if (argc > 4 && std::strcmp(argv[4], "not-due") == 0) due_on = due_on.plus_months(12, due_on.day());
  const bool autopay = argc > 4 && std::strcmp(argv[4], "autopay") == 0;
  const Ids products = seed_catalog(db, now);
  const std::int64_t total = std::atoll(argv[2]) * 2 / 3;
  for (std::int64_t from = 0; from < total; from += accounts_a_batch) {
    const std::int64_t count = std::min(accounts_a_batch, total - from);
    db.write("bench_accounts",
             [&](storage::Transaction& tx) { seed_accounts(tx, products, from, count, due_on, autopay, now); });
  }
  return 0;
}

}  // namespace
}  // namespace bursar::bench

int main(int argc, char** argv) { return bursar::bench::run(argc, argv); }
