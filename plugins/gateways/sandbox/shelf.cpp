#include "shelf.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace sandbox {
namespace {

std::string error_text(int error) { return std::generic_category().message(error); }

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\\') {
      out += "\\\\";
    } else {
      out += c;
    }
  }
  return out;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
    } else {
      out += text[++i] == 'n' ? '\n' : text[i];
    }
  }
  return out;
}

}  // namespace

class Shelf::File {
 public:
  explicit File(const std::string& path)
      : descriptor_(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600)) {
    if (descriptor_ < 0) throw bursar::BadSetting("book_file", "cannot be opened for appending: " + error_text(errno));
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { ::close(descriptor_); }

  // Nobody else writes, and all that was written is known, for as long as this lives.
  class Held {
   public:
    explicit Held(File& file) : lock_(file.mutex_), file_(file) {
      if (::flock(file.descriptor_, LOCK_EX) != 0) throw std::runtime_error("the sandbox's book cannot be locked");
      file.read_on();
    }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held() { ::flock(file_.descriptor_, LOCK_UN); }

    [[nodiscard]] std::optional<std::string> get(std::string_view key) const {
      const auto found = file_.values_.find(key);
      return found == file_.values_.end() ? std::nullopt : std::optional(found->second);
    }
    void append(const std::string& line) const {
      if (::write(file_.descriptor_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        throw std::runtime_error("the sandbox's book cannot be written: " + error_text(errno));
    }

   private:
    std::lock_guard<std::mutex> lock_;
    File& file_;
  };

 private:
  void read_on() {
    std::array<char, 64 * 1024> buffer{};
    for (;;) {
      const ssize_t count = ::pread(descriptor_, buffer.data(), buffer.size(), read_to_);
      if (count < 0) throw std::runtime_error("the sandbox's book cannot be read: " + error_text(errno));
      if (count == 0) return;
      read_to_ += count;
      rest_.append(buffer.data(), static_cast<std::size_t>(count));
      std::size_t begin = 0;
      for (std::size_t end = 0; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1)
        take_in(std::string_view(rest_).substr(begin, end - begin));
      rest_.erase(0, begin);
    }
  }
  void take_in(std::string_view line) {
    if (!line.starts_with("put\t")) return;
    line.remove_prefix(4);
    const std::size_t tab = std::min(line.find('\t'), line.size());
    values_.insert_or_assign(std::string(line.substr(0, tab)), unescaped(line.substr(std::min(tab + 1, line.size()))));
  }

  const int descriptor_;
  std::mutex mutex_;
  off_t read_to_ = 0;
  std::string rest_;  // of a line that is not yet whole
  std::map<std::string, std::string, std::less<>> values_;
};

Shelf::Shelf(bursar::Host host, std::string_view file)
    : host_(host), file_(file.empty() ? nullptr : std::make_shared<File>(std::string(file))) {}

std::optional<std::string> Shelf::get(bursar::Call& call, std::string_view key) const {
  return file_ ? File::Held(*file_).get(key) : host_.store_get(call, key);
}

void Shelf::put(bursar::Call& call, std::string_view key, std::string_view value) const {
  if (!file_) return host_.store_put(call, key, value);
  File::Held(*file_).append("put\t" + std::string(key) + "\t" + escaped(value) + "\n");
}

bool Shelf::swap(bursar::Call& call, std::string_view key, const std::optional<std::string>& expected,
                 std::string_view value) const {
  if (!file_) return host_.store_swap(call, key, expected, value);
  const File::Held held(*file_);
  if (held.get(key) != expected) return false;
  held.append("put\t" + std::string(key) + "\t" + escaped(value) + "\n");
  return true;
}

void Shelf::note_again(const bursar::Call& call, std::string_view what, std::string_view id) const {
  if (!file_) return;
  File::Held(*file_).append("again\t" + std::string(what) + "\t" + std::string(id) + "\t" +
                            std::string(call.idempotency_key()) + "\n");
}

}  // namespace sandbox
