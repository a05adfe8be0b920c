// The paypal plugin in the kernel's plugin host, against the double of PayPal in a process of its own.
#pragma once

#include <mutex>

#include "doubles/double.hpp"
#include "support/database.hpp"
#include "support/vault.hpp"
#include "unit/plugin_host/plugins.hpp"

namespace bursar::plugin_host::testing {

using payments::GatewayAnswer;
using payments::GatewayOutcome;
using test::Json;
using Lines = std::vector<std::string>;

// The plugin's gateway, and what the kernel would now believe of each payment and refund by its answers.
class Heard final : public payments::Gateway {
 public:
  struct Word {
    std::optional<std::int64_t> believed{};  // minor units that moved, once that was said
    GatewayOutcome last = GatewayOutcome::unknown;
  };

  void speak_through(payments::Gateway* gateway) { gateway_ = gateway; }
  [[nodiscard]] const payments::GatewayInfo& info() const override { return gateway_->info(); }
  GatewayAnswer begin(const payments::ChargeRequest& request) override {
    return noted(request.payment_id, gateway_->begin(request));
  }
  GatewayAnswer charge(const payments::ChargeRequest& request) override {
    return noted(request.payment_id, gateway_->charge(request));
  }
  GatewayAnswer complete(const payments::CompleteRequest& request) override {
    return noted(request.payment_id, gateway_->complete(request));
  }
  GatewayAnswer refund(const payments::RefundRequest& request) override {
    return noted(request.refund_id, gateway_->refund(request));
  }
  GatewayAnswer lookup(const std::string& id, const std::string& reference, Money asked) override {
    return noted(id, gateway_->lookup(id, reference, asked));
  }
  GatewayAnswer void_payment(const payments::VoidRequest& request) override { return gateway_->void_payment(request); }
  GatewayAnswer setup(const payments::SetupRequest& request) override { return gateway_->setup(request); }
  GatewayAnswer lookup_setup(const std::string& id, const std::string& reference) override {
    return gateway_->lookup_setup(id, reference);
  }
  std::string detach(const payments::DetachRequest& request) override { return gateway_->detach(request); }

  GatewayAnswer noted(const std::string& id, GatewayAnswer answer) {
    const std::lock_guard lock(mutex_);
    Word& word = words_[id];
    word.last = answer.outcome;
    if (answer.outcome == GatewayOutcome::succeeded && answer.processed) word.believed = answer.processed->minor();
    return answer;
  }
  [[nodiscard]] const std::map<std::string, Word>& words() const { return words_; }

