#include "http/server.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "api/raw_client.hpp"

namespace bursar::http {
namespace {

using testing::RawAnswer;
using testing::RawClient;
using Clock = std::chrono::steady_clock;

// Holds handlers until it is opened.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void await(int n) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(5), [&] { return waiting_ >= n; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool open_ = false;
};

class ServerTest : public ::testing::Test {
 protected:
  void start(ServerOptions options = {}) {
    Handlers handlers;
    handlers.immediate = [](const Request& request) -> std::optional<Answer> {
      if (request.path != "/healthz") return std::nullopt;
      return Answer{.content_type = "text/plain", .body = "ok"};
    };
    handlers.work = [this](const Request& request) -> Answer {
      if (request.path == "/gate") gate.pass();
      if (request.path == "/throw") throw std::runtime_error("secret detail");
      if (request.path == "/empty") return {.status = 204};
      if (request.path == "/big") return {.body = std::string(8 * 1024 * 1024, 'x')};
      acts.fetch_add(1);
      return {.body = request.method + " " + request.path + " " + request.body};
    };
    options.worker_threads = options.worker_threads == 8 ? 2 : options.worker_threads;
    auto started = Server::start(options, std::move(handlers), metrics);
    ASSERT_TRUE(started.ok()) << started.error().detail;
    server = std::move(started).value();
  }
  RawClient client() { return RawClient(server->port()); }

