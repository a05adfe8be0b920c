#include "http/connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>

#include "base/log.hpp"
#include "http/answer_text.hpp"
#include "http/problem.hpp"
#include "http/request_form.hpp"

namespace bursar::http {

namespace asio = boost::asio;
namespace beast = boost::beast;

namespace {
std::chrono::seconds chrono_seconds(Duration d) { return std::chrono::seconds(d.seconds); }

std::string_view view(const beast::flat_buffer& buffer) {
  return {static_cast<const char*>(buffer.data().data()), buffer.size()};
}
}  // namespace

Connection::Connection(Socket socket, ServerState& server, LoopState& loop)
    : socket_(std::move(socket)), deadline_(socket_.get_executor()), server_(server), loop_(loop) {
  loop_.all.insert(this);
  server_.connections.fetch_add(1);
}

Connection::~Connection() {
  close();
  loop_.all.erase(this);
  server_.connections.fetch_sub(1);
}

void Connection::start() {
  beast::error_code error;
  const auto endpoint = socket_.remote_endpoint(error);
  if (error) return close();
  peer_ = endpoint.address().to_string();
  socket_.set_option(asio::ip::tcp::no_delay(true), error);
  state_ = State::closed;  // so that wait_for_request() enters the idle list for the first time
  wait_for_request();
}

void Connection::close() {
  if (state_ == State::idle) loop_.idle.erase(idle_at_);
  state_ = State::closed;
  deadline_.cancel();
  beast::error_code ignored;
  socket_.close(ignored);
}

void Connection::close_unless_busy() {
  if (state_ == State::idle || state_ == State::head || state_ == State::lingering) close();
}

void Connection::set_deadline(std::chrono::seconds after) {
  deadline_.expires_after(after);
  deadline_.async_wait([self = shared_from_this()](beast::error_code error) {
    if (error || self->deadline_.expiry() > std::chrono::steady_clock::now()) return;
    if (self->state_ == State::head || self->state_ == State::body || self->state_ == State::writing) {
      self->server_.timed_out.add();
    }
    self->close();
  });
}

void Connection::leave_idle() {
  if (state_ == State::idle) loop_.idle.erase(idle_at_);
  state_ = State::head;
}

void Connection::wait_for_request() {
  if (!socket_.is_open()) return;
  scanned_ = 0;
  parser_.reset();
  if (buffer_.size() > 0) {
    state_ = State::head;
    set_deadline(chrono_seconds(server_.options.header_timeout));
    return read_head();
  }
  buffer_.clear();
  buffer_.shrink_to_fit();
  state_ = State::idle;
  idle_at_ = loop_.idle.insert(loop_.idle.end(), this);
  const ServerOptions& options = server_.options;
  set_deadline(chrono_seconds(served_before_ ? options.idle_timeout : options.header_timeout));
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](beast::error_code error) {
    if (error || self->state_ != State::idle) return;
    self->leave_idle();
    self->set_deadline(chrono_seconds(self->server_.options.header_timeout));
    self->read_head();
  });
}

// Whether what has come in so far shows that no well-formed head can follow, or holds a whole one (then parse_head()).
bool Connection::head_is_malformed() {
  const std::string_view text = view(buffer_);
  for (; scanned_ < text.size(); ++scanned_) {
    if (text[scanned_] == '\n' && (scanned_ == 0 || text[scanned_ - 1] != '\r')) return true;
    if (text[scanned_] == '\n' && scanned_ >= 3 && text[scanned_ - 2] == '\n') return false;
  }
  return false;
}

