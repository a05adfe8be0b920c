// Acts that go on outside the database, under an Idempotency-Key.
#include "http/idempotency.hpp"

#include <gtest/gtest.h>

#include "support/database.hpp"

namespace bursar::http {
namespace {

class OutsideActs : public ::testing::TestWithParam<storage::Backend> {
 protected:
  // An act whose object is `object` and whose answer is what `performed` says at that time.
  OutsideAct act(int object) {
    return {
        .claim = [this, object](storage::Transaction&) -> Result<std::int64_t> {
          ++claims;
          return object;
        },
        .perform = [this](std::int64_t of, const auto& settling) { return perform(of, settling); },
        .render = [this](storage::Connection&,
                         std::int64_t of) { return Answer{.status = 201, .body = std::to_string(of) + performed}; }};
  }
  Result<Answer> send(int object = 7) { return answer_once_outside(*db, "act", key, now, act(object)); }

  test::TestDatabase db = test::fresh_database(GetParam());
  const Instant now = Instant::parse("2027-01-31T00:00:00Z").value();
  IdempotencyKey key{.scope = "a1", .route = "POST /x", .key = "k", .body_hash = "h"};
  int claims = 0;
  std::string performed = " begun";
  std::function<Status(std::int64_t, const std::function<void(storage::Transaction&)>&)> perform;
};
INSTANTIATE_TEST_SUITE_P(Backends, OutsideActs, test::backends());

TEST_P(OutsideActs, are_answered_from_the_transaction_that_ended_them) {
  perform = [this](std::int64_t, const auto& settling) -> Status {
    db->write("settle", [&](storage::Transaction& tx) {
      performed = " settled";
      settling(tx);
    });
    performed = " changed since";
    return {};
  };
  const auto answer = send();
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->body, "7 settled");
  const auto again = send();
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->body, "7 settled");
  EXPECT_EQ(again->header("Idempotent-Replayed"), "true");
  EXPECT_EQ(claims, 1);
}

TEST_P(OutsideActs, whose_end_could_not_be_stored_are_answered_as_they_are_then) {
  perform = [this](std::int64_t, const auto& settling) -> Status {
    const Status stored = db->write("settle", [&](storage::Transaction& tx) -> Status {
      performed = " settled";
      settling(tx);
      return conflict("rolled_back", "as if the store had failed");
    });
    EXPECT_FALSE(stored.ok());
    performed = " unknown";
    return {};
  };
  const auto answer = send();
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->body, "7 unknown");
  EXPECT_EQ(send()->body, "7 unknown");
}

TEST_P(OutsideActs, that_fail_are_gone_on_with_by_the_next_request_under_their_key) {
  perform = [](std::int64_t, const auto&) -> Status { return conflict("not_now", "Not now."); };
  EXPECT_EQ(send().error().code, "not_now");
  std::int64_t of = 0;
  perform = [&](std::int64_t object, const auto&) -> Status {
    of = object;
    return {};
  };
  key.body_hash = "another";
  EXPECT_EQ(send(8).error().code, "idempotency_key_reused");
  key.body_hash = "h";
  const auto answer = send(8);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(of, 7) << "not with a second object";
  EXPECT_EQ(answer->body, "7 begun");
}

}  // namespace
}  // namespace bursar::http
