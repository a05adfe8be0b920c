// bursar.frontend/1 and bursar.health/1 for plugin authors: `Frontend frontend() const` and `Health check(Call&)`.
#pragma once

#include "abi/frontend.h"
#include "abi/health.h"
#include "settings.hpp"

BURSAR_SDK_BEGIN

struct Frontend {
  std::string mount_path{};  // begins and ends with a slash
  std::string folder{};      // relative to the plugin's own file
  std::string index{};
  std::string fallback{};
  Pairs headers{};
  std::string immutable_prefix{};
};

enum class HealthState : bursar_health_state {
  unknown = BURSAR_HEALTH_UNKNOWN,
  good = BURSAR_HEALTH_GOOD,
  degraded = BURSAR_HEALTH_DEGRADED,
  down = BURSAR_HEALTH_DOWN,
};

struct Health {
  HealthState state = HealthState::unknown;
  std::string text{};
  Pairs values{};
};

namespace detail {

template <class T>
concept OffersFrontend = requires(const T& t) {
  { t.frontend() } -> std::same_as<Frontend>;
};
template <class T>
concept OffersHealth = requires(T& t, Call& c) {
  { t.check(c) } -> std::same_as<Health>;
};

struct FrontendTable {
  Frontend value;
  std::vector<bursar_pair> headers;
  bursar_frontend_v1 table{};

  template <class T, T& (*self)(bursar_plugin*)>
  void fill(const T& plugin) {
    value = plugin.frontend();
    for (const auto& [key, text] : value.headers) headers.push_back({borrow(key), borrow(text)});
    table.struct_size = sizeof table;
    table.mount_path = borrow(value.mount_path);
    table.folder = borrow(value.folder);
    table.index = borrow(value.index);
    table.fallback = borrow(value.fallback);
    table.headers = {headers.data(), headers.size()};
    table.immutable_prefix = borrow(value.immutable_prefix);
  }
};

struct HealthTable {
  bursar_health_v1 table{};

  template <class T, T& (*self)(bursar_plugin*)>
  void fill(const T&) {
    table.struct_size = sizeof table;
    table.check = [](bursar_plugin* p, bursar_call* c, bursar_health_result* r) noexcept {
      return guarded(c, [&] {
        Call call(c);
        const Health health = self(p).check(call);
        BURSAR_WRITE(r, text, call.keep(health.text));
        BURSAR_WRITE(r, values, call.keep(health.values));
        BURSAR_WRITE(r, state, static_cast<bursar_health_state>(health.state));
      });
    };
  }
};

}  // namespace detail
BURSAR_SDK_END
