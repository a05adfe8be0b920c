// A small provider with a catalog, a customer, a calendar and a daily run, over the domain's own functions.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "accounts/accounts.hpp"
#include "catalog/products.hpp"
#include "catalog/promotions.hpp"
#include "invoicing/corrections.hpp"
#include "invoicing/invoices.hpp"
#include "invoicing/issue.hpp"
#include "invoicing/orders.hpp"
#include "invoicing/rules.hpp"
#include "invoicing/settlement.hpp"
#include "invoicing/steps.hpp"
#include "ledger/journal.hpp"
#include "services/cancellation.hpp"
#include "services/services.hpp"
#include "support/database.hpp"
#include "verify/verify.hpp"

namespace bursar::invoicing {

inline const Currency usd = Currency::parse("USD").value();
inline const Currency eur = Currency::parse("EUR").value();
inline Money dollars(std::int64_t cents) { return {cents, usd}; }
inline CivilDate day(std::string_view text) { return CivilDate::parse(text).value(); }

inline settings::Config config() {
  settings::Config config;
  config.provider.name = config.provider.legal_name = "Example Hosting";
  config.provider.address = {
      .street = {"1 Main Street"}, .city = "Berlin", .postal_code = "10115", .region = "", .country = "DE"};
  config.provider.currencies = {usd, eur};
  settings::TaxRule german;
  german.country = "DE";
  german.name = "VAT";
  german.rate = parse_percent("19").value();
  config.tax_rules = {german};
  return config;
}

class InvoicingTest : public ::testing::TestWithParam<storage::Backend> {
 protected:
  // Noon of the calendar's day, in the provider's zone (UTC).
  [[nodiscard]] Instant now() const { return Zone::utc().start_of_day(today) + hours(12); }

  template <class F>
  auto write(F&& f) {
    return db->write("test", [&](storage::Transaction& tx) { return f(tx); });
  }
  template <class F>
  auto read(F&& f) {
    return db->read([&](storage::Connection& c) { return f(c); });
  }

  InvoicingTest() { use(config()); }

  // The configuration from here on.
  void use(const settings::Config& config) {
    rules = std::make_unique<Rules>(config);
    steps_ = steps(*rules);
    write([&](auto& tx) { accounts::ensure_seller_party(tx, config.provider, now()); });
  }

  AccountId account(std::string country = "US", std::string currency = "USD", std::string tax_id = "") {
    const std::string email = "customer" + std::to_string(++accounts_) + "@example.com";
    return write([&](auto& tx) {
             return accounts::create_account(tx,
                                             {.name = "A Customer",
                                              .email = email,
                                              .address = {.city = "Town", .country = country},
                                              .tax_id = tax_id,
                                              .currency = currency},
                                             rules->provider.currencies, now(), {});
           })
        .value();
  }
  // Sold monthly.
  ProductId product(std::string code, Money price, Money setup = Money::zero(usd)) {
    if (setup.currency() != price.currency()) setup = Money::zero(price.currency());
    return write([&](auto& tx) {
             return catalog::create_product(
                 tx, {.code = code, .name = "Product " + code, .prices = {{BillingCycle::months(1), price, setup}}},
                 now());
           })
        .value();
  }
  void promotion(const catalog::NewPromotion& promotion) {
    ASSERT_TRUE(write([&](auto& tx) { return catalog::create_promotion(tx, promotion, now()); }).ok());
  }
  void suspend_as_overdue(ServiceId id) {
    ASSERT_TRUE(write([&](auto& tx) {
                  return services::change_service(tx, id, services::Change::suspend,
                                                  {.actor = {}, .reason = std::string(services::overdue)}, now());
                }).ok());
  }
  Placed order(AccountId account, std::vector<ProductId> products, std::string promotion = "") {
    OrderRequest request{.account = account, .items = {}, .promotion_code = std::move(promotion)};
    for (const auto product : products) request.items.push_back({.product = product, .cycle = BillingCycle::months(1)});
    auto placed = write([&](auto& tx) { return place_order(tx, *rules, request, {}, now()); });
    EXPECT_TRUE(placed.ok()) << (placed.ok() ? "" : placed.error().detail);
    return *placed;
  }

