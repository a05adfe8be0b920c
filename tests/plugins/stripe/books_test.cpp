// Charges, refunds and lookups in random order through random misfortunes. Whatever happens, no payment is charged
// twice, none that is believed is missing, and all are settled once Stripe works again.
#include <random>

#include "stripe.hpp"

namespace bursar::plugin_host::testing {
namespace {

class StripeBooks : public StripeTest {
 protected:
  void misfortune() {
    const std::vector<Json> faults = {
        {{"fault", "reset_before_read"}},
        {{"fault", "reset_after_read"}, {"effect", false}},
        {{"fault", "reset_after_read"}, {"effect", true}},
        {{"fault", "status"}, {"status", 500}, {"effect", true}},
        {{"fault", "status"}, {"status", 500}, {"effect", false}},
        {{"fault", "status"}, {"status", 503}, {"effect", true}, {"body", "<html>"}},
        {{"fault", "status"}, {"status", 403}, {"effect", false}},
        {{"fault", "truncated"}},
        {{"fault", "cut"}},
        {{"fault", "patched"}, {"set", {{"id", 5}}}},
    };
    if (random_() % 2 == 0) stripe_.fault(faults[random_() % faults.size()]);
  }

  // As the kernel does it: performs, then only looks up while unknown, performs again when nothing was attempted.
  template <class Perform, class Look>
  GatewayAnswer worked_off(const Perform& perform, const Look& look, bool unlucky) {
    GatewayAnswer answer;
    bool ask = false;
    for (int step = 0; step < 60; ++step) {
      if (unlucky && step < 8) misfortune();
      answer = ask ? look() : perform();
      if (answer.outcome == GatewayOutcome::unknown) ask = true;
      if (answer.outcome == GatewayOutcome::not_attempted) ask = false;
      if (answer.outcome == GatewayOutcome::succeeded || answer.outcome == GatewayOutcome::declined) return answer;
      pass(1 + static_cast<std::int64_t>(random_() % 900));
    }
    return answer;
  }

  std::uint64_t seed_ = std::random_device{}();
  std::mt19937_64 random_{seed_};
};

TEST_F(StripeBooks, AgreeAfterRandomMisfortunes) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  const std::vector<std::string> tokens = {method(), method(), method("decline:insufficient_funds")};
  for (int i = 0; i < 25; ++i) {
    const std::string payment = "pay_" + std::to_string(i);
    const std::string& token = tokens[random_() % tokens.size()];
    const auto minor = static_cast<std::int64_t>(100 + random_() % 100'000);
    const auto paid =
        worked_off([&] { return charge(payment, token, minor); }, [&] { return lookup(payment, "", minor); }, true);
    const bool good = token != tokens[2];
    ASSERT_EQ(paid.outcome, good ? GatewayOutcome::succeeded : GatewayOutcome::declined)
        << payment << " " << paid.error;
    if (!good || random_() % 2 == 0) continue;
    const std::string id = "ref_" + std::to_string(i);
    const auto part = static_cast<std::int64_t>(1 + random_() % static_cast<std::uint64_t>(minor));
    const auto back =
        worked_off([&] { return refund(id, payment, paid.reference, part); }, [&] { return lookup_refund(id); }, true);
    ASSERT_EQ(back.outcome, GatewayOutcome::succeeded) << id << " " << back.error;
  }
}

}  // namespace
}  // namespace bursar::plugin_host::testing
