// What the checks of bursar-plugin-check share.
#pragma once

#include <algorithm>
#include <bursar/testing.hpp>
#include <set>

namespace check {

using Written = std::map<std::string, std::string, std::less<>>;

struct Options {
  std::string file;
  Written settings;
  std::uint64_t seed = 1;
};

enum class Verdict { pass, fail, skip, warn, crash };

struct Result {
  Verdict verdict = Verdict::pass;
  std::string text;
};

// Thrown by a check to end it.
struct Ended {
  Result result;
};
[[noreturn]] void fail(const std::string& text);
[[noreturn]] void skip(const std::string& text);
[[noreturn]] void warn(const std::string& text);
void require(bool condition, const std::string& text);

struct Check {
  const char* name;
  const char* description;
  void (*run)(const Options&);
};

[[nodiscard]] const std::vector<Check>& basic_checks();
[[nodiscard]] const std::vector<Check>& money_checks();
[[nodiscard]] const std::vector<Check>& setup_checks();
[[nodiscard]] const std::vector<Check>& service_checks();
[[nodiscard]] const std::vector<Check>& shared_checks();

// Runs a check, in a child process with a timeout unless `in_process`.
[[nodiscard]] Result run(const Check& check, const Options& options, int timeout_seconds, bool in_process);

struct Symbol {
  std::string name;
  bool unique = false;
};
// The symbols a 64-bit ELF file exports; throws std::runtime_error if it is none.
[[nodiscard]] std::vector<Symbol> exported_symbols(const std::string& path);

// Settings that fit the table: those written on the command line, else examples, else something of the type. Secrets
// hold `secret_canary`.
inline constexpr std::string_view secret_canary = "canary-7f3a9d";
[[nodiscard]] Written settings_for(const bursar_descriptor& descriptor, const Written& written);
[[nodiscard]] std::vector<const bursar_setting*> rows_of(const bursar_descriptor& descriptor);
[[nodiscard]] std::string text(bursar_str text);
[[nodiscard]] bool is_utf8(std::string_view text);

// A plugin, open on a fake host.
struct Opened {
  explicit Opened(const Options& options, std::string instance = "check");
  bursar::testing::Library library;
  bursar::testing::FakeHost host;
  bursar::testing::Instance instance;
};

// The answers a provider may give when it is not well.
struct Misfortune {
  const char* name;
  bursar::testing::HttpAnswer answer;
};
[[nodiscard]] const std::vector<Misfortune>& misfortunes();
[[nodiscard]] bursar::testing::HttpAnswer refused_connection();
[[nodiscard]] bursar::testing::HttpAnswer access_token();  // what an authorization server says

// Does the request try to change something about what one of the marks names?
[[nodiscard]] bool acts(const bursar::testing::HttpExchange& exchange, const std::vector<std::string>& marks);

struct Outcomes {
  std::int32_t unknown;
  std::int32_t not_attempted;
};
// Lets each misfortune befall `ask`, once every request of it and once only those that act (`calm` answers the others).
// The outcome must be unknown once a request that acts was sent. Not attempted is right before that, where a token
// could not be fetched.
void try_misfortunes(Opened& opened, const std::vector<std::string>& marks, const bursar::testing::HttpAnswer& calm,
                     Outcomes outcomes, const std::function<std::int32_t()>& ask);

}  // namespace check