  // Money that arrives by a gateway, booked as payments book it.
  Settled pay(InvoiceId id, Money amount) {
    return write([&](auto& tx) {
      const auto invoice = find_invoice(tx, id);
      const auto settled = reduce_balance(tx, *rules, id, amount, now());
      const PaymentId payment = tx.template new_id<PaymentId>();
      tx.execute(
          "INSERT INTO payments (id, account_id, gateway, invoice_id, origin, status, currency, amount, received,"
          " created_at) VALUES ($1, $2, 'cards', $3, 'customer', 'succeeded', $4, $5, $5, $6)",
          payment, invoice->account, id, amount.currency().code(), amount.minor(), now());
      const auto entry =
          ledger::apply_new(tx, {.kind = ledger::EntryKind::payment_received,
                                 .source = payment.value(),
                                 .account = invoice->account,
                                 .booked_at = now(),
                                 .booked_on = today,
                                 .postings = ledger::Postings::Builder(invoice->account)
                                                 .debit(ledger::LedgerAccount::clearing("cards"), amount)
                                                 .credit_receivable(id, settled.applied)
                                                 .credit(ledger::LedgerAccount::customer_credit(), settled.surplus)
                                                 .build()});
      if (!settled.applied.is_zero()) {
        tx.execute(
            "INSERT INTO allocations (id, account_id, payment_id, invoice_id, amount, entry_id, created_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            tx.reserve_ids(1), invoice->account, payment, id, settled.applied.minor(), entry, now());
      }
      return settled;
    });
  }

  // The daily run for `date`, held on the calendar's day. `chunk`: accounts a transaction.
  scheduler::Counts run(CivilDate date, int chunk = 500) {
    scheduler::Counts counts;
    for (const auto& step : steps_) {
      scheduler::ChunkRequest request{.cursor = "", .max_accounts = chunk};
      const scheduler::RunContext context{
          .run = RunId(1), .job = "daily", .scheduled_at = now(), .date = date, .now = now()};
      for (bool finished = false; !finished;) {
        const auto result = write([&](auto& tx) { return step->run_chunk(tx, context, request); });
        for (const auto& [name, count] : result.counts) counts[name] += count;
        request.cursor = result.cursor;
        finished = result.finished;
      }
    }
    return counts;
  }
  scheduler::Counts run() { return run(today); }
  // Every daily run up to and including `last`.
  void run_until(CivilDate last) {
    for (; today < last; today = today.plus_days(1)) run();
    run();
  }

  Invoice invoice(InvoiceId id) {
    return *read([&](auto& c) { return find_invoice(c, id); });
  }
  services::Service service(ServiceId id) {
    return *read([&](auto& c) { return services::find_service(c, id); });
  }
  // Newest first.
  std::vector<Invoice> invoices(AccountId account) {
    return read([&](auto& c) { return list_invoices(c, {.account = account, .before = {}, .limit = 1000}); });
  }
  std::vector<Line> lines(InvoiceId id) {
    return read([&](auto& c) { return lines_of(c, *find_invoice(c, id)); });
  }
  Money credit(AccountId account, Currency currency = usd) {
    return read([&](auto& c) { return ledger::credit_balance(c, account, currency); });
  }
  void cancel(ServiceId id, services::CancellationKind kind) {
    const auto asked =
        write([&](auto& tx) { return services::request_cancellation(tx, id, kind, "", {}, today, now()); });
    ASSERT_TRUE(asked.ok());
  }

  // A store without anything, as at the beginning.
  void start_over() {
    std::destroy_at(&db);
    std::construct_at(&db, GetParam(), test::Schema::migrated);
    accounts_ = 0;
    use(config());
  }

  // No invariant of the books is broken.
  void expect_clean() {
    const IdCodec codec(IdCodec::Key{});
    verify::verify(*db, codec, Vault(), [](const verify::Breach& breach) {
      ADD_FAILURE() << breach.invariant << " " << breach.object << ": " << breach.detail;
    });
  }

  test::TestDatabase db = test::fresh_database(GetParam());
  CivilDate today{2027, 1, 31};
  std::unique_ptr<Rules> rules;

 private:
  std::vector<std::unique_ptr<scheduler::Step>> steps_;
  int accounts_ = 0;
};

}  // namespace bursar::invoicing
