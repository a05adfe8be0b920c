#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "accounts/identity.hpp"
#include "base/json_text.hpp"
#include "cli/support.hpp"
#include "plugin_host/host.hpp"
#include "settings/describe.hpp"
#include "settings/load.hpp"

namespace bursar::cli {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

void print_plugin(const plugin_host::Record& r, bool json) {
  if (json) {
    std::printf(
        "{\"instance\": %s, \"plugin\": %s, \"state\": %s, \"version\": %s, \"interfaces\": %s, \"cause\": %s, "
        "\"cure\": %s}\n",
        json_string(r.instance).c_str(), json_string(r.plugin).c_str(), json_string(to_string(r.state)).c_str(),
        json_string(r.version).c_str(), json_string(joined(r.interfaces)).c_str(), json_string(r.cause).c_str(),
        json_string(r.cure).c_str());
    return;
  }
  std::printf("%-16s %-16s %-10s %-10s %s\n", r.instance.c_str(), r.plugin.c_str(),
              std::string(to_string(r.state)).c_str(), r.version.c_str(), joined(r.interfaces).c_str());
  if (!r.cause.empty())
    std::printf("  cause: %s (%s)\n  cure:  %s\n", r.cause.c_str(), r.place.c_str(), r.cure.c_str());
  for (const FieldError& field : r.setting_errors)
    std::printf("  %s: %s\n", field.pointer.c_str(), field.detail.c_str());
}

// The terminal does not show what is typed.
class SilentInput {
 public:
  SilentInput() {
    if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = tcsetattr(STDIN_FILENO, TCSANOW, &silent) == 0;
  }
  ~SilentInput() {
    if (changed_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  SilentInput(const SilentInput&) = delete;
  SilentInput& operator=(const SilentInput&) = delete;

 private:
  termios before_{};
  bool changed_ = false;
};

// Never from the arguments: every user of the machine can read those.
Secret read_password() {
  if (const char* from_environment = std::getenv("BURSAR_PASSWORD"); from_environment != nullptr)
    return Secret(from_environment);
  std::string line;
  if (isatty(STDIN_FILENO) == 1) {
    std::fputs("Password: ", stderr);
    const SilentInput silent;
    std::getline(std::cin, line);
    std::fputs("\n", stderr);
  } else {
    std::getline(std::cin, line);
  }
  return Secret(std::move(line));
}

}  // namespace

int config_check(const Common& common) {
  const auto config = read_config(common);
  if (!config.ok()) return fail(config.error(), wrong_usage);
  int refused = 0;
  for (const plugin_host::Record& record : plugin_host::check_plugins(*config)) {
    if (record.state == plugin_host::InstanceState::loaded) continue;
    print_plugin(record, common.json);
    ++refused;
  }
  if (refused > 0) return wrong_usage;
  std::printf("%s is right: %zu plugin instances, %zu jobs\n", common.config_file.c_str(), config->plugins.size(),
              config->jobs.size());
  return done;
}

int config_schema() {
  std::printf("%s", settings::json_schema().c_str());
  return done;
}

int config_reference() {
  std::printf("%s", settings::reference_page().c_str());
  return done;
}

int config_example() {
  std::printf("%s", example_configuration());
  return done;
}

int plugin_list(const Common& common) {
  const auto config = read_config(common);
  if (!config.ok()) return fail(config.error(), wrong_usage);
  for (const plugin_host::Record& record : plugin_host::check_plugins(*config)) print_plugin(record, common.json);
  return done;
}

int user_create_staff(const Common& common, const StaffUser& user) {
  const auto config = read_config(common);
  if (!config.ok()) return fail(config.error(), wrong_usage);
  // With a server running on a SQLite store this waits for nothing: it says that the store is in use.
  auto db = open_store(*config);
  if (!db.ok()) return fail(db.error());
  const SystemClock clock;
  accounts::PasswordHasher hasher;
  accounts::Identity identity(**db, clock, hasher, config->provider.currencies);
  const auto made =
      identity.create_staff({.email = user.email, .name = user.name, .role = user.role, .password = read_password()},
                            {.kind = accounts::ActorKind::cli});
  if (!made.ok()) return fail(made.error(), made.error().kind == ErrorKind::invalid ? wrong_usage : failed);
  std::printf("created staff user %s (%s)\n", user.email.c_str(), user.role.c_str());
  return done;
}

}  // namespace bursar::cli
