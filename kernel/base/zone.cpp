// The one file that knows the time zone library.
#include <date/tz.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>

#include "base/time.hpp"

namespace bursar {
namespace {

struct ZoneData {
  std::string name;
  const date::time_zone* rules = nullptr;  // null: UTC, which needs no database
};

const ZoneData utc_data{.name = "UTC"};

// Zones found so far; they live as long as the process.
const ZoneData* intern(std::string_view name, const date::time_zone* rules) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<ZoneData>, std::less<>> zones;
  const std::scoped_lock lock(mutex);
  auto found = zones.find(name);
  if (found == zones.end()) {
    found = zones.emplace(std::string(name), std::make_unique<ZoneData>(ZoneData{std::string(name), rules})).first;
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
  if (zone.rules == nullptr) return civil_of(instant.unix_seconds());
  const auto info = zone.rules->get_info(date::sys_seconds(std::chrono::seconds(instant.unix_seconds())));
  return civil_of(instant.unix_seconds() + info.offset.count());
}

Instant Zone::instant(const CivilTime& civil) const {
  const ZoneData& zone = zone_data(data_);
  const std::int64_t local =
      civil.date.days_since_1970() * 86'400 + civil.hour * 3600 + civil.minute * 60 + civil.second;
  if (zone.rules == nullptr) return Instant(local);
  const auto info = zone.rules->get_info(date::local_seconds(std::chrono::seconds(local)));
  if (info.result == date::local_info::nonexistent) return Instant(info.first.end.time_since_epoch().count());
  return Instant(local - info.first.offset.count());
}

}  // namespace bursar
