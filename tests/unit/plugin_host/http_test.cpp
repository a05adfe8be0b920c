// The HTTP service: above all, whether a request can have reached the other side.
#include "plugin_host/services/http.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <future>
#include <thread>

namespace bursar::plugin_host {
namespace {

using namespace std::chrono_literals;

// Accepts connections one after another and lets `script` deal with each; counts the requests it read.
class Server {
 public:
  explicit Server(std::function<void(Server&, int)> script) : script_(std::move(script)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_, 16), 0);
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      for (int peer = accept(listener_, nullptr, nullptr); peer >= 0; peer = accept(listener_, nullptr, nullptr)) {
        script_(*this, peer);
        close(peer);
      }
    });
  }
  ~Server() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::string url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  std::string read_request(int peer) {
    std::string text;
    char piece[4096];
    while (text.find("\r\n\r\n") == std::string::npos) {
      const auto got = recv(peer, piece, sizeof piece, 0);
      if (got <= 0) return text;
      text.append(piece, static_cast<std::size_t>(got));
    }
    ++requests;
    last = text;
    return text;
  }
  static void reply(int peer, const std::string& text) { (void)!send(peer, text.data(), text.size(), MSG_NOSIGNAL); }

  std::atomic<int> requests{0};
  std::string last;

 private:
  std::function<void(Server&, int)> script_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

HttpRequest get(const std::string& url) {
  HttpRequest request;
  request.url = url;
  request.deadline = std::chrono::steady_clock::now() + 10s;
  return request;
}
HttpRequest post(const std::string& url, const std::string& body) {
  auto request = get(url);
  request.method = "POST";
  request.body = body;
  return request;
}

TEST(Http, AnswersStatusHeadersAndBody) {
  Server server([](Server& self, int peer) {
    self.read_request(peer);
    Server::reply(peer, "HTTP/1.1 402 No\r\nX-Reason:  poor \r\nContent-Length: 4\r\n\r\nnope");
  });
  HttpClient client;
  auto request = post(server.url("/charge"), "amount=1");
  request.headers = {{"Authorization", "Bearer x"}, {"X-Empty", ""}};
  const auto answer = client.perform(request);
  EXPECT_EQ(answer.failure, HttpFailure::none);
  EXPECT_TRUE(answer.sent);
  EXPECT_EQ(answer.status, 402);
  EXPECT_EQ(answer.body, "nope");
  ASSERT_EQ(answer.headers.size(), 2U);
  EXPECT_EQ(answer.headers[0], (std::pair<std::string, std::string>("x-reason", "poor")));
  EXPECT_NE(server.last.find("POST /charge HTTP/1.1\r\n"), std::string::npos);
  EXPECT_NE(server.last.find("Authorization: Bearer x\r\n"), std::string::npos);
  EXPECT_NE(server.last.find("X-Empty:\r\n"), std::string::npos);
}

TEST(Http, RefusedConnectionIsCertainlyNotSent) {
  std::string url;
  {
    Server gone([](Server&, int) {});
    url = gone.url();
  }
  HttpClient client;
  const auto answer = client.perform(post(url, "x"));
  EXPECT_EQ(answer.failure, HttpFailure::not_connected);
  EXPECT_FALSE(answer.sent);
  EXPECT_NE(answer.error.find("127.0.0.1"), std::string::npos);
}

TEST(Http, UnknownNameIsCertainlyNotSent) {
  HttpClient client;
  const auto answer = client.perform(post("http://no-such-host.invalid/", "x"));
  EXPECT_EQ(answer.failure, HttpFailure::not_connected);
  EXPECT_FALSE(answer.sent);
}

TEST(Http, FailedTlsIsCertainlyNotSent) {
  Server plain([](Server&, int peer) { Server::reply(peer, "this is no TLS\r\n\r\n"); });
  HttpClient client;
  auto url = plain.url();
  url.replace(0, 4, "https");
  const auto answer = client.perform(post(url, "x"));
  EXPECT_EQ(answer.failure, HttpFailure::not_connected);
  EXPECT_FALSE(answer.sent);
}

