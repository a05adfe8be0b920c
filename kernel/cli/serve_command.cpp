#include <csignal>
#include <cstdio>

#include "base/log.hpp"
#include "cli/support.hpp"

namespace bursar::cli {
namespace {

// Signals are taken by the main thread alone, which waits for them; every other thread is made with them blocked.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }
  [[nodiscard]] int wait() const {
    int signal = 0;
    sigwait(&set_, &signal);
    return signal;
  }
  // A second signal ends the process at once.
  void unblock() const { pthread_sigmask(SIG_UNBLOCK, &set_, nullptr); }

 private:
  sigset_t set_{};
};

}  // namespace

int serve(const Common& common) {
  const Signals signals;
  int code = done;
  const auto app = open_app(common, code);
  if (!app) return code;
  const auto listening = [&](std::uint16_t port) {
    log::info("listening", {{"address", app->config().server.listen_host}, {"port", port}});
    if (common.json) {
      std::printf("{\"port\": %d}\n", port);
      std::fflush(stdout);
    }
  };
  const auto served = app->serve(listening, [&] {
    const int signal = signals.wait();
    log::info("stopping", {{"signal", signal}});
    signals.unblock();
  });
  return served.ok() ? done : fail(served.error());
}

}  // namespace bursar::cli
