// Structured logging: one JSON object a line on standard error (or a file), plain text on a terminal.
//
//   log::info("run_finished", {{"job", "daily"}, {"invoices", 1204}});
//
// `event` is a fixed snake_case word to search for; everything variable is a field. Levels say who acts:
// error: an operator must; warning: an operator should look; info: the record of what happened; debug: developers.
// Values are escaped (one line, always), so that input can't forge a line. Never pass a Secret's text.
// The request id of the present thread (RequestScope) is added by itself.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace bursar::log {

enum class Level { debug, info, warning, error };

// Refers to what it was made of: a field lives as long as the call it is passed to.
class Field {
 public:
  Field(std::string_view name, std::string_view value) : name_(name), value_(value) {}
  Field(std::string_view name, const char* value) : Field(name, std::string_view(value)) {}
  Field(std::string_view name, const std::string& value) : Field(name, std::string_view(value)) {}
  Field(std::string_view name, bool value) : name_(name), value_(value) {}
  template <class Integer>
  requires std::is_integral_v<Integer> Field(std::string_view name, Integer value)
      : name_(name), value_(static_cast<std::int64_t>(value)) {}
  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] const std::variant<std::string_view, std::int64_t, bool>& value() const { return value_; }

 private:
  std::string_view name_;
  std::variant<std::string_view, std::int64_t, bool> value_;
};
using Fields = std::initializer_list<Field>;

enum class Format { json, text };
struct Options {
  Level level = Level::info;
  Format format = Format::json;
  std::string file = {};  // empty: standard error
};
void configure(const Options& options);

void write(Level level, std::string_view event, Fields fields);
inline void debug(std::string_view event, Fields fields = {}) { write(Level::debug, event, fields); }
inline void info(std::string_view event, Fields fields = {}) { write(Level::info, event, fields); }
inline void warning(std::string_view event, Fields fields = {}) { write(Level::warning, event, fields); }
inline void error(std::string_view event, Fields fields = {}) { write(Level::error, event, fields); }

// Names the request (or run) that this thread works for, for the lines it writes.
class RequestScope {
 public:
  explicit RequestScope(std::string request_id);
  ~RequestScope();
  RequestScope(const RequestScope&) = delete;
  RequestScope& operator=(const RequestScope&) = delete;

 private:
  std::string previous_;
};
std::string_view request_id();

}  // namespace bursar::log
