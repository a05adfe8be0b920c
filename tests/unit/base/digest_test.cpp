#include "base/digest.hpp"

#include <gtest/gtest.h>

namespace bursar {
namespace {

TEST(Digest, is_sha256_over_length_and_text_of_each_field) {
  Digest digest;
  digest.add("INV-01", std::optional<std::string>(), AccountId(), InvoiceId(7), std::int64_t{-12});
  // of "6:INV-01" "0:" "0:" "1:7" "3:-12", by another implementation
  EXPECT_EQ(digest.hex(), "8a557fd2ded9637b0d2d0f00f86d4bf864b7b5b946e4c5f22d2d3fa4bc489b7a");
  EXPECT_EQ(digest.hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855") << "begins anew";
}

TEST(Digest, tells_apart_what_reads_the_same_in_a_row) {
  Digest digest;
  EXPECT_NE(digest.add("ab", "c").hex(), digest.add("a", "bc").hex());
  EXPECT_NE(digest.add("1:a").hex(), digest.add("a").hex());
}

TEST(Digest, takes_values_as_the_store_writes_them) {
  Digest digest;
  EXPECT_EQ(digest.add(CivilDate::parse("2027-02-28").value(), true, 0, std::optional(5)).hex(),
            digest.add("2027-02-28", "1", "0", "5").hex());
}

}  // namespace
}  // namespace bursar
