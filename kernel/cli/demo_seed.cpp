#include <cstdio>

#include "accounts/identity.hpp"
#include "catalog/products.hpp"
#include "catalog/promotions.hpp"
#include "cli/demo_customers.hpp"
#include "cli/progress.hpp"
#include "cli/support.hpp"
#include "invoicing/orders.hpp"
#include "payments/methods.hpp"
#include "payments/payments.hpp"
#include "plugin_host/host.hpp"

namespace bursar::cli {
namespace {

const accounts::Actor cli_actor{.kind = accounts::ActorKind::cli};

struct DemoProduct {
  const char* code;
  const char* name;
  const char* group;
  const char* usd;
  const char* eur;
  const char* setup_usd;
  const char* setup_eur;
  bool provisioned;
};
constexpr DemoProduct products[] = {
    {"vps-s", "VPS S", "Servers", "8.00", "7.50", "0.00", "0.00", true},
    {"vps-m", "VPS M", "Servers", "16.00", "15.00", "0.00", "0.00", true},
    {"vps-l", "VPS L", "Servers", "32.00", "30.00", "10.00", "9.00", true},
    {"web-s", "Web hosting S", "Web hosting", "4.99", "4.50", "0.00", "0.00", true},
    {"backup", "Backup space 100 GB", "Extras", "3.00", "2.80", "0.00", "0.00", false},
};

// Prices are written above by hand; one that does not parse is a fault of this file.
Money price(const char* text, const char* currency) {
  return Money::parse(text, Currency::parse(currency).value()).value();
}

Money yearly(Money monthly) { return monthly.multiply({.num = 10, .den = 1}, Rounding::half_even); }

Status seed_catalog(App& app) {
  return app.database().write("demo_catalog", [&](storage::Transaction& tx) -> Status {
    const Instant now = app.clock().now();
    for (const DemoProduct& p : products) {
      const Money usd = price(p.usd, "USD"), eur = price(p.eur, "EUR");
      const Money setup_usd = price(p.setup_usd, "USD"), setup_eur = price(p.setup_eur, "EUR");
      const auto monthly = BillingCycle::months(1), annually = BillingCycle::months(12);
      BURSAR_CHECK(catalog::create_product(tx,
                                           {.code = p.code,
                                            .name = p.name,
                                            .group = p.group,
                                            .panel = p.provisioned ? demo_panel : "",
                                            .prices = {{monthly, usd, setup_usd},
                                                       {annually, yearly(usd), setup_usd},
                                                       {monthly, eur, setup_eur},
                                                       {annually, yearly(eur), setup_eur}}},
                                           now));
    }
    BURSAR_CHECK(
        catalog::create_promotion(tx, {.code = "WELCOME", .percent = parse_percent("10").value(), .periods = 3}, now));
    return {};
  });
}

Result<AccountId> seed_account(App& app, accounts::Identity& identity, const DemoCustomer& c) {
  BURSAR_TRY(registered, identity.register_customer({.account = {.name = c.name,
                                                                 .company = c.company,
                                                                 .email = c.email,
                                                                 .address = {.street = c.street,
                                                                             .city = c.city,
                                                                             .region = c.region,
                                                                             .postal_code = c.postal_code,
                                                                             .country = c.country},
                                                                 .tax_id = c.tax_id,
                                                                 .currency = c.currency},
                                                     .password = Secret(demo_password)},
                                                    cli_actor));
  if (c.habit != Habit::card && c.habit != Habit::declining) return registered.account;
  const bool works = c.habit == Habit::card;
  BURSAR_CHECK(app.database().write("demo_method", [&](storage::Transaction& tx) -> Status {
    const Instant now = app.clock().now();
    BURSAR_CHECK(payments::add_method(tx, app.plugins().gateways(), app.vault(), registered.account,
                                      {.gateway = demo_card_gateway,
                                       .token = works ? demo_good_card : demo_declined_card,
                                       .label = works ? "Test card 4242" : "Test card 0002"},
                                      cli_actor, now));
    return payments::set_autopay(tx, app.rules(), registered.account, true, {}, cli_actor, now);
  }));
  return registered.account;
}

Status seed_order(App& app, AccountId account, const DemoCustomer& customer) {
  BURSAR_TRY(placed, app.database().write("demo_order", [&](storage::Transaction& tx) -> Result<invoicing::Placed> {
    invoicing::OrderRequest request{.account = account, .items = {}};
    for (const char* code : customer.products) {
      const auto product = catalog::find_product_by_code(tx, code);
      BURSAR_ASSERT(product.has_value());
      request.items.push_back({.product = product->id, .cycle = BillingCycle::months(1)});
    }
    return invoicing::place_order(tx, app.rules(), request, cli_actor, app.clock().now());
  }));
  if (customer.habit == Habit::card) {
    const auto methods =
        app.database().read([&](storage::Connection& c) { return payments::list_methods(c, account); });
    BURSAR_ASSERT(!methods.empty());
    BURSAR_CHECK(app.payments().pay({.invoice = placed.invoice, .gateway = {}, .method = methods[0].id}, cli_actor));
  } else {
    BURSAR_TRY(payment,
               app.payments().pay(
                   {.invoice = placed.invoice, .gateway = demo_bank_gateway, .origin = payments::PaymentOrigin::staff},
                   cli_actor));
    BURSAR_CHECK(app.payments().confirm(payment.id, payment.amount, "", cli_actor));
  }
  app.drain();
  return {};
}

// One customer a day, so that due dates spread as they do in life.
Status seed_customers(App& app, accounts::Identity& identity) {
  Progress progress("customers", static_cast<std::int64_t>(demo_customers().size()));
  for (const DemoCustomer& customer : demo_customers()) {
    BURSAR_TRY(account, seed_account(app, identity, customer));
    BURSAR_CHECK(seed_order(app, account, customer));
    BURSAR_CHECK(app.advance_clock(app.clock().now() + days(1)));
    progress.step(customer.name);
  }
  const Zone zone = app.config().provider.timezone;
  return app.advance_clock(zone.instant({.date = CivilDate(2026, 12, 31), .hour = 22}));
}

void tell_logins() {
  std::printf("demo logins, each with the password \"%s\":\n  staff     %s\n", demo_password, demo_staff_email);
  for (const DemoCustomer& c : demo_customers()) {
    const char* pays = c.habit == Habit::card        ? "card"
                       : c.habit == Habit::declining ? "card that is declined"
                       : c.habit == Habit::by_hand   ? "bank transfer"
                       : c.habit == Habit::late      ? "bank transfer, late"
                                                     : "nothing any more";
    std::printf("  customer  %-20s %s, %s, pays by %s\n", c.email, c.country, c.currency, pays);
  }
}

}  // namespace

int demo_seed(const Common& common) {
  const auto config = read_config(common);
  if (!config.ok()) return fail(config.error(), wrong_usage);
  if (config->clock != settings::ClockKind::test)
    return fail(conflict("no_test_clock", "the demonstration needs `clock: test`, as in config/demo.yaml"),
                wrong_usage);
  int code = done;
  const Instant first = config->provider.timezone.instant({.date = CivilDate(2026, 12, 18), .hour = 10});
  const auto app = open_app(common, code, {.create_database = true, .test_clock_start = first});
  if (!app) return code;
  const bool empty = app->database().read([](storage::Connection& c) {
    return accounts::list_accounts(c, {.limit = 1}).empty() && catalog::list_products(c, true, {}, 1).empty();
  });
  if (!empty)
    return fail(conflict("store_not_empty",
                         "the store holds accounts or products already; the demonstration begins with an empty one"));
  accounts::PasswordHasher hasher;
  accounts::Identity identity(app->database(), app->clock(), hasher, config->provider.currencies);
  const auto seeded = [&]() -> Status {
    BURSAR_CHECK(identity.create_staff(
        {.email = demo_staff_email, .name = "Demo Staff", .role = "admin", .password = Secret(demo_password)},
        cli_actor));
    BURSAR_CHECK(seed_catalog(*app));
    return seed_customers(*app, identity);
  }();
  if (!seeded.ok()) return fail(seeded.error());
  tell_logins();
  return done;
}

}  // namespace bursar::cli
