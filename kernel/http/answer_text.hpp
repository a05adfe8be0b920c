// The head of an answer as bytes: status line, the handler's fields, and those every answer bears.
#pragma once

#include <string>
#include <string_view>

#include "http/message.hpp"

namespace bursar::http {

struct HeadOptions {
  bool close = false;
  bool keep_alive_named = false;  // to a client of HTTP/1.0, which would close otherwise
  bool strict_transport_security = false;
};

// Header values a handler gives must be one line; anything else is a broken invariant.
std::string answer_head(const Answer& answer, std::string_view request_id, const HeadOptions& options);

}  // namespace bursar::http
