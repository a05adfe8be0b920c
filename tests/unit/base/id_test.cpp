#include "base/id.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <set>

namespace bursar {
namespace {

IdCodec::Key key(std::uint8_t seed) {
  IdCodec::Key out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(seed + i * 7);
  return out;
}

TEST(IdCodec, reads_back_what_it_writes) {
  const IdCodec codec(key(1));
  EXPECT_TRUE(rc::check([&] {
    const auto value = *rc::gen::inRange<std::int64_t>(1, INT64_MAX);
    RC_ASSERT(codec.parse<InvoiceIdTag>(codec.text(InvoiceId(value))).value() == InvoiceId(value));
  }));
  for (std::int64_t value : {std::int64_t{1}, std::int64_t{2}, INT64_MAX}) {
    EXPECT_EQ(codec.decode("inv", codec.encode("inv", value)).value(), value);
  }
}

TEST(IdCodec, neighbours_look_unrelated) {
  const IdCodec codec(key(1));
  std::set<std::string> firsts;
  for (std::int64_t value = 1; value <= 64; ++value) firsts.insert(codec.encode("inv", value).substr(0, 8));
  EXPECT_EQ(firsts.size(), 64u);
  EXPECT_NE(codec.encode("inv", 1), IdCodec(key(2)).encode("inv", 1));
}

TEST(IdCodec, is_read_in_any_case_and_has_one_spelling) {
  const IdCodec codec(key(1));
  std::string text = codec.encode("inv", 42);
  EXPECT_EQ(text.size(), 17u);
  std::string upper = text;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c); });
  EXPECT_EQ(codec.decode("inv", upper).value(), 42);
  // A first digit beyond 15 would name a 65th bit.
  text[4] = 'z';
  EXPECT_FALSE(codec.decode("inv", text).ok());
}

TEST(IdCodec, a_malformed_id_is_an_id_of_nothing) {
  const IdCodec codec(key(1));
  const std::string good = codec.encode("inv", 42);
  std::vector<std::string> bad = {"",
                                  "inv",
                                  "inv_",
                                  "42",
                                  good + "0",
                                  good.substr(0, 16),
                                  "acc" + good.substr(3),
                                  " " + good.substr(1),
                                  good.substr(0, 3) + "-" + good.substr(4)};
  for (char letter : {'o', 'i', 'l', 'u', '-', '\0', ' '}) bad.push_back(good.substr(0, 16) + letter);
  for (const std::string& text : bad) {
    const auto result = codec.decode("inv", text);
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.error().kind, ErrorKind::not_found);
    EXPECT_EQ(result.error().code, "no_such_object");
  }
}

}  // namespace
}  // namespace bursar
