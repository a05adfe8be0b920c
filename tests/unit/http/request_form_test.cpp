#include "http/request_form.hpp"

#include <gtest/gtest.h>

namespace bursar::http {
namespace {

Request get(std::string target) { return {.method = "GET", .target = std::move(target), .headers = {{"Host", "x"}}}; }

int status_of_target(const std::string& target) {
  Request request = get(target);
  const auto refusal = check_form(request, 1, {});
  return refusal ? refusal->status : 200;
}

TEST(RequestForm, DecodesAPlainPath) {
  Request request = get("/api/v1/a%41%C3%A4?x=%31&y");
  EXPECT_FALSE(check_form(request, 1, {}));
  EXPECT_EQ(request.path, "/api/v1/aA\xC3\xA4");
  EXPECT_EQ(request.query, "x=%31&y");
}

TEST(RequestForm, RefusesEveryOtherSpellingOfAPath) {
  for (const char* target : {"http://x/api", "*",         "x",     "/a/../b", "/a/%2e%2e/b", "/a/.%2E",    "/.",
                             "/a%2Fb",       "/a%5Cb",    "/a\\b", "/a%00",   "/a%zz",       "/a%2",       "/a\x01",
                             "/a b",         "/\xC3\xA4", "/%ff",  "/%C0%AF", "/a#b",        "/a%0d%0aX:y"}) {
    EXPECT_EQ(status_of_target(target), 400) << target;
  }
  EXPECT_EQ(status_of_target("/" + std::string(9000, 'a')), 414);
  EXPECT_EQ(status_of_target("/..a/b..c/..."), 200);
}

TEST(RequestForm, BelievesAForwardedAddressOnlyFromTrustedProxies) {
  const std::vector<std::string> proxies = {"127.0.0.1", "10.0.0.5"};
  const auto client = [&](std::string_view peer, std::vector<std::string> forwarded) {
    Request request = get("/");
    for (auto& value : forwarded) request.headers.push_back({"X-Forwarded-For", std::move(value)});
    return client_address(request, peer, proxies);
  };
  EXPECT_EQ(client("203.0.113.1", {}), "203.0.113.1");
  EXPECT_EQ(client("203.0.113.1", {"198.51.100.1"}), "203.0.113.1");
  EXPECT_EQ(client("127.0.0.1", {}), "127.0.0.1");
  EXPECT_EQ(client("127.0.0.1", {"198.51.100.1"}), "198.51.100.1");
  EXPECT_EQ(client("127.0.0.1", {"192.0.2.9, 198.51.100.1"}), "198.51.100.1");
  EXPECT_EQ(client("127.0.0.1", {"192.0.2.9 , 198.51.100.1, 10.0.0.5"}), "198.51.100.1");
  EXPECT_EQ(client("127.0.0.1", {"192.0.2.9", "198.51.100.1, 10.0.0.5"}), "198.51.100.1");
  EXPECT_EQ(client("127.0.0.1", {"198.51.100.1", "10.0.0.5"}), "198.51.100.1");
  EXPECT_EQ(client("127.0.0.1", {"2001:db8::7"}), "2001:db8::7");
  EXPECT_EQ(client("127.0.0.1", {"198.51.100.1, unknown"}), "127.0.0.1");
  EXPECT_EQ(client("127.0.0.1", {"198.51.100.1, "}), "127.0.0.1");
  EXPECT_EQ(client("127.0.0.1", {"10.0.0.5, 127.0.0.1"}), "10.0.0.5");
}

TEST(RequestForm, RefusesAnAmbiguousLength) {
  const auto status = [](std::vector<Header> headers, int minor = 1) {
    Request request = get("/");
    request.headers.insert(request.headers.end(), headers.begin(), headers.end());
    const auto refusal = check_form(request, minor, {});
    return refusal ? refusal->status : 200;
  };
  EXPECT_EQ(status({{"Content-Length", "3"}}), 200);
  EXPECT_EQ(status({{"Content-Length", "3"}, {"content-length", "3"}}), 400);
  EXPECT_EQ(status({{"Content-Length", "3, 3"}}), 400);
  EXPECT_EQ(status({{"Content-Length", "+3"}}), 400);
  EXPECT_EQ(status({{"Content-Length", ""}}), 400);
  EXPECT_EQ(status({{"Content-Length", "3"}, {"Transfer-Encoding", "chunked"}}), 400);
  EXPECT_EQ(status({{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}}), 400);
  EXPECT_EQ(status({{"Transfer-Encoding", "gzip, chunked"}}), 400);
  EXPECT_EQ(status({{"Transfer-Encoding", "xchunked"}}), 400);
  EXPECT_EQ(status({{"Transfer-Encoding", "chunked"}}, 0), 400);
  EXPECT_EQ(status({{"Host", "y"}}), 400);
  EXPECT_EQ(status({{"Content-Encoding", "gzip"}}), 415);
  EXPECT_EQ(status({{"Expect", "200-ok"}}), 417);
}

TEST(RequestForm, RefusesHeadsThatOthersMayReadOtherwise) {
  EXPECT_FALSE(check_head_bytes("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  for (const char* head :
       {"GET / HTTP/1.1\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\n\r\n\r\n", "GET / HTTP/1.1\r\nA : b\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "GET / HTTP/1.1\r\n: b\r\n\r\n", "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
        "GET / HTTP/1.1\r\nnocolon\r\n\r\n", "\r\n", ""}) {
    EXPECT_TRUE(check_head_bytes(head)) << head;
  }
}

TEST(RequestForm, TakesASaneRequestIdOnly) {
  EXPECT_EQ(choose_request_id("abc-1.2_3"), "abc-1.2_3");
  EXPECT_EQ(choose_request_id("a b").substr(0, 4), "req_");
  EXPECT_EQ(choose_request_id(std::string(65, 'a')).size(), 36U);
  EXPECT_NE(choose_request_id(""), choose_request_id(""));
}

}  // namespace
}  // namespace bursar::http
