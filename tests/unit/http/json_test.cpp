#include "http/json.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "http/json_writer.hpp"
#include "http/object_reader.hpp"

namespace bursar::http {
namespace {

std::string code_of(std::string_view text, const JsonLimits& limits = {}) {
  const auto result = parse_json(text, limits);
  return result.ok() ? "ok" : result.error().code;
}

TEST(Json, RefusesWhatIsNotOneStrictDocument) {
  EXPECT_EQ(code_of(""), "json_is_malformed");
  EXPECT_EQ(code_of("{} x"), "json_is_malformed");
  EXPECT_EQ(code_of("{} {}"), "json_is_malformed");
  EXPECT_EQ(code_of("/* c */ {}"), "json_is_malformed");
  EXPECT_EQ(code_of("{\"a\":1,}"), "json_is_malformed");
  EXPECT_EQ(code_of("{'a':1}"), "json_is_malformed");
  EXPECT_EQ(code_of("[NaN]"), "json_is_malformed");
  EXPECT_EQ(code_of("[1e400]"), "json_is_malformed");
  EXPECT_EQ(code_of("[01]"), "json_is_malformed");
  EXPECT_EQ(code_of("\xEF\xBB\xBF{}"), "json_has_byte_order_mark");
}

TEST(Json, RefusesTextNoStoreOrReaderCanHold) {
  EXPECT_EQ(code_of("[\"\\u0000\"]"), "json_text_has_nul");
  EXPECT_EQ(code_of("{\"a\\u0000\":1}"), "json_text_has_nul");
  EXPECT_EQ(code_of("[\"\\ud800\"]"), "json_is_malformed");
  EXPECT_EQ(code_of("[\"\\udc00\\ud800\"]"), "json_is_malformed");
  EXPECT_EQ(code_of("[\"\xff\"]"), "json_is_malformed");
  EXPECT_EQ(code_of("[\"\xC0\x80\"]"), "json_is_malformed");
  EXPECT_EQ(code_of(std::string_view("[\"\0\"]", 5)), "json_is_malformed");
}

TEST(Json, RefusesAKeyTwice) {
  EXPECT_EQ(code_of(R"({"a":1,"b":2,"a":3})"), "json_key_is_repeated");
  EXPECT_EQ(code_of(R"({"a":1,"\u0061":3})"), "json_key_is_repeated");
  EXPECT_EQ(code_of(R"({"a":{"a":1}})"), "ok");
}

TEST(Json, StopsEarlyAtDeepWideAndLongDocuments) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(code_of(std::string(100'000, '[')), "json_is_too_deep");
  std::string wide = "{";
  for (int i = 0; i < 60'000; ++i) wide += "\"k" + std::to_string(i) + "\":0,";
  wide += "\"z\":0}";
  EXPECT_EQ(code_of(wide), "json_has_too_many_values");
  EXPECT_EQ(code_of("\"" + std::string(2'000'000, 'x') + "\""), "json_is_too_large");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(500));
}

TEST(Json, KeepsNumbersExact) {
  const auto json = parse_json("[9223372036854775807, 9223372036854775808, -9223372036854775808, 0.10, 1e2, -0]");
  ASSERT_TRUE(json.ok());
  const auto& items = json->items();
  EXPECT_EQ(items[0].integer(), INT64_MAX);
  EXPECT_EQ(items[1].kind(), Json::Kind::number);
  EXPECT_EQ(items[1].text(), "9223372036854775808");
  EXPECT_EQ(items[2].integer(), INT64_MIN);
  EXPECT_EQ(items[3].text(), "0.10");
  EXPECT_EQ(items[4].kind(), Json::Kind::number);
  EXPECT_EQ(items[5].integer(), 0);
}

TEST(Json, CanonicalFormForgetsOrderAndSpaces) {
  EXPECT_EQ(parse_json(R"({ "b": [1, true, null], "a": "x" })")->canonical(), R"({"a":"x","b":[1,true,null]})");
  EXPECT_EQ(parse_json(R"({"a":"x","b":[1,true,null]})")->canonical(), R"({"a":"x","b":[1,true,null]})");
}

TEST(JsonWriter, WritesNestedValuesMoneyAndTimes) {
  JsonWriter w;
  w.begin_object().field("id", "inv_1").field("total", Money(1234, *Currency::parse("USD"))).field("n", 3);
  w.field("ok", true).field("due_on", CivilDate(2027, 1, 31)).field("paid_at", std::optional<Instant>());
  w.key("lines").begin_array();
  w.begin_object().field("text", "a \"q\"\n\xFF").end_object();
  w.begin_object().end_object().end_array().end_object();
  EXPECT_EQ(w.text(),
            "{\"id\":\"inv_1\",\"total\":{\"amount\":\"12.34\",\"currency\":\"USD\"},\"n\":3,\"ok\":true,"
            "\"due_on\":\"2027-01-31\",\"paid_at\":null,\"lines\":[{\"text\":\"a \\\"q\\\"\\n\xEF\xBF\xBD\"},{}]}");
  EXPECT_TRUE(parse_json(w.text()).ok());
}

class ObjectReaderTest : public ::testing::Test {
 protected:
  IdCodec ids{IdCodec::Key{1, 2, 3}};
};

TEST_F(ObjectReaderTest, ReadsEveryKindOfField) {
  const AccountId account(77);
  const auto body = parse_json(R"({"name":"Ann","amount":{"amount":"12.30","currency":"USD"},"on":"2027-02-28",
      "at":"2027-01-31T03:00:00Z","when":"immediate","count":3,"flag":true,"account":")" +
                               ids.text(account) + R"(","tags":["a","b"],"lines":[{"text":"x"},{"text":"y"}]})");
  ASSERT_TRUE(body.ok());
  ObjectReader in(*body, ids);
  EXPECT_EQ(in.text("name"), "Ann");
  EXPECT_EQ(in.money("amount")->minor(), 1230);
  EXPECT_EQ(in.date("on"), CivilDate(2027, 2, 28));
  EXPECT_EQ(in.instant("at").to_string(), "2027-01-31T03:00:00Z");
  EXPECT_EQ(in.choice("when", {"immediate", "end_of_period"}), "immediate");
  EXPECT_EQ(in.integer("count", 1, 5), 3);
  EXPECT_TRUE(in.boolean("flag"));
  EXPECT_EQ(in.id<AccountId>("account"), account);
  EXPECT_EQ(in.texts("tags", {.max = 3}, {}).size(), 2U);
  std::string all;
  for (ObjectReader* line : in.objects("lines", {})) all += line->text("text");
  EXPECT_EQ(all, "xy");
  EXPECT_FALSE(in.optional_text("absent"));
  EXPECT_TRUE(in.finish().ok());
}

TEST_F(ObjectReaderTest, NamesAllFaultsAtOnceByPointer) {
  const auto body = parse_json(
      R"({"name":"","amount":{"amount":12,"currency":"USD","x":1},"price":{"amount":"1.001","currency":"USD"},
      "on":"2027-02-29","account":"acc_nonsense","lines":[{"text":"ok"},{"tex/t":"y"},7],"extra":1})");
  ASSERT_TRUE(body.ok());
  ObjectReader in(*body, ids);
  in.text("name");
  in.text("email");
  in.money("amount");
  in.money("price");
  in.date("on");
  in.id<AccountId>("account");
  for (ObjectReader* line : in.objects("lines", {})) line->text("text");
  const Status done = in.finish();
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().kind, ErrorKind::invalid);
  std::vector<std::string> pointers;
  for (const auto& field : done.error().fields) pointers.push_back(field.pointer);
  for (const char* expected : {"/name", "/email", "/amount/amount", "/amount/x", "/price/amount", "/on", "/account",
                               "/lines/1/text", "/lines/1/tex~1t", "/lines/2", "/extra"}) {
    EXPECT_NE(std::find(pointers.begin(), pointers.end(), expected), pointers.end()) << expected;
  }
}

TEST_F(ObjectReaderTest, RefusesEveryLooseSpellingOfAnAmount) {
  for (const char* amount :
       {"1,00", "\xEF\xBC\x91.00", "1e2", " 1", "+1", "0x1", "1.001", "99999999999999999999", "1", "01.00", ""}) {
    Json money = Json::make_object();
    money.set("amount", Json::make_string(amount));
    money.set("currency", Json::make_string("USD"));
    Json body = Json::make_object();
    body.set("amount", money);
    ObjectReader in(body, ids);
    EXPECT_FALSE(in.money("amount")) << amount;
    const Status done = in.finish();
    ASSERT_FALSE(done.ok()) << amount;
    EXPECT_EQ(done.error().fields.at(0).pointer, "/amount/amount");
  }
}

TEST_F(ObjectReaderTest, CountsCharactersNotBytes) {
  const auto body = parse_json("{\"name\":\"\xC3\xA4\xC3\xB6\xC3\xBC\"}");
  ObjectReader in(*body, ids);
  in.text("name", {.max = 3});
  EXPECT_TRUE(in.finish().ok());
}

}  // namespace
}  // namespace bursar::http
