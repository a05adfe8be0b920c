#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <random>

#include "base/money.hpp"
#include "plugin_support/amount.hpp"
#include "plugin_support/form.hpp"
#include "plugin_support/json.hpp"

namespace plugin_support {
namespace {

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t smallest = std::numeric_limits<std::int64_t>::min();

std::string unreadable(const std::function<void()>& read) {
  try {
    read();
  } catch (const bursar::OutcomeUnknown& error) {
    return error.what();
  }
  return "was read";
}

TEST(PluginSupportAmount, DecimalsAreThoseOfTheKernelForEveryCurrency) {
  int found = 0;
  for (char a = 'A'; a <= 'Z'; ++a) {
    for (char b = 'A'; b <= 'Z'; ++b) {
      for (char c = 'A'; c <= 'Z'; ++c) {
        const std::string code{a, b, c};
        const auto currency = bursar::Currency::parse(code);
        if (!currency.ok()) continue;
        EXPECT_EQ(iso_decimals(code), currency->exponent()) << code;
        ++found;
      }
    }
  }
  EXPECT_GT(found, 150);
}

TEST(PluginSupportAmount, ParsesTextExactly) {
  const struct {
    const char* text;
    int decimals;
    std::int64_t minor;
  } rows[] = {{"12.34", 2, 1234},
              {"12.3", 2, 1230},
              {"12", 2, 1200},
              {"12.340", 2, 1234},
              {"0.05", 2, 5},
              {"-0.05", 2, -5},
              {"1234", 0, 1234},
              {"1234.00", 0, 1234},
              {"5.124", 3, 5124},
              {"0.00000001", 8, 1},
              {"92233720368547758.07", 2, largest},
              {"-92233720368547758.08", 2, smallest}};
  for (const auto& row : rows) EXPECT_EQ(parse_amount(row.text, row.decimals), row.minor) << row.text;
}

TEST(PluginSupportAmount, RefusesWhatIsNoAmountOrNotExact) {
  for (const char* text :
       {"", "-", ".", "1.", ".5", "+1", " 1", "1 ", "1,00", "1e2", "0x1", "--1", "1.2.3", "\xEF\xBC\x91", "12.345",
        "92233720368547758.08", "-92233720368547758.09", "99999999999999999999", "NaN"}) {
    EXPECT_FALSE(parse_amount(text, 2)) << text;
  }
  EXPECT_FALSE(parse_amount("1.5", 0));
  EXPECT_FALSE(parse_amount("1", 19));
}

TEST(PluginSupportAmount, WritesWhatItReads) {
  EXPECT_EQ(format_amount(1234, 2), "12.34");
  EXPECT_EQ(format_amount(5, 2), "0.05");
  EXPECT_EQ(format_amount(-5, 3), "-0.005");
  EXPECT_EQ(format_amount(1234, 0), "1234");
  EXPECT_EQ(format_amount(0, 2), "0.00");
  EXPECT_EQ(format_amount(smallest, 2), "-92233720368547758.08");
  const std::uint64_t seed = std::random_device{}();
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    const auto minor = static_cast<std::int64_t>(random()) >> (random() % 60);
    const int decimals = static_cast<int>(random() % 19);
    EXPECT_EQ(parse_amount(format_amount(minor, decimals), decimals), minor) << "seed " << seed;
  }
}

TEST(PluginSupportAmount, RescalesOnlyExactly) {
  EXPECT_EQ(rescale(12, 0, 2), 1200);
  EXPECT_EQ(rescale(1200, 2, 0), 12);
  EXPECT_EQ(rescale(-1200, 2, 0), -12);
  EXPECT_EQ(rescale(1201, 2, 0), std::nullopt);
  EXPECT_EQ(rescale(7, 3, 3), 7);
  EXPECT_EQ(rescale(largest / 10 + 1, 0, 1), std::nullopt);
}

TEST(PluginSupportForm, EncodesBracketsAndEveryOddCharacter) {
  Form form;
  form.add("amount", 1234);
  form.add({"line_items", "0", "price_data", "currency"}, "eur");
  form.add_unless_empty("email", "");
  form.add("name", "Zo\xC3\xAB & S\xC3\xB8n=1+1 [x]");
  EXPECT_EQ(form.encoded(),
            "amount=1234&line_items[0][price_data][currency]=eur&name=Zo%C3%AB%20%26%20S%C3%B8n%3D1%2B1%20%5Bx%5D");
  EXPECT_EQ(Form().add("limit", 100).appended_to("https://example.com/v1"), "https://example.com/v1?limit=100");
  EXPECT_EQ(Form().add("limit", 100).appended_to("https://example.com/v1?a=b"), "https://example.com/v1?a=b&limit=100");
  EXPECT_EQ(Form().appended_to("https://example.com/v1"), "https://example.com/v1");
  EXPECT_EQ(percent_encoded("a/b?c#d"), "a%2Fb%3Fc%23d");
}

TEST(PluginSupportJson, ReadsWhatTheDescriptionPromises) {
  const Json json = parse_json(
      R"({"id":"pi_1","amount":1234,"big":9223372036854775807,"live":false,"none":null,"charge":{"id":"ch_1"},)"
      R"("list":[{"id":"a"},{"id":"b"}]})",
      "Example");
  const Object object(json, "intent");
  EXPECT_EQ(object.text("id"), "pi_1");
  EXPECT_EQ(object.integer("amount"), 1234);
  EXPECT_EQ(object.integer("big"), largest);
  EXPECT_FALSE(object.boolean("live"));
  EXPECT_FALSE(object.has("none"));
  EXPECT_EQ(object.optional_text("none"), "");
  EXPECT_EQ(object.id_of("charge"), "ch_1");
  EXPECT_EQ(object.id_of("id"), "pi_1");
  EXPECT_EQ(object.id_of("absent"), "");
  ASSERT_EQ(object.objects("list").size(), 2U);
  EXPECT_EQ(object.objects("list")[1].text("id"), "b");
}

TEST(PluginSupportJson, WhatCannotBeReadIsUnknownAndNamesThePlaceWithoutTheContent) {
  const Json json = parse_json(
      R"({"id":7,"amount":"1234","half":12.5,"whole":12.0,"big":9223372036854775808,"charge":{"card":"secret"}})",
      "Example");
  const Object object(json, "intent");
  EXPECT_EQ(unreadable([&] { (void)object.text("id"); }), "intent.id is no text");
  EXPECT_EQ(unreadable([&] { (void)object.text("gone"); }), "intent.gone is missing");
  EXPECT_EQ(unreadable([&] { (void)object.integer("amount"); }), "intent.amount is no whole number");
  EXPECT_EQ(unreadable([&] { (void)object.integer("half"); }), "intent.half is no whole number");
  EXPECT_EQ(unreadable([&] { (void)object.integer("whole"); }), "intent.whole is no whole number");
  EXPECT_EQ(unreadable([&] { (void)object.integer("big"); }), "intent.big is too large");
  EXPECT_EQ(unreadable([&] { (void)object.object("charge").object("card"); }), "intent.charge.card is no object");
  EXPECT_EQ(unreadable([&] { (void)object.objects("charge"); }), "intent.charge is no list");
  EXPECT_EQ(unreadable([&] { (void)object.boolean("id"); }), "intent.id is neither true nor false");
  EXPECT_EQ(unreadable([] { (void)parse_json("{\"id\":\"pi_", "Example"); }), "the answer of Example is no JSON");
  EXPECT_EQ(unreadable([] { (void)parse_json("<html>", "Example"); }), "the answer of Example is no JSON");
  EXPECT_EQ(unreadable([] { (void)Object(parse_json("[1]", "Example"), "answer"); }), "answer is no object");
}

}  // namespace
}  // namespace plugin_support
