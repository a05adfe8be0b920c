#include "storage/postgresql/dump.hpp"

#include <libpq-fe.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "storage/postgresql/database.hpp"

namespace bursar::storage::postgresql {
namespace {

Error failed(const std::string& detail) {
  return {.kind = ErrorKind::unavailable,
          .code = "database_program_failed",
          .detail = detail,
          .cure = "install the PostgreSQL client programs and look at their message above",
          .retry = Retry::after_fix};
}

Result<std::vector<std::string>> environment_for(const std::string& conninfo) {
  std::vector<std::string> out;
  for (char** variable = environ; *variable != nullptr; ++variable) out.emplace_back(*variable);
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(conninfo.c_str(), &message), &PQconninfoFree);
  PQfreemem(message);  // may repeat the password, so it is not shown
  if (options == nullptr) return invalid("database_url_invalid", "the database url cannot be read");
  for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr || option->envvar == nullptr) continue;
    const std::string prefix = std::string(option->envvar) + "=";
    std::erase_if(out, [&](const std::string& entry) { return entry.substr(0, prefix.size()) == prefix; });
    out.push_back(prefix + option->val);
  }
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

Status run_program(const std::string& program, const std::vector<std::string>& arguments, const std::string& conninfo) {
  BURSAR_TRY(environment, environment_for(conninfo));
  std::vector<std::string> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  auto argv = pointers(words);
  auto envp = pointers(environment);
  pid_t child = 0;
  if (const int code = ::posix_spawnp(&child, program.c_str(), nullptr, nullptr, argv.data(), envp.data()); code != 0) {
    return failed("cannot run " + program + ": " + std::strerror(code));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return failed("lost sight of " + program + ": " + std::strerror(errno));
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return failed(program + " failed");
  return {};
}

Status PostgresqlDatabase::backup(const std::string& path) {
  if (std::filesystem::exists(path)) return failed(path + " exists already");
  const std::string part = path + ".part";
  const auto done =
      run_program("pg_dump", {"--format=custom", "--no-owner", "--no-password", "--file=" + part}, conninfo_);
  std::error_code error;
  if (!done.ok()) {
    std::filesystem::remove(part, error);
    return done;
  }
  std::filesystem::rename(part, path, error);
  if (error) return failed("cannot rename " + part + ": " + error.message());
  return {};
}

}  // namespace bursar::storage::postgresql
