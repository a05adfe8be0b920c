// PayPal: payments as customers make them, saved accounts, refunds, and what each of PayPal's answers comes to.
#include <future>

#include "fixture.hpp"

namespace bursar::plugin_host {
namespace {

using namespace testing;
using payments::DeclineClass;

class PayPal : public PayPalTest {};

TEST_F(PayPal, CustomerApprovesAndCompleteTakesTheMoneyOnce) {
  const auto begun = begin();
  ASSERT_EQ(begun.outcome, GatewayOutcome::requires_action) << begun.error;
  EXPECT_EQ(begun.action.type, "redirect");
  EXPECT_NE(begun.action.url.find("/checkoutnow?token=" + begun.reference), std::string::npos) << begun.action.url;
  EXPECT_EQ(lookup("pay_1", begun.reference).outcome, GatewayOutcome::requires_action);
  EXPECT_EQ(begin().reference, begun.reference) << "a payment has one order";

  approve(begun.reference);
  const auto approved = lookup("pay_1", begun.reference);
  EXPECT_EQ(approved.outcome, GatewayOutcome::pending);
  EXPECT_TRUE(approved.ready);
  EXPECT_EQ(book(), Lines{}) << "asking takes nothing";

  const auto taken = complete("pay_1", begun.reference);
  ASSERT_EQ(taken.outcome, GatewayOutcome::succeeded) << taken.error << taken.decline_text;
  EXPECT_EQ(taken.processed, charge_of(1234).amount);
  EXPECT_EQ(taken.fee, charge_of(92).amount) << "of the receivable breakdown";
  EXPECT_NE(taken.reference, begun.reference) << "a refund needs the capture";
  EXPECT_EQ(complete("pay_1", begun.reference).reference, taken.reference);
  EXPECT_EQ(complete("pay_1", begun.reference, "2").reference, taken.reference) << "an order is captured once";
  EXPECT_EQ(lookup("pay_1", taken.reference).reference, taken.reference);
  EXPECT_EQ(book(), Lines{"capture 12.34 EUR pay_1"});
}

TEST_F(PayPal, CompletingBeforeTheApprovalAsksTheCustomerAgain) {
  const auto begun = begin();
  const auto early = complete("pay_1", begun.reference);
  EXPECT_EQ(early.outcome, GatewayOutcome::requires_action) << early.error;
  EXPECT_EQ(early.action.url, begun.action.url);
  EXPECT_EQ(book(), Lines{});
}

TEST_F(PayPal, DeclinedInstrumentLetsThePresentCustomerChooseAnother) {
  const auto begun = begin();
  approve(begun.reference);
  next_capture({{"issue", "INSTRUMENT_DECLINED"}});
  const auto again = complete("pay_1", begun.reference);
  ASSERT_EQ(again.outcome, GatewayOutcome::requires_action) << again.error;
  EXPECT_EQ(again.reference, begun.reference);
  EXPECT_FALSE(again.action.url.empty());
  EXPECT_EQ(lookup("pay_1", again.reference).outcome, GatewayOutcome::requires_action);
  approve(again.reference);
  EXPECT_TRUE(lookup("pay_1", again.reference).ready);
  EXPECT_EQ(complete("pay_1", again.reference, "2").outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(book(), Lines{"capture 12.34 EUR pay_1"});
}

TEST_F(PayPal, SavedAccountIsChargedWithoutTheCustomer) {
  const std::string token = double_.post("/token", Json::object()).at("token");
  const auto paid = gateway().charge(charge_of(1234, "pay_1", token));
  ASSERT_EQ(paid.outcome, GatewayOutcome::succeeded) << paid.error << paid.decline_text;
  EXPECT_EQ(paid.processed, charge_of(1234).amount);
  EXPECT_EQ(gateway().charge(charge_of(1234, "pay_1", token)).reference, paid.reference);
  restart();
  EXPECT_EQ(lookup("pay_1").reference, paid.reference) << "found without any reference";
  EXPECT_EQ(book(), Lines{"capture 12.34 EUR pay_1"});
}

TEST_F(PayPal, OrderIsTheKeyThatDoesNotExpire) {
  const std::string token = double_.post("/token", Json::object()).at("token");
  double_.post("/allow_doubled_invoices", Json::object());
  double_.fault({{"fault", "reset_after_read"}, {"path", "/capture$"}});
  EXPECT_EQ(gateway().charge(charge_of(1234, "pay_1", token)).outcome, GatewayOutcome::unknown);
  double_.post("/forget_request_ids", Json::object());
  const auto again = gateway().charge(charge_of(1234, "pay_1", token));
  EXPECT_EQ(again.outcome, GatewayOutcome::succeeded) << again.error;
  EXPECT_EQ(book(), Lines{"capture 12.34 EUR pay_1"});
}

TEST_F(PayPal, DetachedTokenIsForgottenAndItsChargeIsFinal) {
  const auto gone = gateway().charge(charge_of(1234, "pay_1", "notthere1"));
  EXPECT_EQ(gone.outcome, GatewayOutcome::declined) << gone.error;
  EXPECT_EQ(gone.decline_class, DeclineClass::final);
  EXPECT_EQ(gone.decline_code, "method_revoked");
  const auto strange = gateway().charge(charge_of(1234, "pay_2", "../../v1/oauth2"));
  EXPECT_EQ(strange.outcome, GatewayOutcome::declined);
  EXPECT_EQ(count("/capture"), 1) << "a token that is none goes into no request";
}

TEST_F(PayPal, CustomerWhoAgreesPaysByThatAccountLaterUntilItIsDetached) {
  auto request = charge_of(1234);
  request.save_method = true;
  const auto begun = gateway().begin(request);
  approve(begun.reference);
  const auto paid = complete("pay_1", begun.reference);
  ASSERT_TRUE(paid.method) << paid.error;
  EXPECT_EQ(paid.method->type, "paypal");
  EXPECT_EQ(paid.method->label, "PayPal buyer@example.com");
  EXPECT_EQ(lookup("pay_1", paid.reference).method->token, paid.method->token);
  EXPECT_EQ(gateway().charge(charge_of(500, "pay_2", paid.method->token)).outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(gateway().detach({"detach-1", "acc_1", paid.method->token}), "");
  EXPECT_EQ(gateway().detach({"detach-1", "acc_1", paid.method->token}), "") << "gone is forgotten";
  EXPECT_EQ(gateway().charge(charge_of(500, "pay_3", paid.method->token)).decline_code, "method_revoked");
  EXPECT_EQ(book(), (Lines{"capture 12.34 EUR pay_1", "capture 5.00 EUR pay_2"}));
}

TEST_F(PayPal, AccountIsKeptWithoutAPayment) {
  ASSERT_TRUE(gateway().info().setups);
  const payments::SetupRequest request{.idempotency_key = "setup-1",
                                       .setup_id = "set_1",
                                       .account_id = "acc_1",
                                       .visit = {.return_url = "https://example.com/back", .locale = "de-DE"}};
  EXPECT_EQ(gateway().lookup_setup("set_1", "").outcome, GatewayOutcome::not_attempted);
  const auto begun = gateway().setup(request);
  ASSERT_EQ(begun.outcome, GatewayOutcome::requires_action) << begun.error;
  EXPECT_NE(begun.action.url.find("/agreements/approve"), std::string::npos) << begun.action.url;
  EXPECT_EQ(gateway().setup(request).reference, begun.reference);
  EXPECT_EQ(gateway().lookup_setup("set_1", begun.reference).outcome, GatewayOutcome::requires_action);
  double_.post("/approve_setup", {{"setup", begun.reference}});
  const auto kept = gateway().lookup_setup("set_1", begun.reference);
  ASSERT_EQ(kept.outcome, GatewayOutcome::succeeded) << kept.error;
  ASSERT_TRUE(kept.method);
  restart();
  EXPECT_EQ(gateway().lookup_setup("set_1", "").method->token, kept.method->token) << "exchanged once";
  EXPECT_EQ(gateway().charge(charge_of(1234, "pay_1", kept.method->token)).outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(gateway().detach({"detach-1", "acc_1", kept.method->token}), "");
  EXPECT_EQ(gateway().lookup_setup("set_1", "").outcome, GatewayOutcome::declined);
  EXPECT_EQ(book(), Lines{"capture 12.34 EUR pay_1"});
}

TEST_F(PayPal, DeclinesSayWhetherAnotherDayMayHelp) {
  const std::string token = double_.post("/token", Json::object()).at("token");
  struct Case {
    Json script;
    DeclineClass decline;
    std::string code;
  };
  const Case cases[] = {
      {{{"issue", "INSTRUMENT_DECLINED"}}, DeclineClass::soft, "issuer_unavailable"},
      {{{"issue", "TRANSACTION_REFUSED"}}, DeclineClass::soft, "suspected_fraud"},
      {{{"issue", "PAYER_CANNOT_PAY"}}, DeclineClass::soft, "other"},
      {{{"issue", "TRANSACTION_LIMIT_EXCEEDED"}}, DeclineClass::soft, "limit_reached"},
      {{{"issue", "PAYER_ACCOUNT_LOCKED_OR_CLOSED"}}, DeclineClass::final, "method_revoked"},
      {{{"issue", "AGREEMENT_ALREADY_CANCELLED"}}, DeclineClass::final, "method_revoked"},
      {{{"issue", "CARD_EXPIRED"}}, DeclineClass::final, "expired"},
      {{{"issue", "A_WORD_OF_NEXT_YEAR"}}, DeclineClass::soft, "other"},
      {{{"status", "DECLINED"}}, DeclineClass::soft, "other"},
      {{{"status", "DECLINED"}, {"response_code", "5120"}}, DeclineClass::soft, "insufficient_funds"},
      {{{"status", "FAILED"}, {"response_code", "9520"}}, DeclineClass::final, "stolen_or_lost"},
  };
  int number = 0;
  for (const Case& one : cases) {
    next_capture(one.script);
    const auto answer = gateway().charge(charge_of(1234, "pay_" + std::to_string(++number), token));
    EXPECT_EQ(answer.outcome, GatewayOutcome::declined) << one.script << answer.error;
    EXPECT_EQ(answer.decline_class, one.decline) << one.script;
    EXPECT_EQ(answer.decline_code, one.code) << one.script;
    EXPECT_NE(answer.decline_text.find("PayPal"), std::string::npos) << answer.decline_text;
  }
  EXPECT_EQ(book(), Lines{});
}

TEST_F(PayPal, MerchantsOwnFaultIsNoDeclineOfTheCustomer) {
  const std::string token = double_.post("/token", Json::object()).at("token");
  next_capture({{"issue", "PAYEE_ACCOUNT_RESTRICTED"}});
  const auto answer = gateway().charge(charge_of(1234, "pay_1", token));
  EXPECT_EQ(answer.outcome, GatewayOutcome::not_attempted);
  EXPECT_NE(answer.error.find("PAYEE_ACCOUNT_RESTRICTED"), std::string::npos) << answer.error;
}

TEST_F(PayPal, PayPalMayWantTheAbsentCustomerAfterAll) {
  const std::string token = double_.post("/token", Json::object()).at("token");
  next_capture({{"issue", "PAYER_ACTION_REQUIRED"}});
  const auto asks = gateway().charge(charge_of(1234, "pay_1", token));
  ASSERT_EQ(asks.outcome, GatewayOutcome::requires_action) << asks.error;
  EXPECT_FALSE(asks.action.url.empty());
  pass(3600);
  EXPECT_EQ(lookup("pay_1", asks.reference).outcome, GatewayOutcome::requires_action) << "it waits for the customer";
  approve(asks.reference);
  EXPECT_TRUE(lookup("pay_1", asks.reference).ready);
  EXPECT_EQ(complete("pay_1", asks.reference).outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(book(), Lines{"capture 12.34 EUR pay_1"});
}

TEST_F(PayPal, PendingCaptureSettlesLaterEitherWay) {
  const std::string token = double_.post("/token", Json::object()).at("token");
  next_capture({{"status", "PENDING"}, {"reason", "ECHECK"}});
  const auto cheque = gateway().charge(charge_of(1234, "pay_1", token));
  EXPECT_EQ(cheque.outcome, GatewayOutcome::pending) << cheque.error;
  EXPECT_EQ(cheque.poll_after, seconds(86400));
  next_capture({{"status", "PENDING"}, {"reason", "PENDING_REVIEW"}});
  const auto review = gateway().charge(charge_of(1234, "pay_2", token));
  EXPECT_EQ(review.poll_after, seconds(3600));
  EXPECT_EQ(lookup("pay_1", cheque.reference).outcome, GatewayOutcome::pending);
  double_.post("/settle", {{"capture", cheque.reference}, {"status", "COMPLETED"}});
  double_.post("/settle", {{"capture", review.reference}, {"status", "DECLINED"}});
  EXPECT_EQ(lookup("pay_1", cheque.reference).outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(lookup("pay_2", review.reference).outcome, GatewayOutcome::declined);
  EXPECT_EQ(book(), Lines{"capture 12.34 EUR pay_1"});
}

TEST_F(PayPal, AmountsAreExactAndWhatPayPalCannotTakeIsRefusedBeforeAnyRequest) {
  const std::string token = double_.post("/token", Json::object()).at("token");
  const auto pays = [&](std::int64_t minor, const char* currency) {
    return gateway().charge(charge_of(minor, std::string("pay_") + currency + std::to_string(minor), token, currency));
  };
  for (const auto& [minor, currency] :
       {std::pair{1, "EUR"}, {100000005, "USD"}, {500, "JPY"}, {123400, "HUF"}, {100, "TWD"}}) {
    const auto answer = pays(minor, currency);
    EXPECT_EQ(answer.outcome, GatewayOutcome::succeeded) << currency << answer.error << answer.decline_text;
    EXPECT_EQ(answer.processed, Money(minor, *Currency::parse(currency))) << currency;
  }
  EXPECT_EQ(book(),
            (Lines{"capture 0.01 EUR pay_EUR1", "capture 1000000.05 USD pay_USD100000005", "capture 500 JPY pay_JPY500",
                   "capture 1234 HUF pay_HUF123400", "capture 1 TWD pay_TWD100"}));
  const int before = count("");
  for (const auto& [minor, currency] : {std::pair{123450, "HUF"}, {150, "TWD"}}) {
    const auto answer = pays(minor, currency);
    EXPECT_EQ(answer.outcome, GatewayOutcome::declined) << currency;
    EXPECT_EQ(answer.decline_code, "amount_out_of_range");
  }
  EXPECT_EQ(pays(1234, "KWD").outcome, GatewayOutcome::not_attempted) << "no currency of PayPal's";
  EXPECT_EQ(count(""), before);
}

TEST_F(PayPal, OrderThatNobodyApprovedLapses) {
  const auto begun = begin();
  double_.post("/lapse", {{"order", begun.reference}});
  const auto lapsed = lookup("pay_1", begun.reference);
  EXPECT_EQ(lapsed.outcome, GatewayOutcome::declined) << lapsed.error;
  EXPECT_EQ(lapsed.decline_class, DeclineClass::soft);
  const auto anew = begin();
  EXPECT_EQ(anew.outcome, GatewayOutcome::requires_action) << anew.error;
  EXPECT_NE(anew.reference, begun.reference) << "the old request id would give the old order";
  approve(anew.reference);
  double_.post("/lapse", {{"order", anew.reference}});
  EXPECT_EQ(complete("pay_1", anew.reference).outcome, GatewayOutcome::declined) << "it was never captured";
  EXPECT_EQ(book(), Lines{});
}

TEST_F(PayPal, ChargeWhoseOrderLapsedBeforeItWasCapturedMakesAnother) {
  double_.fault({{"fault", "reset_after_read"}, {"path", "/capture$"}, {"effect", false}});
  EXPECT_EQ(charge().outcome, GatewayOutcome::unknown);
  pass(3600);
  EXPECT_EQ(lookup("pay_1").outcome, GatewayOutcome::not_attempted);
  const std::string lapsed = last_order();
  double_.post("/lapse", {{"order", lapsed}});
  EXPECT_EQ(charge().outcome, GatewayOutcome::succeeded);
  EXPECT_NE(last_order(), lapsed);
  EXPECT_EQ(book(), Lines{"capture 12.34 EUR pay_1"});
}

TEST_F(PayPal, OrderThatIsGoneAfterItsCaptureWasAskedForIsForAPerson) {
  double_.fault({{"fault", "reset_after_read"}, {"path", "/capture$"}, {"effect", false}});
  EXPECT_EQ(charge().outcome, GatewayOutcome::unknown);
  EXPECT_EQ(lookup("pay_1").outcome, GatewayOutcome::unknown) << "it may still be at work";
  double_.post("/lapse", {{"order", last_order()}});
  pass(86400);
  EXPECT_EQ(lookup("pay_1").outcome, GatewayOutcome::unknown);
  EXPECT_EQ(charge().outcome, GatewayOutcome::unknown);
  EXPECT_EQ(book(), Lines{});
}

TEST_F(PayPal, RefundsInPartsAndNeverMoreThanWasTaken) {
  const std::string capture = paid();
  const auto first = refund("ref_1", capture, 234);
  ASSERT_EQ(first.outcome, GatewayOutcome::succeeded) << first.error << first.decline_text;
  EXPECT_EQ(first.processed, charge_of(234).amount);
  EXPECT_EQ(refund("ref_1", capture, 234).reference, first.reference);
  EXPECT_EQ(lookup("ref_1", first.reference).reference, first.reference);
  EXPECT_EQ(lookup("ref_1").reference, first.reference) << "found without a reference, in the order";
  const auto more = refund("ref_2", capture, 1001);
  EXPECT_EQ(more.outcome, GatewayOutcome::declined) << more.error;
  EXPECT_EQ(more.decline_code, "amount_out_of_range");
  EXPECT_EQ(refund("ref_3", capture, 1000).outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(refund("ref_4", capture, 1).outcome, GatewayOutcome::declined);
  EXPECT_EQ(lookup("pay_1", capture).outcome, GatewayOutcome::succeeded) << "a refunded payment was still made";
  EXPECT_EQ(book(), (Lines{"capture 12.34 EUR pay_1", "refund 2.34 EUR ref_1", "refund 10.00 EUR ref_3"}));
}

TEST_F(PayPal, RefundThatIsTooOldToBeAskedForAgainIsLookedForFirst) {
  const std::string capture = paid();
  EXPECT_EQ(refund("ref_1", capture, 234).outcome, GatewayOutcome::succeeded);
  pass(50LL * 86400);
  double_.post("/forget_request_ids", Json::object());
  const int asked = count("/refund");
  EXPECT_EQ(refund("ref_1", capture, 234).outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(count("/refund"), asked);
  EXPECT_EQ(book(), (Lines{"capture 12.34 EUR pay_1", "refund 2.34 EUR ref_1"}));
}

TEST_F(PayPal, RefundMayBePendingOrFail) {
  const std::string capture = paid();
  double_.post("/next_refund", {{"status", "PENDING"}});
  EXPECT_EQ(refund("ref_1", capture, 100).outcome, GatewayOutcome::pending);
  double_.post("/next_refund", {{"status", "FAILED"}});
  EXPECT_EQ(refund("ref_2", capture, 100).outcome, GatewayOutcome::declined);
  double_.post("/next_refund", {{"issue", "REFUND_TIME_LIMIT_EXCEEDED"}});
  EXPECT_EQ(refund("ref_3", capture, 100).outcome, GatewayOutcome::declined);
}

TEST_F(PayPal, LookupOfWhatNeverWasIsNotAttempted) {
  EXPECT_EQ(lookup("pay_never").outcome, GatewayOutcome::not_attempted);
  EXPECT_EQ(count(""), 0);
  paid();
  const auto theirs = lookup("pay_other", paid("pay_2"));
  EXPECT_EQ(theirs.outcome, GatewayOutcome::unknown) << "another payment's capture proves nothing";
}

TEST_F(PayPal, AccessTokenIsReusedRenewedBeforeItEndsAndOnceWhenRefused) {
  const std::string token = double_.post("/token", Json::object()).at("token");
  paid("pay_1");
  paid("pay_2");
  EXPECT_EQ(count("/v1/oauth2/token"), 1);
  double_.post("/revoke_access", Json::object());
  EXPECT_EQ(gateway().charge(charge_of(1234, "pay_3", token)).outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(count("/v1/oauth2/token"), 2);
  pass(32400 - 30);
  EXPECT_EQ(gateway().charge(charge_of(1234, "pay_4", token)).outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(count("/v1/oauth2/token"), 3) << "not used in its last minute";
  EXPECT_EQ(book().size(), 4U);
}

TEST_F(PayPal, OneAccessTokenForManyThreads) {
  std::vector<std::future<GatewayAnswer>> begun;
  for (int i = 0; i < 8; ++i) {
    begun.push_back(std::async(std::launch::async,
                               [this, i] { return gateway().begin(charge_of(1234, "pay_" + std::to_string(i))); }));
  }
  for (auto& one : begun) EXPECT_EQ(one.get().outcome, GatewayOutcome::requires_action);
  EXPECT_EQ(count("/v1/oauth2/token"), 1);
}

TEST_F(PayPal, WrongCredentialsAttemptNothingAndTheConnectionTestSaysSo) {
  EXPECT_TRUE(host_->test_connection("paypal").ok);
  auto wrong = configured(double_.url());
  wrong.settings["client_secret"].text = "not-the-secret";
  start(wrong);
  const auto test = host_->test_connection("paypal");
  EXPECT_FALSE(test.ok);
  EXPECT_NE(test.detail.find("401"), std::string::npos) << test.detail;
  const auto answer = begin();
  EXPECT_EQ(answer.outcome, GatewayOutcome::not_attempted);
  EXPECT_NE(answer.error.find("client_secret"), std::string::npos) << answer.error;
}

TEST_F(PayPal, AddressForTestsIsOnThisMachineOnly) {
  for (const char* base : {"https://paypal.example.com", "http://127.0.0.1.example.com:80", "http://127.0.0.1:80/x",
                           "http://localhost:80", "http://user@127.0.0.1:80", "http://127.0.0.1:"}) {
    const PluginHost host(config(bundled, {configured(base)}), clock_, remembered_key_values(), options());
    EXPECT_EQ(host.records().front().state, InstanceState::disabled) << base;
  }
}

TEST_F(PayPal, DescriptionRefusesAWrongRequest) {
  if (const std::string why = double_.unchecked(); !why.empty()) GTEST_SKIP() << why;
  const auto faults = [&](const Json& body) {
    return double_.post("/judge", {{"method", "POST"},
                                   {"path", "/v2/checkout/orders"},
                                   {"headers", {{"content-type", "application/json"}}},
                                   {"body", body.dump()}});
  };
  const Json unit{{"amount", {{"currency_code", "EUR"}, {"value", "12.34"}}}};
  Json number = unit;
  number["amount"]["value"] = 12.34;
  EXPECT_EQ(faults({{"intent", "CAPTURE"}, {"purchase_units", Json::array({unit})}}), Json::array());
  EXPECT_NE(faults({{"purchase_units", Json::array({unit})}}), Json::array());
  EXPECT_NE(faults({{"intent", "TAKE"}, {"purchase_units", Json::array({unit})}}), Json::array());
  EXPECT_NE(faults({{"intent", "CAPTURE"}, {"purchase_units", Json::array({number})}}), Json::array());
}

}  // namespace
}  // namespace bursar::plugin_host