void Connection::read_head() {
  if (scanned_ == 0 && view(buffer_).substr(0, 2) == "\r\n")
    buffer_.consume(2);  // RFC 9112, 2.2: one empty line before
  if (head_is_malformed()) return refuse(400, "bad_head", "Lines end with CR LF.");
  const auto limit = static_cast<std::size_t>(server_.options.max_header_bytes);
  if (scanned_ < buffer_.size()) {
    if (scanned_ + 1 > limit) return refuse_large_head();
    return parse_head(scanned_ + 1);
  }
  if (buffer_.size() > limit) return refuse_large_head();
  socket_.async_read_some(buffer_.prepare(4096),
                          [self = shared_from_this()](beast::error_code error, std::size_t size) {
                            if (error || self->state_ != State::head) return self->close();
                            self->buffer_.commit(size);
                            self->read_head();
                          });
}

void Connection::refuse_large_head() {
  const std::size_t first_line = view(buffer_).find('\n');
  if (first_line == std::string_view::npos || first_line > server_.options.max_target_bytes) {
    return refuse(414, "target_too_long", "The request target is too long.");
  }
  refuse(431, "head_too_large", "The request head is too large.");
}

void Connection::parse_head(std::size_t size) {
  started_ = std::chrono::steady_clock::now();
  request_ = Request();
  request_.peer = peer_;
  head_only_ = false;
  if (const auto refusal = check_head_bytes(view(buffer_).substr(0, size))) {
    return refuse(refusal->status, refusal->code, refusal->detail);
  }
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(size + 1));
  parser_->body_limit(static_cast<std::uint64_t>(server_.options.max_body_bytes));
  parser_->eager(false);
  beast::error_code error;
  const std::size_t used = parser_->put(asio::buffer(buffer_.data(), size), error);
  if (error == beast::http::error::body_limit) return refuse(413, "body_too_large", "The body is too large.");
  if (error == beast::http::error::bad_version) return refuse(505, "version_not_known", "Speak HTTP/1.1.");
  if (error || !parser_->is_header_done()) return refuse(400, "bad_head", "The head of the request is malformed.");
  buffer_.consume(used);
  copy_request();
  const FormLimits limits{.headers = server_.options.max_headers, .target_bytes = server_.options.max_target_bytes};
  if (const auto refusal = check_form(request_, minor_version_, limits)) {
    return refuse(refusal->status, refusal->code, refusal->detail);
  }
  const auto length = parser_->content_length();
  if (length && *length > static_cast<std::uint64_t>(server_.options.max_body_bytes)) {
    return refuse(413, "body_too_large", "The body is too large.");
  }
  head_only_ = request_.method == "HEAD";
  if (parser_->is_done()) return dispatch();
  continue_or_read_body();
}

void Connection::copy_request() {
  const auto& message = parser_->get();
  minor_version_ = message.version() == 10 ? 0 : 1;
  request_.method = std::string(message.method_string());
  request_.target = std::string(message.target());
  for (const auto& field : message) {
    request_.headers.push_back({std::string(field.name_string()), std::string(field.value())});
  }
  request_.request_id = choose_request_id(request_.header("X-Request-Id"));
  request_.peer = client_address(request_, peer_, server_.options.trusted_proxies);
}

void Connection::continue_or_read_body() {
  state_ = State::body;
  set_deadline(chrono_seconds(server_.options.body_timeout));
  if (!request_.has_header("Expect") || minor_version_ == 0 || buffer_.size() > 0) return read_body();
  static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(socket_, asio::buffer(go_on.data(), go_on.size()),
                    [self = shared_from_this()](beast::error_code error, std::size_t /*size*/) {
                      if (error || self->state_ != State::body) return self->close();
                      self->read_body();
                    });
}

void Connection::read_body() {
  beast::http::async_read(
      socket_, buffer_, *parser_,
      [self = shared_from_this()](beast::error_code error, std::size_t /*size*/) { self->on_body(error); });
}

void Connection::on_body(beast::error_code error) {
  if (state_ != State::body) return close();
  if (error == beast::http::error::body_limit) return refuse(413, "body_too_large", "The body is too large.");
  if (error.category() == beast::http::make_error_code(beast::http::error::bad_chunk).category() &&
      error != beast::http::error::partial_message && error != beast::http::error::end_of_stream) {
    return refuse(400, "bad_body", "The body's framing is malformed.");
  }
  if (error) return close();
  request_.body = std::move(parser_->get().body());
  dispatch();
}

