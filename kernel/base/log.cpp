#include "base/log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <mutex>
#include <stdexcept>
#include <system_error>

#include "base/json_text.hpp"
#include "base/time.hpp"

namespace bursar::log {
namespace {

struct Sink {
  std::mutex mutex;  // guards `descriptor` against being closed by configure() under a writer
  int descriptor = STDERR_FILENO;
  std::atomic<Level> level = Level::info;
  std::atomic<Format> format = Format::json;
};

// Never destroyed: threads may still log while the process ends.
Sink& sink() {
  static Sink* const the_sink = std::make_unique<Sink>().release();
  return *the_sink;
}

thread_local std::string current_request;

std::string_view name(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warning:
      return "warning";
    case Level::error:
      return "error";
  }
  return "error";
}

void append_value(std::string& line, const Field& field) {
  if (const auto* text = std::get_if<std::string_view>(&field.value())) {
    append_json_string(line, *text);
  } else if (const auto* number = std::get_if<std::int64_t>(&field.value())) {
    line += std::to_string(*number);
  } else {
    line += std::get<bool>(field.value()) ? "true" : "false";
  }
}

void json_line(std::string& line, Level level, std::string_view event, Fields fields) {
  line += R"({"time":")";
  line += SystemClock().now().to_string();
  line += R"(","level":")";
  line += name(level);
  line += R"(","event":)";
  append_json_string(line, event);
  if (!current_request.empty()) {
    line += R"(,"request_id":)";
    append_json_string(line, current_request);
  }
  for (const Field& field : fields) {
    line += ',';
    append_json_string(line, field.name());
    line += ':';
    append_value(line, field);
  }
  line += "}\n";
}

void text_line(std::string& line, Level level, std::string_view event, Fields fields) {
  line += SystemClock().now().to_string();
  line += ' ';
  line += name(level);
  line += ' ';
  line += event;
  if (!current_request.empty()) {
    line += " request_id=";
    append_json_string(line, current_request);
  }
  for (const Field& field : fields) {
    line += ' ';
    line += field.name();
    line += '=';
    append_value(line, field);
  }
  line += '\n';
}

}  // namespace

void configure(const Options& options) {
  int descriptor = STDERR_FILENO;
  if (!options.file.empty()) {
    descriptor = ::open(options.file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (descriptor < 0)
      throw std::system_error(errno, std::generic_category(), "cannot open the log file " + options.file);
  }
  Sink& to = sink();
  to.level = options.level;
  to.format = options.format;
  const std::scoped_lock lock(to.mutex);
  std::swap(to.descriptor, descriptor);
  if (descriptor != STDERR_FILENO) ::close(descriptor);
}

void write(Level level, std::string_view event, Fields fields) {
  Sink& to = sink();
  if (level < to.level.load(std::memory_order_relaxed)) return;
  std::string line;
  line.reserve(256);
  if (to.format.load(std::memory_order_relaxed) == Format::json) {
    json_line(line, level, event, fields);
  } else {
    text_line(line, level, event, fields);
  }
  const std::scoped_lock lock(to.mutex);
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = ::write(to.descriptor, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // there is no other place to complain
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

RequestScope::RequestScope(std::string request_id) : previous_(std::exchange(current_request, std::move(request_id))) {}
RequestScope::~RequestScope() { current_request = std::move(previous_); }

std::string_view request_id() { return current_request; }

}  // namespace bursar::log
