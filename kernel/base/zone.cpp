// The one file that knows the time zone library.
#include <date/tz.h>

#include <chrono>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/time.hpp"
#include "base/zone_rule.hpp"

namespace bursar {
namespace {

struct ZoneData {
  std::string name;
  const date::time_zone* rules = nullptr;  // null: UTC, which needs no database
  // The rule for all time after the last change of offset listed in the zone's file (2037 for most zones), which the
  // library does not read; without it the product would lose daylight saving in 2038.
  std::optional<ZoneRule> afterwards = std::nullopt;
};

const ZoneData utc_data{.name = "UTC"};

// The last line of the zone's file, "PST8PDT,M3.2.0,M11.1.0" (RFC 9636, section 3.3). `name` is one the library knows.
std::optional<ZoneRule> rule_afterwards(std::string_view name) {
  std::ifstream file("/usr/share/zoneinfo/" + std::string(name), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (bytes.size() < 2 || bytes.back() != '\n') return std::nullopt;
  const std::size_t begin = bytes.rfind('\n', bytes.size() - 2);
  if (begin == std::string::npos || begin + 2 >= bytes.size()) return std::nullopt;
  return ZoneRule::parse(std::string_view(bytes).substr(begin + 1, bytes.size() - begin - 2));
}

// Whether this is the stretch after the last listed change.
bool is_last(const date::sys_info& info) { return info.end >= date::sys_days(date::year(9999) / date::December / 31); }

// Zones found so far; they live as long as the process.
const ZoneData* intern(std::string_view name, const date::time_zone* rules) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<ZoneData>, std::less<>> zones;
  const std::scoped_lock lock(mutex);
  auto found = zones.find(name);
  if (found == zones.end()) {
    auto data = std::make_unique<ZoneData>(ZoneData{std::string(name), rules, rule_afterwards(name)});
    found = zones.emplace(data->name, std::move(data)).first;
  }
  return found->second.get();
}

const ZoneData& zone_data(const void* data) { return *static_cast<const ZoneData*>(data); }

CivilTime civil_of(std::int64_t local_seconds) {
  constexpr std::int64_t seconds_per_day = 86'400;
  std::int64_t day = local_seconds / seconds_per_day;
  std::int64_t second = local_seconds % seconds_per_day;
  if (second < 0) {
    --day;
    second += seconds_per_day;
  }
  return {.date = CivilDate::from_days(day),
          .hour = static_cast<int>(second / 3600),
          .minute = static_cast<int>(second / 60 % 60),
          .second = static_cast<int>(second % 60)};
}

}  // namespace

Result<Zone> Zone::find(std::string_view name) {
  if (name == "UTC") return utc();
  // The library lists a machine's own "localtime" as well; what it means is nothing to bill by.
  if (name == "localtime") name = "";
  try {
    return Zone(intern(name, date::locate_zone(name)));
  } catch (const std::runtime_error&) {
    return invalid("unknown_time_zone",
                   "A time zone is a name of the IANA database known to this system, such as America/Los_Angeles.");
  }
}

Zone Zone::utc() { return Zone(&utc_data); }

std::string_view Zone::name() const { return zone_data(data_).name; }

CivilTime Zone::civil(Instant instant) const {
  const ZoneData& zone = zone_data(data_);
  const std::int64_t utc = instant.unix_seconds();
  if (zone.rules == nullptr) return civil_of(utc);
  const auto info = zone.rules->get_info(date::sys_seconds(std::chrono::seconds(utc)));
  if (is_last(info) && zone.afterwards) return civil_of(utc + zone.afterwards->offset_at(utc));
  return civil_of(utc + info.offset.count());
}

Instant Zone::instant(const CivilTime& civil) const {
  const ZoneData& zone = zone_data(data_);
  const std::int64_t local =
      civil.date.days_since_1970() * 86'400 + civil.hour * 3600 + civil.minute * 60 + civil.second;
  if (zone.rules == nullptr) return Instant(local);
  const auto info = zone.rules->get_info(date::local_seconds(std::chrono::seconds(local)));
  if (info.result == date::local_info::nonexistent) return Instant(info.first.end.time_since_epoch().count());
  const bool last = info.result == date::local_info::unique && is_last(info.first);
  if (last && zone.afterwards) return Instant(zone.afterwards->utc_of(local));
  return Instant(local - info.first.offset.count());
}

}  // namespace bursar
