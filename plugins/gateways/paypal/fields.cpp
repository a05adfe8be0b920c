#include "fields.hpp"

#include <charconv>
#include <chrono>

#include "amounts.hpp"

namespace paypal {
namespace {

const Json nothing;

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.front() == '-') return std::nullopt;
  return value;
}

}  // namespace

Json parse(std::string_view text) {
  Json value = Json::parse(text, nullptr, false);
  return value.is_discarded() ? Json() : value;
}

const Json& member(const Json& object, std::string_view name) {
  if (!object.is_object()) return nothing;
  const auto found = object.find(name);
  return found == object.end() ? nothing : *found;
}

std::string text(const Json& value) { return value.is_string() ? value.get<std::string>() : std::string(); }

const Json::array_t& elements(const Json& value) {
  static const Json::array_t none;
  return value.is_array() ? value.get_ref<const Json::array_t&>() : none;
}

std::optional<bursar::Money> money(const Json& value) {
  return from_decimal(text(value, "value"), text(value, "currency_code"));
}

std::string link(const Json& resource, std::string_view rel) {
  for (const Json& each : elements(member(resource, "links"))) {
    if (text(each, "rel") == rel) return text(each, "href");
  }
  return {};
}

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") ==
             std::string_view::npos;
}

std::string line(std::string_view text, std::size_t limit) {
  if (text.size() > limit) {
    std::size_t end = limit;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text = text.substr(0, end);
  }
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return out;
}

std::optional<std::int64_t> milliseconds(std::string_view at) {
  if (at.size() < 20 || at[4] != '-' || at[7] != '-' || at[10] != 'T' || at[13] != ':' || at[16] != ':' ||
      at.back() != 'Z') {
    return std::nullopt;
  }
  int part[6];
  constexpr std::pair<int, int> places[] = {{0, 4}, {5, 2}, {8, 2}, {11, 2}, {14, 2}, {17, 2}};
  for (int i = 0; i < 6; ++i) {
    const auto value =
        number(at.substr(static_cast<std::size_t>(places[i].first), static_cast<std::size_t>(places[i].second)));
    if (!value) return std::nullopt;
    part[i] = *value;
  }
  const std::string_view fraction = at.substr(19, at.size() - 20);
  if (!fraction.empty() &&
      (fraction.front() != '.' || fraction.find_first_not_of("0123456789", 1) != std::string_view::npos)) {
    return std::nullopt;
  }
  using namespace std::chrono;
  const year_month_day day(year(part[0]), month(static_cast<unsigned>(part[1])),
                           std::chrono::day(static_cast<unsigned>(part[2])));
  if (!day.ok() || part[3] > 23 || part[4] > 59 || part[5] > 60) return std::nullopt;
  const auto time = sys_days(day) + hours(part[3]) + minutes(part[4]) + seconds(part[5]);
  return duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace paypal
