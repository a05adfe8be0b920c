#include "plugin_host/record.hpp"

namespace bursar::plugin_host {

std::string_view to_string(InstanceState state) {
  switch (state) {
    case InstanceState::loaded:
      return "loaded";
    case InstanceState::disabled:
      return "disabled";
    case InstanceState::unhealthy:
      return "unhealthy";
  }
  return "disabled";
}

}  // namespace bursar::plugin_host
