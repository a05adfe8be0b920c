#include "storage/postgresql/connection.hpp"

#include <poll.h>

#include "base/log.hpp"
#include "storage/dialect.hpp"

namespace bursar::storage::postgresql {
namespace {

void on_notice(void*, const PGresult* result) {
  const char* text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  log::debug("postgresql_notice", {{"detail", text != nullptr ? text : ""}});
}

PGconn* connect(const std::string& conninfo) {
  // What stands in the conninfo wins over what comes before it.
  const char* keywords[] = {"connect_timeout",
                            "keepalives_idle",
                            "tcp_user_timeout",
                            "fallback_application_name",
                            "dbname",
                            "client_encoding",
                            nullptr};
  const char* values[] = {"5", "30", "20000", "bursar", conninfo.c_str(), "UTF8", nullptr};
  return PQconnectdbParams(keywords, values, 1);
}

std::string trimmed(const char* message) {
  std::string out = message != nullptr ? message : "";
  while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
  return out;
}

bool is_transient(std::string_view state) {
  const auto of_class = state.substr(0, 2);
  // Connection, resources, operator intervention; lock timeout; a standby that a failover has left us on.
  return of_class == "08" || of_class == "53" || of_class == "57" || state == "55P03" || state == "25006";
}

}  // namespace

std::exception_ptr error_of(PGconn* connection, const PGresult* result, std::string_view doing) {
  const char* field = result != nullptr ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
  const std::string_view state = field != nullptr ? field : "";
  std::string what = "PostgreSQL: ";
  what += trimmed(result != nullptr ? PQresultErrorMessage(result) : PQerrorMessage(connection));
  what += " [" + std::string(state) + "] (" + std::string(doing.substr(0, 300)) + ")";
  if (state == "40001" || state == "40P01") return std::make_exception_ptr(SerializationConflict(what));
  if (state == "23505") return std::make_exception_ptr(UniqueViolation(what));
  if (PQstatus(connection) != CONNECTION_OK || state.empty() || state == "25006" || state.substr(0, 3) == "57P") {
    return std::make_exception_ptr(ConnectionLost(what));
  }
  return std::make_exception_ptr(StorageError(what, is_transient(state)));
}

PgConnection::PgConnection(const std::string& conninfo, bool prepared_statements)
    : connection_(connect(conninfo), &PQfinish), prepared_statements_(prepared_statements) {
  if (connection_ == nullptr || PQstatus(connection_.get()) != CONNECTION_OK) {
    throw ConnectionLost("PostgreSQL: " + trimmed(PQerrorMessage(connection_.get())));
  }
  PQsetNoticeReceiver(connection_.get(), &on_notice, nullptr);
  // A process that is stopped in the middle of a transaction holds its locks; those who take its work over wait for
  // them.
  const ResultPtr limited(PQexec(connection_.get(), "SET idle_in_transaction_session_timeout = '60s'"), &PQclear);
  if (PQresultStatus(limited.get()) != PGRES_COMMAND_OK) {
    throw ConnectionLost("PostgreSQL: " + trimmed(PQerrorMessage(connection_.get())));
  }
  if (PQenterPipelineMode(connection_.get()) != 1) throw ConnectionLost("PostgreSQL: no pipeline mode");
}

bool PgConnection::usable() {
  if (!pending_.empty() || PQstatus(connection_.get()) != CONNECTION_OK) return false;
  if (PQtransactionStatus(connection_.get()) != PQTRANS_IDLE) return false;
  // An idle server has nothing to say but that it ends.
  pollfd socket{.fd = PQsocket(connection_.get()), .events = POLLIN, .revents = 0};
  return ::poll(&socket, 1, 0) == 0;
}

void PgConnection::check_sent(int answer) {
  if (answer == 1) return;
  throw ConnectionLost("PostgreSQL: " + trimmed(PQerrorMessage(connection_.get())));
}

void PgConnection::send(Sql sql, const Parameters& parameters) {
  Key key{.address = sql.text(), .text = {}, .signature = parameters.signature()};
  const bool known = prepared_.contains(key);
  send_statement(std::move(key), known ? std::string() : render_sql(Backend::postgresql, sql.text()), parameters, -1);
}

void PgConnection::send_bulk(const std::string& sql, const Parameters& parameters, std::int64_t expected_rows) {
  send_statement({.address = nullptr, .text = sql, .signature = parameters.signature()}, sql, parameters,
                 expected_rows);
}

void PgConnection::send_statement(Key key, const std::string& rendered, const Parameters& parameters,
                                  std::int64_t expected_rows) {
  std::string what = key.address != nullptr ? std::string(key.address) : key.text;
  if (!prepared_statements_) {
    check_sent(PQsendQueryParams(connection_.get(), rendered.c_str(), parameters.size(), parameters.types(),
                                 parameters.values(), parameters.lengths(), parameters.formats(), 0));
  } else {
    auto found = prepared_.find(key);
    if (found == prepared_.end()) {
      const std::string name = "bursar_" + std::to_string(++names_);
      check_sent(
          PQsendPrepare(connection_.get(), name.c_str(), rendered.c_str(), parameters.size(), parameters.types()));
      pending_.push_back({.prepares = key, .expected_rows = -1, .what = what});
      found = prepared_.emplace(std::move(key), name).first;
    }
    check_sent(PQsendQueryPrepared(connection_.get(), found->second.c_str(), parameters.size(), parameters.values(),
                                   parameters.lengths(), parameters.formats(), 0));
  }
  pending_.push_back({.prepares = std::nullopt, .expected_rows = expected_rows, .what = std::move(what)});
}

void PgConnection::send_command(const char* sql) {
  check_sent(PQsendQueryParams(connection_.get(), sql, 0, nullptr, nullptr, nullptr, nullptr, 0));
  pending_.push_back({.prepares = std::nullopt, .expected_rows = -1, .what = sql});
}

ResultPtr PgConnection::collect(const Pending& pending, std::exception_ptr& error) {
  ResultPtr last(nullptr, &PQclear);
  for (PGresult* result = PQgetResult(connection_.get()); result != nullptr; result = PQgetResult(connection_.get())) {
    last.reset(result);
    if (PQstatus(connection_.get()) != CONNECTION_OK) break;
  }
  const auto status = last != nullptr ? PQresultStatus(last.get()) : PGRES_FATAL_ERROR;
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
    if (error == nullptr && pending.expected_rows >= 0 &&
        std::to_string(pending.expected_rows) != PQcmdTuples(last.get())) {
      error = std::make_exception_ptr(StorageError("a batch of " + std::to_string(pending.expected_rows) +
                                                       " rows matched " + PQcmdTuples(last.get()) +
                                                       " stored rows: " + pending.what,
                                                   false));
    }
    return last;
  }
  if (pending.prepares) prepared_.erase(*pending.prepares);
  if (error == nullptr) error = error_of(connection_.get(), last.get(), pending.what);
  return last;
}

