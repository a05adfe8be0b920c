// The OpenAPI 3.1 document of a route table.
#pragma once

#include <string>
#include <string_view>

#include "http/route.hpp"

namespace bursar::http {

std::string write_openapi(const RouteTable& routes, std::string_view public_url);

}  // namespace bursar::http
