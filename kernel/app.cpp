#include "app.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "accounts/accounts.hpp"
#include "accounts/identity.hpp"
#include "accounts/passwords.hpp"
#include "base/log.hpp"
#include "dunning/holds.hpp"
#include "dunning/steps.hpp"
#include "effects/effects.hpp"
#include "http/api.hpp"
#include "http/idempotency.hpp"
#include "http/metrics.hpp"
#include "http/server.hpp"
#include "inbox/inbox.hpp"
#include "invoicing/rules.hpp"
#include "invoicing/steps.hpp"
#include "notices/notice_handler.hpp"
#include "notices/outbox.hpp"
#include "payments/detach.hpp"
#include "payments/held_runs.hpp"
#include "payments/lapse.hpp"
#include "payments/payments.hpp"
#include "payments/refunds.hpp"
#include "payments/setups.hpp"
#include "payments/steps.hpp"
#include "plugin_host/host.hpp"
#include "provisioning/plan_changer.hpp"
#include "provisioning/provisioner.hpp"
#include "scheduler/scheduler.hpp"
#include "scheduler/test_clock.hpp"
#include "storage/encryption.hpp"
#include "storage/installation.hpp"
#include "storage/migrate.hpp"

namespace bursar {
namespace {

// Room for every plugin to be called side by side as much as it may: none takes more than half of the threads.
int worker_threads(const plugin_host::PluginHost& plugins) {
  constexpr int fewest = 64, most = 1024;
  int calls = 0;
  for (const auto& record : plugins.records()) calls += plugins.concurrency(record.instance);
  return std::clamp(2 * calls, fewest, most);
}

std::unique_ptr<scheduler::TestClock> make_test_clock(const settings::Config& config, storage::Database& db,
                                                      const AppOptions& options) {
  if (config.clock != settings::ClockKind::test) return nullptr;
  return std::make_unique<scheduler::TestClock>(db, options.test_clock_start.value_or(SystemClock().now()));
}

}  // namespace

// In the order of construction; destroyed the other way round, so what is used outlives its users.
struct App::State {
  State(const settings::Config& the_config, std::unique_ptr<storage::Database> the_db, Vault the_vault,
        const AppOptions& options)
      : config(the_config),
        db(std::move(the_db)),
        vault(std::move(the_vault)),
        codec(storage::load_id_key(*db)),
        test_clock(make_test_clock(config, *db, options)),
        plugins(config, clock(), plugin_host::stored_key_values(*db, vault)),
        rules(config),
        outbox(config, plugins.channels().list()),
        payment_context{
            .db = *db,
            .clock = clock(),
            .rules = rules,
            .outbox = outbox,
            .gateways = plugins.gateways(),
            .codec = codec,
            .vault = vault,
            .public_url = config.server.public_url,
            .webhooks_url = config.server.public_url + std::string(http::RouteTable::base_path) + "/webhooks/",
            .perform_now = [this](std::string_view key,
                                  const auto& settling) { return workers.run_now(key, settling); }},
        payments(payment_context),
        setups(payment_context),
        charges(payment_context),
        completes(payment_context),
        refunds(payment_context),
        saving(payment_context),
        detaching(payment_context),
        voiding(payment_context),
        inbox(payment_context, plugins.webhooks()),
        messages(*db, plugins.channels(), codec),
        told(outbox),
        provisioner(*db, plugins.panels(), codec),
        plan_changer(*db, plugins.panels(), codec),
        workers(*db, clock(),
                {&charges, &completes, &refunds, &saving, &detaching, &voiding, &inbox, &messages, &told, &provisioner,
                 &plan_changer},
                {.threads = worker_threads(plugins), .takeover_pause = test_clock ? seconds(0) : seconds(30)}),
        identity(*db, clock(), hasher, config.provider.currencies) {}

  [[nodiscard]] const Clock& clock() const {
    return test_clock ? static_cast<const Clock&>(*test_clock) : system_clock;
  }

