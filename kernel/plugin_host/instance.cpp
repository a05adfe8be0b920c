#include "plugin_host/instance.hpp"

#include <algorithm>
#include <atomic>

#include "base/log.hpp"

namespace bursar::plugin_host {
namespace {

using std::chrono::milliseconds;

// The plugin is told a deadline a little before ours, so that one that keeps to it can still say what it knows.
milliseconds margin_of(milliseconds whole) { return std::min(milliseconds(500), whole / 10); }

int concurrency_of(const settings::PluginInstance& config, const Facts& facts) {
  if (config.concurrency) return std::max(1, *config.concurrency);
  return facts.concurrency > 0 ? facts.concurrency : 4;
}

std::string status_text(bursar_status status) {
  switch (status) {
    case BURSAR_INVALID:
      return "it found the request invalid";
    case BURSAR_UNSUPPORTED:
      return "it does not support this";
    case BURSAR_DEADLINE:
      return "its deadline passed";
    case BURSAR_EXCEPTION:
      return "it threw an exception";
    case BURSAR_OUT_OF_MEMORY:
      return "its answer was too large";
    case BURSAR_NOT_FOUND:
      return "it did not find it";
    default:
      return "it failed";
  }
}

}  // namespace

Instance::Instance(const settings::PluginInstance& config, std::shared_ptr<Environment> environment, Record record)
    : config_(config),
      environment_(std::move(environment)),
      record_(std::move(record)),
      control_(config.name + " control", 1) {}

void Instance::disable(const Refusal& refusal) {
  record_.state = InstanceState::disabled;
  record_.cause = refusal.cause;
  record_.cure = refusal.cure;
}

void Instance::open(Lane::Deadline deadline) {
  struct Attempt {
    std::optional<Refusal> refusal;
    std::shared_ptr<OpenedPlugin> plugin;
  };
  const auto attempt = std::make_shared<Attempt>();
  const auto work = [attempt, config = config_, environment = environment_, path = record_.file, deadline] {
    try {
      auto loaded = load_library(path, [](std::string_view) {});
      if (const auto* refusal = std::get_if<Refusal>(&loaded)) {
        attempt->refusal = *refusal;
        return;
      }
      attempt->plugin =
          std::make_shared<OpenedPlugin>(std::move(std::get<Library>(loaded)), config, environment, deadline);
      attempt->plugin->open([](std::string_view) {});
      attempt->refusal = attempt->plugin->refusal();
    } catch (const std::exception& error) {
      attempt->refusal =
          Refusal{std::string("Bursar could not load the plugin: ") + error.what() + ".", "See the log."};
    }
  };
  if (control_.run(work, deadline) != Entered::finished) {
    disable({config_.plugin + ".so hung while Bursar was opening it.",
             "Ask its author for a corrected build, or remove the instance."});
    return;
  }
  if (attempt->plugin) record_.setting_errors = attempt->plugin->setting_errors();
  if (attempt->refusal) {
    disable(*attempt->refusal);
    return;
  }
  plugin_ = attempt->plugin;
  concurrency_ = plugin_->library().concurrent ? concurrency_of(config_, plugin_->facts()) : 1;
  lane_ = std::make_unique<Lane>(config_.name, concurrency_);
  record_.interfaces = plugin_->facts().interfaces;
  record_.capabilities = plugin_->facts().capabilities;
  for (const auto& warning : plugin_->setting_warnings()) {
    log::warning("plugin_setting_deprecated",
                 {{"instance", config_.name}, {"place", warning.pointer}, {"detail", warning.detail}});
  }
}

void Instance::close(Lane::Deadline deadline) {
  if (!plugin_) return;
  const bool idle = lane_->drain(deadline);
  const bool closed = idle && control_.run([plugin = plugin_] { plugin->close(); }, deadline) == Entered::finished;
  if (!closed)
    log::warning("plugin_left_behind",
                 {{"instance", config_.name}, {"cause", idle ? "its close hangs" : "a call hangs"}});
  control_.drain(deadline);
}

CallEnd Instance::call(const char* operation, const std::string& idempotency_key,
                       std::function<bursar_status(bursar_plugin*, bursar_call*)> body) {
  const auto whole = milliseconds(config_.deadline.seconds * 1000);
  const auto deadline = std::chrono::steady_clock::now() + whole;
  struct Frame {
    Frame(std::string key, std::string trace, Call::SteadyTime ends) : call(std::move(key), std::move(trace), ends) {}
    Call call;
    bursar_status status = BURSAR_ERROR;
  };
  const auto frame =
      std::make_shared<Frame>(idempotency_key, std::string(log::request_id()), deadline - margin_of(whole));
  CallEnd end;
  const auto work = [frame, plugin = plugin_, environment = environment_, body = std::move(body)] {
    frame->call.start(environment->now_ms());
    frame->status = body(plugin->handle(), &frame->call);
  };
  const auto late = [frame, name = config_.name, operation] {
    log::warning("plugin_answer_late", {{"instance", name}, {"operation", operation}, {"status", frame->status}});
  };
  switch (lane_->run(work, deadline, late)) {
    case Entered::never:
      end.how = CallEnd::How::never;
      end.error = title() + (lane_->blocked() ? " takes no calls: an earlier one has not come back since its deadline."
                                              : " was busy with other calls until the deadline.");
      return end;
    case Entered::abandoned:
      end.how = CallEnd::How::abandoned;
      end.error = title() + " did not answer within " + std::to_string(config_.deadline.seconds) + " seconds.";
      log::error("plugin_hangs", {{"instance", config_.name}, {"operation", operation}, {"hung_calls", lane_->hung()}});
      return end;
    case Entered::finished:
      break;
  }
  end.status = frame->status;
  end.call = std::shared_ptr<Call>(frame, &frame->call);
  end.how = frame->status == BURSAR_OK ? CallEnd::How::answered : CallEnd::How::failed;
  if (end.how == CallEnd::How::failed) {
    const auto told = scrubber().scrub(frame->call.errors());
    end.error = title() + " failed: " + (told.empty() ? status_text(frame->status) + "." : told);
    log::warning(
        "plugin_call_failed",
        {{"instance", config_.name}, {"operation", operation}, {"status", frame->status}, {"error", end.error}});
  }
  return end;
}

Record Instance::record() const {
  auto record = record_;
  if (loaded() && lane_->blocked()) {
    record.state = InstanceState::unhealthy;
    record.cause =
        std::to_string(lane_->hung()) + " of its calls have not come back since their deadline; it takes no other.";
    record.cure = "Look at what it talks to. It works again when a call returns; a restart of Bursar ends them.";
  }
  return record;
}

std::string Instance::title() const { return "The plugin " + config_.plugin + " (instance " + config_.name + ")"; }

void Instance::misbehaved(const char* operation, const std::string& what) const {
  log::error("plugin_misbehaving",
             {{"instance", config_.name}, {"plugin", config_.plugin}, {"operation", operation}, {"fault", what}});
}

}  // namespace bursar::plugin_host
