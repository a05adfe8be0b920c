// What a gateway said, kept as text between the call and its settlement.
#include "payments/answer_text.hpp"

#include <gtest/gtest.h>

namespace bursar::payments {
namespace {

GatewayAnswer full() {
  const Currency eur = Currency::parse("EUR").value();
  return {
      .outcome = GatewayOutcome::declined,
      .processed = Money(1234, eur),
      .fee = Money(56, eur),
      .reference = "ch_1",
      .action = {.type = "form", .url = "https://pay.example.com", .text = "Go", .fields = {{"a", "1"}, {"a", "2"}}},
      .decline_class = DeclineClass::soft,
      .decline_code = "insufficient_funds",
      .decline_text = "No \"money\"",
      .withdrawn = true,
      .expires_at = Instant::parse("2027-01-31T00:00:00Z").value(),
      .ready = true,
      .error = "why",
      .method = GatewayMethod{.token = "tok", .type = "card", .label = "Visa", .expiry_year = 2031, .expiry_month = 2}};
}

TEST(AnswerText, keeps_everything_that_was_said) {
  const std::string text = to_text(full());
  const auto read = answer_from_text(text);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(to_text(*read), text);
  EXPECT_EQ(read->processed, full().processed);
  EXPECT_EQ(read->action.fields, full().action.fields);
  EXPECT_EQ(read->expires_at, full().expires_at);
  EXPECT_EQ(read->method->expiry_year, 2031);
  EXPECT_TRUE(read->withdrawn);
  for (const char* said : {"1234", "\"minor\":56", "ch_1", "https://pay.example.com", "soft", "insufficient_funds",
                           "No \\\"money\\\"", "withdrawn", "2027-01-31", "ready", "why", "tok"})
    EXPECT_NE(text.find(said), std::string::npos) << said;
}

TEST(AnswerText, the_token_of_a_method_is_handed_on_and_not_kept) {
  GatewayAnswer answer = full();
  answer.method->token = answer.reference = "pm_secret";  // as PayPal names a setup
  answer.method->label = "Account pm_secret";
  const effects::Outcome outcome = outcome_of(answer);
  EXPECT_EQ(outcome.data.find("pm_secret"), std::string::npos) << outcome.data;
  EXPECT_NE(outcome.data.find("insufficient_funds"), std::string::npos) << "the rest is kept";
  EXPECT_EQ(to_text(answer_of(outcome)), to_text(answer));
  EXPECT_FALSE(answer_of(outcome_of({.outcome = GatewayOutcome::succeeded})).method.has_value());
}

TEST(AnswerText, keeps_nothing_that_was_not_said) {
  EXPECT_EQ(to_text({.outcome = GatewayOutcome::succeeded}), "{\"outcome\":\"succeeded\"}");
  const auto read = answer_from_text("{\"outcome\":\"succeeded\"}");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->outcome, GatewayOutcome::succeeded);
  EXPECT_FALSE(read->processed || read->fee || read->expires_at || read->method || read->withdrawn || read->ready);
  EXPECT_EQ(read->decline_class, DeclineClass::unspecified);
  EXPECT_FALSE(answer_from_text("").has_value()) << "there was no answer";
}

TEST(AnswerText, reads_what_earlier_versions_kept) {
  const auto read = answer_from_text(
      R"({"outcome":"pending","processed":null,"fee":null,"reference":"r","action":{"type":"","url":"","text":""},)"
      R"("decline_class":"unspecified","decline_code":"","decline_text":"","expires_at":null,"error":""})");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->reference, "r");
  EXPECT_TRUE(read->action.type.empty());
}

TEST(AnswerText, replaces_what_is_no_utf_8) {
  EXPECT_TRUE(answer_from_text(to_text({.outcome = GatewayOutcome::unknown, .error = "\xff\xfe"})).has_value());
}

}  // namespace
}  // namespace bursar::payments
