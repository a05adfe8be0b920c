// The commands behind the command line. Each answers its exit code and writes results to standard output, reasons to
// standard error.
#pragma once

#include <optional>
#include <string>

namespace bursar::cli {

inline constexpr int done = 0, failed = 1, wrong_usage = 2;

struct Common {
  std::string config_file = "bursar.yaml";
  bool json = false;
};

// `listen` overrides server.listen of the configuration: "HOST:PORT"; empty: as configured.
int serve(const Common& common, const std::string& listen);

int config_check(const Common& common);
int config_schema();
int config_reference();
int config_example();
const char* example_configuration();  // config/production.example.yaml

int db_migrate(const Common& common, bool dry_run);
int db_verify(const Common& common);
int db_new_key(bool json);
int db_reencrypt(const Common& common);
int db_backup(const Common& common, const std::string& file);
int db_restore(const Common& common, const std::string& file);

int job_list(const Common& common);
int job_run(const Common& common, const std::string& job, const std::string& at);
int preview(const Common& common, const std::string& job, const std::string& at);
int clock_show(const Common& common);
int clock_advance(const Common& common, const std::string& to, bool jump);

int plugin_list(const Common& common);

struct InboxFilter {
  std::string instance;
  bool open = false;
  int limit = 50;
};
int inbox_list(const Common& common, const InboxFilter& filter);
int inbox_show(const Common& common, const std::string& id);
int inbox_replay(const Common& common, const std::string& id);

struct RefundDecisionOptions {
  std::string request, amount, destination, reason, override_reason, service, reference, gateway;
  bool approve = false;
};
int refund_list(const Common& common, const std::string& status);
int refund_decide(const Common& common, const RefundDecisionOptions& options);

struct StaffUser {
  std::string email, name, role = "admin";
};
int user_create_staff(const Common& common, const StaffUser& user);

int demo_seed(const Common& common);
// `url`: of a server that holds the store; empty: none runs.
int demo_run(const Common& common, int months, const std::string& url);

}  // namespace bursar::cli
