#include "settings/kinds.hpp"

#include <charconv>

#include "settings/countries.hpp"

namespace bursar::settings::kind {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.size() > 1 && digits.front() == '0') return std::nullopt;  // octal to some
  if (text == "-0") return std::nullopt;
  return value;
}

std::string length_schema(std::size_t max_length) {
  return R"({"type":"string","minLength":1,"maxLength":)" + std::to_string(max_length) + "}";
}

// Text by a parser that answers a Result: its words become the message.
template <class T, class Parse>
std::function<std::optional<T>(Reader&, const Node&)> parsed(Parse parse, std::string cure) {
  return [parse, cure = std::move(cure)](Reader& reader, const Node& node) -> std::optional<T> {
    auto value = reader.text(node);
    if (!value) return std::nullopt;
    Result<T> result = parse(value->text);
    if (result.ok()) return std::move(result).value();
    reader.error(node.place,
                 Reader::shown(*value) + (value->from_secret ? " is not valid" : ": " + result.error().detail), cure);
    return std::nullopt;
  };
}

Kind<std::string> text_of(std::size_t max_length, bool lines) {
  return {.name = lines ? "text, several lines" : "text",
          .json_schema = length_schema(max_length),
          .read = [max_length, lines](Reader& reader, const Node& node) -> std::optional<std::string> {
            auto value = reader.text(node);
            if (!value) return std::nullopt;
            if (value->text.empty())
              return reader.error(node.place, "empty text", "write one, or remove the key"), std::nullopt;
            if (value->text.size() > max_length)
              return reader.error(node.place, "longer than " + std::to_string(max_length) + " bytes"), std::nullopt;
            if (!lines && value->text.find_first_of("\r\n") != std::string::npos)
              return reader.error(node.place, "more than one line where one is meant"), std::nullopt;
            return std::move(value->text);
          },
          .show = [](const std::string& value) { return value.empty() ? "" : quoted(value); }};
}

std::optional<Duration> duration_of(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  const auto count = whole(text.substr(0, text.size() - 1));
  if (!count || *count < 0 || *count > 1'000'000) return std::nullopt;
  switch (text.back()) {
    case 's':
      return seconds(*count);
    case 'm':
      return minutes(*count);
    case 'h':
      return hours(*count);
    case 'd':
      return days(*count);
    default:
      return std::nullopt;
  }
}

std::string duration_text(Duration duration) {
  const std::int64_t n = duration.seconds;
  if (n != 0 && n % 86400 == 0) return std::to_string(n / 86400) + "d";
  if (n != 0 && n % 3600 == 0) return std::to_string(n / 3600) + "h";
  if (n != 0 && n % 60 == 0) return std::to_string(n / 60) + "m";
  return std::to_string(n) + "s";
}

Complaint check_url(const std::string& url) {
  const std::size_t scheme = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : 0;
  const bool plain = url.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/[]%") ==
                     std::string::npos;
  if (scheme == 0 || !plain || url.size() == scheme || url[scheme] == '/' || url.ends_with('/'))
    return std::pair(std::string("not an address of the web"),
                     std::string("write it like \"https://billing.example.com\", without a slash at the end"));
  return std::nullopt;
}

Complaint check_email(const std::string& email) {
  const std::size_t at = email.find('@');
  const bool good = at != std::string::npos && at > 0 && at + 1 < email.size() &&
                    email.find('@', at + 1) == std::string::npos &&
                    email.find_first_of(" \t<>,;\"") == std::string::npos;
  if (good) return std::nullopt;
  return std::pair(std::string("not an email address"), std::string("write it like \"billing@example.com\""));
}

}  // namespace

Kind<bool> boolean() {
  return {.name = "true or false",
          .json_schema = R"({"type":"boolean"})",
          .read = [](Reader& reader, const Node& node) -> std::optional<bool> {
            auto value = reader.scalar(node);
            if (!value) return std::nullopt;
            if (!node.quoted && value->text == "true") return true;
            if (!node.quoted && value->text == "false") return false;
            reader.error(node.place, Reader::shown(*value) + " is not true or false",
                         "write true or false, without quotes");
            return std::nullopt;
          },
          .show = [](const bool& value) { return std::string(value ? "true" : "false"); }};
}

Kind<std::int64_t> whole_number(std::int64_t min, std::int64_t max) {
  const std::string range = std::to_string(min) + " to " + std::to_string(max);
  return {.name = "whole number, " + range,
          .json_schema =
              R"({"type":"integer","minimum":)" + std::to_string(min) + R"(,"maximum":)" + std::to_string(max) + "}",
          .read = [min, max, range](Reader& reader, const Node& node) -> std::optional<std::int64_t> {
            auto value = reader.scalar(node);
            if (!value) return std::nullopt;
            const auto number = node.quoted && !value->from_secret ? std::nullopt : whole(value->text);
            if (!number) {
              reader.error(node.place, Reader::shown(*value) + " is not a whole number",
                           "write " + range + " in plain digits, without quotes");
            } else if (*number < min || *number > max) {
              reader.error(node.place, Reader::shown(*value) + " is out of range", "write " + range);
            } else {
              return number;
            }
            return std::nullopt;
          },
          .show = [](const std::int64_t& value) { return std::to_string(value); }};
}

