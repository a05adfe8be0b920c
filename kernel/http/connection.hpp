// One client connection, on one event loop. Private to the server: the only headers that name Boost are this and
// connection.cpp's.
//
// States: idle (no byte of a request yet) -> head -> body -> working (on a worker, or answered at once) -> writing ->
// idle or closed. A deadline stands over each but working. All functions run on the loop's thread, and finish() is
// posted to it.
#pragma once

#include <atomic>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "http/server.hpp"
#include "http/worker_pool.hpp"

namespace bursar::http {

using Executor = boost::asio::io_context::executor_type;
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;
using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

class Connection;

// What one event loop knows of its connections.
struct LoopState {
  std::unordered_set<Connection*> all;
  std::list<Connection*> idle;  // longest idle first
};

// What all connections share; outlives them.
struct ServerState {
  ServerOptions options;
  Handlers handlers;
  WorkerPool& workers;
  std::atomic<int> connections{0};
  std::atomic<bool> draining{false};
  Counter& requests;
  Counter& refused;     // malformed, too large
  Counter& overloaded;  // 503 for a full queue
  Counter& timed_out;
  Histogram& duration;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Socket socket, ServerState& server, LoopState& loop);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start();
  void close();
  // For draining: closes it unless a request is under way whose answer must go out.
  void close_unless_busy();

 private:
  enum class State { idle, head, body, working, writing, lingering, closed };
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  void wait_for_request();
  void read_head();
  bool head_is_malformed();  // a bare line end so far
  void refuse_large_head();
  void parse_head(std::size_t size);
  void copy_request();
  void continue_or_read_body();
  void read_body();
  void on_body(boost::beast::error_code error);
  void dispatch();
  void finish(Answer answer);  // the handler's answer
  void refuse(int status, std::string_view code, std::string_view detail);
  void write_answer(bool close_after);
  void on_written(bool close_after);
  void linger();
  void discard();
  void set_deadline(std::chrono::seconds after);
  void leave_idle();

  Socket socket_;
  Timer deadline_;
  ServerState& server_;
  LoopState& loop_;
  State state_ = State::idle;
  std::list<Connection*>::iterator idle_at_;
  boost::beast::flat_buffer buffer_;
  std::size_t scanned_ = 0;  // bytes of buffer_ already searched for the end of the head
  std::optional<Parser> parser_;
  int minor_version_ = 1;
  bool head_only_ = false;  // HEAD: no body goes out
  bool served_before_ = false;
  std::size_t discarded_ = 0;
  std::string peer_;
  Request request_;
  Answer answer_;
  std::string head_text_;
  std::chrono::steady_clock::time_point started_;
};

}  // namespace bursar::http
