#include "plugin_host/services/http.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <memory>
#include <mutex>

namespace bursar::plugin_host {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int redirects_max = 5;
constexpr std::size_t max_answer_headers = 200;

struct EasyDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListDeleter>;

// What the callbacks of one transfer fill.
struct Transfer {
  HttpAnswer* answer = nullptr;
  std::int64_t room = 0;
  bool too_large = false;
  bool bytes_left = false;
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* user) noexcept {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::size_t bytes = size * count;
  if (static_cast<std::int64_t>(bytes) > transfer.room) {
    transfer.too_large = true;
    return 0;
  }
  transfer.room -= static_cast<std::int64_t>(bytes);
  try {
    transfer.answer->body.append(data, bytes);
  } catch (const std::exception&) {
    transfer.too_large = true;  // no memory for it is the same to the caller
    return 0;
  }
  return bytes;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* user) noexcept {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::size_t bytes = size * count;
  const std::string_view line(data, bytes);
  try {
    auto& headers = transfer.answer->headers;
    if (line.starts_with("HTTP/")) {
      headers.clear();  // the head of the final answer follows an interim one
      return bytes;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return bytes;
    if (headers.size() >= max_answer_headers) {
      transfer.too_large = true;
      return 0;
    }
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    headers.emplace_back(std::move(name), std::string(trimmed(line.substr(colon + 1))));
  } catch (const std::exception&) {
    transfer.too_large = true;
    return 0;
  }
  return bytes;
}

int note_traffic(CURL*, curl_infotype type, char*, std::size_t, void* user) noexcept {
  if (type == CURLINFO_HEADER_OUT || type == CURLINFO_DATA_OUT) static_cast<Transfer*>(user)->bytes_left = true;
  return 0;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && byte != '\t') || byte == 0x7f;
  });
}

struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, UrlDeleter>;

std::string part(const Url& url, CURLUPart which, unsigned int flags = 0) {
  char* text = nullptr;
  if (!url || curl_url_get(url.get(), which, &text, flags) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

Url parse_url(const std::string& text) {
  Url url(curl_url());
  if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return nullptr;
  return url;
}

std::string host_of(const std::string& url) {
  const auto host = part(parse_url(url), CURLUPART_HOST);
  return host.empty() ? "the other side" : host;
}

// Where an answer sends the reader on to, if it stays with the same server; else empty.
std::string redirect_target(const HttpRequest& request, const HttpAnswer& answer) {
  const auto location =
      std::find_if(answer.headers.begin(), answer.headers.end(), [](const auto& h) { return h.first == "location"; });
  if (answer.status < 301 || answer.status > 308 || location == answer.headers.end()) return {};
  const auto from = parse_url(request.url);
  auto to = parse_url(request.url);
  if (!to || curl_url_set(to.get(), CURLUPART_URL, location->second.c_str(), 0) != CURLUE_OK) return {};
  for (const auto which : {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT}) {
    if (part(from, which, CURLU_DEFAULT_PORT) != part(to, which, CURLU_DEFAULT_PORT)) return {};
  }
  return part(to, CURLUPART_URL);
}

// Empty: the request can be sent.
std::string fault_of(const HttpRequest& request) {
  if (!is_token(request.method)) return "The method is not an HTTP method.";
  if (request.url.empty() || has_control(request.url) || request.url.find(' ') != std::string::npos) {
    return "The address is empty or holds a space or control character.";
  }
  const auto url = parse_url(request.url);
  const auto scheme = part(url, CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return "The address is not an http or https address.";
  if (!part(url, CURLUPART_USER).empty() || !part(url, CURLUPART_PASSWORD).empty()) {
    return "The address holds a user name or password; they belong into a header.";
  }
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name)) return "A header name is not a token.";
    if (has_control(value)) return "The value of header " + name + " holds a control character.";
  }
  return {};
}

List header_list(const HttpRequest& request) {
  List list(curl_slist_append(nullptr, "Expect:"));  // no waiting for 100-continue
  for (const auto& [name, value] : request.headers) {
    const std::string line = value.empty() ? name + ";" : name + ": " + value;
    auto* longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    if (!list) list.reset(longer);
  }
  return list;
}