Kind<std::string> text(std::size_t max_length) { return text_of(max_length, false); }
Kind<std::string> long_text(std::size_t max_length) { return text_of(max_length, true); }

Kind<Secret> secret() {
  return {.name = "secret text",
          .json_schema = length_schema(4000),
          .read = [](Reader& reader, const Node& node) -> std::optional<Secret> {
            auto value = reader.scalar(node);
            if (!value) return std::nullopt;
            if (!value->text.empty()) return Secret(std::move(value->text));
            reader.error(node.place, "empty text", "write ${env:NAME} or ${file:PATH}");
            return std::nullopt;
          },
          .show = [](const Secret&) { return std::string(); }};
}

Kind<Duration> duration(Duration min, Duration max) {
  const std::string range = duration_text(min) + " to " + duration_text(max);
  return {.name = "duration, " + range,
          .json_schema = R"({"type":"string","pattern":"^[0-9]+[smhd]$"})",
          .read = [min, max, range](Reader& reader, const Node& node) -> std::optional<Duration> {
            auto value = reader.scalar(node);
            if (!value) return std::nullopt;
            const auto duration = duration_of(value->text);
            if (duration && *duration >= min && *duration <= max) return duration;
            reader.error(node.place,
                         Reader::shown(*value) + (duration ? " is out of range" : " is not a duration with its unit"),
                         "write " + range + ", as 30s, 5m, 2h or 7d");
            return std::nullopt;
          },
          .show = [](const Duration& value) { return duration_text(value); }};
}

Kind<Zone> zone() {
  return {.name = "time zone",
          .json_schema = R"({"type":"string","pattern":"^[A-Za-z0-9_+/-]+$"})",
          .read = parsed<Zone>([](const std::string& name) { return Zone::find(name); },
                               "write a name of the time zone database, as America/Los_Angeles or Europe/Berlin"),
          .show = [](const Zone& value) { return std::string(value.name()); }};
}

Kind<Currency> currency() {
  return {.name = "currency",
          .json_schema = R"({"type":"string","pattern":"^[A-Z]{3}$"})",
          .read = parsed<Currency>([](const std::string& code) { return Currency::parse(code); },
                                   "write an ISO 4217 code in capitals, as USD or EUR"),
          .show = [](const Currency& value) { return std::string(value.code()); }};
}

Kind<std::string> country() {
  return {.name = "country",
          .json_schema = R"({"type":"string","pattern":"^[A-Z]{2}$"})",
          .read = parsed<std::string>(
              [](const std::string& code) -> Result<std::string> {
                if (is_country(code)) return code;
                return invalid("no_such_country", "no country has this code");
              },
              "write an ISO 3166-1 code of two capitals, as US, DE or \"NO\""),
          .show = [](const std::string& value) { return value; }};
}

Kind<Ratio> percent() {
  return {.name = "percentage, in quotes",
          .json_schema = R"({"type":"string","pattern":"^(0|[1-9][0-9]{0,2})(\\.[0-9]{1,6})?$"})",
          .read = parsed<Ratio>([](const std::string& text) { return parse_percent(text); },
                                "write \"0\" to \"100\", with at most six decimals, as \"8.25\""),
          .show = [](const Ratio& value) { return quoted(percent_to_string(value)); }};
}

Kind<std::string> cron() {
  Kind<std::string> base = text(200);
  return {.name = "cron expression",
          .json_schema = base.json_schema,
          .read = [read = base.read](Reader& reader, const Node& node) -> std::optional<std::string> {
            auto value = read(reader, node);
            if (!value || !reader.options().check_cron) return value;
            auto wrong = reader.options().check_cron(*value);
            if (!wrong) return value;
            reader.error(node.place, *wrong, "write five fields (minute hour day month weekday), as \"0 19 * * *\"");
            return std::nullopt;
          },
          .show = base.show};
}

Kind<std::string> url() { return checked<std::string>(text(300), "address of the web", check_url); }
Kind<std::string> email() { return checked<std::string>(text(254), "email address", check_email); }

Kind<std::string> one_of(std::vector<std::string> words) {
  std::string list;
  std::string schema;
  for (const auto& word : words) {
    list += (list.empty() ? "" : " | ") + word;
    schema += (schema.empty() ? "" : ",") + quoted(word);
  }
  return {.name = list,
          .json_schema = R"({"enum":[)" + schema + "]}",
          .read = [words, list](Reader& reader, const Node& node) -> std::optional<std::string> {
            auto value = reader.scalar(node);
            if (!value) return std::nullopt;
            for (const auto& word : words)
              if (word == value->text) return word;
            const std::string near = value->from_secret ? "" : nearest(value->text, words);
            reader.error(node.place, Reader::shown(*value) + " is not one of: " + list,
                         near.empty() ? "" : "did you mean \"" + near + "\"?");
            return std::nullopt;
          },
          .show = [](const std::string& value) { return value; }};
}

}  // namespace bursar::settings::kind
