#include "http/server.hpp"

#include <algorithm>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <thread>

#include "base/log.hpp"
#include "http/connection.hpp"

namespace bursar::http {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;

namespace {

struct Loop {
  LoopState state;  // outlives the handlers that the context still holds
  asio::io_context context{1};
  asio::executor_work_guard<Executor> work{context.get_executor()};
  std::thread thread;

  void run() {
    for (;;) {
      try {
        context.run();
        return;
      } catch (const std::exception& e) {
        log::error("event_loop_exception", {{"detail", e.what()}});
      }
    }
  }
};

class ServerOnBeast final : public Server {
 public:
  ServerOnBeast(const ServerOptions& options, Handlers handlers, Metrics& metrics)
      : workers_(options.worker_threads, options.queue_length),
        state_{
            .options = options,
            .handlers = std::move(handlers),
            .workers = workers_,
            .requests = metrics.counter("bursar_http_requests_total", "Well-formed requests taken"),
            .refused = metrics.counter("bursar_http_refused_total", "Malformed or oversized requests"),
            .overloaded = metrics.counter("bursar_http_overloaded_total", "Requests answered 503 for a full queue"),
            .timed_out =
                metrics.counter("bursar_http_timeouts_total", "Connections closed for slow reading or writing"),
            .duration = metrics.histogram("bursar_http_request_seconds", "From the head of a request to its answer")},
        metrics_(metrics) {
    gauges([this] { return std::int64_t{state_.connections.load()}; },
           [this] { return static_cast<std::int64_t>(workers_.waiting()); });
    for (int i = 0; i < std::max(1, options.io_threads); ++i) loops_.push_back(std::make_unique<Loop>());
    acceptor_ = std::make_unique<Acceptor>(loops_.front()->context);
    accept_pause_ = std::make_unique<Timer>(loops_.front()->context);
  }

  ~ServerOnBeast() override {
    stop();
    gauges([] { return std::int64_t{0}; }, [] { return std::int64_t{0}; });  // the registry outlives this server
  }

  Status listen() {
    boost::system::error_code error;
    const auto failed = [&](std::string_view what) {
      return Error{.kind = ErrorKind::unavailable,
                   .code = "cannot_listen",
                   .detail = "Cannot " + std::string(what) + " " + state_.options.listen_host + ":" +
                             std::to_string(state_.options.listen_port) + ": " + error.message() + ".",
                   .cure = "Choose another server.listen, or stop the process that uses it."};
    };
    const std::string host = state_.options.listen_host == "localhost" ? "127.0.0.1" : state_.options.listen_host;
    const auto address = asio::ip::make_address(host, error);
    if (error) return failed("read the address");
    const tcp::endpoint endpoint(address, state_.options.listen_port);
    acceptor_->open(endpoint.protocol(), error);
    if (!error) acceptor_->set_option(Acceptor::reuse_address(true), error);
    if (!error) acceptor_->bind(endpoint, error);
    if (error) return failed("bind");
    acceptor_->listen(4096, error);
    if (error) return failed("listen on");
    port_ = acceptor_->local_endpoint().port();
    accept();
    for (auto& loop : loops_) loop->thread = std::thread([&loop = *loop] { loop.run(); });
    return {};
  }

  [[nodiscard]] std::uint16_t port() const override { return port_; }
  [[nodiscard]] int connections() const override { return state_.connections.load(); }
  [[nodiscard]] bool draining() const override { return state_.draining.load(); }

