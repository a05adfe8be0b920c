// What the plugin tells without its provider: signatures, amounts, decline words.
#include "signature.hpp"

#include <gtest/gtest.h>

#include <bursar/testing.hpp>

#include "declines.hpp"
#include "hex.hpp"
#include "money.hpp"

namespace stripe {
namespace {

using bursar::Milliseconds;
using bursar::Time;

const Time now = Time(std::chrono::seconds(1'800'000'000));
const Milliseconds tolerance = std::chrono::minutes(5);

class Signatures : public ::testing::Test {
 protected:
  [[nodiscard]] std::string v1(std::int64_t at, const std::string& body, const std::string& secret) const {
    return hex(host_.hmac(BURSAR_DIGEST_SHA256, secret, std::to_string(at) + "." + body));
  }
  [[nodiscard]] bool genuine(const std::string& header, const std::string& body = "{}") const {
    return is_genuine(host_, header, body, {"whsec_new", "whsec_old"}, now, tolerance);
  }
  bursar::testing::FakeHost fake_;
  bursar::Host host_{fake_.get()};
};

TEST_F(Signatures, AreTheHmacOfTimeAndBodyUnderTheWholeSecret) {
  // Worked out apart from this code: printf '1800000000.{}' | openssl dgst -sha256 -hmac whsec_new
  EXPECT_TRUE(genuine("t=1800000000,v1=" + v1(1'800'000'000, "{}", "whsec_new")));
  EXPECT_EQ(v1(1'800'000'000, "{}", "whsec_new"), "1986deab7895a14a054fddb484fae2a14b005d2d05f7c0337957417e34d10bfe");
}

TEST_F(Signatures, AnyOfSeveralUnderEitherSecretWillDo) {
  const std::string good = v1(1'800'000'000, "{}", "whsec_old");
  const std::string bad(64, '0');
  EXPECT_TRUE(genuine("t=1800000000,v1=" + bad + ",v1=" + good + ",v0=" + bad));
  EXPECT_TRUE(genuine("t=1800000000,v1=" + good + ",v1=" + bad));
  EXPECT_FALSE(genuine("t=1800000000,v1=" + bad + ",v1=" + bad));
  EXPECT_FALSE(genuine("t=1800000000,v0=" + good)) << "v0 is a scheme for tests that proves nothing";
  EXPECT_FALSE(is_genuine(host_, "t=1800000000,v1=" + good, "{}", {}, now, tolerance)) << "no secret, no trust";
}

TEST_F(Signatures, AreRefusedWhenAnythingWasChanged) {
  const std::string good = v1(1'800'000'000, "{}", "whsec_new");
  EXPECT_FALSE(genuine("t=1800000000,v1=" + good, "{ }"));
  EXPECT_FALSE(genuine("t=1800000001,v1=" + good));
  EXPECT_FALSE(genuine("t=01800000000,v1=" + good)) << "the time is signed as it is written";
  EXPECT_FALSE(genuine("t=1800000000,v1=" + v1(1'800'000'000, "{}", "whsec_another")));
}

TEST_F(Signatures, AreBelievedForTheTolerancePastAndFutureAndNoLonger) {
  for (const std::int64_t away : {-301, -300, 0, 300, 301}) {
    const std::int64_t at = 1'800'000'000 + away;
    EXPECT_EQ(genuine("t=" + std::to_string(at) + ",v1=" + v1(at, "{}", "whsec_new")), away >= -300 && away <= 300)
        << away;
  }
}

TEST_F(Signatures, HeadersOfAnotherFormAreRefused) {
  const std::string good = v1(1'800'000'000, "{}", "whsec_new");
  for (const std::string& header :
       {std::string(), std::string("t=1800000000"), "v1=" + good, "t=,v1=" + good, "t=x,v1=" + good, "t=-1,v1=" + good,
        "t=1800000000,t=1800000000,v1=" + good, "t=99999999999999999999,v1=" + good, "t=9223372036854775807,v1=" + good,
        "t=1800000000;v1=" + good, "t=1800000000,v1=" + good + ",junk", "t= 1800000000,v1=" + good}) {
    EXPECT_FALSE(genuine(header)) << header;
  }
}

TEST(StripeAmounts, GoThereAndBackForEveryCurrencyOrAreRefused) {
  EXPECT_GT(currencies().size(), 130U);
  for (const std::string& currency : currencies()) {
    int exact = 0;
    for (std::int64_t minor = 1; minor <= 1000; ++minor) {
      const auto there = to_stripe({minor, currency});
      if (!there) continue;
      ++exact;
      EXPECT_EQ(from_stripe(*there, small_letters(currency)), (bursar::Money{minor, currency}));
    }
    const bool thousandths =
        currency == "BHD" || currency == "JOD" || currency == "KWD" || currency == "OMR" || currency == "TND";
    EXPECT_EQ(exact, currency == "MGA" ? 10 : thousandths ? 100 : 1000) << currency;
  }
}

TEST(StripeAmounts, FractionsThatCannotBeAreUnknownAndNotRounded) {
  EXPECT_THROW((void)from_stripe(50'050, "isk"), bursar::OutcomeUnknown);
  EXPECT_THROW((void)from_stripe(1, "ugx"), bursar::OutcomeUnknown);
  EXPECT_EQ(from_stripe(50'000, "isk").minor, 500);
  EXPECT_FALSE(to_stripe({std::numeric_limits<std::int64_t>::max(), "ISK"}));
}

TEST(StripeDeclines, TheBanksWordWeighsMoreThanStripesAndTheNetworksAdviceMost) {
  EXPECT_EQ(decline_of("card_declined", "stolen_card", "").refusal, Refusal::final);
  EXPECT_EQ(decline_of("expired_card", "", "").code, "expired");
  EXPECT_EQ(decline_of("card_declined", "authentication_required", "").refusal, Refusal::act);
  EXPECT_EQ(decline_of("card_declined", "insufficient_funds", "do_not_try_again").refusal, Refusal::final);
  EXPECT_EQ(decline_of("card_declined", "transaction_not_allowed", "try_again_later").refusal, Refusal::soft);
  EXPECT_EQ(decline_of("card_declined", "stolen_card", "try_again_later").refusal, Refusal::final);
  EXPECT_EQ(decline_of("", "", "").refusal, Refusal::soft);
}

}  // namespace
}  // namespace stripe
