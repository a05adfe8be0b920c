// One customer with an open invoice of 10.00 USD, two gateways, and after each test: every invariant asked, and the
// gateway's own book compared with ours.
#pragma once

#include <gtest/gtest.h>

#include "accounts/accounts.hpp"
#include "effects/effects.hpp"
#include "fake_gateway.hpp"
#include "invoicing/invoices.hpp"
#include "invoicing/issue.hpp"
#include "invoicing/settlement.hpp"
#include "ledger/journal.hpp"
#include "payments/detach.hpp"
#include "payments/lapse.hpp"
#include "payments/methods.hpp"
#include "payments/payments.hpp"
#include "payments/refunds.hpp"
#include "payments/setups.hpp"
#include "payments/steps.hpp"
#include "support/clock.hpp"
#include "support/database.hpp"
#include "support/vault.hpp"
#include "verify/verify.hpp"

namespace bursar::test {

using payments::Payment;
using payments::PaymentStatus;
using storage::Connection;
using storage::Transaction;

inline settings::Config payment_config() {
  settings::Config config;
  config.provider.name = "Example Hosting";
  config.provider.address.country = "US";
  config.provider.currencies = {Currency::parse("USD").value(), Currency::parse("EUR").value()};
  config.server.public_url = "https://portal.example.com";
  return config;
}

class PaymentFixture : public ::testing::TestWithParam<storage::Backend> {
 protected:
  explicit PaymentFixture(settings::Config the_config = payment_config()) : config(std::move(the_config)) {
    account = db->write("account", [&](Transaction& tx) {
      accounts::ensure_seller_party(tx, config.provider, clock.now());
      return accounts::create_account(
                 tx,
                 {.name = "Alice Adams", .email = "alice@example.com", .address = {.country = "US"}, .currency = "USD"},
                 config.provider.currencies, clock.now(), staff)
          .value();
    });
    invoice = issue("10.00");
  }

  void TearDown() override {
    workers.drain();
    verify::verify(*db, codec, vault, [](const verify::Breach& breach) {
      ADD_FAILURE() << breach.invariant << " " << breach.object << ": " << breach.detail;
    });
    const Money booked =
        usd_minor(number("SELECT COALESCE(SUM(amount), 0) FROM postings WHERE ledger_account IN ('clearing/cards', "
                         "'gateway_fees') AND currency = 'USD'"));
    if (books_agree) {
      EXPECT_EQ(gateways.cards.taken(dollar), booked) << "the gateway's book against ours";
    }
  }

  Money usd(std::string_view text) const { return Money::parse(text, dollar).value(); }
  Money usd_minor(std::int64_t minor) const { return {minor, dollar}; }
  InvoiceId issue(std::string_view amount) {
    return db->write("invoice", [&](Transaction& tx) {
      return invoicing::issue_manual(tx, rules, account, {{.description = "Server", .unit_price = usd(amount)}},
                                     rules.today(clock.now()).plus_days(7), clock.now())
          .value();
    });
  }
  std::int64_t number(storage::Sql sql) {
    return db->read([&](Connection& c) {
      auto rows = c.query(sql);
      return rows.next() ? rows.integer(0) : -1;
    });
  }
  invoicing::Invoice stored(InvoiceId id) {
    return db->read([&](Connection& c) { return invoicing::find_invoice(c, id).value(); });
  }
  Payment stored(PaymentId id) {
    return db->read([&](Connection& c) { return payments::find_payment(c, id).value(); });
  }
  Money credit() {
    return db->read([&](Connection& c) { return ledger::credit_balance(c, account, dollar); });
  }
  void give_credit(std::string_view amount) {
    db->write("credit", [&](Transaction& tx) {
      invoicing::grant_credit(tx, rules, account, usd(amount), tx.reserve_ids(1), "goodwill", clock.now());
    });
  }
  Result<Payment> pay(std::string gateway = "cards", std::optional<Money> amount = std::nullopt) {
    return payments.pay({.invoice = invoice, .gateway = std::move(gateway), .amount = amount}, customer);
  }
  PaymentMethodId save_card(std::string label = "Card 4242") {
    return db->write("method", [&](Transaction& tx) {
      return payments::add_method(tx, gateways, vault, account, {.gateway = "cards", .token = "tok_1", .label = label},
                                  customer, clock.now())
          .value();
    });
  }
  void set_autopay(bool enabled) {
    db->write("autopay", [&](Transaction& tx) {
        return payments::set_autopay(tx, rules, account, enabled, {}, customer, clock.now());
      }).value();
  }
  // One daily run of a step, without performing what it records.
  scheduler::Counts run(scheduler::Step& step) {
    scheduler::Counts counts;
    scheduler::ChunkRequest request;
    for (bool finished = false; !finished;) {
      const auto result = db->write("chunk", [&](Transaction& tx) {
        return step.run_chunk(tx,
                              {.run = RunId(1),
                               .job = "daily",
                               .scheduled_at = clock.now(),
                               .date = rules.today(clock.now()),
                               .now = clock.now()},
                              request);
      });
      for (const auto& [name, count] : result.counts) counts[name] += count;
      request.cursor = result.cursor;
      finished = result.finished;
    }
    return counts;
  }
  std::int64_t notices(std::string_view name) {
    return db->read([&](Connection& c) {
      auto rows = c.query("SELECT COUNT(*) FROM messages WHERE template = $1", name);
      return rows.next() ? rows.integer(0) : -1;
    });
  }

  const Currency dollar = Currency::parse("USD").value();
  const accounts::Actor staff{.kind = accounts::ActorKind::staff};
  const accounts::Actor customer{.kind = accounts::ActorKind::user};
  test::TestDatabase db = test::fresh_database(GetParam());
  test::ManualClock clock{"2027-03-01T12:00:00Z"};
  const settings::Config config;
  const invoicing::Rules rules{config};
  const notices::Outbox outbox{config, {"mail"}};
  const IdCodec codec{IdCodec::Key{1, 2, 3}};
  const Vault vault{test::open_vault(*db)};
  FakeGateways gateways;
  const payments::Context context{
      .db = *db,
      .clock = clock,
      .rules = rules,
      .outbox = outbox,
      .gateways = gateways,
      .codec = codec,
      .vault = vault,
      .public_url = config.server.public_url,
      .webhooks_url = config.server.public_url + "/api/v1/webhooks/",
      .perform_now = [this](std::string_view key, const auto& settling) { return workers.run_now(key, settling); }};
  payments::Payments payments{context};
  payments::Setups setups{context};
  payments::ChargeHandler charges{context};
  payments::CompleteHandler completes{context};
  payments::RefundHandler refunds{context};
  payments::SetupHandler saving{context};
  payments::DetachHandler detaching{context};
  payments::VoidHandler voiding{context};
  effects::Workers workers{*db, clock, {&charges, &completes, &refunds, &saving, &detaching, &voiding}, {.threads = 4}};
  AccountId account;
  InvoiceId invoice;
  bool books_agree = true;
};

}  // namespace bursar::test
