#include "settings/load.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "settings/tables.hpp"

namespace bursar::settings {
namespace {

Error unreadable(const std::string& path, const std::string& why) {
  Error error = invalid("configuration_unreadable", path + " can't be read: " + why);
  error.cure = "name the file with --config FILE";
  error.fields.push_back({place_text(path, {}), "can't be read: " + why});
  return error;
}

// One byte more than a document may have is enough to refuse it, so a file without end costs nothing.
Result<std::string> read_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return unreadable(path, std::strerror(errno));
  std::string text;
  struct stat info {};
  std::string why;
  if (::fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) why = "it is not a plain file";
  text.resize(why.empty() ? DocumentLimits{}.bytes + 1 : 0);
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = ::read(file, text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) why = std::strerror(errno);
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  ::close(file);
  if (!why.empty()) return unreadable(path, why);
  text.resize(have);
  return text;
}

}  // namespace

Result<Config> load_text(std::string_view yaml, const std::string& file, const LoadOptions& given) {
  LoadOptions options = given;
  if (!options.environment)
    options.environment = [](const std::string& name) -> std::optional<std::string> {
      const char* value = std::getenv(name.c_str());
      if (value == nullptr) return std::nullopt;
      return value;
    };
  BURSAR_TRY(document, read_document(yaml, file));
  Reader reader(file, options);
  Config config;
  configuration_table().read(reader, document, config);
  if (reader.failed()) return reader.take_error();
  config.file = file;
  return config;
}

Result<Config> load(const std::string& path, const LoadOptions& options) {
  BURSAR_TRY(text, read_file(path));
  return load_text(text, path, options);
}

}  // namespace bursar::settings
