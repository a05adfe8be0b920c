// The HTTP/1.1 server: a few event loops that own the connections, and a bounded pool of workers for the domain's
// work, so that ten thousand idle or slow clients cost memory and nothing else. It knows no route.
//
// Guarantees. Handlers see only well-formed requests (message.hpp). Every answer, of the server's own errors too,
// bears X-Request-Id and the security headers. One request of a connection is under way at a time; pipelined ones wait
// in order. When the workers' queue is full the answer is 503 with Retry-After, at once.
//
// Threads: Handlers::work runs on the workers, many at a time; Handlers::immediate on an event loop, and must not
// block.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "http/message.hpp"
#include "http/metrics.hpp"
#include "settings/config.hpp"

namespace bursar::http {

struct ServerOptions {
  std::string listen_host = "127.0.0.1";
  std::uint16_t listen_port = 0;  // 0: the system chooses
  int worker_threads = 8;
  int io_threads = 1;
  std::size_t queue_length = 512;  // requests waiting for a worker
  std::int64_t max_header_bytes = 16 * 1024;
  std::int64_t max_body_bytes = 1024 * 1024;
  int max_headers = 100;
  std::size_t max_target_bytes = 8 * 1024;
  Duration header_timeout = seconds(10);
  Duration body_timeout = seconds(30);
  Duration idle_timeout = seconds(75);
  Duration write_timeout = seconds(30);  // plus a second for each 16 KiB
  Duration drain_timeout = seconds(10);
  int max_connections = 20'000;
  std::vector<std::string> trusted_proxies = {};  // addresses whose X-Forwarded-For is believed
  bool strict_transport_security = false;         // send HSTS: only where the public URL is https

  static ServerOptions from(const settings::Server& settings);
};

struct Handlers {
  // Answers at once on the event loop (liveness, reads by key), or nothing: then `work` is asked on a worker.
  std::function<std::optional<Answer>(const Request&)> immediate;
  // An exception is logged and answered with 500.
  std::function<Answer(const Request&)> work;
};

class Server {
 public:
  // Binds, listens and starts the threads. Errors: "cannot_listen" (address in use, no such host).
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Handlers handlers, Metrics& metrics);
  virtual ~Server() = default;  // stops

  [[nodiscard]] virtual std::uint16_t port() const = 0;
  [[nodiscard]] virtual int connections() const = 0;
  // True from the beginning of stop(): readiness answers 503 by it.
  [[nodiscard]] virtual bool draining() const = 0;
  // Takes no new connection, closes idle ones, lets requests under way end and their answers go out for up to
  // drain_timeout, then closes what is left and waits for the workers. May be called twice, from one thread at a time.
  virtual void stop() = 0;
};

}  // namespace bursar::http
