// What the commands share: reading the configuration, opening the store, telling errors.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "app.hpp"
#include "base/result.hpp"
#include "base/vault.hpp"
#include "cli/commands.hpp"
#include "settings/config.hpp"
#include "storage/database.hpp"

namespace bursar::cli {

// Writes the error with its places and its cure to standard error; answers the exit code `code`.
int fail(const Error& error, int code = failed);

// Reads the configuration and sets the logger up by it. Errors are for exit code 2.
Result<settings::Config> read_config(const Common& common);

// The store of the configuration with this binary's schema.
Result<std::unique_ptr<storage::Database>> open_store(const settings::Config& config,
                                                      const storage::OpenOptions& options = {});

// The same with the vault of its secrets, to read beside a running server.
struct ReadStore {
  std::unique_ptr<storage::Database> db;
  Vault vault;
};
Result<ReadStore> open_to_read(const settings::Config& config);

// Configuration, store, plugins and jobs; nothing is started. On failure the error was told and `exit_code` set.
std::unique_ptr<App> open_app(const Common& common, int& exit_code, const AppOptions& options = {});

// An instant from the command line: RFC 3339, or empty for `fallback`.
Result<Instant> instant_option(const std::string& text, Instant fallback);

}  // namespace bursar::cli
