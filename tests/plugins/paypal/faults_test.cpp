// PayPal: every misfortune on the way, what is said of it, and the books at the end.
#include <thread>

#include "fixture.hpp"

namespace bursar::plugin_host {
namespace {

using namespace testing;

// What becomes of a request that moves money: the answer at once, and whether it was done.
struct Misfortune {
  std::string name;
  Json fault;
  GatewayOutcome outcome;
  bool done;
};

std::ostream& operator<<(std::ostream& out, const Misfortune& misfortune) { return out << misfortune.name; }

const char* name_of(int status) {
  if (status == 429) return "RATE_LIMIT_REACHED";
  return status == 409 ? "RESOURCE_CONFLICT" : "INTERNAL_SERVER_ERROR";
}

std::vector<Misfortune> misfortunes() {
  const auto status = [](int code, bool effect) {
    return Json{{"fault", "status"},
                {"status", code},
                {"effect", effect},
                {"body", {{"name", name_of(code)}, {"debug_id", "d0f417"}}}};
  };
  const auto html = [](bool effect) {
    return Json{{"fault", "status"},
                {"status", 502},
                {"effect", effect},
                {"headers", {{"Content-Type", "text/html"}}},
                {"body", "<html><body><h1>502 Bad Gateway</h1></body></html>"}};
  };
  return {
      {"reset_before_it_was_read", {{"fault", "reset_before_read"}}, GatewayOutcome::unknown, false},
      {"reset_and_not_done", {{"fault", "reset_after_read"}, {"effect", false}}, GatewayOutcome::unknown, false},
      {"reset_and_done", {{"fault", "reset_after_read"}, {"effect", true}}, GatewayOutcome::unknown, true},
      {"too_many_requests", status(429, false), GatewayOutcome::not_attempted, false},
      {"error_500_and_not_done", status(500, false), GatewayOutcome::unknown, false},
      {"error_500_and_done", status(500, true), GatewayOutcome::unknown, true},
      {"html_502_and_not_done", html(false), GatewayOutcome::unknown, false},
      {"html_502_and_done", html(true), GatewayOutcome::unknown, true},
      {"conflict_409_and_not_done", status(409, false), GatewayOutcome::unknown, false},
      {"conflict_409_and_done", status(409, true), GatewayOutcome::unknown, true},
      {"truncated_json", {{"fault", "truncated"}}, GatewayOutcome::unknown, true},
      {"cut_answer", {{"fault", "cut"}}, GatewayOutcome::unknown, true},
      {"status_of_another_type", {{"fault", "patched"}, {"set", {{"status", 7}}}}, GatewayOutcome::unknown, true},
      {"id_of_another_type", {{"fault", "patched"}, {"set", {{"id", {{"a", 1}}}}}}, GatewayOutcome::unknown, true},
      {"five_seconds", {{"fault", "delay"}, {"seconds", 5}}, GatewayOutcome::unknown, true},
  };
}

class PayPalFaults : public PayPalTest, public ::testing::WithParamInterface<Misfortune> {
 protected:
  // Only an answer that is to come too late needs a deadline that a busy machine might miss.
  [[nodiscard]] settings::PluginInstance configured(const std::string& api) override {
    auto made = PayPalTest::configured(api);
    if (GetParam().fault["fault"] == "delay") made.deadline = seconds(3);
    return made;
  }
  // Strikes the next request that moves money. A reset before reading knows no path, so nothing may come before it.
  void strike(const std::string& path) {
    Json fault = GetParam().fault;
    if (fault["fault"] != "reset_before_read") fault["path"] = path;
    double_.fault(fault);
  }
  // A reset may come so early that the connection never stood; then nothing was sent, and saying so is right as well.
  // Where PayPal says that it is at work on the very request, the end is told later.
  [[nodiscard]] bool is_right(const GatewayAnswer& answer) const {
    return answer.outcome == GetParam().outcome ||
           (GetParam().fault.value("status", 0) == 409 && answer.outcome == GatewayOutcome::pending) ||
           (GetParam().fault["fault"] == "reset_before_read" && answer.outcome == GatewayOutcome::not_attempted);
  }
  // As the kernel does: it asks until it knows, and a certain "not attempted" is tried again with the same key.
  template <class Again>
  GatewayAnswer resolve(const std::string& id, GatewayAnswer answer, const Again& again) {
    for (int i = 0; i < 5 && answer.outcome != GatewayOutcome::succeeded; ++i) {
      if (answer.outcome == GatewayOutcome::not_attempted || answer.ready) {
        answer = again();
        continue;
      }
      EXPECT_TRUE(answer.outcome == GatewayOutcome::unknown || answer.outcome == GatewayOutcome::pending)
          << answer.error << answer.decline_text;
      answer = lookup(id);
      if (answer.outcome == GatewayOutcome::unknown) pass(3600);
    }
    return answer;
  }
};

TEST_P(PayPalFaults, ChargeOfASavedAccount) {
  EXPECT_TRUE(host_->test_connection("paypal").ok);  // has an access token
  strike("/capture$");
  const auto first = charge();
  EXPECT_TRUE(is_right(first)) << static_cast<int>(first.outcome) << first.error;
  EXPECT_TRUE(first.outcome == GatewayOutcome::pending || !first.error.empty()) << "staff are told why";
  restart();
  const auto last = resolve("pay_1", first, [&] { return charge(); });
  EXPECT_EQ(last.outcome, GatewayOutcome::succeeded) << last.error;
  EXPECT_EQ(book(), Lines{"capture 12.34 EUR pay_1"});
  EXPECT_EQ(double_.book("capture").back()["id"], last.reference);
}

TEST_P(PayPalFaults, CompletionOfAnApprovedPayment) {
  const auto begun = begin();
  approve(begun.reference);
  strike("/capture$");
  const auto first = complete("pay_1", begun.reference);
  EXPECT_TRUE(is_right(first)) << static_cast<int>(first.outcome) << first.error;
  EXPECT_EQ(book().size(), GetParam().done ? 1U : 0U);
  restart();
  const auto last = resolve("pay_1", first, [&] { return complete("pay_1", begun.reference); });
  EXPECT_EQ(last.outcome, GatewayOutcome::succeeded) << last.error;
  EXPECT_EQ(book(), Lines{"capture 12.34 EUR pay_1"});
}

TEST_P(PayPalFaults, Refund) {
  const std::string capture = paid();
  strike("/refund$");
  const auto first = refund("ref_1", capture);
  EXPECT_TRUE(is_right(first)) << static_cast<int>(first.outcome) << first.error;
  EXPECT_EQ(book().size(), GetParam().done ? 2U : 1U);
  restart();
  const auto last = resolve("ref_1", first, [&] { return refund("ref_1", capture); });
  EXPECT_EQ(last.outcome, GatewayOutcome::succeeded) << last.error;
  EXPECT_EQ(book(), (Lines{"capture 12.34 EUR pay_1", "refund 2.34 EUR ref_1"}));
}

// No money moves when an order is made: whatever happens to that, the customer may simply begin again.
TEST_P(PayPalFaults, BeginningMovesNoMoneyAndMayBeTriedAgain) {
  EXPECT_TRUE(host_->test_connection("paypal").ok);
  strike("/orders$");
  const auto first = begin();
  EXPECT_NE(first.outcome, GatewayOutcome::succeeded);
  EXPECT_NE(first.outcome, GatewayOutcome::declined) << first.decline_text;
  if (first.outcome == GatewayOutcome::unknown) {
    EXPECT_EQ(lookup("pay_1").outcome, GatewayOutcome::not_attempted);
  }
  restart();
  const auto again = begin();
  ASSERT_EQ(again.outcome, GatewayOutcome::requires_action) << again.error;
  approve(again.reference);
  EXPECT_EQ(complete("pay_1", again.reference).outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(book(), Lines{"capture 12.34 EUR pay_1"});
}

// Asking changes nothing, and an answer that was lost or damaged says nothing.
TEST_P(PayPalFaults, LookupThatFailsIsUnknown) {
  paid();
  strike("/v2/");
  const auto answer = lookup("pay_1");
  EXPECT_EQ(answer.outcome, GatewayOutcome::unknown) << answer.error;
  restart();
  EXPECT_EQ(lookup("pay_1").outcome, GatewayOutcome::succeeded);
}

INSTANTIATE_TEST_SUITE_P(Each, PayPalFaults, ::testing::ValuesIn(misfortunes()),
                         [](const auto& one) { return one.param.name; });

class PayPalUnreachable : public PayPalTest {};

TEST_F(PayPalUnreachable, RefusedConnectionAttemptsNothingAndALookupKnowsNothing) {
  const std::string capture = paid();
  const auto begun = begin("pay_2");
  approve(begun.reference);
  charge("pay_3");
  double_.refuse(true);
  EXPECT_EQ(begin("pay_4").outcome, GatewayOutcome::not_attempted);
  EXPECT_EQ(charge("pay_5").outcome, GatewayOutcome::not_attempted);
  EXPECT_EQ(complete("pay_2", begun.reference).outcome, GatewayOutcome::not_attempted);
  EXPECT_EQ(refund("ref_1", capture).outcome, GatewayOutcome::not_attempted);
  EXPECT_EQ(lookup("pay_1", capture).outcome, GatewayOutcome::unknown);
  EXPECT_FALSE(host_->test_connection("paypal").ok);
  double_.refuse(false);
  EXPECT_EQ(complete("pay_2", begun.reference).outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(charge("pay_5").outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(refund("ref_1", capture).outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(book(), (Lines{"capture 12.34 EUR pay_1", "capture 12.34 EUR pay_3", "capture 12.34 EUR pay_2",
                           "capture 12.34 EUR pay_5", "refund 2.34 EUR ref_1"}));
}

TEST_F(PayPalUnreachable, AccessTokenThatCannotBeHadAttemptsNothing) {
  for (const Json& fault :
       {Json{{"fault", "status"}, {"status", 500}}, Json{{"fault", "truncated"}}, Json{{"fault", "cut"}},
        Json{{"fault", "patched"}, {"set", {{"access_token", 7}}}},
        Json{{"fault", "patched"}, {"set", {{"expires_in", "long"}}}}, Json{{"fault", "reset_after_read"}}}) {
    Json here = fault;
    here["path"] = "/v1/oauth2/token$";
    double_.fault(here);
    const auto answer = charge();
    EXPECT_EQ(answer.outcome, GatewayOutcome::not_attempted) << fault << answer.error;
    restart();
  }
  EXPECT_EQ(charge().outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(book(), Lines{"capture 12.34 EUR pay_1"});
}

TEST_F(PayPalUnreachable, OrderOfAChargeThatWasLostIsNotAttempted) {
  for (const bool effect : {false, true}) {
    double_.fault({{"fault", "reset_after_read"}, {"path", "/orders$"}, {"effect", effect}});
    EXPECT_EQ(charge().outcome, GatewayOutcome::unknown);
    EXPECT_EQ(lookup("pay_1").outcome, GatewayOutcome::not_attempted) << "an order is not captured by itself";
  }
  EXPECT_EQ(charge().outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(book(), Lines{"capture 12.34 EUR pay_1"});
}

TEST_F(PayPalUnreachable, TooManyRequestsAreNotAttemptedAndFollowedByQuiet) {
  EXPECT_TRUE(host_->test_connection("paypal").ok);
  double_.fault({{"fault", "status"},
                 {"status", 429},
                 {"effect", false},
                 {"path", "/capture$"},
                 {"headers", {{"Retry-After", "1"}}},
                 {"body", {{"name", "RATE_LIMIT_REACHED"}}}});
  const auto limited = charge();
  EXPECT_EQ(limited.outcome, GatewayOutcome::not_attempted) << limited.error;
  ASSERT_TRUE(limited.poll_after);
  EXPECT_GE(limited.poll_after->seconds, 1);
  EXPECT_LE(limited.poll_after->seconds, 2);
  const auto before = double_.get("/requests").size();
  EXPECT_EQ(charge("pay_2").outcome, GatewayOutcome::not_attempted);
  EXPECT_EQ(lookup("pay_1").outcome, GatewayOutcome::unknown);
  EXPECT_EQ(double_.get("/requests").size(), before) << "nothing was sent meanwhile";
  while (charge().outcome == GatewayOutcome::not_attempted) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(book(), Lines{"capture 12.34 EUR pay_1"});
}

TEST_F(PayPalUnreachable, CompletionOrRefundThatAnswersForAnotherIsNotBelieved) {
  const auto begun = begin();
  approve(begun.reference);
  double_.fault({{"fault", "patched"}, {"path", "/capture$"}, {"set", {{"purchase_units.0.custom_id", "pay_other"}}}});
  EXPECT_EQ(complete("pay_1", begun.reference).outcome, GatewayOutcome::unknown);
  const auto taken = lookup("pay_1");
  EXPECT_EQ(taken.outcome, GatewayOutcome::succeeded);
  double_.fault({{"fault", "patched"}, {"path", "/refund$"}, {"set", {{"custom_id", "ref_other"}}}});
  EXPECT_EQ(refund("ref_1", taken.reference).outcome, GatewayOutcome::unknown);
  EXPECT_EQ(lookup("ref_1").outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(book(), (Lines{"capture 12.34 EUR pay_1", "refund 2.34 EUR ref_1"}));
}

TEST_F(PayPalUnreachable, AnswerAboutAnotherPaymentIsNotBelieved) {
  int number = 0;
  for (const Json& set : {Json{{"purchase_units.0.custom_id", "pay_other"}}, Json{{"purchase_units", Json::array()}},
                          Json{{"purchase_units.0.payments.captures.0.amount.value", "12.345"}},
                          Json{{"purchase_units.0.payments.captures.0.amount.value", "-12.34"}},
                          Json{{"purchase_units.0.payments.captures.0.amount.currency_code", "XXX"}},
                          Json{{"purchase_units.0.payments.captures.0.id", "../x"}},
                          Json{{"purchase_units.0.payments.captures.0.status", "NEW_WORD"}}}) {
    const std::string payment = "pay_" + std::to_string(++number);
    double_.fault({{"fault", "patched"}, {"path", "/capture$"}, {"set", set}});
    EXPECT_EQ(charge(payment).outcome, GatewayOutcome::unknown) << set;
    EXPECT_EQ(lookup(payment).outcome, GatewayOutcome::succeeded) << set;
  }
}

}  // namespace
}  // namespace bursar::plugin_host
