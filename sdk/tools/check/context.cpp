#include "check.hpp"

namespace check {

void fail(const std::string& text) { throw Ended{{Verdict::fail, text}}; }
void skip(const std::string& text) { throw Ended{{Verdict::skip, text}}; }
void warn(const std::string& text) { throw Ended{{Verdict::warn, text}}; }
void require(bool condition, const std::string& text) {
  if (!condition) fail(text);
}

std::string text(bursar_str text) { return std::string(bursar::detail::read(text)); }

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80                   ? 1
                               : lead >= 0xC2 && lead < 0xE0 ? 2
                               : lead >= 0xE0 && lead < 0xF0 ? 3
                               : lead >= 0xF0 && lead < 0xF5 ? 4
                                                             : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) return false;
    }
    const unsigned char second = length > 2 ? static_cast<unsigned char>(text[i + 1]) : 0;
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) || (lead == 0xF0 && second < 0x90) ||
        (lead == 0xF4 && second > 0x8F)) {
      return false;
    }
    i += length;
  }
  return true;
}

std::vector<const bursar_setting*> rows_of(const bursar_descriptor& descriptor) {
  std::vector<const bursar_setting*> rows;
  const char* at = reinterpret_cast<const char*>(descriptor.settings);
  for (std::uint64_t i = 0; i < descriptor.settings_count; ++i, at += descriptor.setting_size) {
    rows.push_back(reinterpret_cast<const bursar_setting*>(at));
  }
  return rows;
}

Written settings_for(const bursar_descriptor& descriptor, const Written& written) {
  Written out = written;
  for (const bursar_setting* row : rows_of(descriptor)) {
    const std::string key = text(row->key);
    if (out.contains(key) || (row->flags & BURSAR_SETTING_REQUIRED) == 0) continue;
    if (row->type == BURSAR_SETTING_SECRET) {
      out[key] = text(row->prefix) + std::string(secret_canary);
    } else if (row->example.size != 0) {
      out[key] = text(row->example);
    } else if (row->type == BURSAR_SETTING_CHOICE && row->choices_count != 0) {
      out[key] = text(row->choices[0].value);
    } else {
      switch (row->type) {
        case BURSAR_SETTING_BOOL:
          out[key] = "false";
          break;
        case BURSAR_SETTING_INTEGER:
          out[key] = std::to_string(row->minimum);
          break;
        case BURSAR_SETTING_MONEY:
          out[key] = "1.00 EUR";
          break;
        case BURSAR_SETTING_DURATION:
          out[key] = "30s";
          break;
        case BURSAR_SETTING_URL:
          out[key] = "https://provider.example.com";
          break;
        default:
          out[key] = text(row->prefix) + "example";
          break;
      }
    }
  }
  return out;
}

Opened::Opened(const Options& options, std::string instance_name)
    : library(options.file),
      host(std::move(instance_name)),
      instance(library, host, settings_for(library.descriptor(), options.settings)) {
  host.seed = options.seed;
}

bursar::testing::HttpAnswer refused_connection() {
  return {.outcome = BURSAR_HTTP_NOT_SENT, .status = 0, .body = {}, .headers = {}, .error = "connection refused"};
}

bursar::testing::HttpAnswer access_token() {
  return {.outcome = BURSAR_HTTP_ANSWERED,
          .status = 200,
          .body = R"({"access_token":"token-check","token_type":"Bearer","expires_in":3600})",
          .headers = {},
          .error = {}};
}

bool acts(const bursar::testing::HttpExchange& exchange, const std::vector<std::string>& marks) {
  if (exchange.method == "GET" || exchange.method == "HEAD") return false;
  const auto marked = [&](std::string_view text) {
    return std::any_of(marks.begin(), marks.end(),
                       [&](const std::string& mark) { return text.find(mark) != std::string_view::npos; });
  };
  return marked(exchange.url) || marked(exchange.body) ||
         std::any_of(exchange.headers.begin(), exchange.headers.end(),
                     [&](const auto& header) { return marked(header.second); });
}

void try_misfortunes(Opened& opened, const std::vector<std::string>& marks, const bursar::testing::HttpAnswer& calm,
                     Outcomes outcomes, const std::function<std::int32_t()>& ask) {
  for (const Misfortune& misfortune : misfortunes()) {
    for (const bool every : {true, false}) {
      bool acted = false;
      opened.host.network = [&](const bursar::testing::HttpExchange& exchange) {
        const bool acting = acts(exchange, marks);
        acted = acted || acting;
        return every || acting ? misfortune.answer : calm;
      };
      const std::int32_t outcome = ask();
      if (!every && !acted) continue;  // what went before did not like the calm answer
      require(outcome == outcomes.unknown || (!acted && outcome == outcomes.not_attempted),
              std::string("the answer was ") + misfortune.name + ", the outcome must be unknown, not " +
                  std::to_string(outcome));
    }
  }
}

const std::vector<Misfortune>& misfortunes() {
  static const std::vector<Misfortune> list = {
      {"no answer in time",
       {.outcome = BURSAR_HTTP_UNKNOWN, .status = 0, .body = {}, .headers = {}, .error = "timeout"}},
      {"500",
       {.outcome = BURSAR_HTTP_ANSWERED,
        .status = 500,
        .body = "{\"error\":\"internal\"}",
        .headers = {},
        .error = {}}},
      {"502 with HTML",
       {.outcome = BURSAR_HTTP_ANSWERED,
        .status = 502,
        .body = "<html>bad gateway</html>",
        .headers = {},
        .error = {}}},
      {"200 without a body", {.outcome = BURSAR_HTTP_ANSWERED, .status = 200, .body = {}, .headers = {}, .error = {}}},
      {"200 with cut JSON",
       {.outcome = BURSAR_HTTP_ANSWERED, .status = 200, .body = "{\"id\": \"x", .headers = {}, .error = {}}},
      {"200 with other JSON",
       {.outcome = BURSAR_HTTP_ANSWERED, .status = 200, .body = "[1, \"two\", null]", .headers = {}, .error = {}}},
      {"200 with an empty object",
       {.outcome = BURSAR_HTTP_ANSWERED, .status = 200, .body = "{}", .headers = {}, .error = {}}},
  };
  return list;
}

}  // namespace check
