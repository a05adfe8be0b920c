// The HTTP client that plugins use. One rule matters more than speed: whoever moved money by a request must know
// whether the request can have reached the other side. `sent` is true from the moment a connection stood and the first
// byte could have left; only with `sent` false may an act be called not attempted.
//
// TLS is always verified; only http and https; no redirect is followed (a redirected POST is another act); no cookie is
// kept. A connection is reused for GET and HEAD alone: libcurl silently repeats a request whose reused connection turns
// out to be dead, and a repeated POST is a second charge.
//
// Thread rules: perform() may be called from any threads at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bursar::plugin_host {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  HttpHeaders headers;
  std::string body;
  std::int64_t max_answer_bytes = 4 * 1024 * 1024;
  std::chrono::steady_clock::time_point deadline;
  std::int64_t connect_timeout_ms = 10'000;
  std::string ca_pem;             // trust these certificates instead of the client's
  std::string pinned_sha256;      // base64 of the server's public key's SHA-256; empty: none
  bool follow_redirects = false;  // GET and HEAD only, at most 5, same scheme, host and port
};

enum class HttpFailure {
  none,           // an answer of the other side is there, whatever its status
  invalid,        // the request itself can't be sent: address, method or header
  not_connected,  // name, connection or TLS failed: nothing was sent
  lost,           // it was sent, and no whole answer came: cut, too late or garbled
  too_large,      // it was sent, and the answer was above max_answer_bytes
};

struct HttpAnswer {
  HttpFailure failure = HttpFailure::lost;
  bool sent = true;
  int status = 0;
  HttpHeaders headers;  // names in lower case, in order of arrival
  std::string body;
  std::string error;  // why, in a sentence; holds no header, no body and no address beyond its host
};

class HttpClient {
 public:
  // `ca_file`: certificates to trust instead of the system's; empty: the system's.
  explicit HttpClient(std::string ca_file = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  HttpAnswer perform(const HttpRequest& request);

 private:
  HttpAnswer exchange(const HttpRequest& request);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bursar::plugin_host
