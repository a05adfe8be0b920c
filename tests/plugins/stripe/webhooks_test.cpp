// What Stripe sends in: genuine or not, and what each event says.
#include <algorithm>

#include "stripe.hpp"

namespace bursar::plugin_host::testing {
namespace {

using inbox::WebhookAnswer;
using inbox::WebhookEvent;
using inbox::WebhookEventKind;
using inbox::WebhookRequest;
using inbox::WebhookVerdict;

class StripeWebhooks : public StripeTest {
 protected:
  // The events so far, signed as told, as the kernel hands them in.
  std::vector<std::pair<std::string, WebhookRequest>> sent(const std::string& signature = "right") {
    std::vector<std::pair<std::string, WebhookRequest>> all;
    for (const Json& event : stripe_.get("/webhooks?signature=" + signature)) {
      WebhookRequest request;
      request.method = "POST";
      request.body = event.at("body").get<std::string>();
      request.headers = {{"content-type", "application/json"},
                         {"stripe-signature", event.at("headers").at("Stripe-Signature").get<std::string>()}};
      all.emplace_back(event.at("type").get<std::string>(), std::move(request));
    }
    return all;
  }
  WebhookAnswer handle(const WebhookRequest& request) { return host_->webhooks().find("cards")->handle(request); }
  // The event of the last request of this type.
  WebhookEvent last(const std::string& type) {
    WebhookEvent found;
    for (const auto& [name, request] : sent()) {
      if (name != type) continue;
      const auto answer = handle(request);
      EXPECT_EQ(answer.verdict, WebhookVerdict::accepted) << answer.error;
      EXPECT_EQ(answer.status, 200);
      EXPECT_EQ(answer.events.size(), 1U);
      if (!answer.events.empty()) found = answer.events[0];
    }
    EXPECT_FALSE(found.event_id.empty()) << "no " << type;
    return found;
  }
};

TEST_F(StripeWebhooks, OnlyWhatIsSignedUnderOneOfTheSecretsAndRecentIsGenuine) {
  charge("pay_1", method());
  for (const char* good : {"right", "both"})
    EXPECT_EQ(handle(sent(good).at(0).second).verdict, WebhookVerdict::accepted) << good;
  for (const char* bad : {"wrong", "old", "stale", "future"}) {
    const auto answer = handle(sent(bad).at(0).second);
    EXPECT_EQ(answer.verdict, WebhookVerdict::refused) << bad;
    EXPECT_EQ(answer.status, 400) << bad;
    EXPECT_TRUE(answer.events.empty()) << bad;
  }
  start({{"webhook_secret_previous", "whsec_double_before"}});
  EXPECT_EQ(handle(sent("old").at(0).second).verdict, WebhookVerdict::accepted) << "while the secret is being rolled";
  EXPECT_EQ(handle(sent("wrong").at(0).second).verdict, WebhookVerdict::refused);
}

TEST_F(StripeWebhooks, TamperedDoubledOrUnsignedRequestsAreRefused) {
  charge("pay_1", method());
  const auto genuine = sent().at(0).second;
  auto tampered = genuine;
  tampered.body[tampered.body.find("1234")] = '9';
  EXPECT_EQ(handle(tampered).verdict, WebhookVerdict::refused);
  auto twice = genuine;
  twice.headers.push_back(twice.headers.back());
  EXPECT_EQ(handle(twice).verdict, WebhookVerdict::refused)
      << "which of two signatures another reader takes, nobody knows";
  auto unsigned_one = genuine;
  unsigned_one.headers.pop_back();
  EXPECT_EQ(handle(unsigned_one).verdict, WebhookVerdict::refused);
}

TEST_F(StripeWebhooks, AStoredRequestIsJudgedByTheTimeItArrived) {
  charge("pay_1", method());
  auto request = sent().at(0).second;
  request.received_at = clock_.now();
  clock_.unix_seconds += 3 * 24 * 3600;
  EXPECT_EQ(handle(request).verdict, WebhookVerdict::accepted);
  request.received_at.reset();
  EXPECT_EQ(handle(request).verdict, WebhookVerdict::refused);
}

TEST_F(StripeWebhooks, EventsOfTheOtherModeAreRefused) {
  stripe_.post("/configure", {{"livemode", true}});
  charge("pay_1", method());
  EXPECT_EQ(handle(sent().at(0).second).verdict, WebhookVerdict::refused) << "live event, key of the test mode";
  start({{"secret_key", "rk_live_a_restricted_key"}});
  EXPECT_EQ(handle(sent().at(0).second).verdict, WebhookVerdict::accepted);
  stripe_.post("/configure", {{"livemode", false}});
  charge("pay_2", method());
  EXPECT_EQ(handle(sent().back().second).verdict, WebhookVerdict::refused) << "money of the test mode pays nothing";
}

TEST_F(StripeWebhooks, EventsOfAPaymentNameItAndAskForALookup) {
  const auto begun = begin("pay_1");
  stripe_.post("/pay", {{"session", begun.reference}, {"card", "decline:insufficient_funds"}});
  EXPECT_EQ(last("payment_intent.payment_failed").payment_id, "pay_1");
  stripe_.post("/pay", {{"session", begun.reference}});
  for (const char* type : {"payment_intent.succeeded", "checkout.session.completed"}) {
    const auto event = last(type);
    EXPECT_EQ(event.kind, WebhookEventKind::payment) << type;
    EXPECT_EQ(event.payment_id, "pay_1") << type;
    EXPECT_FALSE(event.payment) << "their order is not promised: what is true now is looked up";
    EXPECT_TRUE(event.occurred_at) << type;
    EXPECT_EQ(lookup(event.payment_id, event.gateway_reference).outcome, GatewayOutcome::succeeded) << type;
  }
}

TEST_F(StripeWebhooks, AnEventThatIsFasterThanTheAnswerFindsItsPayment) {
  stripe_.fault({{"fault", "reset_after_read"}, {"effect", true}, {"path", "payment_intents"}});
  EXPECT_EQ(charge("pay_1", method()).outcome, GatewayOutcome::unknown);
  const auto event = last("payment_intent.succeeded");
  EXPECT_EQ(event.payment_id, "pay_1");
  EXPECT_EQ(lookup(event.payment_id, event.gateway_reference).outcome, GatewayOutcome::succeeded);
}

TEST_F(StripeWebhooks, EveryOrderOfEventsAndEveryRepetitionEndsInTheSameState) {
  const auto paid = charge("pay_1", method(), 1000);
  refund("ref_1", "pay_1", paid.reference, 400);
  auto all = sent();
  ASSERT_GE(all.size(), 2U);
  for (int round = 0; round < 6; ++round) {
    std::next_permutation(all.begin(), all.end(),
                          [](const auto& a, const auto& b) { return a.second.body < b.second.body; });
    for (const auto& [type, request] : all) {
      const auto first = handle(request);
      const auto again = handle(request);
      ASSERT_EQ(first.events.size(), 1U) << type;
      EXPECT_EQ(first.events[0].event_id, again.events[0].event_id);
      EXPECT_EQ(first.events[0].kind, again.events[0].kind);
      EXPECT_FALSE(first.events[0].payment) << type;
    }
  }
  EXPECT_EQ(lookup("pay_1").outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(lookup_refund("ref_1").outcome, GatewayOutcome::succeeded);
}

TEST_F(StripeWebhooks, RefundsOfOursAskForALookupAndThoseFromTheDashboardTell) {
  const auto paid = charge("pay_1", method(), 1000);
  const auto ours = refund("ref_1", "pay_1", paid.reference, 400);
  const auto known = last("refund.created");
  EXPECT_EQ(known.kind, WebhookEventKind::refund);
  EXPECT_EQ(known.refund_id, "ref_1");
  EXPECT_EQ(known.payment_id, "pay_1");
  EXPECT_FALSE(known.payment);

  const Json made = stripe_.post("/dashboard_refund", {{"intent", paid.reference}, {"amount", 100}});
  const auto theirs = last("refund.created");
  EXPECT_TRUE(theirs.refund_id.empty());
  EXPECT_EQ(theirs.payment_id, "pay_1");
  EXPECT_EQ(theirs.gateway_reference, made.at("id").get<std::string>());
  ASSERT_TRUE(theirs.payment);
  EXPECT_EQ(theirs.payment->outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(theirs.payment->processed->to_string(), "1.00 USD");
  stripe_.post("/fail_refund", {{"refund", made.at("id")}});
  EXPECT_EQ(last("refund.created").payment->outcome, GatewayOutcome::declined) << "told late, it says what is true now";
  stripe_.post("/fail_refund", {{"refund", ours.reference}});
  EXPECT_EQ(last("refund.failed").refund_id, "ref_1");
  const auto failed = lookup_refund("ref_1", ours.reference);
  EXPECT_EQ(failed.outcome, GatewayOutcome::declined);
  EXPECT_EQ(failed.reference, ours.reference) << "which refund failed";
  believed_refunds_["ref_1"] = 0;
}

TEST_F(StripeWebhooks, DisputesTellWhatWasTakenAndWhatCameBack) {
  const auto paid = charge("pay_1", method(), 1000);
  const Json dispute = stripe_.post("/dispute", {{"intent", paid.reference}});
  const auto opened = last("charge.dispute.created");
  EXPECT_EQ(opened.kind, WebhookEventKind::dispute_opened);
  EXPECT_EQ(opened.payment_id, "pay_1");
  EXPECT_EQ(opened.dispute.id, dispute.at("id").get<std::string>());
  EXPECT_EQ(opened.dispute.amount->to_string(), "10.00 USD");
  EXPECT_EQ(opened.dispute.fee->to_string(), "15.00 USD");
  EXPECT_EQ(opened.dispute.reason, "fraudulent");
  ASSERT_TRUE(opened.dispute.evidence_by);
  EXPECT_EQ(last("charge.dispute.funds_withdrawn").dispute.id, opened.dispute.id) << "one dispute, told twice";
  EXPECT_EQ(refund("ref_1", "pay_1", paid.reference, 1000).outcome, GatewayOutcome::declined);

  stripe_.post("/close_dispute", {{"dispute", opened.dispute.id}, {"won", true}});
  for (const char* type : {"charge.dispute.closed", "charge.dispute.funds_reinstated"}) {
    const auto won = last(type);
    EXPECT_EQ(won.kind, WebhookEventKind::dispute_won) << type;
    EXPECT_EQ(won.dispute.id, opened.dispute.id);
    EXPECT_EQ(won.dispute.amount->to_string(), "10.00 USD");
    EXPECT_EQ(won.dispute.fee->to_string(), "0.00 USD") << "what Stripe keeps, now that it gave the fee back";
  }
  const auto second = charge("pay_2", method(), 2000);
  const Json lost = stripe_.post("/dispute", {{"intent", second.reference}});
  stripe_.post("/close_dispute", {{"dispute", lost.at("id")}, {"won", false}});
  EXPECT_EQ(last("charge.dispute.closed").kind, WebhookEventKind::dispute_lost);
  EXPECT_EQ(last("charge.dispute.closed").dispute.fee->to_string(), "15.00 USD");
}

TEST_F(StripeWebhooks, AFeeThatIsKeptOrComesLaterOrIsInAnotherCurrencyIsToldAsItStands) {
  const auto kept = charge("pay_1", method(), 1000);
  const Json won = stripe_.post("/dispute", {{"intent", kept.reference}});
  stripe_.post("/close_dispute", {{"dispute", won.at("id")}, {"won", true}, {"fee", 0}});
  EXPECT_EQ(last("charge.dispute.funds_reinstated").dispute.fee->to_string(), "15.00 USD");

  const auto late = charge("pay_2", method(), 2000);
  const Json taken_later = stripe_.post("/dispute", {{"intent", late.reference}, {"withdrawn", false}});
  EXPECT_FALSE(last("charge.dispute.created").dispute.fee) << "nothing is booked yet";
  stripe_.post("/withdraw", {{"dispute", taken_later.at("id")}, {"fee", 2000}});
  EXPECT_EQ(last("charge.dispute.created").dispute.fee->to_string(), "20.00 USD") << "what is true now";

  stripe_.post("/configure", {{"payout", "eur"}});
  const auto abroad = charge("pay_3", method(), 3000);
  EXPECT_EQ(abroad.fee->to_string(), "1.17 EUR");
  stripe_.post("/dispute", {{"intent", abroad.reference}});
  const auto opened = last("charge.dispute.created");
  EXPECT_EQ(opened.dispute.amount->to_string(), "30.00 USD");
  EXPECT_EQ(opened.dispute.fee->to_string(), "15.00 EUR");
}

TEST_F(StripeWebhooks, EventsOfConnectedAccountsAreNotOurs) {
  charge("pay_1", method());
  Json event = Json::parse(sent().at(0).second.body);
  event["id"] = "evt_of_theirs";
  event["account"] = "acct_1032D82eZvKYlo2C";
  const Json made = stripe_.post("/raw_event", {{"event", event}});
  EXPECT_EQ(last("payment_intent.succeeded").event_id, "evt_of_theirs");
  EXPECT_EQ(last("payment_intent.succeeded").kind, WebhookEventKind::unknown)
      << "even where it names a payment as ours do";
}

TEST_F(StripeWebhooks, AnInquiryTakesNothing) {
  const auto paid = charge("pay_1", method(), 1000);
  const Json inquiry = stripe_.post("/dispute", {{"intent", paid.reference}, {"inquiry", true}});
  const auto opened = last("charge.dispute.created");
  EXPECT_EQ(opened.kind, WebhookEventKind::dispute_opened);
  EXPECT_FALSE(opened.dispute.amount);
  stripe_.post("/close_dispute", {{"dispute", inquiry.at("id")}, {"won", false}});
  const auto closed = last("charge.dispute.closed");
  EXPECT_EQ(closed.kind, WebhookEventKind::dispute_won) << "the kernel knows no such dispute: nothing comes of it";
  EXPECT_FALSE(closed.dispute.amount);
  EXPECT_FALSE(closed.dispute.fee);
}

TEST_F(StripeWebhooks, SavedRenewedAndForgottenMethodsAreTold) {
  const auto begun = cards_->setup({.idempotency_key = "setup-1",
                                    .setup_id = "set_1",
                                    .account_id = "acc_1",
                                    .currency = "USD",
                                    .visit = {.return_url = "https://example.com/back"}});
  stripe_.post("/pay", {{"session", begun.reference}});
  for (const char* type : {"setup_intent.succeeded", "checkout.session.completed"}) {
    EXPECT_EQ(last(type).kind, WebhookEventKind::method_saved) << type;
    EXPECT_EQ(last(type).setup_id, "set_1") << type;
  }
  const std::string token = cards_->lookup_setup("set_1", begun.reference).method->token;
  stripe_.post("/renew", {{"method", token.substr(token.find(':') + 1)}, {"year", 2035}});
  const auto renewed = last("payment_method.automatically_updated");
  EXPECT_EQ(renewed.kind, WebhookEventKind::method_changed);
  ASSERT_TRUE(renewed.payment && renewed.payment->method);
  EXPECT_EQ(renewed.payment->method->token, token);
  EXPECT_EQ(renewed.payment->method->expiry_year, 2035);
  EXPECT_EQ(cards_->detach({"detach-1", "acc_1", token}), "");
  const auto gone = last("payment_method.detached");
  EXPECT_EQ(gone.kind, WebhookEventKind::method_changed);
  EXPECT_EQ(gone.payment->method->token, token);
  EXPECT_TRUE(gone.payment->method->label.empty());
}

TEST_F(StripeWebhooks, WhatIsNotOursOrNotKnownIsAcceptedAndLeftAlone) {
  const Json made =
      stripe_.post("/event", {{"type", "invoice.paid"}, {"item", {{"id", "in_1"}, {"object", "invoice"}}}});
  EXPECT_EQ(last("invoice.paid").kind, WebhookEventKind::unknown);
  stripe_.post("/event", {{"type", "payment_intent.succeeded"},
                          {"item", {{"id", "pi_x"}, {"object", "payment_intent"}, {"metadata", Json::object()}}}});
  EXPECT_EQ(last("payment_intent.succeeded").kind, WebhookEventKind::unknown) << "another shop on the same account";
}

TEST_F(StripeWebhooks, AnEventThatCannotBeWorkedOutNowIsKeptForLater) {
  const auto paid = charge("pay_1", method(), 1000);
  stripe_.post("/dispute", {{"intent", paid.reference}});
  const auto all = sent();
  const auto created =
      std::find_if(all.begin(), all.end(), [](const auto& e) { return e.first == "charge.dispute.created"; });
  ASSERT_NE(created, all.end());
  stripe_.refuse(true);
  const auto later = handle(created->second);
  EXPECT_EQ(later.verdict, WebhookVerdict::unknown);
  EXPECT_EQ(later.status, 503);
  stripe_.refuse(false);
  EXPECT_EQ(handle(created->second).verdict, WebhookVerdict::accepted);
}

}  // namespace
}  // namespace bursar::plugin_host::testing