void Connection::dispatch() {
  state_ = State::working;
  deadline_.cancel();
  server_.requests.add();
  if (server_.handlers.immediate) {
    if (auto answer = server_.handlers.immediate(request_)) return finish(*std::move(answer));
  }
  const bool queued = server_.workers.try_post([self = shared_from_this()]() mutable {
    const log::RequestScope scope(self->request_.request_id);
    Answer answer;
    try {
      answer = self->server_.handlers.work(self->request_);
    } catch (const std::exception& e) {
      answer = problem(Error{.kind = ErrorKind::internal, .code = "unexpected_exception", .detail = e.what()},
                       self->request_.request_id);
    }
    Connection& connection = *self;
    asio::post(connection.socket_.get_executor(),
               [self = std::move(self), answer = std::move(answer)]() mutable { self->finish(std::move(answer)); });
  });
  if (queued) return;
  server_.overloaded.add();
  finish(problem(503, "server_is_busy", "All workers are busy; try again in a moment.", request_.request_id));
}

void Connection::finish(Answer answer) {
  if (state_ != State::working) return;
  answer_ = std::move(answer);
  const auto took = std::chrono::steady_clock::now() - started_;
  server_.duration.observe_us(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
  write_answer(!parser_->keep_alive() || server_.draining.load());
}

void Connection::refuse(int status, std::string_view code, std::string_view detail) {
  server_.refused.add();
  if (request_.request_id.empty()) request_.request_id = choose_request_id(request_.header("X-Request-Id"));
  answer_ = problem(status, code, detail, request_.request_id);
  write_answer(true);
}

void Connection::write_answer(bool close_after) {
  state_ = State::writing;
  served_before_ = true;
  try {
    head_text_ = answer_head(answer_, request_.request_id,
                             {.close = close_after,
                              .keep_alive_named = minor_version_ == 0,
                              .strict_transport_security = server_.options.strict_transport_security});
  } catch (const InvariantBroken& broken) {
    log::error("answer_head_is_broken", {{"detail", broken.what()}, {"request_id", request_.request_id}});
    return close();
  }
  const bool bodiless = head_only_ || answer_.status == 204 || answer_.status == 304;
  const std::size_t size = bodiless ? 0 : answer_.body.size();
  const std::array<asio::const_buffer, 2> buffers = {asio::buffer(head_text_), asio::buffer(answer_.body.data(), size)};
  set_deadline(chrono_seconds(server_.options.write_timeout) + std::chrono::seconds(size / 16384));
  asio::async_write(socket_, buffers,
                    [self = shared_from_this(), close_after](beast::error_code error, std::size_t /*size*/) {
                      if (error || self->state_ != State::writing) return self->close();
                      self->on_written(close_after);
                    });
}

void Connection::on_written(bool close_after) {
  answer_ = Answer();
  request_ = Request();
  if (close_after || server_.draining.load()) return linger();
  wait_for_request();
}

// Closing while the other side still sends would reset the connection and lose the answer on its way: say that nothing
// more comes, and read what it sends for a moment.
void Connection::linger() {
  beast::error_code error;
  socket_.shutdown(Socket::shutdown_send, error);
  if (error || server_.draining.load()) return close();
  state_ = State::lingering;
  buffer_.clear();
  set_deadline(std::chrono::seconds(2));
  discard();
}

void Connection::discard() {
  socket_.async_read_some(buffer_.prepare(16 * 1024),
                          [self = shared_from_this()](beast::error_code error, std::size_t size) {
                            self->discarded_ += size;
                            if (error || self->state_ != State::lingering || self->discarded_ > 64UL * 1024 * 1024)
                              return self->close();
                            self->discard();
                          });
}

}  // namespace bursar::http
