#include "plugin_host/answer_reader.hpp"

#include "plugin_host/text.hpp"

namespace bursar::plugin_host {
namespace {

using payments::DeclineClass;
using payments::GatewayAnswer;
using payments::GatewayOutcome;

constexpr std::uint64_t pairs_max = 200;
constexpr bursar_time last_ms = 253'402'300'799'000;  // the end of year 9999

GatewayOutcome outcome_of(bursar_payment_outcome outcome, AnswerReader& reader) {
  switch (outcome) {
    case BURSAR_PAYMENT_UNKNOWN:
      return GatewayOutcome::unknown;
    case BURSAR_PAYMENT_SUCCEEDED:
      return GatewayOutcome::succeeded;
    case BURSAR_PAYMENT_DECLINED:
      return GatewayOutcome::declined;
    case BURSAR_PAYMENT_PENDING:
      return GatewayOutcome::pending;
    case BURSAR_PAYMENT_NOT_ATTEMPTED:
      return GatewayOutcome::not_attempted;
    case BURSAR_PAYMENT_REQUIRES_ACTION:
      return GatewayOutcome::requires_action;
    case BURSAR_PAYMENT_AUTHORIZED:
      reader.fault("it only reserved the money, which nobody asked for");
      break;
    default:
      reader.fault("the outcome " + std::to_string(outcome) + " does not exist");
      break;
  }
  return GatewayOutcome::unknown;
}

DeclineClass class_of(bursar_decline_class decline) {
  if (decline == BURSAR_DECLINE_FINAL) return DeclineClass::final;
  return decline == BURSAR_DECLINE_SOFT ? DeclineClass::soft : DeclineClass::unspecified;
}

void check_saving(const GatewayAnswer& answer, AnswerReader& reader) {
  if (answer.outcome == GatewayOutcome::succeeded && !answer.method)
    reader.fault("it saved a method without saying which");
  if (answer.processed || answer.fee) reader.fault("it moved money where only a method was to be saved");
}

// The rules of bursar/abi/payment.h.
void check_rules(const GatewayAnswer& answer, const PaymentRules& rules, AnswerReader& reader) {
  if (rules.saves_method) return check_saving(answer, reader);
  const bool declined = answer.outcome == GatewayOutcome::declined;
  const bool untouched = answer.outcome == GatewayOutcome::not_attempted;
  if (answer.ready && answer.outcome != GatewayOutcome::pending) reader.fault("it is ready without being pending");
  if (answer.outcome == GatewayOutcome::succeeded && answer.reference.empty())
    reader.fault("it succeeded without a reference");
  if (answer.processed) {
    if (declined || untouched) reader.fault("it processed money although it says that it did not");
    if (!answer.processed->is_positive()) reader.fault("the processed amount is not positive");
    if (rules.asked && answer.processed->currency() != rules.asked->currency()) {
      reader.fault("it processed " + std::string(answer.processed->currency().code()) + " where " +
                   std::string(rules.asked->currency().code()) + " was asked");
    } else if (rules.asked && !rules.may_exceed && *answer.processed > *rules.asked) {
      reader.fault("it processed " + answer.processed->to_string() + ", more than the " + rules.asked->to_string() +
                   " asked");
    }
  }
  if (answer.fee) {
    const auto& whole = answer.processed ? answer.processed : rules.asked;
    if (answer.fee->is_negative()) reader.fault("the fee is negative");
    if (whole && answer.fee->currency() == whole->currency() && *answer.fee > *whole)
      reader.fault("the fee is above the amount");
  }
}

}  // namespace

void AnswerReader::fault(std::string what) {
  if (!faults_.empty()) faults_ += "; ";
  faults_ += what;
}

std::string AnswerReader::text(const bursar_str& from, const char* field, std::size_t limit) {
  if (from.data == nullptr) {
    if (from.size != 0) fault(std::string(field) + " has a size but no bytes");
    return {};
  }
  if (from.size > limit) {
    fault(std::string(field) + " is longer than " + std::to_string(limit) + " bytes");
    return {};
  }
  const auto view = peek(from, limit);
  if (!is_utf8(view)) {
    fault(std::string(field) + " is not valid UTF-8");
    return {};
  }
  if (view.find('\0') != std::string_view::npos) {
    fault(std::string(field) + " holds a NUL");
    return {};
  }
  return std::string(view);
}

std::optional<Money> AnswerReader::money(const bursar_money& from, const char* field) {
  const std::string_view whole(from.currency, sizeof from.currency);
  const auto code = whole.substr(0, whole.find('\0'));
  if (code.empty()) {
    if (from.minor != 0) fault(std::string(field) + " is an amount without a currency");
    return std::nullopt;
  }
  const auto currency = Currency::parse(code);
  if (!currency.ok()) {
    fault(std::string(field) + " is in \"" + presentable(code) + "\", which is no currency");
    return std::nullopt;
  }
  if (from.minor > Money::max_minor || from.minor < -Money::max_minor) {
    fault(std::string(field) + " is beyond all bounds");
    return std::nullopt;
  }
  return Money(from.minor, *currency);
}

std::optional<Instant> AnswerReader::time(bursar_time from, const char* field) {
  if (from == 0) return std::nullopt;
  if (from < 0 || from > last_ms) {
    fault(std::string(field) + " is no time");
    return std::nullopt;
  }
  return Instant(from / 1000);
}

std::optional<Duration> AnswerReader::wait(std::int64_t milliseconds, const char* field) {
  if (milliseconds == 0) return std::nullopt;
  if (milliseconds < 0 || milliseconds > std::int64_t{400} * 86'400'000) {
    fault(std::string(field) + " is no time to wait");
    return std::nullopt;
  }
  return seconds((milliseconds + 999) / 1000);
}

std::vector<std::pair<std::string, std::string>> AnswerReader::pairs(const bursar_pairs& from, const char* field) {
  std::vector<std::pair<std::string, std::string>> out;
  if ((from.items == nullptr && from.count != 0) || from.count > pairs_max) {
    fault(std::string(field) + " is not a list that can be read");
    return out;
  }
  for (std::uint64_t i = 0; i < from.count; ++i) {
    out.emplace_back(text(from.items[i].key, field), text(from.items[i].value, field));
  }
  return out;
}

std::optional<payments::GatewayMethod> AnswerReader::method(const bursar_method& from) {
  payments::GatewayMethod method;
  method.token = text(from.token, "the method's token", reference_max);
  if (method.token.empty()) return std::nullopt;
  method.type = text(from.type, "the method's type", 50);
  method.label = text(from.label, "the method's label", 200);
  if (from.expiry_year != 0) {
    const bool possible =
        from.expiry_year >= 2000 && from.expiry_year <= 9999 && from.expiry_month >= 1 && from.expiry_month <= 12;
    if (!possible) fault("the method expires in no month there is");
    method.expiry_year = from.expiry_year;
    method.expiry_month = from.expiry_month;
  }
  return method;
}

GatewayAnswer read_payment(const bursar_payment_result& result, const PaymentRules& rules, AnswerReader& reader) {
  GatewayAnswer answer;
  answer.outcome = outcome_of(result.outcome, reader);
  answer.processed = reader.money(result.processed, "the processed amount");
  answer.fee = reader.money(result.fee, "the fee");
  answer.reference = reader.text(result.gateway_reference, "the reference", AnswerReader::reference_max);
  answer.action.type = reader.text(result.action.type, "the action's type", 50);
  answer.action.url = reader.text(result.action.url, "the action's address");
  answer.action.text = reader.text(result.action.text, "the action's text");
  answer.action.fields = reader.pairs(result.action.fields, "a field of the action");
  if (answer.action.type == "form" && answer.action.url.empty()) reader.fault("it asks for a form without an address");
  answer.decline_class = class_of(result.decline_class);
  answer.decline_code = reader.text(result.decline_code, "the decline code", 100);
  answer.decline_text = reader.text(result.decline_text, "the decline text");
  answer.expires_at = reader.time(result.expires_at, "the time of expiry");
  answer.ready = (result.flags & BURSAR_PAYMENT_READY) != 0;
  answer.poll_after = reader.wait(result.poll_after_ms, "the time before asking again");
  answer.method = reader.method(result.method);
  check_rules(answer, rules, reader);
  return answer;
}

}  // namespace bursar::plugin_host
