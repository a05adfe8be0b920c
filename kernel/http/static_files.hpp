// The files of frontend plugins, under the paths they asked for. Everything the portal can do it does through the
// public API; the kernel only hands out its files.
#pragma once

#include <optional>

#include "http/message.hpp"

namespace bursar::plugin_host {
class PluginHost;
}

namespace bursar::http {

// Nothing: no frontend is mounted there. A folder answers its index.html; "/" leads to the first frontend.
std::optional<Answer> serve_frontend(plugin_host::PluginHost& plugins, const Request& request);

}  // namespace bursar::http