 private:
  payments::Gateway* gateway_ = nullptr;
  std::mutex mutex_;
  std::map<std::string, Word> words_;
};

class PayPalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    about_ = double_.post("/about", Json::object());
    restart();
  }
  // Whatever a test did: what the description refuses was never sent, and the secret is in no log line.
  void TearDown() override {
    EXPECT_EQ(double_.refused(), "");
    EXPECT_EQ(log_.text().find(about_.at("client_secret").get<std::string>()), std::string::npos);
    compare_books();
  }
  // The double's book against what was said: nothing is moved twice, and nothing that is certain is wrong.
  void compare_books() {
    std::map<std::string, std::int64_t> moved;
    for (const Json& entry : double_.get("/book")) {
      if (entry.at("what") != "capture" && entry.at("what") != "refund") continue;
      const std::string id = entry.at("custom_id");
      if (entry.at("what") == "refund" && moved.contains(id))
        continue;  // in PayPal's own pages: it carries the payment's
      const std::string value = entry.at("value");
      const Currency currency = *Currency::parse(entry.at("currency").get<std::string>());
      auto amount = Money::parse(value, currency);
      if (!amount.ok()) amount = Money::parse(value + ".00", currency);  // PayPal writes some without their decimals
      ASSERT_TRUE(amount.ok()) << entry;
      EXPECT_TRUE(moved.emplace(id, amount->minor()).second) << "twice: " << entry;
    }
    for (const auto& [id, word] : heard_.words()) {
      if (word.believed) {
        EXPECT_EQ(moved[id], *word.believed) << id;
      } else if (word.last != GatewayOutcome::unknown && word.last != GatewayOutcome::pending) {
        EXPECT_EQ(moved[id], 0) << id;
      }
    }
  }

  [[nodiscard]] virtual settings::PluginInstance configured(const std::string& api) {
    auto made = instance("paypal", "paypal",
                         {{"environment", "sandbox"},
                          {"client_id", about_.at("client_id")},
                          {"client_secret", about_.at("client_secret")},
                          {"webhook_id", about_.at("webhook_id")},
                          {"api_base", api}});
    made.deadline = seconds(20);
    return made;
  }
  // A new process in all but name; what was stored is still there.
  void restart() { start(configured(double_.url())); }
  void start(const settings::PluginInstance& configured) {
    host_.reset();
    host_ = std::make_unique<PluginHost>(config(bundled, {configured}), clock_,
                                         stored_key_values(database_.get(), vault_), options());
    ASSERT_EQ(host_->records().front().state, InstanceState::loaded) << host_->records().front().cause;
  }
  void pass(std::int64_t seconds) {
    clock_.unix_seconds += seconds;
    double_.post("/clock", {{"advance", seconds}});
  }

  payments::Gateway& gateway() {
    heard_.speak_through(host_->gateways().find("paypal"));
    return heard_;
  }
  GatewayAnswer begin(const std::string& payment = "pay_1") { return gateway().begin(charge_of(1234, payment)); }
  GatewayAnswer charge(const std::string& payment = "pay_1") {
    if (token_.empty()) token_ = double_.post("/token", Json::object()).at("token");
    return gateway().charge(charge_of(1234, payment, token_));
  }
  GatewayAnswer lookup(const std::string& id, const std::string& reference = "") {
    return gateway().lookup(id, reference, charge_of(1234).amount);
  }
  GatewayAnswer complete(const std::string& payment, const std::string& reference, const std::string& attempt = "1") {
    return gateway().complete({.idempotency_key = "complete-" + payment + "-" + attempt,
                               .payment_id = payment,
                               .gateway_reference = reference,
                               .amount = charge_of(1234).amount});
  }
  GatewayAnswer refund(const std::string& id, const std::string& capture, std::int64_t minor = 234) {
    return gateway().refund({.idempotency_key = "refund-" + id,
                             .refund_id = id,
                             .payment_id = "pay_1",
                             .gateway_reference = capture,
                             .amount = charge_of(minor).amount});
  }
  void approve(const std::string& order) { double_.post("/approve", {{"order", order}}); }
  // A payment that a customer made: begun, approved, completed. Its capture.
  std::string paid(const std::string& payment = "pay_1") {
    const auto begun = begin(payment);
    EXPECT_EQ(begun.outcome, GatewayOutcome::requires_action) << begun.error << begun.decline_text;
    approve(begun.reference);
    const auto taken = complete(payment, begun.reference);
    EXPECT_EQ(taken.outcome, GatewayOutcome::succeeded) << taken.error << taken.decline_text;
    return taken.reference;
  }
  void next_capture(const Json& script) { double_.post("/next_capture", script); }

  // The double's book, "capture 12.34 EUR pay_1", in order.
  Lines book() {
    Lines lines;
    for (const Json& entry : double_.get("/book")) {
      std::string line = entry.at("what");
      for (const char* field : {"value", "currency", "custom_id"}) line += " " + entry.at(field).get<std::string>();
      lines.push_back(line);
    }
    return lines;
  }
  // Requests whose path ends so.
  int count(const std::string& end) {
    int found = 0;
    for (const Json& request : double_.get("/requests"))
      found += request.at("path").get<std::string>().ends_with(end) ? 1 : 0;
    return found;
  }
  // The order that a charge made, from the request for its capture or a look at it.
  std::string last_order() {
    std::string order;
    for (const Json& request : double_.get("/requests")) {
      std::string path = request.at("path");
      if (path.ends_with("/capture")) path.resize(path.size() - 8);
      const std::string start = "/v2/checkout/orders/";
      if (path.starts_with(start)) order = path.substr(start.size());
    }
    return order;
  }

  LogFile log_;
  TestClock clock_;
  test::Double double_{"paypal_double.py", clock_.unix_seconds};
  test::TestDatabase database_ = test::fresh_database(storage::Backend::sqlite);
  const Vault vault_ = test::open_vault(*database_);
  Json about_;
  std::string token_;
  std::unique_ptr<PluginHost> host_;
  Heard heard_;
};

}  // namespace bursar::plugin_host::testing