void set_method(CURL* handle, const HttpRequest& request) {
  if (request.method == "HEAD") {
    curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    return;
  }
  if (!request.body.empty() || request.method == "POST") {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  if (request.method != "GET" || !request.body.empty()) {
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
}

}  // namespace

struct HttpClient::State {
  std::string ca_file;
  std::mutex mutex;
  std::vector<Easy> idle;  // keep connections of reads, TLS sessions and names warm

  Easy take() {
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        Easy handle = std::move(idle.back());
        idle.pop_back();
        return handle;
      }
    }
    Easy handle(curl_easy_init());
    if (!handle) throw std::bad_alloc();
    return handle;
  }
  void give_back(Easy handle) {
    curl_easy_reset(handle.get());
    const std::lock_guard lock(mutex);
    if (idle.size() < 16) idle.push_back(std::move(handle));
  }
};

HttpClient::HttpClient(std::string ca_file) : state_(std::make_unique<State>()) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) throw std::runtime_error("libcurl can't be initialised");
  state_->ca_file = std::move(ca_file);
}
HttpClient::~HttpClient() = default;

HttpAnswer HttpClient::perform(const HttpRequest& request) {
  auto answer = exchange(request);
  if (!request.follow_redirects || (request.method != "GET" && request.method != "HEAD")) return answer;
  HttpRequest next = request;
  for (int step = 0; step < redirects_max && answer.failure == HttpFailure::none; ++step) {
    next.url = redirect_target(next, answer);
    if (next.url.empty()) break;
    answer = exchange(next);
  }
  return answer;
}

HttpAnswer HttpClient::exchange(const HttpRequest& request) {
  HttpAnswer answer;
  if (auto fault = fault_of(request); !fault.empty()) {
    answer.failure = HttpFailure::invalid;
    answer.sent = false;
    answer.error = std::move(fault);
    return answer;
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(request.deadline - Clock::now()).count();
  if (left <= 0) {
    answer.failure = HttpFailure::not_connected;
    answer.sent = false;
    answer.error = "The deadline had passed before the request was made.";
    return answer;
  }

  Easy handle = state_->take();
  CURL* easy = handle.get();
  Transfer transfer{.answer = &answer, .room = request.max_answer_bytes};
  const List headers = header_list(request);
  const bool reads_only = request.method == "GET" || request.method == "HEAD";
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!request.ca_pem.empty()) {
    curl_blob blob{const_cast<char*>(request.ca_pem.data()), request.ca_pem.size(), CURL_BLOB_COPY};
    curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
  } else if (!state_->ca_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, state_->ca_file.c_str());
  }
  if (!request.pinned_sha256.empty()) {
    curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, ("sha256//" + request.pinned_sha256).c_str());
  }
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "Bursar");
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(left));
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::min(left, request.connect_timeout_ms)));
  curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, reads_only ? 0L : 1L);
  curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, reads_only ? 0L : 1L);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &take_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &take_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, &note_traffic);
  curl_easy_setopt(easy, CURLOPT_DEBUGDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
  set_method(easy, request);

  const CURLcode code = curl_easy_perform(easy);

  curl_off_t ready_to_send_us = 0;
  curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &ready_to_send_us);
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  answer.sent = transfer.bytes_left || ready_to_send_us > 0 || code == CURLE_OK;
  answer.status = static_cast<int>(status);
  if (code == CURLE_OK) {
    answer.failure = HttpFailure::none;
  } else if (transfer.too_large) {
    answer.failure = HttpFailure::too_large;
    answer.error = "The answer of " + host_of(request.url) + " was above the limit.";
  } else if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
    answer.failure = HttpFailure::invalid;
    answer.sent = false;
    answer.error = "The address is not an http or https address.";
  } else {
    answer.failure = answer.sent ? HttpFailure::lost : HttpFailure::not_connected;
    answer.error = std::string(answer.sent ? "The answer of " : "The connection to ") + host_of(request.url) +
                   " failed: " + curl_easy_strerror(code) + ".";
  }
  state_->give_back(std::move(handle));
  return answer;
}

}  // namespace bursar::plugin_host
