// SQLite behind Database: the writer, a pool of readers, and copies of the file.
#pragma once

#include <condition_variable>
#include <mutex>

#include "storage/sqlite/file_lock.hpp"
#include "storage/sqlite/writer.hpp"

namespace bursar::storage::sqlite {

class SqliteDatabase final : public Database {
 public:
  static Result<std::unique_ptr<Database>> open(const std::string& path, const OpenOptions& options);

  SqliteDatabase(std::string path, const OpenOptions& options, std::optional<FileLock> lock,
                 std::unique_ptr<SqliteConnection> writer);
  ~SqliteDatabase() override;
  [[nodiscard]] Backend backend() const override { return Backend::sqlite; }
  void simulate(const std::function<void(Transaction&)>& work) override;
  Status backup(const std::string& path) override;
  Status ping() override;
  [[nodiscard]] std::uint64_t foreground_waits() const override { return writer_ ? writer_->foreground_waits() : 0; }

 protected:
  void run_read(const std::function<void(Connection&)>& work) override;
  void run_write(const char* what, const std::function<bool(Transaction&)>& work) override;

 private:
  using ReaderUse = std::unique_ptr<SqliteConnection, std::function<void(SqliteConnection*)>>;
  ReaderUse reader();

  std::string path_;
  OpenOptions options_;
  std::optional<FileLock> lock_;  // absent when read-only
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<SqliteConnection>> idle_;
  int readers_open_ = 0;
  std::optional<Writer> writer_;  // absent when read-only
};

// Copies the whole of `source`, as of now, into `target`, which may hold nothing yet.
void copy_database(SqliteConnection& source, SqliteConnection& target);

}  // namespace bursar::storage::sqlite
