#include "settings/secrets.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace bursar::settings {
namespace {

constexpr std::size_t max_secret_bytes = 64 * 1024;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

Error bad(const std::string& what, const std::string& cure) {
  Error error = invalid("secret_unavailable", what);
  error.cure = cure;
  return error;
}

Result<std::string> read_secret_file(const std::string& reference, const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.number() < 0)
    return bad(reference + " can't be read: " + std::strerror(errno),
               "create " + path + ", readable by the user that runs Bursar alone");
  struct stat info {};
  if (::fstat(file.number(), &info) != 0 || !S_ISREG(info.st_mode))
    return bad(reference + " is not a plain file", "name a file that holds the secret and nothing else");
  if ((info.st_mode & S_IRWXO) != 0)
    return bad(reference + " can be read by every user of this machine", "run: chmod o= " + path);
  std::string text(max_secret_bytes + 1, '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = ::read(file.number(), text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return bad(reference + " can't be read: " + std::strerror(errno), "check the file");
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  text.resize(have);
  if (have > max_secret_bytes) return bad(reference + " is larger than 64 KiB", "is it the right file?");
  if (text.find('\0') != std::string::npos) return bad(reference + " holds a NUL byte", "is it the right file?");
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  if (text.empty()) return bad(reference + " is empty", "put the secret into " + path);
  return text;
}

std::string absolute(const std::string& path, const std::string& folder) {
  return path.starts_with('/') || folder.empty() ? path : folder + "/" + path;
}

Result<std::string> resolve(std::string_view kind, const std::string& name, const std::string& folder,
                            const Environment& environment) {
  const std::string reference = "${" + std::string(kind) + ":" + name + "}";
  if (name.empty()) return bad(reference + " names nothing", "write ${env:NAME}, ${file:PATH} or ${cred:NAME}");
  if (kind == "env") {
    auto value = environment(name);
    if (!value) return bad(reference + ": the environment has no " + name, "set " + name + " where Bursar is started");
    if (value->find('\0') != std::string::npos) return bad(reference + " holds a NUL byte", "check the variable");
    return *value;
  }
  if (kind == "file") return read_secret_file(reference, absolute(name, folder));
  if (kind == "cred") {
    auto directory = environment("CREDENTIALS_DIRECTORY");
    if (!directory || name.find('/') != std::string::npos)
      return bad(reference + " is not there: no credentials were handed to this process",
                 "add LoadCredential=" + name + ":PATH to the systemd unit");
    return read_secret_file(reference, *directory + "/" + name);
  }
  return bad(reference + ": there is no such kind of reference", "write ${env:NAME}, ${file:PATH} or ${cred:NAME}");
}

}  // namespace

Result<Expanded> expand_references(std::string_view text, const std::string& folder, const Environment& environment) {
  Expanded out;
  for (std::size_t at = 0; at < text.size();) {
    if (text.substr(at).starts_with("$${")) {
      out.text += "${";
      at += 3;
      continue;
    }
    if (!text.substr(at).starts_with("${")) {
      out.text += text[at++];
      continue;
    }
    const std::size_t end = text.find('}', at);
    const std::size_t colon = text.find(':', at);
    if (end == std::string_view::npos || colon == std::string_view::npos || colon > end)
      return bad("\"${\" without \"kind:name}\"",
                 "write ${env:NAME}, ${file:PATH} or ${cred:NAME}; \"$${\" is a plain \"${\"");
    BURSAR_TRY(value, resolve(text.substr(at + 2, colon - at - 2), std::string(text.substr(colon + 1, end - colon - 1)),
                              folder, environment));
    out.text += value;
    out.from_secret = true;
    at = end + 1;
  }
  return out;
}

}  // namespace bursar::settings
