#include "storage/sqlite/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace bursar::storage::sqlite {

Result<FileLock> FileLock::take(const std::string& database_path) {
  const std::string path = database_path + ".lock";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    return Error{.kind = ErrorKind::unavailable,
                 .code = "database_not_openable",
                 .detail = "cannot open the lock file " + path + ": " + std::strerror(errno),
                 .cure = "check that the folder exists and belongs to the user that runs bursar",
                 .retry = Retry::after_fix};
  }
  FileLock lock(file);
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    return Error{.kind = ErrorKind::conflict,
                 .code = "database_in_use",
                 .detail = "the database " + database_path + " is in use by another bursar process",
                 .cure = "stop that process, or use PostgreSQL to run several",
                 .retry = Retry::after_fix};
  }
  return lock;
}

FileLock::FileLock(FileLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
FileLock::~FileLock() {
  if (file_ >= 0) ::close(file_);
}

}  // namespace bursar::storage::sqlite
