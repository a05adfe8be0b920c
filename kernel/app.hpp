// The composition root: the one place that knows concrete classes of all folders and ties them together. Everything
// else is handed what it needs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/id.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "base/vault.hpp"
#include "settings/config.hpp"
#include "storage/database.hpp"

namespace bursar::scheduler {
class Scheduler;
class TestClock;
}  // namespace bursar::scheduler
namespace bursar::plugin_host {
class PluginHost;
}
namespace bursar::inbox {
class Inbox;
}
namespace bursar::payments {
class Payments;
struct Context;
}  // namespace bursar::payments
namespace bursar::invoicing {
struct Rules;
}

namespace bursar {

struct AppOptions {
  bool create_database = false;             // make and migrate a store that is not there (demo)
  std::optional<Instant> test_clock_start;  // where a new test clock begins; default: the present
};

class App {
 public:
  // Opens the store, loads the plugins, prepares the jobs; starts nothing. Errors: the store can't be opened, its
  // schema is not this binary's, a job's cron expression.
  static Result<std::unique_ptr<App>> open(const settings::Config& config, const AppOptions& options = {});
  ~App();

  // The background: effect workers and the scheduler. A test clock moves only when it is told to.
  void start();
  // Ends what is under way within some seconds.
  void stop();
  // Serves HTTP until `wait` returns, then drains. Calls `listening` with the port first.
  Status serve(const std::function<void(std::uint16_t port)>& listening, const std::function<void()>& wait);

  // Messages of waiting spans are written and every effect that is due is performed, on this thread.
  void drain();
  // Only with `clock: test`. Steps through each scheduled instant until `target`, or jumps as after downtime.
  Status advance_clock(Instant target);
  Status jump_clock(Instant target);

  [[nodiscard]] const settings::Config& config() const;
  [[nodiscard]] storage::Database& database();
  [[nodiscard]] const Clock& clock() const;
  [[nodiscard]] const IdCodec& codec() const;
  [[nodiscard]] const Vault& vault() const;
  [[nodiscard]] scheduler::Scheduler& scheduler();
  [[nodiscard]] plugin_host::PluginHost& plugins();
  [[nodiscard]] payments::Payments& payments();
  [[nodiscard]] inbox::Inbox& inbox();
  [[nodiscard]] const payments::Context& payment_context() const;
  [[nodiscard]] const invoicing::Rules& rules() const;

 private:
  struct State;
  explicit App(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bursar
