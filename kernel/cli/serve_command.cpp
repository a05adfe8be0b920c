#include <csignal>
#include <cstdio>

#include "base/log.hpp"
#include "cli/support.hpp"
#include "settings/listen.hpp"

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

bool set_listen(settings::Config& config, const std::string& listen) {
  const auto address = settings::parse_listen(listen);
  if (!address) return false;
  config.server.listen_host = address->host;
  config.server.listen_port = address->port;
  return true;
}

}  // namespace

int serve(const Common& common, const std::string& listen) {
  const Signals signals;
  auto config = read_config(common);
  if (!config.ok()) return fail(config.error(), wrong_usage);
  if (!listen.empty() && !set_listen(*config, listen)) {
    return fail(
        {.kind = ErrorKind::invalid, .code = "bad_listen", .detail = "--listen '" + listen + "' is not HOST:PORT"},
        wrong_usage);
  }
  auto opened = App::open(*config);
  if (!opened.ok()) return fail(opened.error());
  const auto app = std::move(opened).value();
  const auto listening = [&](std::uint16_t port) {
    log::info("listening", {{"address", app->config().server.listen_host}, {"port", port}});
    if (common.json) {
      std::printf("{\"port\": %d}\n", port);
    } else {
      const std::string& host = app->config().server.listen_host;
      std::printf("listening on http://%s:%d\n",
                  host.find(':') == std::string::npos ? host.c_str() : ("[" + host + "]").c_str(), port);
    }
    std::fflush(stdout);
  };
  const auto served = app->serve(listening, [&] {
    const int signal = signals.wait();
    log::info("stopping", {{"signal", signal}});
    signals.unblock();
  });
  return served.ok() ? done : fail(served.error());
}

}  // namespace bursar::cli
