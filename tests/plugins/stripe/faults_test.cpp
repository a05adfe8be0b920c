// Every misfortune on the way to Stripe and back. After each, the payment is settled by lookups and, where that is
// right, by the same charge again; the book is compared when the test ends.
#include <chrono>
#include <thread>

#include "stripe.hpp"

namespace bursar::plugin_host::testing {
namespace {

constexpr std::int64_t settled = 16 * 60;

struct Misfortune {
  const char* name;
  Json fault;
  bool charged;  // whether the request was done all the same
};

std::vector<Misfortune> misfortunes(const std::string& path) {
  const auto on = [&](Json fault) {
    fault["method"] = "POST";
    fault["path"] = "^" + path + "$";
    return fault;
  };
  return {
      {"reset before it was read", {{"fault", "reset_before_read"}}, false},
      {"reset after it was read", on({{"fault", "reset_after_read"}, {"effect", false}}), false},
      {"reset after it was done", on({{"fault", "reset_after_read"}, {"effect", true}}), true},
      {"500 without effect", on({{"fault", "status"}, {"status", 500}, {"effect", false}}), false},
      {"500 with effect", on({{"fault", "status"}, {"status", 500}, {"effect", true}}), true},
      {"502 from a proxy, HTML", on({{"fault", "status"}, {"status", 502}, {"effect", true}, {"body", "<html>"}}),
       true},
      {"a redirect elsewhere",
       on({{"fault", "status"}, {"status", 302}, {"effect", true}, {"headers", {{"Location", "http://127.0.0.1:9/"}}}}),
       true},
      {"truncated JSON", on({{"fault", "truncated"}}), true},
      {"an answer cut short", on({{"fault", "cut"}}), true},
      {"a status of the wrong type", on({{"fault", "patched"}, {"set", {{"status", 7}}}}), true},
      {"a status that does not exist", on({{"fault", "patched"}, {"set", {{"status", "shiny"}}}}), true},
      {"no id", on({{"fault", "patched"}, {"set", {{"id", nullptr}}}}), true},
      {"another payment's metadata",
       on({{"fault", "patched"}, {"set", {{"metadata", {{"bursar_payment", "x"}, {"bursar_refund", "x"}}}}}}), true},
      {"the answer after the deadline", on({{"fault", "delay"}, {"seconds", 5}, {"when", "after"}}), true},
  };
}

TEST_F(StripeTest, ChargesThatGetNoSoundAnswerAreUnknownAndSettledOnce) {
  const auto token = method();
  int number = 0;
  for (const auto& misfortune : misfortunes("/v1/payment_intents")) {
    const std::string payment = "pay_" + std::to_string(++number);
    stripe_.fault(misfortune.fault);
    const auto answer = charge(payment, token);
    EXPECT_EQ(answer.outcome, GatewayOutcome::unknown) << misfortune.name << " " << answer.error;
    EXPECT_FALSE(answer.error.empty()) << misfortune.name;
    const auto at_once = lookup(payment);
    if (misfortune.charged) {
      EXPECT_EQ(at_once.outcome, GatewayOutcome::succeeded) << misfortune.name << " " << at_once.error;
      continue;
    }
    EXPECT_EQ(at_once.outcome, GatewayOutcome::unknown) << misfortune.name << ": it may still be on its way";
    EXPECT_TRUE(at_once.poll_after) << misfortune.name;
    pass(settled);
    EXPECT_EQ(lookup(payment).outcome, GatewayOutcome::not_attempted) << misfortune.name;
    const auto again = charge(payment, token);
    EXPECT_EQ(again.outcome, GatewayOutcome::succeeded) << misfortune.name << " " << again.error;
  }
}

TEST_F(StripeTest, RefundsThatGetNoSoundAnswerAreUnknownAndSettledOnce) {
  int number = 0;
  for (const auto& misfortune : misfortunes("/v1/refunds")) {
    const std::string payment = "pay_" + std::to_string(++number);
    const std::string id = "ref_" + std::to_string(number);
    const auto paid = charge(payment, method(), 1000);
    ASSERT_EQ(paid.outcome, GatewayOutcome::succeeded) << paid.error;
    stripe_.fault(misfortune.fault);
    EXPECT_EQ(refund(id, payment, paid.reference, 400).outcome, GatewayOutcome::unknown) << misfortune.name;
    if (misfortune.charged) {
      const auto known = lookup_refund(id);
      EXPECT_EQ(known.outcome, GatewayOutcome::succeeded) << misfortune.name << " " << known.error;
      continue;
    }
    EXPECT_EQ(lookup_refund(id).outcome, GatewayOutcome::unknown) << misfortune.name;
    pass(settled);
    EXPECT_EQ(lookup_refund(id).outcome, GatewayOutcome::not_attempted) << misfortune.name;
    EXPECT_EQ(refund(id, payment, paid.reference, 400).outcome, GatewayOutcome::succeeded) << misfortune.name;
  }
}

TEST_F(StripeTest, ARequestThatArrivesAfterWeGaveUpIsFoundAndNotMadeAgain) {
  const auto token = method();
  stripe_.fault({{"fault", "delay"}, {"seconds", 6}, {"when", "before"}, {"path", "payment_intents"}});
  EXPECT_EQ(charge("pay_1", token).outcome, GatewayOutcome::unknown);
  EXPECT_EQ(lookup("pay_1").outcome, GatewayOutcome::unknown) << "nothing there yet does not mean never";
  EXPECT_EQ(charge("pay_1", token).outcome, GatewayOutcome::unknown) << "409: the first one is still being worked on";
  std::this_thread::sleep_for(std::chrono::seconds(3));
  EXPECT_EQ(lookup("pay_1").outcome, GatewayOutcome::succeeded);
}

TEST_F(StripeTest, ARefusedConnectionIsNotAttempted) {
  const auto token = method();
  const auto paid = charge("pay_0", token, 1000);
  stripe_.refuse(true);
  EXPECT_EQ(charge("pay_1", token).outcome, GatewayOutcome::not_attempted);
  EXPECT_EQ(begin("pay_2").outcome, GatewayOutcome::not_attempted);
  EXPECT_EQ(refund("ref_1", "pay_0", paid.reference, 1000).outcome, GatewayOutcome::not_attempted);
  EXPECT_EQ(lookup("pay_1").outcome, GatewayOutcome::unknown) << "who was not reached said nothing";
  EXPECT_NE(cards_->detach({"detach-1", "acc_1", token}), "");
  stripe_.refuse(false);
  EXPECT_EQ(charge("pay_1", token).outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(refund("ref_1", "pay_0", paid.reference, 1000).outcome, GatewayOutcome::succeeded);
}

TEST_F(StripeTest, TooManyRequestsAreNotAttemptedAndFollowedByQuiet) {
  const auto token = method();
  stripe_.fault({{"fault", "status"}, {"status", 429}, {"effect", false}, {"headers", {{"Retry-After", "1"}}}});
  const auto limited = charge("pay_1", token);
  EXPECT_EQ(limited.outcome, GatewayOutcome::not_attempted) << limited.error;
  ASSERT_TRUE(limited.poll_after);
  EXPECT_GE(limited.poll_after->seconds, 1);
  EXPECT_LE(limited.poll_after->seconds, 2);
  const auto before = stripe_.get("/requests").size();
  EXPECT_EQ(charge("pay_2", token).outcome, GatewayOutcome::not_attempted);
  EXPECT_EQ(lookup("pay_1").outcome, GatewayOutcome::unknown);
  EXPECT_EQ(stripe_.get("/requests").size(), before) << "nothing was sent meanwhile";
  std::this_thread::sleep_for(std::chrono::milliseconds(1400));
  EXPECT_EQ(charge("pay_1", token).outcome, GatewayOutcome::succeeded);
}

TEST_F(StripeTest, AKeyThatMayNotIsNotAttemptedUntilMended) {
  const auto token = method();
  for (const int status : {401, 403}) {
    stripe_.fault({{"fault", "status"}, {"status", status}, {"effect", false}});
    const auto answer = charge("pay_1", token);
    EXPECT_EQ(answer.outcome, GatewayOutcome::not_attempted) << status;
    EXPECT_NE(answer.error.find("key"), std::string::npos) << answer.error;
    EXPECT_EQ(answer.error.find("rk_test_a"), std::string::npos) << "it is named, not shown";
  }
  EXPECT_EQ(charge("pay_1", token).outcome, GatewayOutcome::succeeded);
}

TEST_F(StripeTest, APageWithoutAnAnswerWasNeverToldToAnybody) {
  for (const char* path : {"/v1/customers", "/v1/checkout/sessions"}) {
    const std::string payment = std::string("pay") + (path[4] == 'c' && path[5] == 'u' ? "_a" : "_b");
    stripe_.fault({{"fault", "reset_after_read"}, {"effect", true}, {"path", path}});
    EXPECT_EQ(begin(payment).outcome, GatewayOutcome::unknown) << path;
    EXPECT_EQ(lookup(payment).outcome, GatewayOutcome::not_attempted) << path;
    EXPECT_EQ(begin(payment).outcome, GatewayOutcome::requires_action) << path;
  }
  EXPECT_EQ(stripe_.book("page").size(), 1U + 1U) << "the second page of pay_b is the first one, replayed";
}

TEST_F(StripeTest, AnEmptySearchNeverMeansThatNothingHappened) {
  const auto token = method();
  EXPECT_EQ(charge("pay_1", token).outcome, GatewayOutcome::succeeded);
  start({});  // its store is in memory: what is known of the payment is lost, as after restoring an old backup
  EXPECT_EQ(lookup("pay_1").outcome, GatewayOutcome::unknown) << "the search has not seen it yet";
  EXPECT_EQ(lookup("pay_never").outcome, GatewayOutcome::unknown);
  pass(120);
  EXPECT_EQ(lookup("pay_1").outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(lookup("pay_never").outcome, GatewayOutcome::unknown);
  pass(3600);
  EXPECT_EQ(lookup("pay_never").outcome, GatewayOutcome::not_attempted);
}

TEST_F(StripeTest, ALongListIsWalkedAndOneThatIsTooLongProvesNothing) {
  const auto token = method();
  stripe_.fault({{"fault", "reset_after_read"}, {"effect", true}, {"path", "payment_intents"}});
  EXPECT_EQ(charge("pay_first", token).outcome, GatewayOutcome::unknown);
  stripe_.fault({{"fault", "reset_after_read"}, {"effect", false}, {"path", "payment_intents"}});
  EXPECT_EQ(charge("pay_never", token).outcome, GatewayOutcome::unknown);
  for (int i = 0; i < 8; ++i) charge("pay_" + std::to_string(i), token);
  stripe_.post("/configure", {{"page_size", 1}});
  pass(settled);
  EXPECT_EQ(lookup("pay_first").outcome, GatewayOutcome::succeeded) << "on the ninth page";
  EXPECT_EQ(lookup("pay_never").outcome, GatewayOutcome::not_attempted);
  for (int i = 8; i < 10; ++i) charge("pay_" + std::to_string(i), token);
  EXPECT_EQ(lookup("pay_never").outcome, GatewayOutcome::unknown) << "the eleventh page was not looked at";
}

TEST_F(StripeTest, ARefundIsFoundAmongAllOfThemWhenTheStoreWasLost) {
  const auto paid = charge("pay_1", method(), 1000);
  EXPECT_EQ(refund("ref_1", "pay_1", paid.reference, 400).outcome, GatewayOutcome::succeeded);
  start({});
  EXPECT_EQ(lookup_refund("ref_1").outcome, GatewayOutcome::succeeded);
}

TEST_F(StripeTest, AForeignReferenceIsNeverBooked) {
  const auto token = method();
  const auto mine = charge("pay_1", token);
  const auto other = lookup("pay_2", mine.reference);
  EXPECT_EQ(other.outcome, GatewayOutcome::unknown);
  EXPECT_NE(other.error.find("another payment"), std::string::npos) << other.error;
}

}  // namespace
}  // namespace bursar::plugin_host::testing
