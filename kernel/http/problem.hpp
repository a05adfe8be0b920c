// Failures as RFC 9457 problem documents:
//
//   {"type": "/problems/invoice-not-open", "title": "Conflict", "status": 409, "code": "invoice_not_open",
//    "detail": "...", "cure": "...", "errors": [{"pointer": "/amount", "detail": "..."}], "request_id": "..."}
//
// `code` is stable and for programs; `type` is the code with hyphens. Nothing of the inside gets out: an Error of kind
// internal is logged with its detail and answered without it.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"

namespace bursar::http {

int status_of(ErrorKind kind);
std::string_view title_of(int status);  // "Conflict"; also the reason phrase

Answer problem(const Error& error, std::string_view request_id);
// For the statuses that belong to HTTP alone (405, 413, 415, 428, 431...).
Answer problem(int status, std::string_view code, std::string_view detail, std::string_view request_id);

}  // namespace bursar::http