  void stop() override {
    if (stopped_) return;
    stopped_ = true;
    state_.draining.store(true);
    asio::post(loops_.front()->context, [this] {
      boost::system::error_code ignored;
      acceptor_->close(ignored);
      accept_pause_->cancel();
    });
    close_connections([](Connection& c) { c.close_unless_busy(); });
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(state_.options.drain_timeout.seconds);
    while (state_.connections.load() > 0 && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    if (const int left = state_.connections.load(); left > 0) log::warning("drain_timed_out", {{"connections", left}});
    close_connections([](Connection& c) { c.close(); });
    workers_.stop();
    for (auto& loop : loops_) {
      loop->work.reset();
      loop->context.stop();
      if (loop->thread.joinable()) loop->thread.join();
    }
  }

 private:
  void gauges(std::function<std::int64_t()> connections, std::function<std::int64_t()> waiting) {
    metrics_.gauge("bursar_http_connections", "Open client connections", std::move(connections));
    metrics_.gauge("bursar_http_queue_waiting", "Requests that wait for a worker", std::move(waiting));
  }

  template <class F>
  void close_connections(F close) {
    for (auto& loop : loops_) {
      asio::post(loop->context, [&state = loop->state, close] {
        const std::vector<Connection*> present(state.all.begin(), state.all.end());
        for (Connection* connection : present) close(*connection);
      });
    }
  }

  // Room for newcomers is made at the cost of those that have waited longest without a request.
  void drop_longest_idle(std::size_t count) {
    for (auto& loop : loops_) {
      asio::post(loop->context, [&state = loop->state, count] {
        for (std::size_t i = 0; i < count && !state.idle.empty(); ++i) state.idle.front()->close();
      });
    }
  }

  void accept() {
    Loop& loop = *loops_[next_loop_++ % loops_.size()];
    acceptor_->async_accept(loop.context, [this, &loop](boost::system::error_code error, Socket socket) {
      on_accept(loop, error, std::move(socket));
    });
  }

  void on_accept(Loop& loop, boost::system::error_code error, Socket socket) {
    if (state_.draining.load() || error == asio::error::operation_aborted) return;
    if (error == asio::error::no_descriptors || error == asio::error::no_buffer_space ||
        error == asio::error::no_memory || error.value() == ENFILE) {
      return pause_accepting(error);
    }
    if (!error) {
      const int open = state_.connections.load();
      if (open >= state_.options.max_connections) drop_longest_idle(1);
      if (open < state_.options.max_connections + 64) {
        asio::post(loop.context, [this, &loop, socket = std::move(socket)]() mutable {
          std::make_shared<Connection>(std::move(socket), state_, loop.state)->start();
        });
      }
    }
    accept();
  }

  // Out of descriptors: trying again at once would spin.
  void pause_accepting(boost::system::error_code error) {
    log::warning("accept_paused", {{"detail", error.message()}, {"connections", state_.connections.load()}});
    drop_longest_idle(16);
    accept_pause_->expires_after(std::chrono::milliseconds(100));
    accept_pause_->async_wait([this](boost::system::error_code cancelled) {
      if (!cancelled && !state_.draining.load()) accept();
    });
  }

  WorkerPool workers_;
  ServerState state_;
  Metrics& metrics_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::unique_ptr<Acceptor> acceptor_;
  std::unique_ptr<Timer> accept_pause_;
  std::size_t next_loop_ = 0;
  std::uint16_t port_ = 0;
  bool stopped_ = false;
};

}  // namespace

ServerOptions ServerOptions::from(const settings::Server& settings) {
  ServerOptions options;
  options.listen_host = settings.listen_host;
  options.listen_port = settings.listen_port;
  options.worker_threads = settings.worker_threads;
  options.io_threads = settings.io_threads;
  options.max_header_bytes = settings.max_header_bytes;
  options.max_body_bytes = settings.max_body_bytes;
  options.header_timeout = settings.header_timeout;
  options.body_timeout = settings.body_timeout;
  options.idle_timeout = settings.idle_timeout;
  options.max_connections = settings.max_connections;
  options.trusted_proxies = settings.trusted_proxies;
  options.strict_transport_security = settings.public_url.substr(0, 8) == "https://";
  return options;
}

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Handlers handlers, Metrics& metrics) {
  auto server = std::make_unique<ServerOnBeast>(options, std::move(handlers), metrics);
  BURSAR_CHECK(server->listen());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace bursar::http