  // The steps of the daily run, in their order.
  void make_steps() {
    const auto add = [&](std::vector<std::unique_ptr<scheduler::Step>> more) {
      for (auto& step : more) steps.push_back(std::move(step));
    };
    steps.push_back(dunning::hold_step(rules));
    add(invoicing::steps(rules));
    steps.push_back(payments::autopay_step(payment_context));
    steps.push_back(payments::method_expiry_step(payment_context));
    add(dunning::steps(rules, outbox));
    steps.push_back(payments::reconciliation_step(payment_context));
    steps.push_back(inbox::housekeeping_step());
  }

  Status make_scheduler() {
    make_steps();
    std::map<std::string, std::vector<scheduler::Step*>> by_job;
    for (const settings::Job& job : config.jobs) {
      for (const auto& step : steps) by_job[job.name].push_back(step.get());
    }
    scheduler::Options options{.chunk_accounts = config.billing.chunk_accounts,
                               .after_run =
                                   [this](const scheduler::RunContext& run) {
                                     db->write("expire_idempotency_keys", [this](storage::Transaction& tx) {
                                       http::expire_idempotency_keys(tx, clock().now());
                                     });
                                     // While runs are caught up the customer's messages wait, to be one.
                                     run.catch_up ? workers.wake() : wake();
                                   },
                               .breaker = config.breaker,
                               .hold_listener = &held_runs};
    BURSAR_TRY(made, scheduler::Scheduler::create(*db, clock(), config.jobs, by_job, options));
    scheduler = std::move(made);
    return {};
  }

  void wake() {
    outbox.spread(*db, clock().now());
    workers.wake();
  }

  // On PostgreSQL another process may move a test clock.
  void follow_test_clock() {
    if (!test_clock || db->backend() != storage::Backend::postgresql || following) return;
    following.emplace([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        try {
          if (!test_clock->refresh()) continue;
          scheduler->wake();
          wake();
        } catch (const storage::StorageError& error) {
          log::warning("test_clock_not_read", {{"detail", error.what()}});
        }
      }
    });
  }

  const settings::Config config;
  const SystemClock system_clock;
  std::unique_ptr<storage::Database> db;
  const Vault vault;
  const IdCodec codec;
  std::unique_ptr<scheduler::TestClock> test_clock;
  plugin_host::PluginHost plugins;
  const invoicing::Rules rules;
  const notices::Outbox outbox;
  const payments::Context payment_context;
  payments::Payments payments;
  payments::Setups setups;
  payments::ChargeHandler charges;
  payments::CompleteHandler completes;
  payments::RefundHandler refunds;
  payments::SetupHandler saving;
  payments::DetachHandler detaching;
  payments::VoidHandler voiding;
  inbox::Inbox inbox;
  notices::MessageHandler messages;
  notices::NoticeHandler told;
  provisioning::Provisioner provisioner;
  provisioning::PlanChanger plan_changer;
  effects::Workers workers;
  accounts::PasswordHasher hasher;
  accounts::Identity identity;
  payments::HeldRunNotices held_runs{outbox};
  std::vector<std::unique_ptr<scheduler::Step>> steps;
  std::unique_ptr<scheduler::Scheduler> scheduler;
  http::Metrics metrics;
  std::optional<std::jthread> following;
};

App::App(std::unique_ptr<State> state) : state_(std::move(state)) {}
App::~App() { stop(); }

Result<std::unique_ptr<App>> App::open(const settings::Config& config, const AppOptions& options) {
  // So many threads answer requests; an event loop must not wait for a connection that a worker reads slowly from.
  BURSAR_TRY(db, storage::Database::open(config.database.url.reveal(),
                                         {.create_if_missing = options.create_database,
                                          .readers = config.server.worker_threads + config.server.io_threads}));
  if (options.create_database) {
    const auto migrated = storage::migrate(*db, SystemClock());
    if (!migrated.ok()) return migrated.error();
  } else {
    BURSAR_CHECK(storage::check_schema(*db));
  }
  BURSAR_TRY(vault, storage::open_vault(*db, config.database.encryption_keys, SystemClock(), storage::VaultUse::write));
  auto state = std::make_unique<State>(config, std::move(db), std::move(vault), options);
  state->db->write("seller_party", [&](storage::Transaction& tx) {
    accounts::ensure_seller_party(tx, state->config.provider, state->clock().now());
  });
  BURSAR_CHECK(state->make_scheduler());
  return std::unique_ptr<App>(new App(std::move(state)));
}

