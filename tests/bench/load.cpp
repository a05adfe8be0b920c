// A client that posts over HTTP: CLIENTS connections that stay open, each with one request under way at a time.
//
//   bench-load PORT CLIENTS SECONDS REQUESTS.txt
//
// REQUESTS holds a request a line, as path, headers ("Name: value", any number) and body with tabs between; each is
// sent once, and the load ends early when all are. Prints rate and latencies; anything but an answer of 2xx is counted
// as an error.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bench/latency.hpp"

namespace bursar::bench {
namespace {

class Connection {
 public:
  explicit Connection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int yes = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot connect");
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { ::close(socket_); }

  // Answers the status.
  int exchange(const std::string& request) {
    for (std::size_t sent = 0; sent < request.size();) {
      const auto size = ::send(socket_, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
      if (size <= 0) throw std::runtime_error("the server hung up");
      sent += static_cast<std::size_t>(size);
    }
    std::string answer;
    std::size_t head = std::string::npos;
    while ((head = answer.find("\r\n\r\n")) == std::string::npos) receive(answer);
    constexpr std::string_view length = "Content-Length: ";
    const std::size_t at = answer.find(length);
    if (at > head) throw std::runtime_error("an answer without a length");
    const std::size_t whole = head + 4 + std::stoul(answer.substr(at + length.size(), 12));
    while (answer.size() < whole) receive(answer);
    return std::stoi(answer.substr(9, 3));
  }

 private:
  void receive(std::string& answer) const {
    char bytes[4096];
    const auto size = ::recv(socket_, bytes, sizeof bytes, 0);
    if (size <= 0) throw std::runtime_error("the server hung up");
    answer.append(bytes, static_cast<std::size_t>(size));
  }
  int socket_;
};

std::string request_of(const std::string& line) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (std::size_t tab = 0; (tab = line.find('\t', begin)) != std::string::npos; begin = tab + 1)
    parts.push_back(line.substr(begin, tab - begin));
  const std::string body = line.substr(begin);
  std::string request = "POST " + parts.at(0) + " HTTP/1.1\r\nHost: localhost\r\n";
  for (std::size_t i = 1; i < parts.size(); ++i) request += parts[i] + "\r\n";
  return request + "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

int run(int argc, char** argv) {
  if (argc < 5) {
    std::fputs("usage: bench-load PORT CLIENTS SECONDS REQUESTS.txt\n", stderr);
    return 2;
  }
  const auto port = static_cast<std::uint16_t>(std::stoi(argv[1]));
  std::vector<std::string> requests;
  std::string line;
  for (std::ifstream file(argv[4]); std::getline(file, line);) requests.push_back(request_of(line));
  std::atomic<std::size_t> next = 0;
  std::atomic<std::int64_t> errors = 0;
  std::vector<std::vector<std::int64_t>> latencies(std::stoul(argv[2]));
  std::vector<std::thread> clients;
  const auto started = Clock::now();
  const auto end = started + std::chrono::seconds(std::stoi(argv[3]));
  for (auto& mine : latencies) {
    clients.emplace_back([&] {
      try {
        Connection connection(port);
        for (std::size_t i = next++; i < requests.size() && Clock::now() < end; i = next++) {
          const auto start = Clock::now();
          const int status = connection.exchange(requests[i]);
          if (status >= 200 && status < 300)
            mine.push_back(microseconds_since(start));
          else
            ++errors;
        }
      } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        ++errors;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  return print_latencies(latencies, static_cast<double>(microseconds_since(started)) / 1e6, errors);
}

}  // namespace
}  // namespace bursar::bench

int main(int argc, char** argv) { return bursar::bench::run(argc, argv); }
