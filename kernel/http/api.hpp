// The public API over the domain: takes a well-formed request, finds its route, proves who asks, decides whether they
// may, reads the body, calls the handler and renders what comes back. Handlers (routes/) stay thin.
//
//   http::Api api({.db = db, .clock = clock, ...});
//   auto server = http::Server::start(http::ServerOptions::from(config.server), api.handlers(), metrics);
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "accounts/identity.hpp"
#include "base/id.hpp"
#include "base/time.hpp"
#include "http/authentication.hpp"
#include "http/cursor.hpp"
#include "http/limiter.hpp"
#include "http/metrics.hpp"
#include "http/route.hpp"
#include "http/server.hpp"
#include "invoicing/rules.hpp"
#include "settings/config.hpp"
#include "storage/database.hpp"

namespace bursar::inbox {
class Inbox;
}
namespace bursar::payments {
class Payments;
class Setups;
struct Context;
}  // namespace bursar::payments
namespace bursar::plugin_host {
class PluginHost;
}
namespace bursar::scheduler {
class Scheduler;
}

namespace bursar::http {

// What the handlers work with. Everything outlives the Api. A null pointer leaves its routes out.
struct Dependencies {
  storage::Database& db;
  const Clock& clock;
  const IdCodec& ids;
  IdCodec::Key id_key;  // of `ids`; signs cursors
  const settings::Config& config;
  const invoicing::Rules& rules;
  accounts::Identity& identity;
  Metrics& metrics;
  scheduler::Scheduler* scheduler = nullptr;
  // Moves the test clock and answers when all scheduled work up to then is done; empty unless `clock: test`.
  std::function<Status(Instant)> set_test_clock = {};
  // Something was recorded that effect workers should see to.
  std::function<void()> wake_workers = {};
  payments::Payments* payments = nullptr;
  const payments::Context* payment_context = nullptr;  // with `payments`
  payments::Setups* setups = nullptr;                  // with `payments`
  plugin_host::PluginHost* plugins = nullptr;
  inbox::Inbox* inbox = nullptr;
};

struct Rates {
  Rate anonymous{.name = "anonymous", .per_second = 50, .burst = 500};
  Rate providers{.name = "providers", .per_second = 2'000, .burst = 20'000};
  Rate user{.name = "user", .per_second = 500, .burst = 5'000};
  Rate staff{.name = "staff", .per_second = 2'000, .burst = 20'000};
};

class Api {
 public:
  explicit Api(const Dependencies& dependencies, const Rates& rates = {});
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  // For Server::start(). `draining` is asked by /readyz; the Api outlives the server.
  Handlers handlers(std::function<bool()> draining = {});
  Answer handle(const Request& request);

  [[nodiscard]] const RouteTable& routes() const { return routes_; }
  [[nodiscard]] const std::string& openapi() const { return openapi_; }

 private:
  // Where a request may wait: on a worker. On an event loop what would write or ask elsewhere is left to a worker.
  enum class Place { event_loop, worker };
  std::optional<Answer> immediate(const Request& request);
  Answer readiness(const Request& request) const;
  Answer metrics(const Request& request) const;
  Answer handle_api(const Request& request, std::string_view path);
  std::optional<Answer> handle_match(const Request& request, const RouteTable::Match& match, Place place);
  std::optional<Answer> run(Call& call, const RouteTable::Match& match, Place place);
  // Within the caller's rate, and then what `proceed` answers; with the headers that tell of the rate.
  Answer limited(Call& call, const std::function<Result<Answer>()>& proceed);
  Status admit(Call& call, const Result<Credentials>& credentials, std::optional<AccountId> owner) const;
  // `connection`: in which a reader reads.
  static Result<Answer> handle_admitted(Call& call, storage::Connection* connection);

  Dependencies app_;
  Rates rates_;
  RouteTable routes_;
  // Found once a route; other answers than the route's success are rare enough to be looked up.
  struct RouteMetrics {
    std::once_flag found;
    Histogram* seconds = nullptr;
    Counter* successes = nullptr;
  };
  void count(const Route& route, int status, std::int64_t microseconds);

  std::unique_ptr<RouteMetrics[]> route_metrics_;  // of each route
  std::string openapi_;
  CursorCodec cursors_;
  Limiter limiter_;
  std::function<bool()> draining_;
};

}  // namespace bursar::http
