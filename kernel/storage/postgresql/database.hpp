// PostgreSQL 15 or newer behind Database.
#pragma once

#include "storage/postgresql/pool.hpp"
#include "storage/postgresql/transaction.hpp"

namespace bursar::storage::postgresql {

class PostgresqlDatabase final : public Database {
 public:
  static Result<std::unique_ptr<Database>> open(const std::string& conninfo, const OpenOptions& options);

  PostgresqlDatabase(std::string conninfo, const OpenOptions& options)
      : conninfo_(std::move(conninfo)),
        options_(options),
        pool_(conninfo_, options.readers, options.prepared_statements) {}
  [[nodiscard]] Backend backend() const override { return Backend::postgresql; }
  void simulate(const std::function<void(Transaction&)>& work) override;
  Status backup(const std::string& path) override;
  Status ping() override;

 protected:
  void run_read(const std::function<void(Connection&)>& work) override;
  void run_write(const char* what, const std::function<bool(Transaction&)>& work) override;

 private:
  enum class Attempt { done, conflict, key_taken, lost };
  using Actions = std::vector<std::function<void()>>;
  Attempt try_write(const std::function<bool(Transaction&)>& work, Actions& actions, std::exception_ptr& error);
  Status check_server();

  std::string conninfo_;
  OpenOptions options_;
  Pool pool_;
  IdBlocks ids_;
};

// Ends the transaction under way; a connection that cannot even do that is closed by the pool.
void roll_back(PgConnection& connection);

}  // namespace bursar::storage::postgresql