TEST(Http, ConnectionCutAfterTheRequestMayHaveBeenSent) {
  Server server([](Server& self, int peer) { self.read_request(peer); });
  HttpClient client;
  const auto answer = client.perform(post(server.url(), "x"));
  EXPECT_EQ(answer.failure, HttpFailure::lost);
  EXPECT_TRUE(answer.sent);
  EXPECT_EQ(server.requests, 1) << "a lost request is never repeated by itself";
}

TEST(Http, ConnectionResetBeforeTheRequestWasReadCountsAsSent) {
  Server server([](Server&, int peer) {
    const linger hard{.l_onoff = 1, .l_linger = 0};
    setsockopt(peer, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  });
  HttpClient client;
  const auto answer = client.perform(post(server.url(), "x"));
  EXPECT_EQ(answer.failure, HttpFailure::lost);
  EXPECT_TRUE(answer.sent);
}

TEST(Http, TruncatedAnswerIsLost) {
  Server server([](Server& self, int peer) {
    self.read_request(peer);
    Server::reply(peer, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"paid\":");
  });
  HttpClient client;
  EXPECT_EQ(client.perform(post(server.url(), "x")).failure, HttpFailure::lost);
}

TEST(Http, AnswerAboveTheLimitIsCut) {
  Server server([](Server& self, int peer) {
    self.read_request(peer);
    Server::reply(peer, "HTTP/1.1 200 OK\r\n\r\n" + std::string(100'000, 'x'));
  });
  HttpClient client;
  auto request = get(server.url());
  request.max_answer_bytes = 1000;
  const auto answer = client.perform(request);
  EXPECT_EQ(answer.failure, HttpFailure::too_large);
  EXPECT_TRUE(answer.sent);
  EXPECT_LE(answer.body.size(), 1000U);
}

TEST(Http, SilentServerIsLostAtTheDeadline) {
  std::promise<void> over;
  auto wait = over.get_future().share();
  Server server([wait](Server& self, int peer) {
    self.read_request(peer);
    wait.wait();
  });
  HttpClient client;
  auto request = post(server.url(), "x");
  request.deadline = std::chrono::steady_clock::now() + 100ms;
  const auto answer = client.perform(request);
  over.set_value();
  EXPECT_EQ(answer.failure, HttpFailure::lost);
  EXPECT_TRUE(answer.sent);
}

TEST(Http, DeadlineAlreadyPastSendsNothing) {
  Server server([](Server& self, int peer) { self.read_request(peer); });
  HttpClient client;
  auto request = post(server.url(), "x");
  request.deadline = std::chrono::steady_clock::now() - 1s;
  EXPECT_FALSE(client.perform(request).sent);
  EXPECT_EQ(server.requests, 0);
}

TEST(Http, RedirectIsAnAnswerNotAnOrder) {
  Server server([](Server& self, int peer) {
    self.read_request(peer);
    Server::reply(peer, "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
  });
  HttpClient client;
  EXPECT_EQ(client.perform(get(server.url())).status, 302);
  EXPECT_EQ(server.requests, 1);
}

TEST(Http, PostNeverRidesOnAnOldConnection) {
  Server server([](Server& self, int peer) {
    self.read_request(peer);
    Server::reply(peer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
  });
  HttpClient client;
  EXPECT_EQ(client.perform(get(server.url())).failure, HttpFailure::none);
  EXPECT_EQ(client.perform(post(server.url(), "x")).failure, HttpFailure::none);
  EXPECT_EQ(client.perform(post(server.url(), "x")).failure, HttpFailure::none);
  EXPECT_EQ(server.requests, 3);
}

TEST(Http, RefusesWhatWouldNotBeOneCleanRequest) {
  HttpClient client;
  auto smuggled = get("http://127.0.0.1:1/");
  smuggled.headers = {{"X-A", "1\r\nX-B: 2"}};
  auto method = get("http://127.0.0.1:1/");
  method.method = "GET / HTTP/1.1";
  for (const auto& request :
       {smuggled, method, get("file:///etc/passwd"), get("ftp://example.com/"), get(""), get("http://a b/")}) {
    const auto answer = client.perform(request);
    EXPECT_EQ(answer.failure, HttpFailure::invalid) << request.url;
    EXPECT_FALSE(answer.sent);
  }
}

}  // namespace
}  // namespace bursar::plugin_host
