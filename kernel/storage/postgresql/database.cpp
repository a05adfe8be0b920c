#include "storage/postgresql/database.hpp"

#include <thread>

#include "base/log.hpp"
#include "storage/failpoints.hpp"
#include "storage/inside.hpp"

namespace bursar::storage::postgresql {
namespace {

using std::chrono::milliseconds;
constexpr int max_conflicts = 14;  // the waits add up to about six seconds
constexpr int max_losses = 3;
// A key that a rival took after this transaction's snapshot is reported before the conflict is: a transaction that
// asked first and found no such row finds it when it runs again
// (https://www.postgresql.org/docs/15/mvcc-serialization-failure-handling.html).
constexpr int max_keys_taken = 2;
constexpr const char* begin_write = "BEGIN ISOLATION LEVEL SERIALIZABLE";
constexpr const char* begin_read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

Error unavailable(const std::string& detail) {
  return {.kind = ErrorKind::unavailable,
          .code = "database_not_openable",
          .detail = detail,
          .cure = "check the server and the database url",
          .retry = Retry::later};
}

template <class E>
bool is(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const E&) {
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace

void roll_back(PgConnection& connection) {
  try {
    connection.finish();
  } catch (const StorageError& error) {
    log::debug("postgresql_rollback", {{"detail", error.what()}});
  }
  if (PQstatus(connection.get()) != CONNECTION_OK || PQtransactionStatus(connection.get()) == PQTRANS_IDLE) return;
  try {
    connection.send_command("ROLLBACK");
    connection.finish();
  } catch (const StorageError& error) {
    log::warning("postgresql_rollback_failed", {{"detail", error.what()}});
  }
}

Result<std::unique_ptr<Database>> PostgresqlDatabase::open(const std::string& conninfo, const OpenOptions& options) {
  auto database = std::make_unique<PostgresqlDatabase>(conninfo, options);
  try {
    BURSAR_CHECK(database->check_server());
  } catch (const StorageError& error) {
    return unavailable(error.what());
  }
  return std::unique_ptr<Database>(std::move(database));
}

Status PostgresqlDatabase::check_server() {
  run_read([](Connection& connection) {
    auto rows = connection.query(
        "SELECT current_setting('server_version_num'), current_setting('server_encoding'), "
        "current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit')");
    BURSAR_ASSERT(rows.next());
    if (rows.integer(0) < 150000) {
      throw StorageError("PostgreSQL 15 or newer is needed, this is " + rows.string(0), false);
    }
    if (rows.text(1) != "UTF8") {
      throw StorageError("the database's encoding must be UTF8, it is " + rows.string(1), false);
    }
    if (rows.text(2) != "on" || rows.text(3) != "on" || rows.text(4) == "off") {
      log::warning("postgresql_not_durable",
                   {{"fsync", rows.text(2)}, {"full_page_writes", rows.text(3)}, {"synchronous_commit", rows.text(4)}});
    }
  });
  return {};
}

void PostgresqlDatabase::run_read(const std::function<void(Connection&)>& work) {
  const detail::InsideScope inside;
  const auto connection = pool_.take();
  PgReader reader(*connection);
  try {
    connection->send_command(begin_read);
    work(reader);
    connection->send_command("COMMIT");
    connection->finish();
  } catch (...) {
    roll_back(*connection);
    throw;
  }
}

void PostgresqlDatabase::run_write(const char* what, const std::function<bool(Transaction&)>& work) {
  if (options_.read_only) throw StorageError("the database is open for reading only", false);
  const auto started = std::chrono::steady_clock::now();
  Actions actions;
  int conflicts = 0;
  int keys_taken = 0;
  int losses = 0;
  for (;;) {
    std::exception_ptr error = nullptr;
    const Attempt attempt = try_write(work, actions, error);
    if (attempt == Attempt::done) break;
    if (attempt == Attempt::key_taken) {
      if (++keys_taken > max_keys_taken) std::rethrow_exception(error);
      continue;
    }
    const bool again = attempt == Attempt::conflict ? ++conflicts <= max_conflicts : ++losses <= max_losses;
    if (!again) {
      log::warning("transaction_given_up", {{"name", what}, {"conflicts", conflicts}, {"connections_lost", losses}});
      std::rethrow_exception(error);
    }
    std::this_thread::sleep_for(attempt == Attempt::conflict ? jittered(milliseconds(2), conflicts, milliseconds(1000))
                                                             : jittered(milliseconds(200), losses, milliseconds(2000)));
  }
  const auto took = std::chrono::steady_clock::now() - started;
  if (took > std::chrono::seconds(2)) {
    log::warning("slow_transaction", {{"name", what},
                                      {"milliseconds", std::chrono::duration_cast<milliseconds>(took).count()},
                                      {"conflicts", conflicts}});
  }
  for (auto& action : actions) action();
}

PostgresqlDatabase::Attempt PostgresqlDatabase::try_write(const std::function<bool(Transaction&)>& work,
                                                          Actions& actions, std::exception_ptr& error) {
  const detail::InsideScope inside;
  const auto connection = pool_.take();
  PgTransaction transaction(*connection, ids_);
  bool committing = false;
  try {
    connection->send_command(begin_write);
    const bool wanted = work(transaction);
    if (transaction.in_conflict()) throw SerializationConflict("a conflict was swallowed");
    if (!wanted) {
      roll_back(*connection);
      return Attempt::done;
    }
    transaction.settle();
    failpoints::before_commit();
    committing = true;
    connection->send_command("COMMIT");
    connection->finish();
    transaction.share_ids();
    failpoints::after_commit();
    actions = transaction.take_after_commit();
    return Attempt::done;
  } catch (const ConnectionLost&) {
    // While it was committing, nobody knows what became of it: only the caller's own unique keys can tell.
    if (committing) throw;
    error = std::current_exception();
    return Attempt::lost;
  } catch (...) {
    error = std::current_exception();
    roll_back(*connection);
    // A conflict may also show at COMMIT, where no statement of the transaction saw it.
    if (transaction.in_conflict() || is<SerializationConflict>(error)) return Attempt::conflict;
    if (is<UniqueViolation>(error)) return Attempt::key_taken;
    throw;
  }
}

void PostgresqlDatabase::simulate(const std::function<void(Transaction&)>& work) {
  const detail::InsideScope inside;
  const auto connection = pool_.take();
  IdBlocks ids;  // of its own: above every number that is stored
  PgTransaction transaction(*connection, ids);
  try {
    connection->send_command("BEGIN ISOLATION LEVEL REPEATABLE READ");
    work(transaction);
    transaction.settle();
  } catch (...) {
    roll_back(*connection);
    throw;
  }
  roll_back(*connection);
}

Status PostgresqlDatabase::ping() {
  try {
    run_read([](Connection& connection) { connection.query("SELECT 1"); });
    return {};
  } catch (const StorageError& error) {
    return unavailable(error.what());
  }
}

}  // namespace bursar::storage::postgresql
