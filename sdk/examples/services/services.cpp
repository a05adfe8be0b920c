// A channel that tells a chat room: every kind of setting, and every service of the host, in one small class.
#include <bursar/plugin.hpp>
#include <charconv>

namespace {

using bursar::Call;
using bursar::Delivery;

constexpr bursar::Choice formats[] = {{"plain", "Plain text"}, {"markdown", "Markdown"}};

constexpr bursar::Setting table[] = {
    {.key = "url",
     .type = bursar::SettingType::url,
     .required = true,
     .label = "Address",
     .help = "Of the room's incoming hook.",
     .example = "https://chat.example.com/hooks/billing"},
    {.key = "secret",
     .type = bursar::SettingType::secret,
     .required = true,
     .label = "Secret",
     .help = "Signs what is sent; from the room's settings.",
     .minimum = 8},
    {.key = "format",
     .type = bursar::SettingType::choice,
     .label = "Format",
     .help = "How the text is marked up.",
     .default_value = "plain",
     .choices = formats},
    {.key = "quiet",
     .type = bursar::SettingType::duration,
     .label = "Quiet time",
     .help = "At least so long between two messages to one recipient.",
     .default_value = "30s",
     .minimum = 0,
     .maximum = 3'600'000},
    {.key = "attempts",
     .type = bursar::SettingType::integer,
     .advanced = true,
     .label = "Attempts",
     .help = "How often a full room is asked again within one call.",
     .default_value = "2",
     .minimum = 1,
     .maximum = 5},
};

class Services final {
 public:
  static constexpr bursar::Info info{
      .kind = bursar::Kind::channel, .name = "Chat room", .summary = "Tells a chat room.", .license = "Apache-2.0"};
  static constexpr std::span<const bursar::Setting> settings{table};
  static constexpr std::string_view needs[] = {BURSAR_HTTP_ID, BURSAR_CLOCK_ID, BURSAR_STORE_ID, BURSAR_RANDOM_ID,
                                               BURSAR_CRYPTO_ID};

  Services(bursar::Host host, const bursar::Settings& settings)
      : host_(host),
        url_(settings.text("url")),
        secret_(settings.text("secret")),
        markdown_(settings.text("format") == "markdown"),
        quiet_(settings.duration("quiet")),
        attempts_(settings.integer("attempts")) {}

  // What the table cannot say: one value against another.
  static void validate(const bursar::Settings& settings) {
    if (settings.text("url").find(settings.text("secret")) != std::string::npos)
      throw bursar::BadSetting("url", "holds the secret; write the address without it");
  }

  Delivery send(Call& call, const bursar::Message& message) {
    if (const bursar::Milliseconds wait = left_to_wait(call, message.recipient); wait.count() > 0)
      return Delivery::not_attempted(wait);
    const std::string text =
        (markdown_ ? "**" + std::string(message.subject) + "**\n" : std::string()) + std::string(message.body);
    for (std::int64_t attempt = 1;; ++attempt) {
      const bursar::HttpResponse answer =
          host_.http(call, {.method = "POST",
                            .url = url_,
                            .headers = {{"Content-Type", "text/plain; charset=utf-8"},
                                        {"Idempotency-Key", std::string(call.idempotency_key())},
                                        {"X-Signature", signature(text)}},
                            .body = text});
      if (answer.status == 204) break;
      if (answer.status == 429 && attempt < attempts_) continue;
      if (answer.status == 429) return Delivery::not_attempted(quiet_);
      throw bursar::OutcomeUnknown("the room answered " + std::to_string(answer.status));
    }
    host_.store_put(call, key_of(message.recipient), std::to_string(host_.now().time_since_epoch().count()));
    host_.log(BURSAR_LOG_DEBUG, "told the room", {{"message", std::string(message.message_id)}});
    return Delivery::sent();
  }

 private:
  // A fresh nonce, so that two equal messages are not signed alike.
  [[nodiscard]] std::string signature(std::string_view text) const {
    char nonce[16];
    host_.random(nonce, sizeof nonce);
    const std::string once = bursar::hex({nonce, sizeof nonce});
    return once + "," + bursar::hex(host_.hmac(BURSAR_DIGEST_SHA256, secret_, once + "." + std::string(text)));
  }

  [[nodiscard]] bursar::Milliseconds left_to_wait(Call& call, std::string_view recipient) const {
    const std::optional<std::string> last = host_.store_get(call, key_of(recipient));
    if (!last) return bursar::Milliseconds(0);
    const std::int64_t since = host_.now().time_since_epoch().count() - read_number(*last);
    return std::max(bursar::Milliseconds(0), quiet_ - bursar::Milliseconds(since));
  }

  static std::int64_t read_number(std::string_view text) {
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }

  // Recipients are of any length and any characters; keys of the store are not.
  [[nodiscard]] std::string key_of(std::string_view recipient) const {
    return "last/" + bursar::hex(host_.hash(BURSAR_DIGEST_SHA256, recipient));
  }

  bursar::Host host_;
  std::string url_;
  std::string secret_;
  bool markdown_;
  bursar::Milliseconds quiet_;
  std::int64_t attempts_;
};

}  // namespace

BURSAR_PLUGIN(Services, "com.example.services", "0.1.0")
