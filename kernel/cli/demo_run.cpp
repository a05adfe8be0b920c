#include <cstdio>
#include <vector>

#include "accounts/accounts.hpp"
#include "cli/demo_customers.hpp"
#include "cli/demo_drive.hpp"
#include "cli/demo_report.hpp"
#include "cli/progress.hpp"
#include "cli/support.hpp"
#include "invoicing/invoices.hpp"
#include "storage/installation.hpp"
#include "verify/verify.hpp"

namespace bursar::cli {
namespace {

struct Transfer {
  InvoiceId invoice;
  Money amount;
};

// The invoices whose hand-paying customers go to the bank today.
std::vector<Transfer> transfers_of(storage::Database& db, CivilDate today) {
  std::vector<Transfer> out;
  db.read([&](storage::Connection& c) {
    out.clear();
    for (const DemoCustomer& customer : demo_customers()) {
      const int wait = days_until_transfer(customer.habit);
      if (wait < 0) continue;
      for (const auto& account : accounts::list_accounts(c, {.email = customer.email}))
        for (const auto& invoice : invoicing::open_invoices(c, account.id))
          if (invoice.due_on.plus_days(wait) <= today) out.push_back({invoice.id, invoice.balance});
    }
  });
  return out;
}

struct Stage {
  storage::Database& db;
  DemoDrive& drive;
  Zone zone;
};

// One day: its runs, then what people do in the evening.
Status live_through(Stage& stage, CivilDate day) {
  BURSAR_CHECK(stage.drive.advance(stage.zone.instant({.date = day, .hour = 22})));
  for (const Transfer& transfer : transfers_of(stage.db, day))
    BURSAR_CHECK(stage.drive.transfer(transfer.invoice, transfer.amount));
  return {};
}

Result<std::vector<DemoMonth>> live_through_months(Stage& stage, CivilDate first, int months) {
  std::vector<DemoMonth> out;
  Progress progress("days", days_between(first, first.plus_months(months, first.day())));
  for (int k = 0; k < months; ++k) {
    const CivilDate from = first.plus_months(k, first.day()), end = first.plus_months(k + 1, first.day());
    for (CivilDate day = from; day < end; day = day.plus_days(1)) {
      BURSAR_CHECK(live_through(stage, day));
      progress.step(day.to_string());
    }
    out.push_back(stage.db.read([&](storage::Connection& c) { return read_month(c, stage.zone, from, end); }));
  }
  return out;
}

// The books, walked as `db verify` walks them.
int tell_verified(storage::Database& db, const IdCodec& codec, const Vault& vault, bool json) {
  const auto report = verify::verify(db, codec, vault, [](const verify::Breach& breach) {
    std::fprintf(stderr, "BREACH %s: %s: %s\n", breach.invariant.c_str(), breach.object.c_str(), breach.detail.c_str());
  });
  if (json) {
    std::printf("{\"invariants\": %zu, \"breaches\": %lld}\n", report.checked.size(),
                static_cast<long long>(report.breaches()));
  } else {
    std::printf("db verify: %zu invariants walked, %lld breaches%s\n", report.checked.size(),
                static_cast<long long>(report.breaches()), report.clean() ? ": clean" : "");
  }
  return report.clean() ? done : failed;
}

int run_stage(Stage stage, const IdCodec& codec, const Vault& vault, Instant now, int months, bool json) {
  // A day whose run is over is not lived through twice.
  const CivilDate first = stage.zone.date(now + hours(12));
  const auto lived = live_through_months(stage, first, months);
  if (!lived.ok()) return fail(lived.error());
  if (json) {
    for (const DemoMonth& month : *lived) std::printf("%s\n", month_json(month).c_str());
  } else {
    std::printf("%s", month_table(*lived).c_str());
  }
  return tell_verified(stage.db, codec, vault, json);
}

Instant stored_clock(storage::Database& db) {
  return db.read([](storage::Connection& c) {
    auto rows = c.query("SELECT test_clock_now FROM installation");
    return rows.next() && !rows.is_null(0) ? rows.instant(0) : Instant();
  });
}

int run_on_server(const Common& common, const settings::Config& config, const std::string& url, int months) {
  const auto store = open_to_read(config);
  if (!store.ok()) return fail(store.error());
  storage::Database& db = *store->db;
  const IdCodec codec(storage::load_id_key(db));
  auto drive = drive_server(url, codec);
  if (!drive.ok()) return fail(drive.error());
  return run_stage({db, **drive, config.provider.timezone}, codec, store->vault, stored_clock(db), months, common.json);
}

}  // namespace

int demo_run(const Common& common, int months, const std::string& url) {
  const auto config = read_config(common);
  if (!config.ok()) return fail(config.error(), wrong_usage);
  if (config->clock != settings::ClockKind::test)
    return fail(conflict("no_test_clock", "the demonstration needs `clock: test`, as in config/demo.yaml"),
                wrong_usage);
  if (!url.empty()) return run_on_server(common, *config, url, months);
  int code = done;
  const auto app = open_app(common, code);
  if (!app) return code;
  const auto drive = drive_store(*app);
  return run_stage({app->database(), *drive, config->provider.timezone}, app->codec(), app->vault(), app->clock().now(),
                   months, common.json);
}

}  // namespace bursar::cli
