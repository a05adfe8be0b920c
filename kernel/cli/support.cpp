#include "cli/support.hpp"

#include <cstdio>
#include <filesystem>

#include "base/log.hpp"
#include "scheduler/cron.hpp"
#include "settings/load.hpp"
#include "storage/encryption.hpp"
#include "storage/migrate.hpp"

namespace bursar::cli {
namespace {

log::Level level_named(const std::string& name) {
  if (name == "debug") return log::Level::debug;
  if (name == "warning") return log::Level::warning;
  if (name == "error") return log::Level::error;
  return log::Level::info;
}

// A relative plugin directory that is not below the working directory is looked for beside the binary, where a build
// and an installation put it.
std::string plugin_directory(const std::string& configured) {
  const std::filesystem::path path(configured);
  std::error_code ignored;
  if (path.is_absolute() || std::filesystem::is_directory(path, ignored)) return configured;
  const auto beside_binary = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / path;
  return std::filesystem::is_directory(beside_binary, ignored) ? beside_binary.string() : configured;
}

}  // namespace

int fail(const Error& error, int code) {
  std::fprintf(stderr, "bursar: %s\n", error.detail.c_str());
  for (const FieldError& field : error.fields)
    std::fprintf(stderr, "  %s: %s\n", field.pointer.c_str(), field.detail.c_str());
  if (!error.cure.empty()) std::fprintf(stderr, "  cure: %s\n", error.cure.c_str());
  return code;
}

Result<settings::Config> read_config(const Common& common) {
  auto config =
      settings::load(common.config_file, {.check_cron = [](std::string_view expression) -> std::optional<std::string> {
                       const auto parsed = scheduler::CronExpression::parse(expression);
                       if (parsed.ok()) return std::nullopt;
                       return parsed.error().detail;
                     }});
  if (config.ok()) {
    config->plugin_directory = plugin_directory(config->plugin_directory);
    log::configure({.level = level_named(config->log_level),
                    .format = config->log_format == "text" ? log::Format::text : log::Format::json});
  }
  return config;
}

Result<std::unique_ptr<storage::Database>> open_store(const settings::Config& config,
                                                      const storage::OpenOptions& options) {
  BURSAR_TRY(db, storage::Database::open(config.database.url.reveal(), options));
  BURSAR_CHECK(storage::check_schema(*db));
  return db;
}

Result<ReadStore> open_to_read(const settings::Config& config) {
  BURSAR_TRY(db, open_store(config, {.read_only = true}));
  BURSAR_TRY(vault, storage::open_vault(*db, config.database.encryption_keys, SystemClock(), storage::VaultUse::read));
  return ReadStore{.db = std::move(db), .vault = std::move(vault)};
}

std::unique_ptr<App> open_app(const Common& common, int& exit_code, const AppOptions& options) {
  auto config = read_config(common);
  if (!config.ok()) {
    exit_code = fail(config.error(), wrong_usage);
    return nullptr;
  }
  auto app = App::open(*config, options);
  if (!app.ok()) {
    exit_code = fail(app.error());
    return nullptr;
  }
  return std::move(app).value();
}

Result<Instant> instant_option(const std::string& text, Instant fallback) {
  if (text.empty()) return fallback;
  return Instant::parse(text);
}

}  // namespace bursar::cli
