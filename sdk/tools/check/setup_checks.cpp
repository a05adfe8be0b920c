// Saving a method without a payment.
#include "payment_calls.hpp"

namespace check {
namespace {

void money_setup(const Options& options) {
  Opened opened(options);
  const Answer first = set_up(opened, "setup_check1");
  const Answer second = set_up(opened, "setup_check1");
  require(first.outcome() == second.outcome() && first.reference == second.reference,
          "the same key began a second setup");
  require(payment_of(opened).lookup != nullptr, "has setup, but no lookup that could find one");
  const Answer absent = look_up(opened, BURSAR_LOOKUP_SETUP, "setup_never");
  require(absent.outcome() != BURSAR_PAYMENT_SUCCEEDED && absent.outcome() != BURSAR_PAYMENT_DECLINED,
          "lookup knows of a setup that never was");
}

void money_setup_misfortunes(const Options& options) {
  Opened opened(options);
  opened.host.network = [](const auto&) { return refused_connection(); };
  const Answer refused = set_up(opened, "setup_check2");
  if (opened.host.exchanges.empty()) skip("sends nothing through the http service");
  require(refused.outcome() == BURSAR_PAYMENT_NOT_ATTEMPTED, "a refused connection must be not_attempted");
  try_misfortunes(opened, {"setup_check3"}, access_token(), {BURSAR_PAYMENT_UNKNOWN, BURSAR_PAYMENT_NOT_ATTEMPTED},
                  [&] { return set_up(opened, "setup_check3").outcome(); });
}

}  // namespace

const std::vector<Check>& setup_checks() {
  static const std::vector<Check> checks = {
      {"money.setup", "saving a method moves no money, and the same key begins it once", &money_setup},
      {"money.setup_misfortunes", "refused is not_attempted, damaged answers are unknown", &money_setup_misfortunes},
  };
  return checks;
}

}  // namespace check
