// A provider's double as a child process, and orders to it; provider_double.py tells what it understands.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/temporary_folder.hpp"

namespace bursar::test {

using Json = nlohmann::json;

class Double {
 public:
  // `script` is a file of tests/doubles; `now` its clock at the start, in Unix seconds.
  Double(const std::string& script, std::int64_t now) {
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    std::vector<std::string> words{BURSAR_PYTHON,      "-B",           std::string(BURSAR_DOUBLES) + "/" + script,
                                   "--folder",         folder_.path(), "--now",
                                   std::to_string(now)};
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const int failed = ::posix_spawn(&child_, BURSAR_PYTHON, &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    stdin_ = in[1];
    std::string line;
    char c = 0;
    while (failed == 0 && ::read(out[0], &c, 1) == 1 && c != '\n') line += c;
    ::close(out[0]);
    const Json ports = Json::parse(line, nullptr, false);
    if (!ports.is_object()) throw std::runtime_error(script + " did not start: " + line);
    provider_ = ports.at("provider").get<int>();
    control_ = ports.at("control").get<int>();
  }
  // The end of its standard input ends it.
  ~Double() {
    ::close(stdin_);
    int status = 0;
    ::waitpid(child_, &status, 0);
  }
  Double(const Double&) = delete;
  Double& operator=(const Double&) = delete;

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(provider_); }

  Json get(const std::string& path) { return exchange("GET", path, ""); }
  Json post(const std::string& path, const Json& order) { return exchange("POST", path, order.dump()); }

  void fault(const Json& fault) { post("/faults", Json::array({fault})); }
  void refuse(bool on) { post("/refuse", {{"on", on}}); }
  // The entries of the book about `what`.
  std::vector<Json> book(const std::string& what) {
    std::vector<Json> found;
    for (const Json& entry : get("/book")) {
      if (entry.at("what") == what) found.push_back(entry);
    }
    return found;
  }
  // What the provider's description refuses of all requests and answers so far, one per line; empty without one.
  std::string refused() {
    std::string all;
    for (const Json& request : get("/requests")) {
      for (const char* field : {"refused", "answer_refused"}) {
        for (const Json& fault : request.at(field)) {
          all += request.at("method").get<std::string>() + " " + request.at("path").get<std::string>() + ": " +
                 fault.get<std::string>() + "\n";
        }
      }
    }
    return all;
  }
  // Whether requests are checked against the provider's description; else why not.
  std::string unchecked() { return get("/contract").at("why").get<std::string>(); }

 private:
  Json exchange(const std::string& method, const std::string& path, const std::string& body) const {
    const int connection = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(control_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::string text = method + " " + path +
                       " HTTP/1.1\r\nHost: double\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                       body;
    bool sent = ::connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    for (std::string_view left = text; sent && !left.empty();) {
      const ssize_t count = ::send(connection, left.data(), left.size(), MSG_NOSIGNAL);
      sent = count > 0;
      if (sent) left.remove_prefix(static_cast<std::size_t>(count));
    }
    std::string answer;
    char buffer[65536];
    for (ssize_t count = 0; sent && (count = ::read(connection, buffer, sizeof buffer)) > 0;)
      answer.append(buffer, static_cast<std::size_t>(count));
    ::close(connection);
    const std::size_t head = answer.find("\r\n\r\n");
    if (head == std::string::npos || !answer.starts_with("HTTP/1.1 200"))
      throw std::runtime_error(method + " " + path + " of the double: " + answer);
    return Json::parse(answer.substr(head + 4));
  }

  TemporaryFolder folder_;
  pid_t child_ = -1;
  int stdin_ = -1;
  int provider_ = 0;
  int control_ = 0;
};

}  // namespace bursar::test
