#include "support/temporary_folder.hpp"

#include <cstdlib>
#include <stdexcept>

namespace bursar::test {

std::string temporary_base() {
  const char* const base = std::getenv("TMPDIR");
  return base == nullptr ? "/tmp" : base;
}

TemporaryFolder::TemporaryFolder() {
  std::string name = temporary_base() + "/bursar-test-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = name;
}
TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::move(other.path_)) {
  other.path_.clear();
}
TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;  // a test that took the folder away itself is fine
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace bursar::test
