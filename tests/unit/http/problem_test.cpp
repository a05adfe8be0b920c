#include "http/problem.hpp"

#include <gtest/gtest.h>

#include "http/etag.hpp"
#include "http/json.hpp"
#include "http/metrics.hpp"

namespace bursar::http {
namespace {

TEST(Problem, RendersTheErrorWithItsFields) {
  const Answer answer = problem(invalid("otp_required", "Give a code.", {{"/otp", "is required"}}), "req_1");
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.content_type, "application/problem+json");
  const auto body = parse_json(answer.body);
  ASSERT_TRUE(body.ok());
  EXPECT_EQ(body->find("type")->text(), "/problems/otp-required");
  EXPECT_EQ(body->find("status")->integer(), 422);
  EXPECT_EQ(body->find("request_id")->text(), "req_1");
  EXPECT_EQ(body->find("errors")->items()[0].find("pointer")->text(), "/otp");
}

TEST(Problem, KeepsTheInsideInside) {
  const Answer answer =
      problem(Error{.kind = ErrorKind::internal, .code = "sqlite", .detail = "no such table: secrets"}, "req_1");
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body.find("secrets"), std::string::npos);
  EXPECT_EQ(answer.body.find("sqlite"), std::string::npos);
}

TEST(Problem, SaysWhenToComeBack) {
  Error error{.kind = ErrorKind::too_many_requests, .code = "login_throttled", .detail = "x"};
  error.retry_after_seconds = 17;
  EXPECT_EQ(problem(error, "r").header("Retry-After"), "17");
}

TEST(ETag, IsNamedByListsAndByCachesThatWeakenIt) {
  const std::string etag = content_etag("{}");
  EXPECT_NE(etag, content_etag("{ }"));
  for (const std::string& header : std::vector<std::string>{etag, "\"a\", " + etag, "*", etag + ",\"b\""}) {
    EXPECT_TRUE(names_etag(header, etag, false)) << header;
  }
  EXPECT_TRUE(names_etag("W/" + etag, etag, true));
  EXPECT_FALSE(names_etag("W/" + etag, etag, false));
  EXPECT_FALSE(names_etag("", etag, true));
  EXPECT_FALSE(names_etag("\"a\"", etag, true));
}

TEST(Metrics, WritesPrometheusText) {
  Metrics metrics;
  metrics.counter("a_total", "As.", "x=\"1\"").add(3);
  metrics.histogram("d_seconds", "Durations.").observe_us(700);
  metrics.gauge("g", "Now.", [] { return 5; });
  const std::string text = metrics.text();
  EXPECT_NE(text.find("# TYPE a_total counter\na_total{x=\"1\"} 3\n"), std::string::npos);
  EXPECT_NE(text.find("d_seconds_bucket{le=\"0.000500\"} 0\nd_seconds_bucket{le=\"0.001000\"} 1\n"), std::string::npos);
  EXPECT_NE(text.find("d_seconds_sum 0.000700\nd_seconds_count 1\n"), std::string::npos);
  EXPECT_NE(text.find("# TYPE g gauge\ng 5\n"), std::string::npos);
}

}  // namespace
}  // namespace bursar::http
