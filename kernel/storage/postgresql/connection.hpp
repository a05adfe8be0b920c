// One libpq connection, always in pipeline mode: statements are sent without waiting, and finish() collects the answers
// of all of them. Used by one thread at a time.
#pragma once

#include <libpq-fe.h>

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "storage/postgresql/parameters.hpp"

namespace bursar::storage::postgresql {

// Another transaction was in the way (40001, 40P01): the same transaction may succeed if it is run again.
class SerializationConflict : public StorageError {
 public:
  explicit SerializationConflict(std::string what) : StorageError(std::move(what), true) {}
};
// The connection is gone. Whatever was not committed is rolled back by the server.
class ConnectionLost : public StorageError {
 public:
  explicit ConnectionLost(std::string what) : StorageError(std::move(what), true) {}
};

using ResultPtr = std::unique_ptr<PGresult, decltype(&PQclear)>;

class PgConnection {
 public:
  PgConnection(const std::string& conninfo, bool prepared_statements);  // throws ConnectionLost
  PgConnection(const PgConnection&) = delete;
  PgConnection& operator=(const PgConnection&) = delete;

  [[nodiscard]] PGconn* get() const { return connection_.get(); }
  // False when it is in the middle of something or the server has hung up. Costs no round trip.
  [[nodiscard]] bool usable();

  void send(Sql sql, const Parameters& parameters);
  // A bulk statement, prepared by its text. `expected_rows` < 0: any number will do.
  void send_bulk(const std::string& sql, const Parameters& parameters, std::int64_t expected_rows);
  // Transaction control.
  void send_command(const char* sql);
  // Waits for everything sent and answers the last result. Throws for the first statement that failed.
  ResultPtr finish();
  // Runs several statements by the simple protocol.
  void run_script(const std::string& sql);

 private:
  struct Key {
    const char* address;
    std::string text;  // of bulk statements, which have no address
    Signature signature;
    auto operator<=>(const Key&) const = default;
  };
  struct Pending {
    std::optional<Key> prepares;  // forgotten again if it fails
    std::int64_t expected_rows = -1;
    std::string what;
  };
  void send_statement(Key key, const std::string& rendered, const Parameters& parameters, std::int64_t expected_rows);
  void check_sent(int answer);
  ResultPtr collect(const Pending& pending, std::exception_ptr& error);
  void collect_sync();

  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
  bool prepared_statements_;
  std::map<Key, std::string> prepared_;  // names
  std::deque<Pending> pending_;
  int names_ = 0;
};

// The exception for a failed result.
std::exception_ptr error_of(PGconn* connection, const PGresult* result, std::string_view doing);

}  // namespace bursar::storage::postgresql
