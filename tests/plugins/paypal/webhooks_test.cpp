// PayPal's webhooks: what is taken for genuine, by certificate or by asking, and what each event comes to.
#include "fixture.hpp"
#include "plugin_host/services/http.hpp"

namespace bursar::plugin_host {
namespace {

using inbox::WebhookAnswer;
using inbox::WebhookEvent;
using inbox::WebhookEventKind;
using inbox::WebhookRequest;
using inbox::WebhookVerdict;

using namespace testing;

class PayPalWebhooks : public PayPalTest {
 protected:
  [[nodiscard]] settings::PluginInstance configured(const std::string& api) override {
    auto made = PayPalTest::configured(api);
    settings::PluginInstance::Value authority;
    authority.text = double_.post("/authority", Json::object()).at("pem");
    made.settings["test_authority"] = authority;
    return made;
  }
  Json event(const std::string& type, const std::string& about, const std::string& id) {
    return double_.post("/event", {{"type", type}, {"about", about}, {"id", id}});
  }
  Json event(const std::string& type, const Json& resource) {
    return double_.post("/event", {{"type", type}, {"resource", resource}});
  }
  Json last_event() { return double_.get("/webhooks?signature=right").back(); }
  WebhookAnswer deliver(const Json& event, const HttpHeaders& more = {}) {
    WebhookRequest request;
    request.method = "POST";
    request.body = event.at("body").get<std::string>();
    for (const auto& [name, value] : event.at("headers").items()) request.headers.emplace_back(name, value);
    request.headers.insert(request.headers.end(), more.begin(), more.end());
    return host_->webhooks().find("paypal")->handle(request);
  }
  WebhookEvent only(const WebhookAnswer& answer) {
    EXPECT_EQ(answer.verdict, WebhookVerdict::accepted) << answer.error;
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.events.size(), 1U);
    return answer.events.size() == 1 ? answer.events.front() : WebhookEvent{};
  }
};

TEST_F(PayPalWebhooks, ApprovalMakesAPaymentReadyAndItsCaptureSucceeds) {
  const auto begun = begin();
  approve(begun.reference);
  const auto approved = only(deliver(event("CHECKOUT.ORDER.APPROVED", "order", begun.reference)));
  EXPECT_EQ(approved.kind, WebhookEventKind::payment);
  EXPECT_EQ(approved.payment_id, "pay_1");
  EXPECT_EQ(approved.gateway_reference, begun.reference);
  ASSERT_TRUE(approved.payment);
  EXPECT_EQ(approved.payment->outcome, GatewayOutcome::pending);
  EXPECT_TRUE(approved.payment->ready);
  EXPECT_EQ(book(), Lines{}) << "a webhook takes nothing";

  const std::string capture = complete("pay_1", begun.reference).reference;
  const auto completed = only(deliver(event("PAYMENT.CAPTURE.COMPLETED", "capture", capture)));
  EXPECT_EQ(completed.payment_id, "pay_1");
  EXPECT_EQ(completed.gateway_reference, capture);
  ASSERT_TRUE(completed.occurred_at);
  EXPECT_LT(std::abs(completed.occurred_at->unix_seconds() - clock_.unix_seconds), 60);
  ASSERT_TRUE(completed.payment);
  EXPECT_EQ(completed.payment->outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(completed.payment->processed, charge_of(1234).amount);
  EXPECT_EQ(completed.payment->reference, capture);
  EXPECT_NE(completed.event_id, approved.event_id);
}

TEST_F(PayPalWebhooks, CertificateIsFetchedOnceAndKeptOverARestart) {
  const std::string capture = paid();
  const auto told = event("PAYMENT.CAPTURE.COMPLETED", "capture", capture);
  const std::string id = only(deliver(told)).event_id;
  restart();
  EXPECT_EQ(only(deliver(told)).event_id, id) << "the same delivery again is the same event";
  EXPECT_EQ(count("/CERT-good"), 1);
  EXPECT_EQ(count("/verify-webhook-signature"), 0) << "checked without asking PayPal";
}

TEST_F(PayPalWebhooks, PendingAndDeniedCapturesAreTold) {
  next_capture({{"status", "PENDING"}, {"reason", "ECHECK"}});
  const std::string capture = charge().reference;
  EXPECT_EQ(only(deliver(event("PAYMENT.CAPTURE.PENDING", "capture", capture))).payment->outcome,
            GatewayOutcome::pending);
  double_.post("/settle", {{"capture", capture}, {"status", "DECLINED"}});
  const auto denied = only(deliver(event("PAYMENT.CAPTURE.DENIED", "capture", capture)));
  EXPECT_EQ(denied.payment->outcome, GatewayOutcome::declined);
  EXPECT_EQ(denied.payment_id, "pay_1");
}

TEST_F(PayPalWebhooks, RefundOfOursNamesItAndOneMadeAtPayPalNamesThePayment) {
  const std::string capture = paid();
  const auto ours = only(deliver(event("PAYMENT.CAPTURE.REFUNDED", "refund", refund("ref_1", capture).reference)));
  EXPECT_EQ(ours.kind, WebhookEventKind::refund);
  EXPECT_EQ(ours.refund_id, "ref_1");
  EXPECT_EQ(ours.payment->outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(ours.payment->processed, charge_of(234).amount);
  const auto theirs =
      only(deliver(event("PAYMENT.CAPTURE.REFUNDED", {{"id", "5YK922393D847794B"},
                                                      {"status", "COMPLETED"},
                                                      {"custom_id", "pay_1"},
                                                      {"amount", {{"currency_code", "EUR"}, {"value", "1.00"}}}})));
  EXPECT_EQ(theirs.refund_id, "");
  EXPECT_EQ(theirs.payment_id, "pay_1");
}

TEST_F(PayPalWebhooks, WhatFailsAfterItHadSucceededIsTold) {
  const std::string capture = paid();
  const auto sent = refund("ref_1", capture);
  const Json amount{{"currency_code", "EUR"}, {"value", "2.34"}};
  const auto failed =
      only(deliver(event("PAYMENT.REFUND.FAILED",
                         {{"id", sent.reference}, {"status", "FAILED"}, {"custom_id", "ref_1"}, {"amount", amount}})));
  EXPECT_EQ(failed.kind, WebhookEventKind::refund);
  EXPECT_EQ(failed.refund_id, "ref_1");
  EXPECT_EQ(failed.gateway_reference, sent.reference);
  ASSERT_TRUE(failed.payment);
  EXPECT_EQ(failed.payment->outcome, GatewayOutcome::declined);
  const auto denied =
      only(deliver(event("PAYMENT.CAPTURE.DENIED",
                         {{"id", capture}, {"status", "DECLINED"}, {"custom_id", "pay_1"}, {"amount", amount}})));
  EXPECT_EQ(denied.payment_id, "pay_1");
  EXPECT_EQ(denied.payment->outcome, GatewayOutcome::declined);
}

TEST_F(PayPalWebhooks, DisputesAndReversalsNameThePaymentAndTheMoney) {
  const std::string capture = paid();
  const Json amount{{"currency_code", "EUR"}, {"value", "12.34"}};
  Json dispute{{"dispute_id", "PP-D-27803"},
               {"reason", "MERCHANDISE_OR_SERVICE_NOT_RECEIVED"},
               {"dispute_amount", amount},
               {"disputed_transactions", Json::array({{{"seller_transaction_id", capture}, {"custom", "pay_1"}}})}};
  const auto opened = only(deliver(event("CUSTOMER.DISPUTE.CREATED", dispute)));
  EXPECT_EQ(opened.kind, WebhookEventKind::dispute_opened);
  EXPECT_EQ(opened.payment_id, "pay_1");
  EXPECT_EQ(opened.gateway_reference, capture);
  EXPECT_EQ(opened.dispute.amount, charge_of(1234).amount);
  EXPECT_EQ(opened.dispute.id, "PP-D-27803");
  EXPECT_EQ(opened.dispute.reason, "MERCHANDISE_OR_SERVICE_NOT_RECEIVED");
  const std::pair<const char*, WebhookEventKind> ends[] = {{"RESOLVED_BUYER_FAVOUR", WebhookEventKind::dispute_lost},
                                                           {"ACCEPTED", WebhookEventKind::dispute_lost},
                                                           {"RESOLVED_SELLER_FAVOUR", WebhookEventKind::dispute_won},
                                                           {"RESOLVED_WITH_PAYOUT", WebhookEventKind::dispute_won},
                                                           {"CANCELED_BY_BUYER", WebhookEventKind::dispute_won},
                                                           {"A_WORD_OF_NEXT_YEAR", WebhookEventKind::unknown}};
  for (const auto& [code, kind] : ends) {
    dispute["dispute_outcome"] = {{"outcome_code", code}};
    EXPECT_EQ(only(deliver(event("CUSTOMER.DISPUTE.RESOLVED", dispute))).kind, kind) << code;
  }
  const auto reversed = only(deliver(event(
      "PAYMENT.CAPTURE.REVERSED",
      {{"id", "1Y107995YT783435V"},
       {"custom_id", "pay_1"},
       {"amount", amount},
       {"links", Json::array({{{"rel", "up"}, {"href", double_.url() + "/v2/payments/captures/" + capture}}})}})));
  EXPECT_EQ(reversed.kind, WebhookEventKind::dispute_lost);
  EXPECT_EQ(reversed.gateway_reference, capture);
  EXPECT_EQ(reversed.dispute.id, "") << "PayPal does not say which dispute it is; the kernel knows the payment's";
  EXPECT_EQ(reversed.dispute.amount, charge_of(1234).amount);
}

TEST_F(PayPalWebhooks, ADisputeThatEndsInARefundGivesBackWhatItHeldAndTellsOfTheRefund) {
  const std::string capture = paid();
  double_.post("/refund_there", {{"capture", capture}, {"value", "5.00"}});
  pass(60);
  const Json dispute = double_.post("/dispute", {{"capture", capture}, {"value", "7.00"}});
  const auto opened = only(deliver(last_event()));
  EXPECT_EQ(opened.dispute.amount, charge_of(700).amount);
  pass(60);
  double_.post(
      "/resolve",
      {{"dispute", dispute.at("dispute_id")}, {"outcome", "ACCEPTED"}, {"refunded", "5.00"}, {"by_refund", true}});
  const auto events = deliver(last_event()).events;
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].kind, WebhookEventKind::dispute_won);
  EXPECT_EQ(events[0].dispute.id, opened.dispute.id);
  EXPECT_EQ(events[1].kind, WebhookEventKind::refund);
  EXPECT_EQ(events[1].payment_id, "pay_1");
  EXPECT_EQ(events[1].gateway_reference, double_.book("refund").back()["id"]) << "the one of after it was opened";
  EXPECT_NE(events[1].gateway_reference, double_.book("refund").front()["id"]);
  EXPECT_EQ(events[1].payment->processed, charge_of(500).amount);
  EXPECT_NE(events[0].event_id, events[1].event_id);
}

TEST_F(PayPalWebhooks, ADisputeThatIsLostForLessTellsThat) {
  const std::string capture = paid();
  refund("ref_1", capture, 500);
  const Json dispute = double_.post("/dispute", {{"capture", capture}});
  double_.post("/resolve",
               {{"dispute", dispute.at("dispute_id")}, {"outcome", "RESOLVED_BUYER_FAVOUR"}, {"refunded", "5.00"}});
  const auto lost = only(deliver(last_event()));
  EXPECT_EQ(lost.kind, WebhookEventKind::dispute_lost) << "a refund of ours is another";
  EXPECT_EQ(lost.dispute.amount, charge_of(500).amount);
  double_.fault({{"fault", "status"}, {"status", 503}, {"path", "/orders/"}});
  EXPECT_EQ(deliver(last_event()).verdict, WebhookVerdict::unknown) << "whether it was a refund can't be told now";
}

TEST_F(PayPalWebhooks, AccountThatIsKeptLaterThanItsPaymentArrivesByWebhook) {
  double_.post("/vault_later", Json::object());
  auto request = charge_of(1234);
  request.save_method = true;
  const auto begun = gateway().begin(request);
  approve(begun.reference);
  const auto taken = complete("pay_1", begun.reference);
  EXPECT_EQ(taken.outcome, GatewayOutcome::succeeded) << taken.error;
  EXPECT_FALSE(taken.method) << "PayPal has agreed, and has no token yet";
  const auto kept = only(deliver(event("VAULT.PAYMENT-TOKEN.CREATED",
                                       {{"id", "8kk8451t"},
                                        {"metadata", {{"order_id", begun.reference}}},
                                        {"payment_source", {{"paypal", {{"email_address", "buyer@example.com"}}}}}})));
  EXPECT_EQ(kept.kind, WebhookEventKind::payment);
  EXPECT_EQ(kept.payment_id, "pay_1");
  ASSERT_TRUE(kept.payment && kept.payment->method);
  EXPECT_EQ(kept.payment->reference, taken.reference);
  EXPECT_EQ(kept.payment->method->token, "8kk8451t");
  EXPECT_EQ(kept.payment->method->label, "PayPal buyer@example.com");
  const auto removed = only(deliver(event("VAULT.PAYMENT-TOKEN.DELETED", {{"id", "8kk8451t"}})));
  EXPECT_EQ(removed.kind, WebhookEventKind::method_changed);
  ASSERT_TRUE(removed.payment && removed.payment->method);
  EXPECT_EQ(removed.payment->method->token, "8kk8451t");
  EXPECT_EQ(removed.payment->method->label, "");
}

TEST_F(PayPalWebhooks, ForgedRequestsAreRefusedAndNothingIsFetchedForThem) {
  const auto genuine = event("PAYMENT.CAPTURE.COMPLETED", "capture", paid());
  const int requests = static_cast<int>(double_.get("/requests").size());
  const auto refused = [&](const Json& forged, const HttpHeaders& more = {}) {
    const auto answer = deliver(forged, more);
    EXPECT_EQ(answer.verdict, WebhookVerdict::refused) << forged.at("headers");
    EXPECT_EQ(answer.status, 400);
    EXPECT_TRUE(answer.events.empty());
  };
  for (const char* name : {"paypal-transmission-id", "paypal-transmission-time", "paypal-transmission-sig",
                           "paypal-cert-url", "paypal-auth-algo"}) {
    Json without = genuine;
    without["headers"].erase(name);
    refused(without);
    refused(genuine, {{name, genuine["headers"][name].get<std::string>()}});
  }
  const std::string here = double_.url();
  for (const std::string& url :
       {std::string("https://paypal.example.com/v1/notifications/certs/CERT-good"),
        std::string("http://169.254.169.254/v1/notifications/certs/CERT-good"),
        std::string("https://api.sandbox.paypal.com/v1/notifications/certs/CERT-good"),
        here + "@example.com/v1/notifications/certs/CERT-good", here + ".example.com/v1/notifications/certs/CERT-good",
        here + "/v1/notifications/certs/../../v1/oauth2/token", here + "/v1/notifications/certs/CERT-good?x=1",
        here + "/v1/notifications/certs/", here + "/other/CERT-good", std::string("file:///etc/passwd"),
        std::string("gopher://127.0.0.1/")}) {
    Json elsewhere = genuine;
    elsewhere["headers"]["paypal-cert-url"] = url;
    refused(elsewhere);
  }
  Json algorithm = genuine;
  algorithm["headers"]["paypal-auth-algo"] = "none";
  refused(algorithm);
  EXPECT_EQ(static_cast<int>(double_.get("/requests").size()), requests);
}

TEST_F(PayPalWebhooks, SignatureCoversBodyTimeIdAndWebhook) {
  const auto genuine = event("PAYMENT.CAPTURE.COMPLETED", "capture", paid());
  const auto refused = [&](const Json& forged) {
    EXPECT_EQ(deliver(forged).verdict, WebhookVerdict::refused) << forged;
  };
  Json body = genuine;
  body["body"] = body["body"].get<std::string>() + " ";
  refused(body);
  Json id = genuine;
  id["headers"]["paypal-transmission-id"] = "69cd13f0-d67a-11e5-baa3-778b53f4ae55";
  refused(id);
  Json signature = genuine;
  signature["headers"]["paypal-transmission-sig"] = "bm90aGluZw==";
  refused(signature);
  signature["headers"]["paypal-transmission-sig"] = "no base64";
  refused(signature);
  auto other = configured(double_.url());
  other.settings["webhook_id"].text = "1JE4291016473214C";
  start(other);
  refused(genuine);
  other.settings.erase("webhook_id");
  start(other);
  refused(genuine);
}

TEST_F(PayPalWebhooks, TransmissionMustBeOfTheseDays) {
  const std::string capture = paid();
  const auto aged = [&](std::int64_t age) {
    return deliver(double_.post(
                       "/event",
                       {{"type", "PAYMENT.CAPTURE.COMPLETED"}, {"about", "capture"}, {"id", capture}, {"age", age}}))
        .verdict;
  };
  EXPECT_EQ(aged(3 * 86400), WebhookVerdict::accepted) << "PayPal repeats for three days";
  EXPECT_EQ(aged(5 * 86400), WebhookVerdict::refused);
  EXPECT_EQ(aged(-86400), WebhookVerdict::refused);
  EXPECT_EQ(aged(-300), WebhookVerdict::accepted) << "clocks differ";
}

TEST_F(PayPalWebhooks, CertificateOfAnotherNameOrAuthorityIsLeftToPayPalToJudge) {
  const std::string capture = paid();
  for (const char* certificate : {"CERT-stranger", "CERT-other-name"}) {
    const auto forged = double_.post(
        "/event",
        {{"type", "PAYMENT.CAPTURE.COMPLETED"}, {"about", "capture"}, {"id", capture}, {"certificate", certificate}});
    double_.post("/answer_verdict", {{"genuine", false}});
    EXPECT_EQ(deliver(forged).verdict, WebhookVerdict::refused) << certificate;
  }
  EXPECT_EQ(count("/verify-webhook-signature"), 2);
}

TEST_F(PayPalWebhooks, WithoutTheCertificatePayPalIsAskedAndWithoutPayPalItIsTriedLater) {
  const auto genuine = event("PAYMENT.CAPTURE.COMPLETED", "capture", paid());
  double_.fault({{"fault", "status"}, {"status", 503}, {"path", "/certs/"}, {"times", 4}});
  EXPECT_EQ(deliver(genuine).verdict, WebhookVerdict::accepted) << "PayPal finds the very bytes it signed";
  Json changed = genuine;
  changed["body"] = changed["body"].get<std::string>() + "\n";
  EXPECT_EQ(deliver(changed).verdict, WebhookVerdict::refused);
  Json smuggling = genuine;
  smuggling["body"] = R"({}, "webhook_id": "1JE4291016473214C", "x": {})";
  EXPECT_EQ(deliver(smuggling).verdict, WebhookVerdict::refused) << "a body is one JSON object";
  double_.fault({{"fault", "status"}, {"status", 500}, {"path", "/verify-webhook-signature"}});
  const auto later = deliver(genuine);
  EXPECT_EQ(later.verdict, WebhookVerdict::unknown);
  EXPECT_EQ(later.status, 503);
  double_.refuse(true);
  EXPECT_EQ(deliver(genuine).verdict, WebhookVerdict::unknown);
  double_.refuse(false);
  EXPECT_EQ(deliver(genuine).verdict, WebhookVerdict::accepted);
}

TEST_F(PayPalWebhooks, EventsOfOtherKindsAreRecordedOnly) {
  for (const char* type : {"CUSTOMER.DISPUTE.UPDATED", "MERCHANT.ONBOARDING.COMPLETED", ""}) {
    EXPECT_EQ(only(deliver(event(type, Json::object()))).kind, WebhookEventKind::unknown) << type;
  }
  const auto strange = only(deliver(event("PAYMENT.CAPTURE.COMPLETED", {{"id", 7}, {"amount", "much"}})));
  EXPECT_FALSE(strange.payment) << "what can't be read is left to lookup";
}

}  // namespace
}  // namespace bursar::plugin_host
