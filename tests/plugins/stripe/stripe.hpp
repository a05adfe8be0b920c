// The stripe plugin as the kernel has it, against the double. When a test ends, no request or answer was one that
// Stripe's description refuses, and the double's book holds what the test was told, payment by payment.
#pragma once

#include "doubles/double.hpp"
#include "unit/plugin_host/plugins.hpp"

namespace bursar::plugin_host::testing {

using payments::DeclineClass;
using payments::GatewayAnswer;
using payments::GatewayOutcome;
using test::Json;

inline void PrintTo(const GatewayAnswer& answer, std::ostream* out) {
  *out << static_cast<int>(answer.outcome) << " " << answer.reference << " " << answer.decline_code << " "
       << answer.error;
}

class StripeTest : public ::testing::Test {
 protected:
  StripeTest() { start({}); }

  void start(std::initializer_list<std::pair<std::string, std::string>> more) {
    auto made = instance("cards", "stripe",
                         {{"secret_key", "rk_test_a_restricted_key"},
                          {"webhook_secret", "whsec_double"},
                          {"api_base", stripe_.url()},
                          {"statement_descriptor_suffix", "HOSTING"}});
    for (const auto& [key, value] : instance("", "", more).settings) made.settings[key] = value;
    made.deadline = seconds(4);  // below the double's late answers
    made.concurrency = 8;
    host_.reset();
    host_ = std::make_unique<PluginHost>(config(bundled, {made}), clock_, remembered_key_values(), options());
    ASSERT_EQ(host_->records()[0].state, InstanceState::loaded) << host_->records()[0].cause;
    cards_ = host_->gateways().find("cards");
    ASSERT_NE(cards_, nullptr);
  }

  void TearDown() override {
    EXPECT_EQ(stripe_.refused(), "");
    std::map<std::string, std::int64_t> charged;
    for (const Json& entry : stripe_.book("charge")) {
      if (!entry.at("payment").is_string()) continue;
      auto& sum = charged[entry.at("payment").get<std::string>()];
      EXPECT_EQ(sum, 0) << "charged twice: " << entry.dump();
      sum += entry.at("amount").get<std::int64_t>();
    }
    for (const auto& [payment, amount] : charged) EXPECT_EQ(believed_[payment], amount) << payment;
    for (const auto& [payment, amount] : believed_) EXPECT_EQ(charged[payment], amount) << payment;
    for (const auto& [refund, amount] : refunds()) EXPECT_EQ(believed_refunds_[refund], amount) << refund;
    for (const auto& [refund, amount] : believed_refunds_) EXPECT_EQ(refunds()[refund], amount) << refund;
    compare_disputes();
  }

  // What the last event of each dispute tells, against what the double took for it, amount and fee.
  void compare_disputes() {
    std::map<std::string, std::int64_t> taken, told;
    for (const Json& entry : stripe_.get("/book")) {
      const std::string what = entry.at("what");
      if (what == "dispute") taken[entry.at("dispute")] += entry.at("amount").get<std::int64_t>();
      if (what == "dispute_won") taken[entry.at("dispute")] -= entry.at("amount").get<std::int64_t>();
      if (what == "fee" && entry.at("source").get<std::string>().starts_with("dp_"))
        taken[entry.at("source")] += entry.at("amount").get<std::int64_t>();
    }
    for (const Json& event : stripe_.get("/webhooks?signature=right")) {
      if (!event.at("type").get<std::string>().starts_with("charge.dispute.")) continue;
      inbox::WebhookRequest request{.method = "POST", .body = event.at("body")};
      request.headers = {{"stripe-signature", event.at("headers").at("Stripe-Signature").get<std::string>()}};
      for (const auto& said : host_->webhooks().find("cards")->handle(request).events) {
        const bool away = said.kind != inbox::WebhookEventKind::dispute_won && said.dispute.amount;
        const std::int64_t fee = said.dispute.fee ? said.dispute.fee->minor() : 0;
        if (!said.dispute.id.empty()) told[said.dispute.id] = (away ? said.dispute.amount->minor() : 0) + fee;
      }
    }
    for (const auto& [dispute, minor] : taken) EXPECT_EQ(told[dispute], minor) << dispute;
  }