void App::start() {
  if (state_->vault.keys().empty()) {
    log::warning("secrets_in_clear",
                 {{"detail", "the tokens of saved payment methods and what plugins keep stand readable in the store"},
                  {"cure",
                   "make a key with `bursar db new-key`, name it in database.encryption_keys, and run "
                   "`bursar db reencrypt`"}});
  }
  state_->follow_test_clock();
  state_->outbox.spread(*state_->db, state_->clock().now());
  state_->workers.start();
  state_->scheduler->start();
}

void App::stop() {
  state_->following.reset();
  state_->scheduler->stop();
  state_->workers.stop();
}

Status App::serve(const std::function<void(std::uint16_t)>& listening, const std::function<void()>& wait) {
  http::Dependencies dependencies{.db = *state_->db,
                                  .clock = state_->clock(),
                                  .ids = state_->codec,
                                  .id_key = storage::load_id_key(*state_->db),
                                  .config = state_->config,
                                  .rules = state_->rules,
                                  .identity = state_->identity,
                                  .metrics = state_->metrics,
                                  .scheduler = state_->scheduler.get(),
                                  .wake_workers = [this] { state_->wake(); },
                                  .payments = &state_->payments,
                                  .payment_context = &state_->payment_context,
                                  .setups = &state_->setups,
                                  .plugins = &state_->plugins,
                                  .inbox = &state_->inbox};
  if (state_->test_clock) dependencies.set_test_clock = [this](Instant to) { return advance_clock(to); };
  http::Api api(dependencies);
  std::atomic<http::Server*> running = nullptr;
  BURSAR_TRY(server, http::Server::start(http::ServerOptions::from(state_->config.server), api.handlers([&running] {
               const http::Server* server = running;
               return server != nullptr && server->draining();
             }),
                                         state_->metrics));
  running = server.get();
  start();
  listening(server->port());
  wait();
  server->stop();
  stop();
  return {};
}

void App::drain() {
  state_->outbox.spread(*state_->db, state_->clock().now());
  // A test clock may move on only when nobody is at the present instant any more.
  using Until = effects::Workers::Until;
  state_->workers.drain(state_->test_clock ? Until::all_end : Until::own_end);
}

Status App::advance_clock(Instant target) {
  if (!state_->test_clock)
    return conflict("no_test_clock", "the clock is the system's; only `clock: test` can be moved");
  return state_->test_clock->advance_to(target, *state_->scheduler, [this] {
    drain();
    return state_->workers.next_try();
  });
}

Status App::jump_clock(Instant target) {
  if (!state_->test_clock)
    return conflict("no_test_clock", "the clock is the system's; only `clock: test` can be moved");
  return state_->test_clock->jump_to(target);
}

const settings::Config& App::config() const { return state_->config; }
storage::Database& App::database() { return *state_->db; }
const Clock& App::clock() const { return state_->clock(); }
const IdCodec& App::codec() const { return state_->codec; }
const Vault& App::vault() const { return state_->vault; }
scheduler::Scheduler& App::scheduler() { return *state_->scheduler; }
plugin_host::PluginHost& App::plugins() { return state_->plugins; }
inbox::Inbox& App::inbox() { return state_->inbox; }
payments::Payments& App::payments() { return state_->payments; }
const payments::Context& App::payment_context() const { return state_->payment_context; }
const invoicing::Rules& App::rules() const { return state_->rules; }

}  // namespace bursar
