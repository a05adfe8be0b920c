// Keeps a second process off a SQLite file: an advisory lock on PATH.lock that ends with the process, however it ends.
#pragma once

#include <string>

#include "base/result.hpp"

namespace bursar::storage::sqlite {

class FileLock {
 public:
  // Error "database_in_use" when another process (or another Database of this one) holds it.
  static Result<FileLock> take(const std::string& database_path);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int file) : file_(file) {}
  int file_;
};

}  // namespace bursar::storage::sqlite
