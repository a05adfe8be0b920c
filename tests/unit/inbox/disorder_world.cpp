// The beginning and the end of a sequence, and what must hold then. The acts are in disorder_acts.cpp.
#include "disorder_world.hpp"

#include "accounts/accounts.hpp"
#include "catalog/products.hpp"
#include "invoicing/issue.hpp"
#include "payments/methods.hpp"
#include "verify/verify.hpp"

namespace bursar::test {

using payments::Payment;
using storage::Connection;
using storage::Transaction;

namespace {

settings::Config configuration() {
  settings::Config config;
  config.provider.name = "Example Hosting";
  config.provider.address.country = "US";
  config.provider.currencies = {Currency::parse("USD").value()};
  config.server.public_url = "https://portal.example.com";
  return config;
}

}  // namespace

const std::vector<DisorderWorld::Act>& DisorderWorld::acts() {
  using W = DisorderWorld;
  static const std::vector<Act> all = {
      {"pay", &W::pay, 8},
      {"pay_by_transfer", &W::pay_by_transfer, 2},
      {"staff_confirm", &W::staff_confirm, 2},
      {"staff_dismiss", &W::staff_dismiss, 1},
      {"pay_several", &W::pay_several, 3},
      {"pay_several_again", &W::pay_several_again, 2},
      {"give_up_paying_several", &W::give_up_paying_several, 1},
      {"add_credit", &W::add_credit, 2},
      {"grant_credit", &W::grant_credit, 1},
      {"daily_run", &W::daily_run, 3},
      {"customer_acts", &W::customer_acts, 2},
      {"customer_approves", &W::customer_approves, 2},
      {"die", &W::die, 3},
      {"die_in_an_effect", &W::die_in_an_effect, 4},
      {"webhook", &W::webhook, 8},
      {"webhook_of_refund", &W::webhook_of_refund, 3},
      {"deliver_again", &W::deliver_again, 4},
      {"refund", &W::refund, 5},
      {"refund_at_the_gateway", &W::refund_at_the_gateway, 2},
      {"refund_by_hand", &W::refund_by_hand, 5},
      {"refund_bounces", &W::refund_bounces, 1},
      {"dispute", &W::dispute, 3},
      {"stray_money", &W::stray_money, 1},
      {"staff_assign", &W::staff_assign, 2},
      {"staff_return", &W::staff_return, 1},
      {"staff_look_into_unclear", &W::staff_look_into_unclear, 2},
      {"order_service", &W::order_service, 2},
      {"change_plan", &W::change_plan, 3},
      {"withdraw_plan_change", &W::withdraw_plan_change, 1},
      {"hold", &W::hold, 1},
      {"lift_hold", &W::lift_hold, 1},
      {"save_method", &W::save_method, 3},
      {"webhook_of_setup", &W::webhook_of_setup, 2},
      {"remove_method", &W::remove_method, 2},
      {"order_methods", &W::order_methods, 1},
      {"apply_credit", &W::apply_credit, 3},
      {"void_invoice", &W::void_invoice, 1},
      {"credit_note", &W::credit_note, 1},
      {"write_off", &W::write_off, 1},
      {"new_invoice", &W::new_invoice, 3},
      {"switch_autopay", &W::switch_autopay, 1},
      {"time_passes", &W::time_passes, 6},
      {"read_all", &W::read_all, 2},
  };
  return all;
}

DisorderWorld::DisorderWorld(storage::Backend backend)
    : db_(fresh_database(backend)),
      config_(configuration()),
      context_{.db = *db_,
               .clock = clock_,
               .rules = rules_,
               .outbox = outbox_,
               .gateways = gateways_,
               .codec = codec_,
               .vault = vault_,
               .public_url = config_.server.public_url,
               .perform_now = [this](std::string_view key,
                                     const auto& settling) { return serving_ && workers_.run_now(key, settling); }},
      workers_(*db_, clock_, {&charges_, &completes_, &refunds_, &saving_, &detaching_, &voiding_, &inbox_},
               {.threads = 1}) {
  db_->write("seller", [&](Transaction& tx) {
    accounts::ensure_seller_party(tx, config_.provider, clock_.now());
    const auto monthly = [&](const char* code, std::int64_t price) {
      const catalog::NewProduct product{
          .code = code, .name = code, .prices = {{BillingCycle::months(1), usd(price), usd(0)}}};
      return catalog::create_product(tx, product, clock_.now()).value();
    };
    small_ = monthly("small", 800);
    large_ = monthly("large", 2100);
  });
}

void DisorderWorld::begin_sequence(unsigned seed) {
  random_.seed(seed);
  db_->write("account", [&](Transaction& tx) {
    account_ = accounts::create_account(
                   tx, {.name = "A", .email = "a@example.com", .address = {.country = "US"}, .currency = "USD"},
                   config_.provider.currencies, clock_.now(), staff_)
                   .value();
    for (const char* gateway : {"cards", "quiet"}) {
      const payments::NewPaymentMethod card{.gateway = gateway, .token = "tok", .label = "Card"};
      static_cast<void>(payments::add_method(tx, gateways_, vault_, account_, card, customer_, clock_.now()).value());
    }
  });
  invoices_ = {issue(1000), issue(735), issue(99)};
  if (one_in(2)) switch_autopay();
  gateways_.cards.charge_fee(usd(pick(40)));
}

void DisorderWorld::act(const Act& act, unsigned seed) {
  random_.seed(seed);
  (this->*act.run)();
}

void DisorderWorld::end_sequence() {
  for (const auto& body : under_way_) send(body);
  under_way_.clear();
  for (int i = 0; i < 6; ++i) {
    for (FakeGateway* gateway : {&gateways_.cards, &gateways_.quiet}) {
      gateway->be_deaf(false);
      gateway->finish_setups();
      gateway->complete_waiting();
    }
    clock_.advance(hours(7));
    workers_.drain();
  }
  staff_look_into_unclear();
}

void DisorderWorld::attempt(const std::function<bool(Transaction&)>& act) {
  struct Refused {};
  try {
    db_->write("attempt", [&](Transaction& tx) {
      if (!act(tx)) throw Refused{};
    });
  } catch (const Refused&) {
  }
}

std::vector<Payment> DisorderWorld::made(std::string_view gateway) {
  auto all = db_->read(
      [&](Connection& c) { return payments::list_payments(c, {.account = account_, .before = {}, .limit = 200}); });
  if (!gateway.empty()) std::erase_if(all, [&](const Payment& payment) { return payment.gateway != gateway; });
  return all;
}

std::vector<Payment> DisorderWorld::taken_by_cards() {
  const auto book = gateways_.cards.book();
  auto payments = made("cards");
  std::erase_if(payments, [&](const Payment& payment) {
    const std::string id = codec_.text(payment.id);
    const auto taken = book.find(id);
    return taken == book.end() || taken->second.currency() != dollar_ ||
           elsewhere_.contains("cards/" + id + "-tx returned");
  });
  return payments;
}

std::vector<payments::PaymentMethod> DisorderWorld::saved_methods(std::string_view gateway) {
  auto methods = db_->read([&](Connection& c) { return payments::list_methods(c, account_); });
  if (!gateway.empty()) {
    std::erase_if(methods, [&](const payments::PaymentMethod& method) { return method.gateway != gateway; });
  }
  return methods;
}

InvoiceId DisorderWorld::issue(std::int64_t minor) {
  return db_->write("invoice", [&](Transaction& tx) {
    return invoicing::issue_manual(tx, rules_, account_, {{.description = "Server", .unit_price = usd(minor)}},
                                   rules_.today(clock_.now()).plus_days(7), clock_.now())
        .value();
  });
}

void DisorderWorld::run(scheduler::Step& step) {
  scheduler::ChunkRequest request;
  for (bool finished = false; !finished;) {
    const auto result = db_->write("chunk", [&](Transaction& tx) {
      return step.run_chunk(tx,
                            {.run = RunId(1),
                             .job = "daily",
                             .scheduled_at = clock_.now(),
                             .date = rules_.today(clock_.now()),
                             .now = clock_.now()},
                            request);
    });
    request.cursor = result.cursor;
    finished = result.finished;
  }
}

DisorderWorld::Book DisorderWorld::gateways_book() {
  Book book = elsewhere_;
  for (const std::string gateway : {"cards", "quiet"}) {
    for (const auto& [id, amount] : fake(gateway).book()) {
      if (amount.currency() == dollar_) book[gateway + "/" + id + "-tx"] = amount.minor();
    }
  }
  return book;
}

DisorderWorld::Book DisorderWorld::our_book() {
  return db_->read([](Connection& c) {
    Book book;
    const auto read = [&](storage::Sql sql) {
      auto rows = c.query(sql);
      while (rows.next()) book[rows.string(0) + "/" + rows.string(1)] += rows.integer(2);
    };
    read(
        "SELECT gateway, gateway_reference, received FROM payments WHERE received <> 0 AND gateway <> 'bank' "
        "AND currency = 'USD'");
    read(
        "SELECT gateway, reference, amount FROM suspense_items WHERE status IN ('open', 'returned') "
        "AND currency = 'USD'");
    read(
        "SELECT gateway, reference || ' returned', -amount FROM suspense_items WHERE status = 'returned' "
        "AND currency = 'USD'");
    read(
        "SELECT gateway, gateway_reference, -amount FROM refunds WHERE status = 'succeeded' AND destination <> "
        "'credit' "
        "AND gateway_reference IS NOT NULL");
    read("SELECT gateway, reference, -amount FROM disputes WHERE status <> 'won'");
    return book;
  });
}

bool DisorderWorld::told_to_staff(const std::string& reference) {
  return db_->read([&](Connection& c) {
    return c
        .query(
            "SELECT 1 FROM staff_tasks WHERE kind IN ('refund_elsewhere', 'refund_unclear') AND detail LIKE '%' || $1 "
            "|| ':%'",
            reference)
        .next();
  });
}

// What was taken in another currency is no money of ours until staff have looked: they know of each.
void DisorderWorld::look_for_untold(FakeGateway& gateway, std::vector<std::string>& faults) {
  for (const auto& [id, amount] : gateway.book()) {
    if (amount.currency() == dollar_) continue;
    const auto payment = codec_.parse<PaymentIdTag>(id).value();
    const bool told = db_->read([&, reference = id + "-tx"](Connection& c) {
      return c.query("SELECT 1 FROM staff_tasks WHERE kind = 'confirm_payment' AND object_id = $1", payment).next() ||
             c.query("SELECT 1 FROM suspense_items WHERE reference = $1", reference).next();
    });
    if (!told) faults.push_back("nobody knows of " + amount.to_string() + " for " + id);
  }
}

// Item by item, and what the ledger says is at the gateways.
void DisorderWorld::compare(std::vector<std::string>& faults) {
  Book difference = our_book();
  std::int64_t theirs = 0;
  for (const auto& [name, amount] : gateways_book()) {
    difference[name] -= amount;
    theirs += amount;
  }
  for (const auto& [name, amount] : difference) {
    // A refund made at the gateway that can't be booked as it stands: staff have to record it, and know which.
    const bool told =
        amount != 0 && name.find("/elsewhere-") != std::string::npos && told_to_staff(name.substr(name.find('/') + 1));
    if (told) theirs += amount;
    if (amount != 0 && !told) faults.push_back(name + ": ours less theirs is " + std::to_string(amount));
  }
  const std::int64_t ours = number(
      "SELECT coalesce(sum(amount), 0) FROM postings WHERE ledger_account IN ('clearing/cards', 'clearing/quiet', "
      "'gateway_fees') AND currency = 'USD'");
  const std::int64_t by_hand = number(
      "SELECT coalesce(sum(amount), 0) FROM refunds WHERE destination = 'external' AND gateway <> 'bank' "
      "AND gateway_reference IS NULL");
  if (ours + by_hand != theirs) {
    faults.push_back("the ledger has " + std::to_string(ours + by_hand) + " at the gateways, they have " +
                     std::to_string(theirs));
  }
  for (FakeGateway* gateway : {&gateways_.cards, &gateways_.quiet}) {
    for (const auto& id : gateway->moved_twice()) faults.push_back("money moved twice for " + id);
    look_for_untold(*gateway, faults);
  }
}

// What a gateway keeps is one method here, and what was removed here is forgotten there.
void DisorderWorld::compare_methods(std::vector<std::string>& faults) {
  for (FakeGateway* gateway : {&gateways_.cards, &gateways_.quiet}) {
    for (const auto& id : gateway->saved()) {
      const auto setup = db_->read(
          [&](Connection& c) { return payments::find_setup(c, codec_.parse<MethodSetupIdTag>(id).value()).value(); });
      if (setup.status != payments::SetupStatus::succeeded) faults.push_back("the method of " + id + " is not saved");
    }
  }
  const auto twice = number(
      "SELECT count(*) FROM (SELECT method_id FROM method_setups WHERE method_id IS NOT NULL GROUP BY method_id "
      "HAVING count(*) > 1) t");
  if (twice != 0) faults.push_back(std::to_string(twice) + " methods were saved by several setups");
  const std::string shared = vault_.lookup("payment_methods.token", "tok");
  const auto kept = db_->read([&](Connection& c) {
    auto rows = c.query(
        "SELECT count(*) FROM payment_methods WHERE status = 'removed' AND token <> '' AND token_lookup <> $1", shared);
    return rows.next() ? rows.integer(0) : -1;
  });
  if (kept != 0) faults.push_back(std::to_string(kept) + " removed methods are not forgotten");
}

void DisorderWorld::ask_for_loose_ends(std::vector<std::string>& faults) {
  const auto none = [&](const char* what, storage::Sql sql) {
    if (const auto found = number(sql); found != 0) faults.push_back(std::to_string(found) + " " + what);
  };
  none("payments whose outcome is unknown", "SELECT count(*) FROM payments WHERE status = 'unknown'");
  none("refunds whose outcome is open", "SELECT count(*) FROM refunds WHERE status IN ('pending', 'unknown')");
  db_->read([&](Connection& c) {
    auto rows = c.query(
        "SELECT key, state, error FROM effects WHERE kind IN ('charge', 'complete', 'refund', 'void', 'setup', "
        "'detach', "
        "'webhook') AND state NOT IN ('done', 'failed')");
    while (rows.next()) faults.push_back(rows.string(0) + " is " + rows.string(1) + ": " + rows.string(2));
  });
  none("refunds that are booked by hand and again as told",
       "SELECT count(*) FROM refunds told JOIN refunds h ON h.payment_id = told.payment_id AND h.amount = told.amount "
       "WHERE told.destination = 'external' AND told.reason = 'Refunded at the gateway' AND told.status = 'succeeded' "
       "AND h.destination = 'external' AND h.gateway_reference IS NULL AND h.status = 'succeeded'");
  none("events that nobody could place", "SELECT count(*) FROM webhook_events WHERE status = 'waiting'");
}

std::int64_t DisorderWorld::number(storage::Sql sql) {
  return db_->read([&](Connection& c) {
    auto rows = c.query(sql);
    return rows.next() ? rows.integer(0) : -1;
  });
}

std::vector<std::string> DisorderWorld::faults() {
  std::vector<std::string> faults;
  compare(faults);
  compare_methods(faults);
  ask_for_loose_ends(faults);
  verify::verify(*db_, codec_, vault_, [&](const verify::Breach& breach) {
    faults.push_back(breach.invariant + " " + breach.object + ": " + breach.detail);
  });
  return faults;
}

}  // namespace bursar::test
