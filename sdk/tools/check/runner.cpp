// A check in a child process: a crash, an exit or a hang of the plugin is a result like another.
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>

#include <chrono>
#include <csignal>

#include "check.hpp"

namespace check {
namespace {

Result run_here(const Check& check, const Options& options) {
  try {
    check.run(options);
    return {};
  } catch (const Ended& ended) {
    return ended.result;
  } catch (const std::exception& error) {
    return {Verdict::fail, error.what()};
  }
}

// One character of the verdict, then the text.
void write_result(int descriptor, const Result& result) {
  std::string out(1, static_cast<char>('0' + static_cast<int>(result.verdict)));
  out += result.text;
  for (std::size_t at = 0; at < out.size();) {
    const ssize_t written = ::write(descriptor, out.data() + at, out.size() - at);
    if (written <= 0) return;
    at += static_cast<std::size_t>(written);
  }
}

std::string read_until(int descriptor, std::chrono::steady_clock::time_point end, bool& late) {
  std::string out;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    pollfd wait{descriptor, POLLIN, 0};
    if (left <= 0 || ::poll(&wait, 1, static_cast<int>(left)) == 0) {
      late = true;
      return out;
    }
    char buffer[4096];
    const ssize_t got = ::read(descriptor, buffer, sizeof buffer);
    if (got <= 0) return out;
    out.append(buffer, static_cast<std::size_t>(got));
  }
}

}  // namespace

Result run(const Check& check, const Options& options, int timeout_seconds, bool in_process) {
  if (in_process) return run_here(check, options);
  int pipe_ends[2];
  if (::pipe(pipe_ends) != 0) return {Verdict::fail, "no pipe"};
  std::fflush(nullptr);  // what waits to be written is the parent's, once
  const pid_t child = ::fork();
  if (child < 0) return {Verdict::fail, "no child process"};
  if (child == 0) {
    ::close(pipe_ends[0]);
    write_result(pipe_ends[1], run_here(check, options));
    ::_exit(0);
  }
  ::close(pipe_ends[1]);
  bool late = false;
  const std::string out =
      read_until(pipe_ends[0], std::chrono::steady_clock::now() + std::chrono::seconds(timeout_seconds), late);
  ::close(pipe_ends[0]);
  if (late) ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (late) return {Verdict::crash, "did not end within " + std::to_string(timeout_seconds) + " seconds"};
  if (WIFSIGNALED(status)) return {Verdict::crash, std::string("ended by signal ") + ::strsignal(WTERMSIG(status))};
  if (out.empty())
    return {Verdict::crash,
            "the process exited with " + std::to_string(WEXITSTATUS(status)) + " in the middle of the check"};
  return {static_cast<Verdict>(out[0] - '0'), out.substr(1)};
}

}  // namespace check
