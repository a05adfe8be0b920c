#include "base/secret.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace bursar {
namespace {

template <class T>
concept Streamable = requires(std::ostream& out, const T& value) {
  out << value;
};
static_assert(!Streamable<Secret>);
static_assert(!std::is_convertible_v<Secret, std::string> && !std::is_convertible_v<Secret, std::string_view>);

TEST(Secret, moves_leave_nothing_behind) {
  Secret from("correct horse battery staple");
  Secret to(std::move(from));
  EXPECT_EQ(to.reveal(), "correct horse battery staple");
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): what is asked here
  Secret last("short");
  last = std::move(to);
  EXPECT_EQ(last.reveal(), "correct horse battery staple");
  EXPECT_TRUE(to.empty());  // NOLINT(bugprone-use-after-move)
}

TEST(Secret, copies_are_independent) {
  Secret first("abc");
  Secret second("xyz");
  second = first;
  first = Secret("other");
  EXPECT_EQ(second.reveal(), "abc");
}

}  // namespace
}  // namespace bursar
