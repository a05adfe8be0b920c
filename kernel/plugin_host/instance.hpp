// One configured instance: its plugin opened in this process, its lane, and the one way into it.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "plugin_host/lane.hpp"
#include "plugin_host/opened_plugin.hpp"
#include "plugin_host/record.hpp"

namespace bursar::plugin_host {

// How a call into a plugin went. Only with `answered` may the result struct be looked at; the call keeps its memory.
struct CallEnd {
  enum class How {
    answered,   // BURSAR_OK
    failed,     // any other status: what it did is not known
    never,      // the plugin was not entered
    abandoned,  // it was entered and has not come back
  };
  How how = How::never;
  bursar_status status = BURSAR_ERROR;
  std::string error;           // why, for staff; empty when answered
  std::shared_ptr<Call> call;  // answered and failed only
};

class Instance : public std::enable_shared_from_this<Instance> {
 public:
  // `record` is what the probe found out; a disabled one stays so.
  Instance(const settings::PluginInstance& config, std::shared_ptr<Environment> environment, Record record);

  // Loads and opens the plugin in this process, waiting at most until `deadline`. For an instance that the probe let
  // pass.
  void open(Lane::Deadline deadline);
  // Ends it: no new calls, waits for those under way, closes the plugin unless something hangs.
  void close(Lane::Deadline deadline);

  // Calls `body` on the lane with the instance's deadline. `body` must own what it touches: it may outlive this
  // function. `operation` is for logs: "charge".
  CallEnd call(const char* operation, const std::string& idempotency_key,
               std::function<bursar_status(bursar_plugin*, bursar_call*)> body);

  [[nodiscard]] bool loaded() const { return record_.state == InstanceState::loaded; }
  [[nodiscard]] Record record() const;  // as it stands now
  [[nodiscard]] const std::string& name() const { return config_.name; }
  [[nodiscard]] int concurrency() const { return concurrency_; }
  // Only when loaded():
  [[nodiscard]] const Tables& tables() const { return plugin_->tables(); }
  [[nodiscard]] const Facts& facts() const { return plugin_->facts(); }
  [[nodiscard]] const Scrubber& scrubber() const { return plugin_->services().scrubber(); }
  // "The plugin sandbox (instance cards)", to begin a sentence with.
  [[nodiscard]] std::string title() const;
  // Writes down that the plugin broke a rule of the ABI.
  void misbehaved(const char* operation, const std::string& what) const;

 private:
  void disable(const Refusal& refusal);

  const settings::PluginInstance config_;
  std::shared_ptr<Environment> environment_;
  Record record_;  // changes only while loading
  std::shared_ptr<OpenedPlugin> plugin_;
  int concurrency_ = 1;
  std::unique_ptr<Lane> lane_;
  Lane control_;
};

}  // namespace bursar::plugin_host