  Metrics metrics;
  Gate gate;
  std::atomic<int> acts{0};
  std::unique_ptr<Server> server;
};

TEST_F(ServerTest, AnswersAndKeepsTheConnection) {
  start();
  RawClient c = client();
  EXPECT_EQ(c.exchange("GET /a HTTP/1.1\r\nHost: x\r\n\r\n").body, "GET /a ");
  EXPECT_EQ(c.exchange("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nxyz").body, "POST /b xyz");
  EXPECT_EQ(
      c.exchange("POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n1\r\n!\r\n0\r\n\r\n")
          .body,
      "POST /b xyz!");
  EXPECT_EQ(c.exchange("GET /empty HTTP/1.1\r\nHost: x\r\n\r\n").status, 204);
  const RawAnswer last = c.exchange("GET /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(last.header("connection"), "close");
  EXPECT_TRUE(c.closed_within(2000));
}

TEST_F(ServerTest, EveryAnswerBearsARequestIdAndTheSecurityHeaders) {
  start();
  for (const char* request : {"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /throw HTTP/1.1\r\nHost: x\r\n\r\n",
                              "GET /../ HTTP/1.1\r\nHost: x\r\n\r\n", "garbage\r\n\r\n",
                              "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\nHost: x\n\n"}) {
    const RawAnswer answer = client().exchange(request);
    EXPECT_NE(answer.status, 0) << request;
    for (const char* name : {"x-request-id", "content-security-policy", "x-content-type-options", "x-frame-options",
                             "referrer-policy", "cross-origin-opener-policy", "cache-control", "date"}) {
      EXPECT_FALSE(answer.header(name).empty()) << name << " of " << request;
    }
  }
  EXPECT_EQ(client().exchange("GET /a HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine-7\r\n\r\n").header("x-request-id"),
            "mine-7");
}

TEST_F(ServerTest, AnExceptionIsAnswered500WithoutItsText) {
  start();
  const RawAnswer answer = client().exchange("GET /throw HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body.find("secret"), std::string::npos);
  EXPECT_NE(answer.body.find(answer.header("x-request-id")), std::string::npos);
}

TEST_F(ServerTest, HeadHasTheLengthAndNoBody) {
  start();
  RawClient c = client();
  c.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(c.receive(5000, true).header("content-length"), "8");
  EXPECT_EQ(c.exchange("GET /a HTTP/1.1\r\nHost: x\r\n\r\n").body, "GET /a ");
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
  start();
  RawClient c = client();
  std::string all;
  for (int i = 0; i < 1000; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  std::thread sender([&] { c.send(all); });
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(c.receive().body, "GET /" + std::to_string(i) + " ");
  sender.join();
}

TEST_F(ServerTest, MalformedRequestsAreRefusedAndTheConnectionCloses) {
  start();
  const std::string host = "Host: x\r\n";
  const std::vector<std::pair<std::string, int>> cases = {
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: x\n\n", 400},
      {"GET / HTTP/1.1\r\nHost: x\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "A: b\r\n c\r\n\r\n", 400},
      {"GET http://x/ HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET /a/../b HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET /%2e%2e/b HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET /a%00 HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET /a%2Fb HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"G\x01T / HTTP/1.1\r\n" + host + "\r\n", 400},
      {"FROB / HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET / HTTP/3.1\r\n" + host + "\r\n", 505},
      {"GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\n" + host + "\r\n", 414},
      {"GET / HTTP/1.1\r\n" + host + "A: " + std::string(1'000'000, 'a') + "\r\n\r\n", 431},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 99999999\r\n\r\n", 413},
      {"POST / HTTP/1.1\r\n" + host + "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 415},
      {"GET / HTTP/1.1\r\n" + host + "Expect: magic\r\n\r\n", 417},
  };
  for (const auto& [request, status] : cases) {
    RawClient c = client();
    c.send(request);
    EXPECT_EQ(c.receive().status, status) << request.substr(0, 120);
    EXPECT_TRUE(c.closed_within(3000)) << request.substr(0, 120);
  }
  std::string many = "GET / HTTP/1.1\r\n" + host;
  for (int i = 0; i < 200; ++i) many += "A: b\r\n";
  EXPECT_EQ(client().exchange(many + "\r\n").status, 431);
  EXPECT_EQ(acts.load(), 0);
}

TEST_F(ServerTest, AChunkedBodyBeyondTheLimitIsRefused) {
  ServerOptions options;
  options.max_body_bytes = 1000;
  start(options);
  RawClient c = client();
  c.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n" + std::string(2048, 'x') + "\r\n");
  EXPECT_EQ(c.receive().status, 413);
}

TEST_F(ServerTest, SaysContinueBeforeTheBody) {
  start();
  RawClient c = client();
  EXPECT_EQ(c.exchange("POST /b HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n").status, 100);
  EXPECT_EQ(c.exchange("hi").body, "POST /b hi");
  EXPECT_EQ(c.exchange("GET /c HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n").status, 200);
}

TEST_F(ServerTest, SlowHeadsAndBodiesAreCutOff) {
  ServerOptions options;
  options.header_timeout = seconds(1);
  options.body_timeout = seconds(1);
  start(options);
  RawClient head = client();
  RawClient body = client();
  RawClient silent = client();
  head.send("GET / HTTP/1.1\r\nHos");
  body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
  EXPECT_TRUE(head.closed_within(4000));
  EXPECT_TRUE(body.closed_within(4000));
  EXPECT_TRUE(silent.closed_within(4000));
  EXPECT_EQ(acts.load(), 0);
}

TEST_F(ServerTest, AFullQueueIsAnswered503AtOnce) {
  ServerOptions options;
  options.worker_threads = 1;
  options.queue_length = 1;
  start(options);
  RawClient working = client();
  RawClient queued = client();
  working.send("GET /gate HTTP/1.1\r\nHost: x\r\n\r\n");
  gate.await(1);
  queued.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  RawAnswer answer;
  for (int i = 0; i < 100 && answer.status != 503; ++i) {
    RawClient c = client();
    answer = c.exchange("GET /a HTTP/1.1\r\nHost: x\r\n\r\n", 20);
  }
  EXPECT_EQ(answer.status, 503);
  EXPECT_FALSE(answer.header("retry-after").empty());
  EXPECT_EQ(client().exchange("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  gate.open();
  EXPECT_EQ(working.receive().status, 200);
}

TEST_F(ServerTest, HundredsOfIdleAndSlowClientsHurtNobody) {
  start();
  std::vector<RawClient> crowd;
  for (int i = 0; i < 400; ++i) {
    crowd.push_back(client());
    ASSERT_TRUE(crowd.back().connected());
    if (i % 2 == 0) crowd.back().send("GET / HTTP/1.1\r\nHost: x\r\nX: ");
  }
  const auto start = Clock::now();
  for (int i = 0; i < 200; ++i) ASSERT_EQ(client().exchange("GET /a HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(5));
}

TEST_F(ServerTest, ANewcomerTakesThePlaceOfTheLongestIdle) {
  ServerOptions options;
  options.max_connections = 10;
  start(options);
  std::vector<RawClient> crowd;
  for (int i = 0; i < 30; ++i) {
    crowd.push_back(client());
    ASSERT_EQ(crowd.back().exchange("GET /a HTTP/1.1\r\nHost: x\r\n\r\n").status, 200) << i;
  }
  EXPECT_TRUE(crowd.front().closed_within(3000));
  EXPECT_LE(server->connections(), 12);
}

TEST_F(ServerTest, ASlowReaderDoesNotHoldAWorker) {
  ServerOptions options;
  options.worker_threads = 1;
  start(options);
  RawClient slow = client();
  slow.send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client().exchange("GET /a HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  EXPECT_EQ(slow.receive().body.size(), 8U * 1024 * 1024);
}

TEST_F(ServerTest, StopLetsRequestsUnderWayEndAndTakesNoMore) {
  start();
  RawClient busy = client();
  RawClient idle = client();
  RawClient half = client();
  half.send("GET / HT");
  idle.exchange("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  busy.send("GET /gate HTTP/1.1\r\nHost: x\r\n\r\n");
  gate.await(1);
  std::thread stopper([&] { server->stop(); });
  EXPECT_TRUE(idle.closed_within(2000));
  EXPECT_TRUE(half.closed_within(2000));
  EXPECT_TRUE(server->draining());
  gate.open();
  const RawAnswer answer = busy.receive();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("connection"), "close");
  stopper.join();
  EXPECT_EQ(server->connections(), 0);
  EXPECT_EQ(client().exchange("GET /a HTTP/1.1\r\nHost: x\r\n\r\n").status, 0);
}

TEST_F(ServerTest, SaysWhyItCannotListen) {
  start();
  ServerOptions options;
  options.listen_port = server->port();
  Metrics other;
  const auto second = Server::start(options, {}, other);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, "cannot_listen");
}

}  // namespace
}  // namespace bursar::http
