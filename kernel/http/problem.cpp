#include "http/problem.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "http/json_writer.hpp"

namespace bursar::http {

namespace {
std::string type_of(std::string_view code) {
  std::string type = "/problems/" + std::string(code);
  std::replace(type.begin(), type.end(), '_', '-');
  return type;
}

Answer render(int status, const Error& error, std::string_view request_id) {
  JsonWriter w;
  w.begin_object().field("type", type_of(error.code)).field("title", title_of(status)).field("status", status);
  w.field("code", error.code).field("detail", error.detail);
  if (!error.cure.empty()) w.field("cure", error.cure);
  if (!error.fields.empty()) {
    w.key("errors").begin_array();
    for (const FieldError& field : error.fields) {
      w.begin_object().field("pointer", field.pointer).field("detail", field.detail).end_object();
    }
    w.end_array();
  }
  w.field("request_id", request_id).end_object();
  Answer answer{.status = status, .content_type = "application/problem+json", .body = std::move(w).take()};
  if (status == 401) answer.set_header("WWW-Authenticate", "Bearer");
  if (error.retry_after_seconds > 0) {
    answer.set_header("Retry-After", std::to_string(error.retry_after_seconds));
  } else if (status == 429 || status == 503) {
    answer.set_header("Retry-After", "1");
  }
  return answer;
}
}  // namespace

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
      return 422;
    case ErrorKind::malformed:
      return 400;
    case ErrorKind::unauthenticated:
      return 401;
    case ErrorKind::forbidden:
      return 403;
    case ErrorKind::not_found:
      return 404;
    case ErrorKind::conflict:
      return 409;
    case ErrorKind::precondition_failed:
      return 412;
    case ErrorKind::too_many_requests:
      return 429;
    case ErrorKind::unavailable:
      return 503;
    case ErrorKind::internal:
      return 500;
  }
  return 500;
}

std::string_view title_of(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

Answer problem(const Error& error, std::string_view request_id) {
  if (error.kind != ErrorKind::internal) return render(status_of(error.kind), error, request_id);
  log::error("request_failed", {{"code", error.code}, {"detail", error.detail}, {"request_id", request_id}});
  return problem(500, "internal_error", "Something went wrong on our side. Name the request id when you ask about it.",
                 request_id);
}

Answer problem(int status, std::string_view code, std::string_view detail, std::string_view request_id) {
  return render(status, Error{.code = std::string(code), .detail = std::string(detail)}, request_id);
}

}  // namespace bursar::http