void PgConnection::collect_sync() {
  const ResultPtr result(PQgetResult(connection_.get()), &PQclear);
  if (result == nullptr || PQresultStatus(result.get()) != PGRES_PIPELINE_SYNC) {
    throw ConnectionLost("PostgreSQL: " + trimmed(PQerrorMessage(connection_.get())));
  }
}

ResultPtr PgConnection::finish() {
  ResultPtr last(nullptr, &PQclear);
  if (pending_.empty()) return last;
  check_sent(PQpipelineSync(connection_.get()));
  std::exception_ptr error = nullptr;
  while (!pending_.empty()) {
    const Pending pending = std::move(pending_.front());
    pending_.pop_front();
    last = collect(pending, error);
    if (PQstatus(connection_.get()) != CONNECTION_OK) std::rethrow_exception(error);
  }
  collect_sync();
  if (error != nullptr) std::rethrow_exception(error);
  return last;
}

void PgConnection::run_script(const std::string& sql) {
  finish();
  check_sent(PQexitPipelineMode(connection_.get()));
  const ResultPtr result(PQexec(connection_.get(), sql.c_str()), &PQclear);
  const auto status = result != nullptr ? PQresultStatus(result.get()) : PGRES_FATAL_ERROR;
  std::exception_ptr error = nullptr;
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY) {
    error = error_of(connection_.get(), result.get(), "a script");
  }
  check_sent(PQenterPipelineMode(connection_.get()));
  if (error != nullptr) std::rethrow_exception(error);
}

}  // namespace bursar::storage::postgresql
