#include "storage/sqlite/database.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>

#include "base/log.hpp"
#include "storage/inside.hpp"
#include "storage/page_cache.hpp"

namespace bursar::storage::sqlite {
namespace {

// Measured with the index inserts of a daily run over a million services; see docs/design/performance.md.
constexpr int writer_cache_kib = 128 * 1024;
constexpr int reader_cache_kib = 16 * 1024;

Error open_error(const std::string& detail, const std::string& cure) {
  return {.kind = ErrorKind::unavailable,
          .code = "database_not_openable",
          .detail = detail,
          .cure = cure,
          .retry = Retry::after_fix};
}

std::unique_ptr<SqliteConnection> open_writer(const std::string& path, bool create) {
  auto connection = std::make_unique<SqliteConnection>(path, create ? Access::create : Access::write, writer_cache_kib);
  connection->exec(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=16384;"
      "PRAGMA journal_size_limit=67108864");
  const auto mode = connection->prepare("PRAGMA journal_mode");
  if (sqlite3_step(mode.get()) != SQLITE_ROW ||
      std::string_view(reinterpret_cast<const char*>(sqlite3_column_text(mode.get(), 0))) != "wal") {
    throw StorageError("SQLite cannot use a write-ahead log on this file system", false);
  }
  return connection;
}

// Removes a database file and what SQLite keeps beside it.
void remove_database(const std::filesystem::path& path) {
  std::error_code ignored;  // most of them do not exist
  for (const char* suffix : {"", "-journal", "-wal", "-shm"}) std::filesystem::remove(path.string() + suffix, ignored);
}

// Counting its memory, SQLite takes a lock at each allocation, of which a row has several: a tenth of the daily run.
// To be called before the library is used first; later it is refused, and only costs that tenth.
void count_no_memory() { [[maybe_unused]] static const int refused = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

constexpr std::string_view temporary_mark = ".temporary-";

// PATH.temporary-PID-N: a private copy beside the database, gone with this object.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& database) {
    static std::atomic<int> number = 0;
    path_ = database + std::string(temporary_mark) + std::to_string(::getpid()) + "-" + std::to_string(number++);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { remove_database(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Copies left by processes that were killed.
void sweep_temporary_files(const std::string& database) {
  const std::filesystem::path path(database);
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const std::string prefix = path.filename().string() + std::string(temporary_mark);
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.substr(0, prefix.size()) != prefix) continue;
    int pid = 0;
    std::from_chars(name.data() + prefix.size(), name.data() + name.size(), pid);
    if (pid > 0 && pid != ::getpid() && ::kill(pid, 0) != 0 && errno == ESRCH) remove_database(entry.path());
  }
}

}  // namespace

Result<std::unique_ptr<Database>> SqliteDatabase::open(const std::string& path, const OpenOptions& options) {
  count_no_memory();
  struct stat status {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (!exists && (options.read_only || !options.create_if_missing)) {
    return open_error("the database file " + path + " does not exist", "run: bursar db migrate --config FILE");
  }
  if (exists && !S_ISREG(status.st_mode)) return open_error(path + " is not a file", "give the path of a file");
  try {
    std::optional<FileLock> lock;
    std::unique_ptr<SqliteConnection> writer;
    if (!options.read_only) {
      BURSAR_TRY(taken, FileLock::take(path));
      lock.emplace(std::move(taken));
      sweep_temporary_files(path);
      writer = open_writer(path, options.create_if_missing);
    }
    auto database = std::make_unique<SqliteDatabase>(path, options, std::move(lock), std::move(writer));
    BURSAR_CHECK(database->ping());
    return std::unique_ptr<Database>(std::move(database));
  } catch (const StorageError& error) {
    return open_error("the database " + path + " cannot be opened: " + error.what(),
                      "check the file, its folder and their owner");
  } catch (const std::filesystem::filesystem_error& error) {
    return open_error("the database " + path + " cannot be opened: " + error.what(),
                      "check the file, its folder and their owner");
  }
}

SqliteDatabase::SqliteDatabase(std::string path, const OpenOptions& options, std::optional<FileLock> lock,
                               std::unique_ptr<SqliteConnection> writer)
    : path_(std::move(path)), options_(options), lock_(std::move(lock)) {
  if (writer != nullptr) writer_.emplace(std::move(writer));
}

SqliteDatabase::~SqliteDatabase() {
  // The writer's connection must be the last to close: then it folds the log into the file and removes it.
  idle_.clear();
}

SqliteDatabase::ReaderUse SqliteDatabase::reader() {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [&] { return !idle_.empty() || readers_open_ < options_.readers; });
  std::unique_ptr<SqliteConnection> connection;
  if (!idle_.empty()) {
    connection = std::move(idle_.back());
    idle_.pop_back();
  } else {
    connection = std::make_unique<SqliteConnection>(path_, Access::read, reader_cache_kib);
    ++readers_open_;
  }
  return {connection.release(), [this](SqliteConnection* used) {
            {
              const std::lock_guard guard(mutex_);
              idle_.emplace_back(used);
            }
            returned_.notify_one();
          }};
}

void SqliteDatabase::run_read(const std::function<void(Connection&)>& work) {
  const detail::InsideScope inside;
  const auto connection = reader();
  run_statement(*connection, "BEGIN", {});
  SqliteReader transaction(*connection);
  try {
    work(transaction);
  } catch (...) {
    connection->exec("ROLLBACK");
    throw;
  }
  const int leases = connection->leases();
  run_statement(*connection, "COMMIT", {});
  BURSAR_ASSERT(leases == 0 && "rows outlive their read()");
}

void SqliteDatabase::run_write(const char* what, const std::function<bool(Transaction&)>& work) {
  if (!writer_) throw StorageError("the database is open for reading only", false);
  writer_->run(what, work);
}

Status SqliteDatabase::ping() {
  try {
    run_read([](Connection& connection) { connection.query("SELECT count(*) FROM sqlite_master"); });
    return {};
  } catch (const StorageError& error) {
    return open_error(error.what(), "check the database file");
  }
}

void copy_database(SqliteConnection& source, SqliteConnection& target) {
  sqlite3_backup* copy = sqlite3_backup_init(target.get(), "main", source.get(), "main");
  if (copy == nullptr) throw_error(target.get(), sqlite3_errcode(target.get()), "copying the database");
  // All in one step: one read snapshot, beside which the writer goes on.
  const int code = sqlite3_backup_step(copy, -1);
  sqlite3_backup_finish(copy);
  if (code != SQLITE_DONE) throw_error(target.get(), code, "copying the database");
}

void SqliteDatabase::simulate(const std::function<void(Transaction&)>& work) {
  const detail::InsideScope inside;
  const TemporaryFile file(path_);
  SqliteConnection copy(file.path(), Access::create, writer_cache_kib);
  copy.exec("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF");
  {
    const auto source = reader();
    copy_database(*source, copy);
  }
  copy.exec("PRAGMA journal_mode=MEMORY; BEGIN");
  IdBlock ids;
  SqliteTransaction transaction(copy, ids);
  work(transaction);
  BURSAR_ASSERT(copy.leases() == 0 && "rows outlive their transaction");
}

Status SqliteDatabase::backup(const std::string& path) {
  const std::string part = path + ".part";
  try {
    if (std::filesystem::exists(path))
      return open_error(path + " exists already", "give a path that does not exist yet");
    std::filesystem::remove(part);
    {
      SqliteConnection target(part, Access::create, reader_cache_kib);
      target.exec("PRAGMA synchronous=FULL");
      const auto source = reader();
      copy_database(*source, target);
    }
    std::filesystem::rename(part, path);
    return {};
  } catch (const StorageError& error) {
    return open_error("the backup to " + path + " failed: " + error.what(), "check the folder and its free space");
  } catch (const std::filesystem::filesystem_error& error) {
    return open_error("the backup to " + path + " failed: " + error.what(), "check the folder and its free space");
  }
}

}  // namespace bursar::storage::sqlite

std::int64_t bursar::storage::page_cache_peak() {
  sqlite3_int64 now = 0;
  sqlite3_int64 most = 0;
  sqlite3_status64(SQLITE_STATUS_PAGECACHE_OVERFLOW, &now, &most, 0);  // counted without MEMSTATUS too
  return most;
}
