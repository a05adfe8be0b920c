// The demonstration driven through a running server's public API.
#include <curl/curl.h>

#include <nlohmann/json.hpp>

#include "cli/demo_customers.hpp"
#include "cli/demo_drive.hpp"

namespace bursar::cli {
namespace {

using nlohmann::json;

std::size_t append(char* data, std::size_t size, std::size_t count, void* out) {
  static_cast<std::string*>(out)->append(data, size * count);
  return size * count;
}

class ServerDrive final : public DemoDrive {
 public:
  ServerDrive(std::string url, const IdCodec& codec) : url_(std::move(url)), codec_(codec), curl_(curl_easy_init()) {}
  ~ServerDrive() override { curl_easy_cleanup(curl_); }
  ServerDrive(const ServerDrive&) = delete;
  ServerDrive& operator=(const ServerDrive&) = delete;

  Status log_in(const std::string& email, const std::string& password) {
    BURSAR_TRY(answer, call("POST", "/sessions", json{{"email", email}, {"password", password}}));
    token_ = answer.value("token", "");
    return {};
  }
  Status advance(Instant target) override {
    const auto answer = call("PUT", "/test-clock", json{{"now", target.to_string()}});
    if (!answer.ok()) return answer.error();
    return {};
  }
  // A bank transfer asks staff to confirm it; the task of the payment made last is ours.
  Status transfer(InvoiceId invoice, Money amount) override {
    const std::string id = codec_.text(invoice);
    BURSAR_TRY(payment,
               call("POST", "/invoices/" + id + "/payments", json{{"gateway", demo_bank_gateway}}, "demo-" + id));
    BURSAR_TRY(tasks, call("GET", "/staff-tasks?status=open&limit=200", nullptr));
    for (const json& task : tasks.value("data", json::array())) {
      if (task.dump().find(payment.value("id", "?")) == std::string::npos) continue;
      const std::string key = task.value("id", "");
      const json body{
          {"received", {{"amount", amount.to_decimal()}, {"currency", std::string(amount.currency().code())}}}};
      const auto done = call("POST", "/staff-tasks/" + key + "/completion", body, "demo-" + key);
      if (!done.ok()) return done.error();
      return {};
    }
    return conflict("no_task", "the server has no open task to confirm the transfer for " + id);
  }

 private:
  Result<json> call(const std::string& method, const std::string& path, const json& body, const std::string& key = "") {
    const std::string target = url_ + "/api/v1" + path;
    const std::string text = body.is_null() ? "" : body.dump();
    std::string answer;
    curl_slist* headers = curl_slist_append(nullptr, "Content-Type: application/json");
    if (!token_.empty()) headers = curl_slist_append(headers, ("Authorization: Bearer " + token_).c_str());
    if (!key.empty()) headers = curl_slist_append(headers, ("Idempotency-Key: " + key).c_str());
    curl_easy_reset(curl_);
    curl_easy_setopt(curl_, CURLOPT_URL, target.c_str());
    curl_easy_setopt(curl_, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl_, CURLOPT_CUSTOMREQUEST, method.c_str());
    if (!body.is_null()) curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, text.c_str());
    curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl_, CURLOPT_TIMEOUT, 600L);
    curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, &append);
    curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &answer);
    const CURLcode code = curl_easy_perform(curl_);
    curl_slist_free_all(headers);
    if (code != CURLE_OK) {
      return Error{.kind = ErrorKind::unavailable,
                   .code = "server_unreachable",
                   .detail = url_ + ": " + curl_easy_strerror(code)};
    }
    long status = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    const json parsed = json::parse(answer, nullptr, false);
    if (status < 200 || status > 299 || parsed.is_discarded()) {
      return conflict("server_refused",
                      method + " " + path + " answered " + std::to_string(status) + ": " + answer.substr(0, 300));
    }
    return parsed;
  }

  std::string url_;
  const IdCodec& codec_;
  CURL* curl_;
  std::string token_;
};

}  // namespace

Result<std::unique_ptr<DemoDrive>> drive_server(const std::string& url, const IdCodec& codec) {
  auto drive = std::make_unique<ServerDrive>(url, codec);
  BURSAR_CHECK(drive->log_in(std::string(demo_staff_email), std::string(demo_password)));
  return std::unique_ptr<DemoDrive>(std::move(drive));
}

}  // namespace bursar::cli
