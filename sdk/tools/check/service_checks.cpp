// webhook, panel, notify, and the secrets of all of them.
#include <random>

#include "check.hpp"

namespace check {
namespace {

using bursar::testing::TestCall;

bursar_webhook_result receive(const Opened& opened, TestCall& call, std::string_view body,
                              const std::vector<bursar_pair>& headers = {}) {
  const auto* table = opened.instance.table<bursar_webhook_v1>(BURSAR_WEBHOOK_ID);
  if (table == nullptr) skip("receives no webhooks");
  bursar_webhook_request request{};
  request.struct_size = sizeof request;
  request.method = bursar::detail::borrow("POST");
  request.headers = {headers.data(), headers.size()};
  request.body = bursar::detail::borrow(body);
  request.received_at = opened.host.now_ms;
  bursar_webhook_result result{};
  result.struct_size = sizeof result;
  const bursar_status status = table->receive(opened.instance.get(), call.get(), &request, &result);
  if (status != BURSAR_OK) result.verdict = BURSAR_WEBHOOK_UNKNOWN;
  return result;
}

void webhook_unsigned(const Options& options) {
  const Opened opened(options);
  for (const char* body :
       {"", "{}", "{\"type\":\"payment.succeeded\",\"id\":\"evt_1\"}", "status=Completed&txn_id=1"}) {
    TestCall call;
    const bursar_webhook_result result = receive(opened, call, body);
    require(result.verdict != BURSAR_WEBHOOK_GENUINE, "takes an unsigned request for genuine");
  }
}

// Nobody who does not know the secret may be believed, whatever headers come and however often.
void webhook_fuzz(const Options& options) {
  const Opened opened(options);
  std::mt19937_64 random(options.seed);
  static const char* names[] = {"signature",     "x-signature",         "stripe-signature", "webhook-signature",
                                "authorization", "x-hub-signature-256", "content-type"};
  static const char* values[] = {"",
                                 "0",
                                 "t=1767225600,v1=00",
                                 "sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4",
                                 "1767225600,e3b0c44298fc1c149afbf4c8996fb924",
                                 "Basic Og==",
                                 "application/json"};
  static const char* bodies[] = {"",         "{}",     "[]", "null", "{\"id\":\"evt_1\",\"type\":\"payment\"}",
                                 "\xC3\x28", "a=b&a=c"};
  for (int i = 0; i < 300; ++i) {
    std::vector<bursar_pair> headers;
    for (std::uint64_t n = random() % 5; n > 0; --n) {
      headers.push_back({bursar::detail::borrow(names[random() % std::size(names)]),
                         bursar::detail::borrow(values[random() % std::size(values)])});
    }
    TestCall call;
    require(receive(opened, call, bodies[random() % std::size(bodies)], headers).verdict != BURSAR_WEBHOOK_GENUINE,
            "takes a request that was signed with no secret for genuine");
  }
}

void webhook_huge(const Options& options) {
  const Opened opened(options);
  TestCall call;
  require(receive(opened, call, std::string(8 << 20, '[')).verdict != BURSAR_WEBHOOK_GENUINE,
          "takes 8 MiB of brackets for genuine");
}

const bursar_panel_v1& panel_of(const Opened& opened) {
  const auto* table = opened.instance.table<bursar_panel_v1>(BURSAR_PANEL_ID);
  if (table == nullptr) skip("is no panel");
  require(table->create != nullptr && table->inspect != nullptr, "a panel without create or inspect");
  return *table;
}

struct PanelAnswer {
  bursar_panel_outcome outcome = BURSAR_PANEL_UNKNOWN;
  std::string reference;
};

using PanelFunction = bursar_status (*)(bursar_plugin*, bursar_call*, const bursar_panel_request*,
                                        bursar_panel_result*);

PanelAnswer ask(const Opened& opened, PanelFunction function, const char* service) {
  TestCall call(std::string("key-") + service);
  bursar_panel_request request{};
  request.struct_size = sizeof request;
  request.service_id = bursar::detail::borrow(service);
  request.account_id = bursar::detail::borrow("acc_check");
  request.customer_name = bursar::detail::borrow("Erika Example");
  request.customer_email = bursar::detail::borrow("erika@example.com");
  request.product_code = bursar::detail::borrow("web-s");
  request.label = bursar::detail::borrow("example.net");
  request.options = bursar::detail::borrow("{}");
  bursar_panel_result result{};
  result.struct_size = sizeof result;
  if (function(opened.instance.get(), call.get(), &request, &result) != BURSAR_OK) return {};
  require(result.outcome >= BURSAR_PANEL_UNKNOWN && result.outcome <= BURSAR_PANEL_NOT_ATTEMPTED, "unknown outcome");
  for (const bursar_str field : {result.reference, result.staff_task, result.username, result.password, result.url}) {
    require(is_utf8(bursar::detail::read(field)), "a text of the answer is no UTF-8");
  }
  require(result.staff_task.size == 0 || result.outcome == BURSAR_PANEL_PENDING,
          "a staff task with an outcome that is not pending");
  return {result.outcome, text(result.reference)};
}

void panel_create_twice(const Options& options) {
  const Opened opened(options);
  const bursar_panel_v1& table = panel_of(opened);
  const PanelAnswer first = ask(opened, table.create, "svc_check1");
  const PanelAnswer second = ask(opened, table.create, "svc_check1");
  require(first.outcome == second.outcome && first.reference == second.reference,
          "creating a service twice does not adopt it");
}

void panel_repeated(const Options& options) {
  const Opened opened(options);
  const bursar_panel_v1& table = panel_of(opened);
  if (table.terminate != nullptr) {
    const PanelAnswer absent = ask(opened, table.terminate, "svc_never");
    require(absent.outcome != BURSAR_PANEL_REFUSED, "terminating what is not there must be done, not refused");
  }
  if (ask(opened, table.create, "svc_check5").outcome != BURSAR_PANEL_DONE) skip("makes no account without its panel");
  for (const PanelFunction function : {table.suspend, table.unsuspend, table.terminate}) {
    if (function == nullptr) continue;
    const PanelAnswer first = ask(opened, function, "svc_check5");
    require(ask(opened, function, "svc_check5").outcome == first.outcome,
            "an operation that came twice ended otherwise the second time");
  }
}

void panel_operations(const Options& options) {
  const Opened opened(options);
  const bursar_panel_v1& table = panel_of(opened);
  for (const PanelFunction function :
       {table.create, table.suspend, table.unsuspend, table.change_plan, table.usage, table.inspect, table.terminate}) {
    if (function != nullptr) (void)ask(opened, function, "svc_check2");
  }
}

void panel_misfortunes(const Options& options) {
  Opened opened(options);
  const bursar_panel_v1& table = panel_of(opened);
  const PanelAnswer refused = ask(opened, table.create, "svc_check3");
  if (opened.host.exchanges.empty()) skip("sends nothing through the http service");
  require(refused.outcome == BURSAR_PANEL_NOT_ATTEMPTED, "a refused connection must be not_attempted");
  const bursar::testing::HttpAnswer not_there{
      .outcome = BURSAR_HTTP_ANSWERED, .status = 404, .body = "{}", .headers = {}, .error = {}};
  try_misfortunes(opened, {"svc_check4"}, not_there, {BURSAR_PANEL_UNKNOWN, BURSAR_PANEL_NOT_ATTEMPTED},
                  [&] { return ask(opened, table.create, "svc_check4").outcome; });
}

bursar_delivery_outcome send(const Opened& opened) {
  const auto* table = opened.instance.table<bursar_notify_v1>(BURSAR_NOTIFY_ID);
  if (table == nullptr) skip("is no channel");
  TestCall call("key-message");
  bursar_message message{};
  message.struct_size = sizeof message;
  message.message_id = bursar::detail::borrow("msg_check");
  message.recipient = bursar::detail::borrow("erika@example.com");
  message.recipient_name = bursar::detail::borrow("Erika \"the\" Example");
  message.template_name = bursar::detail::borrow("invoice_created");
  message.subject = bursar::detail::borrow("Your invoice");
  message.body = bursar::detail::borrow("Line one\nline two: 10 \xE2\x82\xAC\x01\n");
  bursar_delivery result{};
  result.struct_size = sizeof result;
  if (table->send(opened.instance.get(), call.get(), &message, &result) != BURSAR_OK) return BURSAR_DELIVERY_UNKNOWN;
  require(result.outcome >= BURSAR_DELIVERY_UNKNOWN && result.outcome <= BURSAR_DELIVERY_NOT_ATTEMPTED,
          "unknown outcome");
  require(is_utf8(bursar::detail::read(result.provider_id)), "the provider id is no UTF-8");
  return result.outcome;
}

void notify_send(const Options& options) {
  const Opened opened(options);
  (void)send(opened);
}

void notify_misfortunes(const Options& options) {
  Opened opened(options);
  const bursar_delivery_outcome refused = send(opened);
  if (opened.host.exchanges.empty()) skip("sends nothing through the http service");
  require(refused == BURSAR_DELIVERY_NOT_ATTEMPTED, "a refused connection must be not_attempted");
  // Some providers say no more than 200, so what they say in its body is not held against them.
  try_misfortunes(opened, {"msg_check", "key-message", "erika@example.com"}, access_token(),
                  {BURSAR_DELIVERY_UNKNOWN, BURSAR_DELIVERY_NOT_ATTEMPTED}, [&] {
                    const bursar_delivery_outcome outcome = send(opened);
                    return outcome == BURSAR_DELIVERY_SENT && opened.host.last_status == 200 ? BURSAR_DELIVERY_UNKNOWN
                                                                                             : outcome;
                  });
}

// Provokes everything that may be logged, then searches for what must not be.
void hygiene_secrets(const Options& options) {
  Opened opened(options);
  bool any = false;
  for (const bursar_setting* row : rows_of(opened.library.descriptor()))
    any = any || row->type == BURSAR_SETTING_SECRET;
  if (!any) skip("has no secret settings");
  TestCall call("key-secret");
  opened.host.network = [](const auto&) {
    return bursar::testing::HttpAnswer{
        .outcome = BURSAR_HTTP_ANSWERED, .status = 401, .body = "{}", .headers = {}, .error = {}};
  };
  if (const auto* table = opened.instance.table<bursar_payment_v1>(BURSAR_PAYMENT_ID);
      table != nullptr && table->charge != nullptr) {
    bursar_charge charge{};
    charge.struct_size = sizeof charge;
    charge.payment_id = bursar::detail::borrow("pay_secret");
    charge.amount = bursar::detail::to_abi({1234, "EUR"});
    bursar_payment_result result{};
    result.struct_size = sizeof result;
    (void)table->charge(opened.instance.get(), call.get(), &charge, &result);
  }
  if (const auto* table = opened.instance.table<bursar_panel_v1>(BURSAR_PANEL_ID); table != nullptr) {
    bursar_panel_request request{};
    request.struct_size = sizeof request;
    bursar_panel_result result{};
    result.struct_size = sizeof result;
    if (table->create != nullptr) (void)table->create(opened.instance.get(), call.get(), &request, &result);
    if (table->test_connection != nullptr) (void)table->test_connection(opened.instance.get(), call.get());
  }
  const auto clean = [](std::string_view where, std::string_view text) {
    require(text.find(secret_canary) == std::string_view::npos,
            std::string("a secret setting is in ") + std::string(where));
  };
  for (const auto& [level, line] : opened.host.log) clean("the log", line);
  for (const auto& diagnostic : call.diagnostics) clean("a diagnostic", diagnostic.message);
  for (const auto& [key, value] : opened.host.store) clean("the store", key + value);
  for (const auto& exchange : opened.host.exchanges) clean("an address", exchange.url);
}

}  // namespace

const std::vector<Check>& service_checks() {
  static const std::vector<Check> checks = {
      {"webhook.unsigned", "an unsigned request is not genuine", &webhook_unsigned},
      {"webhook.fuzz", "random headers and bodies are not genuine", &webhook_fuzz},
      {"webhook.huge", "a huge request is no crash", &webhook_huge},
      {"panel.create_twice", "creating a service twice adopts it", &panel_create_twice},
      {"panel.repeated", "suspended twice is suspended, and terminating the absent is done", &panel_repeated},
      {"panel.operations", "every operation answers within the rules", &panel_operations},
      {"panel.misfortunes", "refused is not_attempted, damaged answers are unknown", &panel_misfortunes},
      {"notify.send", "sending answers within the rules", &notify_send},
      {"notify.misfortunes", "refused is not_attempted, damaged answers are unknown", &notify_misfortunes},
      {"hygiene.secrets", "no secret setting gets into logs, diagnostics, store or addresses", &hygiene_secrets},
  };
  return checks;
}

}  // namespace check