  // Ours by the double's book; those that failed later count nothing.
  std::map<std::string, std::int64_t> refunds() {
    std::map<std::string, std::int64_t> sums;
    for (const Json& entry : stripe_.book("refund")) {
      if (entry.at("ours").is_string())
        sums[entry.at("ours").get<std::string>()] += entry.at("amount").get<std::int64_t>();
    }
    for (const Json& entry : stripe_.book("refund_failed")) {
      if (entry.at("ours").is_string())
        sums[entry.at("ours").get<std::string>()] -= entry.at("amount").get<std::int64_t>();
    }
    return sums;
  }

  // Notes what the kernel would now book. Amounts where Stripe counts as ISO 4217 does.
  GatewayAnswer heard(const std::string& payment, GatewayAnswer answer) {
    if (answer.outcome == GatewayOutcome::succeeded) {
      EXPECT_TRUE(answer.processed) << payment;
      if (answer.processed) believed_[payment] = answer.processed->minor();
    }
    return answer;
  }
  GatewayAnswer charge(const std::string& payment, const std::string& token, std::int64_t minor = 1234,
                       const char* currency = "USD") {
    return heard(payment, cards_->charge(charge_of(minor, payment, token, currency)));
  }
  GatewayAnswer begin(const std::string& payment, std::int64_t minor = 1234, const char* currency = "USD") {
    return heard(payment, cards_->begin(charge_of(minor, payment, "", currency)));
  }
  GatewayAnswer let_go(const std::string& payment, const std::string& reference, const std::string& key = "void:1") {
    return cards_->void_payment({.idempotency_key = key,
                                 .payment_id = payment,
                                 .gateway_reference = reference,
                                 .amount = Money(1234, *Currency::parse("USD"))});
  }
  GatewayAnswer lookup(const std::string& payment, const std::string& reference = "", std::int64_t minor = 1234,
                       const char* currency = "USD") {
    return heard(payment, cards_->lookup(payment, reference, Money(minor, *Currency::parse(currency))));
  }
  GatewayAnswer refund(const std::string& refund, const std::string& payment, const std::string& reference,
                       std::int64_t minor, const char* currency = "USD") {
    return heard_refund(refund, cards_->refund({.idempotency_key = "key-" + refund,
                                                .refund_id = refund,
                                                .payment_id = payment,
                                                .gateway_reference = reference,
                                                .amount = Money(minor, *Currency::parse(currency))}));
  }
  GatewayAnswer heard_refund(const std::string& refund, GatewayAnswer answer) {
    if (answer.outcome == GatewayOutcome::succeeded && answer.processed)
      believed_refunds_[refund] = answer.processed->minor();
    return answer;
  }
  GatewayAnswer lookup_refund(const std::string& refund, const std::string& reference = "", std::int64_t minor = 0) {
    return heard_refund(refund, cards_->lookup(refund, reference, Money(minor, *Currency::parse("USD"))));
  }

  // A method that the customer saved before.
  std::string method(const std::string& card = "visa") {
    const Json made = stripe_.post("/method", {{"card", card}});
    return made.at("customer").get<std::string>() + ":" + made.at("method").get<std::string>();
  }
  void pass(std::int64_t by) {
    clock_.unix_seconds += by;
    stripe_.post("/clock", {{"advance", by}});
  }
  std::size_t requests(const std::string& method, const std::string& path) {
    std::size_t count = 0;
    for (const Json& request : stripe_.get("/requests")) {
      if (request.at("method") == method && request.at("path") == path) ++count;
    }
    return count;
  }

  TestClock clock_;
  test::Double stripe_{"stripe_double.py", 1'800'000'000};
  std::unique_ptr<PluginHost> host_;
  payments::Gateway* cards_ = nullptr;
  std::map<std::string, std::int64_t> believed_;
  std::map<std::string, std::int64_t> believed_refunds_;
};

}  // namespace bursar::plugin_host::testing
