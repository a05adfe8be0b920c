#include "plugin_host/probe.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include "plugin_host/text.hpp"

namespace bursar::plugin_host {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t report_max = std::size_t{4} * 1024 * 1024;

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return number_; }
  void set(int number) {
    reset();
    number_ = number;
  }
  void reset() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }

 private:
  int number_ = -1;
};

bool make_pipe(Descriptor& reading, Descriptor& writing) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  reading.set(ends[0]);
  writing.set(ends[1]);
  return true;
}

std::string program_path(const HostOptions& options) {
  if (!options.probe_program.empty()) return options.probe_program;
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::string() : (self.parent_path() / "bursar-plugin-host").string();
}

// Our environment may hold the secrets of other plugins; the child gets what a program needs to run and no more.
std::vector<std::string> child_environment() {
  std::vector<std::string> environment = {"LANG=C.UTF-8", "PATH=/usr/bin:/bin"};
  for (const auto* name : {"TZDIR", "LD_LIBRARY_PATH", "http_proxy", "https_proxy", "no_proxy"}) {
    if (const char* value = std::getenv(name); value != nullptr) environment.push_back(std::string(name) + "=" + value);
  }
  return environment;
}

// Starts the child with `order` as standard input and `report` as descriptor 3; answers its process id or 0.
pid_t spawn(const std::string& program, const Descriptor& order, const Descriptor& report) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, order.get(), 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, report.get(), 3);
  posix_spawn_file_actions_addclosefrom_np(&actions, 4);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);  // so that whatever the plugin starts can be ended with it
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  std::string name = program;
  std::array<char*, 2> arguments = {name.data(), nullptr};
  auto texts = child_environment();
  std::vector<char*> environment;
  for (auto& text : texts) environment.push_back(text.data());
  environment.push_back(nullptr);
  pid_t child = 0;
  const int failure = posix_spawn(&child, program.c_str(), &actions, &attributes, arguments.data(), environment.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return failure == 0 ? child : 0;
}

// Hands the order over and gathers what comes back, until the child closes or the time is over (false).
bool converse(const std::string& order, Descriptor& to_child, const Descriptor& from_child, Clock::time_point deadline,
              std::string& received) {
  fcntl(to_child.get(), F_SETFL, O_NONBLOCK);
  std::string_view unsent(order);
  std::array<char, 65536> piece{};
  while (received.size() < report_max) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    std::array<pollfd, 2> watched = {pollfd{from_child.get(), POLLIN, 0}, pollfd{to_child.get(), POLLOUT, 0}};
    if (poll(watched.data(), to_child.get() >= 0 ? 2 : 1, static_cast<int>(std::min<std::int64_t>(left, 60'000))) < 0 &&
        errno != EINTR) {
      return true;
    }
    if (to_child.get() >= 0 && watched[1].revents != 0) {
      const auto sent = write(to_child.get(), unsent.data(), unsent.size());
      if (sent > 0) unsent.remove_prefix(static_cast<std::size_t>(sent));
      if (unsent.empty() || (sent < 0 && errno != EAGAIN)) to_child.reset();
    }
    if (watched[0].revents != 0) {
      const auto got = read(from_child.get(), piece.data(), piece.size());
      if (got <= 0) return true;
      received.append(piece.data(), static_cast<std::size_t>(got));
    }
  }
  return true;
}

// The last whole line that begins with `word`, without it.
std::string last_line(const std::string& text, const std::string& word) {
  std::string found;
  std::size_t start = 0;
  for (auto end = text.find('\n'); end != std::string::npos; start = end + 1, end = text.find('\n', start)) {
    if (text.compare(start, word.size(), word) == 0)
      found = text.substr(start + word.size(), end - start - word.size());
  }
  return found;
}

std::string how_it_ended(int status, bool in_time, const ProbeOrder& order) {
  if (!in_time) return "did not come back within " + std::to_string(order.timeout_ms / 1000) + " seconds";
  if (WIFSIGNALED(status)) return std::string("crashed (") + strsignal(WTERMSIG(status)) + ")";
  return "ended its process with exit code " + std::to_string(WEXITSTATUS(status));
}

ProbeReport refused(const ProbeOrder& order, std::string cause, std::string cure) {
  ProbeReport report;
  report.record.cause = std::move(cause);
  report.record.cure = std::move(cure);
  report.record.instance = order.instance.name;
  report.record.plugin = order.instance.plugin;
  report.record.place = order.instance.place;
  return report;
}

// A write to a child that is gone must be an error here, not the end of Bursar.
class PipeSignalBlocked {
 public:
  PipeSignalBlocked() {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before_);
  }
  ~PipeSignalBlocked() {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    const timespec now{0, 0};
    while (sigtimedwait(&pipe, nullptr, &now) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  PipeSignalBlocked(const PipeSignalBlocked&) = delete;
  PipeSignalBlocked& operator=(const PipeSignalBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

ProbeReport run_probe(const ProbeOrder& order, const HostOptions& options) {
  const auto program = program_path(options);
  Descriptor order_read, order_write, report_read, report_write;
  if (!make_pipe(order_read, order_write) || !make_pipe(report_read, report_write)) {
    return refused(order, std::string("No pipe to try the plugin in: ") + std::strerror(errno) + ".",
                   "Raise the limit of open files.");
  }
  const PipeSignalBlocked blocked;
  const pid_t child = spawn(program, order_read, report_write);
  if (child == 0) {
    return refused(order, "The program that plugins are tried in, " + program + ", can't be started.",
                   "Install bursar-plugin-host beside bursar.");
  }
  order_read.reset();
  report_write.reset();
  std::string received;
  const auto deadline = Clock::now() + std::chrono::milliseconds(order.timeout_ms);
  const bool in_time = converse(to_json(order), order_write, report_read, deadline, received);
  kill(-child, SIGKILL);  // also what it may have started; one that ended by itself is not changed by it
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (const auto text = last_line(received, "report "); !text.empty()) {
    if (auto report = parse_report(text); report.ok()) {
      report->record.instance = order.instance.name;
      report->record.plugin = order.instance.plugin;
      report->record.place = order.instance.place;
      return std::move(report).value();
    }
  }
  const auto stage = last_line(received, "stage ");
  auto report = refused(order,
                        order.instance.plugin + ".so " + how_it_ended(status, in_time, order) + " while " +
                            (stage.empty() ? "the trial began" : "Bursar was " + presentable(stage, 100)) + ".",
                        "Ask its author for a corrected build, or remove the instance.");
  return report;
}

}  // namespace bursar::plugin_host
