#include "support/database.hpp"

#include <libpq-fe.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <stdexcept>

#include "base/log.hpp"
#include "storage/migrate.hpp"
#include "support/clock.hpp"

namespace bursar::test {
namespace {

using storage::Backend;
using storage::Database;
using storage::OpenOptions;

std::unique_ptr<Database> opened(const std::string& url) {
  auto database = Database::open(url, OpenOptions{.create_if_missing = true});
  if (!database.ok()) throw std::runtime_error(database.error().detail);
  return std::move(database).value();
}

void migrate_now(const std::string& url) {
  const auto database = opened(url);
  const ManualClock clock;
  const auto report = storage::migrate(*database, clock);
  if (!report.ok()) throw std::runtime_error(report.error().detail);
}

// The server of this process, started when first needed, or the one of BURSAR_TEST_POSTGRESQL ("postgresql:" and a
// conninfo of a superuser), which a test runner may start once for all.
class Cluster {
 public:
  static Cluster& get() {
    static Cluster cluster;
    return cluster;
  }

  std::string create(Schema schema) {
    static std::atomic<int> number = 0;
    const std::string name = "bursar_" + std::to_string(::getpid()) + "_" + std::to_string(number++);
    const std::lock_guard lock(mutex_);
    if (schema == Schema::empty) {
      create_from("template1", name);
    } else {
      create_from(template_name(), name);
    }
    return name;
  }
  void drop(const std::string& name) {
    const std::lock_guard lock(mutex_);
    command("DROP DATABASE " + name + " WITH (FORCE)");
  }
  [[nodiscard]] std::string url(const std::string& name) const { return url_ + " dbname=" + name; }

 private:
  Cluster() {
    if (const char* given = std::getenv("BURSAR_TEST_POSTGRESQL")) {
      url_ = given;
    } else {
      start();
    }
    const std::string conninfo = url_.substr(std::string("postgresql:").size());
    connection_.reset(PQconnectdb(conninfo.c_str()));
    if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
  }

  void start() {
    std::string folder = temporary_base() + "/bursar-postgresql-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary folder");
    const std::string command =
        std::string(BURSAR_TEST_SUPPORT "/start-postgres.sh ") + folder + " " + std::to_string(::getpid());
    FILE* pipe = ::popen(command.c_str(), "r");
    std::array<char, 512> line{};
    while (pipe != nullptr && std::fgets(line.data(), line.size(), pipe) != nullptr) {
      const std::string text = line.data();
      if (text.substr(0, 4) == "URL=") url_ = text.substr(4, text.size() - 5);
    }
    if (pipe == nullptr || ::pclose(pipe) != 0 || url_.empty()) throw std::runtime_error("PostgreSQL did not start");
  }

  const std::string& template_name() {
    if (template_.empty()) {
      const std::string name = "bursar_" + std::to_string(::getpid()) + "_template";
      create_from("template1", name);
      migrate_now(url(name));
      template_ = name;
    }
    return template_;
  }

  // Files are copied several times as fast as written through the log.
  void create_from(const std::string& other, const std::string& name) {
    command("CREATE DATABASE " + name + " TEMPLATE " + other + " STRATEGY FILE_COPY");
  }

  void command(const std::string& sql) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection_.get(), sql.c_str()), &PQclear);
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
  }

  std::mutex mutex_;
  std::string url_;
  std::string template_;
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_{nullptr, &PQfinish};
};

// A migrated file, made once and then copied.
const std::string& sqlite_template() {
  static const TemporaryFolder folder;
  static const std::string path = [] {
    const std::string file = folder.file("template.db");
    migrate_now("sqlite:" + file);
    return file;
  }();
  return path;
}

bool postgresql_installed() {
  if (std::getenv("BURSAR_TEST_POSTGRESQL") != nullptr) return true;
  std::error_code ignored;
  for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", ignored)) {
    if (std::filesystem::exists(version.path() / "bin/initdb")) return true;
  }
  return ::system("command -v initdb >/dev/null 2>&1") == 0;
}

bool real_parts_required() {
  const char* value = std::getenv("BURSAR_REQUIRE_REAL_PARTS");
  return value != nullptr && std::string_view(value) == "1";
}

}  // namespace

std::vector<Backend> backend_list() {
  static const bool with_postgresql = [] {
    const bool run = postgresql_installed() || real_parts_required();
    if (!run) std::cerr << "PostgreSQL is not installed: its half of the tests is skipped\n";
    return run;
  }();
  if (with_postgresql) return {Backend::sqlite, Backend::postgresql};
  return {Backend::sqlite};
}

TestDatabase::TestDatabase(Backend backend, Schema schema) {
  static const bool quiet = [] {
    log::configure({.level = log::Level::error, .format = log::Format::text, .file = {}});
    return true;
  }();
  static_cast<void>(quiet);
  if (backend == Backend::sqlite) {
    folder_ = std::make_unique<TemporaryFolder>();
    const std::string path = folder_->file("bursar.db");
    if (schema == Schema::migrated) std::filesystem::copy_file(sqlite_template(), path);
    url_ = "sqlite:" + path;
  } else {
    drop_ = Cluster::get().create(schema);
    url_ = Cluster::get().url(drop_);
  }
  open();
}

TestDatabase::~TestDatabase() {
  database_.reset();
  if (drop_.empty()) return;
  try {
    Cluster::get().drop(drop_);
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what();
  }
}

void TestDatabase::open() { database_ = opened(url_); }

}  // namespace bursar::test
