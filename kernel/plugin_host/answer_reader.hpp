// Reads what a plugin answered, trusting nothing. A fault anywhere spoils the whole answer: whoever reads it asks
// faults() before believing a single field.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/money.hpp"
#include "base/time.hpp"
#include "payments/gateway.hpp"
#include "plugin_host/abi.hpp"

namespace bursar::plugin_host {

class AnswerReader {
 public:
  static constexpr std::size_t reference_max = 500;
  static constexpr std::size_t text_max = 8192;

  // Valid UTF-8 without NUL of at most `limit` bytes, or a fault.
  std::string text(const bursar_str& from, const char* field, std::size_t limit = text_max);
  // The amount, nullopt when there is none; a fault when the currency is not one or the amount is beyond all bounds.
  std::optional<Money> money(const bursar_money& from, const char* field);
  std::optional<Instant> time(bursar_time from, const char* field);
  std::optional<Duration> wait(std::int64_t milliseconds, const char* field);
  // Nullopt when there is no token.
  std::optional<payments::GatewayMethod> method(const bursar_method& from);
  std::vector<std::pair<std::string, std::string>> pairs(const bursar_pairs& from, const char* field);
  void fault(std::string what);
  [[nodiscard]] const std::string& faults() const { return faults_; }

 private:
  std::string faults_;
};

// What was asked of a gateway, to hold the answer against.
struct PaymentRules {
  std::optional<Money> asked;
  bool may_exceed = false;    // more than asked may have arrived: the customer pays by hand, or on a chain
  bool saves_method = false;  // nothing was asked but to keep a method
};
payments::GatewayAnswer read_payment(const bursar_payment_result& result, const PaymentRules& rules,
                                     AnswerReader& reader);

}  // namespace bursar::plugin_host
