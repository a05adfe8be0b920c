// Writes each message as one line of JSON to a file: for tries, tests and providers who feed their own mailer from it.
#include <fcntl.h>
#include <unistd.h>

#include <bursar/plugin.hpp>
#include <cerrno>
#include <system_error>

namespace {

// RFC 8259; the text is UTF-8 already.
void append_json(std::string& out, std::string_view name, std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  if (out.size() > 1) out += ',';
  out.append("\"").append(name).append("\":\"");
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20) {
      out.append("\\u00") += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

class File {
 public:
  explicit File(const std::string& path)
      : descriptor_(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

std::string error_text(int error) { return std::generic_category().message(error); }

class LogChannel final {
 public:
  static constexpr bursar::Info info{.kind = bursar::Kind::channel,
                                     .name = "Log",
                                     .summary = "Writes messages to a file, one line of JSON each.",
                                     .vendor = "Bursar",
                                     .license = "Apache-2.0",
                                     .concurrent = true};
  static constexpr bursar::Setting settings[] = {
      {.key = "file",
       .required = true,
       .label = "File",
       .help = "Where to append; created if it does not exist, readable by its owner only.",
       .example = "/var/lib/bursar/messages.jsonl",
       .maximum = 4096},
  };
  static constexpr std::string_view needs[] = {BURSAR_CLOCK_ID};

  LogChannel(bursar::Host host, const bursar::Settings& settings) : host_(host), path_(settings.text("file")) {
    const File file(path_);
    if (file.descriptor() < 0) throw bursar::BadSetting("file", "cannot be opened for appending: " + error_text(errno));
  }

  // Opened anew for each message, so that a log rotation needs no signal. One write to an O_APPEND file is one line,
  // whoever else writes.
  bursar::Delivery send(bursar::Call& call, const bursar::Message& message) {
    const File file(path_);
    if (file.descriptor() < 0) throw bursar::NotAttempted("cannot open the file: " + error_text(errno));
    const std::string line = line_of(call, message);
    const ssize_t written = ::write(file.descriptor(), line.data(), line.size());
    if (written < 0) throw bursar::NotAttempted("cannot write the file: " + error_text(errno));
    if (static_cast<std::size_t>(written) != line.size())
      throw bursar::OutcomeUnknown("only a part of the line was written");
    return bursar::Delivery::sent(std::string(message.message_id));
  }

 private:
  [[nodiscard]] std::string line_of(bursar::Call& call, const bursar::Message& message) const {
    std::string line = "{";
    append_json(line, "message_id", message.message_id);
    append_json(line, "idempotency_key", call.idempotency_key());
    append_json(line, "recipient", message.recipient);
    append_json(line, "recipient_name", message.recipient_name);
    append_json(line, "template", message.template_name);
    append_json(line, "locale", message.locale);
    append_json(line, "subject", message.subject);
    append_json(line, "body", message.body);
    line += ",\"sent_at_ms\":" + std::to_string(host_.now().time_since_epoch().count()) + "}\n";
    return line;
  }

  bursar::Host host_;
  std::string path_;
};

}  // namespace

BURSAR_PLUGIN(LogChannel, "bursar.log", "0.1.0")
