#include "cli/command_line.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <functional>

#include "base/log.hpp"
#include "cli/commands.hpp"
#include "cli/support.hpp"

namespace bursar::cli {
namespace {

using Command = std::function<int()>;

struct Options {
  Common common;
  bool dry_run = false;
  bool jump = false;
  int months = 3;
  std::string file, job, at, listen, url;
  StaffUser staff;
  InboxFilter inbox;
  std::string request;
  RefundDecisionOptions decision;
};

CLI::App* command(CLI::App& parent, const std::string& name, const std::string& help, const std::string& example,
                  Options& options, Command& chosen, Command act, bool reads_config = true) {
  CLI::App* sub = parent.add_subcommand(name, help);
  sub->footer("Example: " + example);
  if (reads_config)
    sub->add_option("--config", options.common.config_file, "The configuration file")->capture_default_str();
  sub->add_flag("--json", options.common.json, "Answer in JSON, for scripts");
  sub->callback([&chosen, act = std::move(act)] { chosen = act; });
  return sub;
}

CLI::App* group(CLI::App& app, const std::string& name, const std::string& help) {
  CLI::App* sub = app.add_subcommand(name, help);
  sub->require_subcommand(1);
  return sub;
}

void add_database(CLI::App& app, Options& o, Command& chosen) {
  CLI::App* db = group(app, "db", "The store: migrate, verify, back up, restore");
  command(*db, "migrate", "Create the store, or bring its schema to this version",
          "bursar db migrate --config bursar.yaml", o, chosen, [&o] { return db_migrate(o.common, o.dry_run); })
      ->add_flag("--dry-run", o.dry_run, "Only name the migrations that would be applied");
  command(*db, "verify", "Walk every invariant of the books; names each breach", "bursar db verify --json", o, chosen,
          [&o] { return db_verify(o.common); });
  command(
      *db, "new-key", "Make a key for database.encryption_keys", "(umask 077; bursar db new-key > encryption.key)", o,
      chosen, [&o] { return db_new_key(o.common.json); }, false);
  command(*db, "reencrypt",
          "Encrypt what is in clear, or under another key, with the first of database.encryption_keys",
          "bursar db reencrypt", o, chosen, [&o] { return db_reencrypt(o.common); });
  command(*db, "backup", "Copy the store to FILE while it is in use", "bursar db backup /var/backups/bursar.db", o,
          chosen, [&o] { return db_backup(o.common, o.file); })
      ->add_option("file", o.file, "Where to")
      ->required();
  command(*db, "restore", "Put a backup in place of a store that is not there",
          "bursar db restore /var/backups/bursar.db", o, chosen, [&o] { return db_restore(o.common, o.file); })
      ->add_option("file", o.file, "The backup")
      ->required();
}

void add_scheduler(CLI::App& app, Options& o, Command& chosen) {
  CLI::App* job = group(app, "job", "Scheduled jobs");
  command(*job, "list", "Jobs with their last and next runs", "bursar job list", o, chosen,
          [&o] { return job_list(o.common); });
  CLI::App* run =
      command(*job, "run", "Run a job now, or as of an instant", "bursar job run daily --at 2027-02-01T03:00:00Z", o,
              chosen, [&o] { return job_run(o.common, o.job, o.at); });
  run->add_option("name", o.job, "The job")->required();
  run->add_option("--at", o.at, "The instant the run stands for (RFC 3339)");
  CLI::App* look = command(app, "preview", "What the daily run would do; nothing is stored",
                           "bursar preview --at 2027-02-01T03:00:00Z", o, chosen,
                           [&o] { return preview(o.common, o.job.empty() ? "daily" : o.job, o.at); });
  look->add_option("--at", o.at, "Until which instant (RFC 3339); default: the next run");
  look->add_option("--job", o.job, "Which job; default: daily");
  CLI::App* clock = group(app, "clock", "The test clock (clock: test)");
  command(*clock, "show", "What time it is there", "bursar clock show", o, chosen,
          [&o] { return clock_show(o.common); });
  CLI::App* advance = command(*clock, "advance", "Live through the time until an instant, with every scheduled run",
                              "bursar clock advance --to 2027-03-01T00:00:00Z", o, chosen,
                              [&o] { return clock_advance(o.common, o.at, o.jump); });
  advance->add_option("--to", o.at, "The instant (RFC 3339)")->required();
  advance->add_flag("--jump", o.jump, "At once, as after downtime: what was missed is caught up");
}

void add_refunds(CLI::App& app, Options& o, Command& chosen) {
  CLI::App* refund = group(app, "refund", "Requests for refunds");
  command(*refund, "list", "Who asks for what, and what the rules say", "bursar refund list --status requested", o,
          chosen, [&o] { return refund_list(o.common, o.at); })
      ->add_option("--status", o.at, "requested, approved, declined or withdrawn; default: all");
  CLI::App* approve = command(*refund, "approve", "Give the money back, in whole or part",
                              "bursar refund approve rfr_0r8m6p2w5t1qk --amount 4.00 --to credit", o, chosen, [&o] {
                                o.decision.approve = true;
                                return refund_decide(o.common, o.decision);
                              });
  approve->add_option("--amount", o.decision.amount, "Less than was asked, as 4.00");
  approve->add_option("--to", o.decision.destination, "gateway, credit or external; default: as the rules say");
  approve->add_option("--override", o.decision.override_reason, "Why against the rules");
  approve->add_option("--service", o.decision.service,
                      "What becomes of a service refunded whole: keep, cancel or terminate_now; default: by its rule");
  approve->add_option("--reference", o.decision.reference,
                      "Of money sent by hand (external): its id at the gateway or bank");
  approve->add_option("--gateway", o.decision.gateway,
                      "Of money sent by hand: by which gateway, where not the payment's");
  CLI::App* decline = command(*refund, "decline", "Refuse, with a reason that the customer is told",
                              "bursar refund decline rfr_0r8m6p2w5t1qk --reason 'The 14 days are over.'", o, chosen,
                              [&o] { return refund_decide(o.common, o.decision); });
  decline->add_option("--reason", o.decision.reason, "What the customer reads")->required();
  for (CLI::App* sub : {approve, decline}) sub->add_option("request", o.decision.request, "Its id")->required();
}

void add_others(CLI::App& app, Options& o, Command& chosen) {
  CLI::App* config = group(app, "config", "The configuration");
  command(*config, "check", "Say everything that is wrong with the configuration",
          "bursar config check --config bursar.yaml", o, chosen, [&o] { return config_check(o.common); });
  command(
      *config, "schema", "The JSON Schema of the configuration, for editors",
      "bursar config schema > bursar.schema.json", o, chosen, [] { return config_schema(); }, false);
  command(
      *config, "reference", "The reference page of every key", "bursar config reference", o, chosen,
      [] { return config_reference(); }, false);
  command(
      *config, "example", "A configuration to start from", "bursar config example > bursar.yaml", o, chosen,
      [] { return config_example(); }, false);
  CLI::App* plugin = group(app, "plugin", "Plugins");
  command(*plugin, "list", "Each configured instance: loaded, or why not", "bursar plugin list", o, chosen,
          [&o] { return plugin_list(o.common); });
  CLI::App* inbox = group(app, "inbox", "What providers sent in");
  CLI::App* list = command(*inbox, "list", "Stored requests, newest first; also beside a running server",
                           "bursar inbox list --open", o, chosen, [&o] { return inbox_list(o.common, o.inbox); });
  list->add_option("--instance", o.inbox.instance, "Of this plugin instance only");
  list->add_flag("--open", o.inbox.open, "Only those that are not applied yet");
  list->add_option("--limit", o.inbox.limit, "How many")->capture_default_str()->check(CLI::Range(1, 1000));
  command(*inbox, "show", "A request with its events, headers and body", "bursar inbox show whr_...", o, chosen,
          [&o] { return inbox_show(o.common, o.request); })
      ->add_option("request", o.request, "The request's id")
      ->required();
  command(*inbox, "replay", "Hand a request in again; nothing is applied twice", "bursar inbox replay whr_...", o,
          chosen, [&o] { return inbox_replay(o.common, o.request); })
      ->add_option("request", o.request, "The request's id")
      ->required();
  CLI::App* user = group(app, "user", "Users");
  CLI::App* staff = command(*user, "create-staff",
                            "Make a staff user; the password comes from the prompt, standard input or BURSAR_PASSWORD",
                            "bursar user create-staff --email ann@example.com --name Ann --role admin", o, chosen,
                            [&o] { return user_create_staff(o.common, o.staff); });
  staff->add_option("--email", o.staff.email, "Email, the login name")->required();
  staff->add_option("--name", o.staff.name, "Name")->required();
  staff->add_option("--role", o.staff.role, "admin, billing or support")->capture_default_str();
  CLI::App* demo = group(app, "demo", "The demonstration provider");
  command(*demo, "seed", "Fill an empty store with a catalog and customers",
          "bursar demo seed --config config/demo.yaml", o, chosen, [&o] { return demo_seed(o.common); });
  CLI::App* run = command(*demo, "run", "Move the test clock through months of daily runs and show what happened",
                          "bursar demo run --months 3 --config config/demo.yaml", o, chosen,
                          [&o] { return demo_run(o.common, o.months, o.url); });
  run->add_option("--months", o.months, "How many")->capture_default_str()->check(CLI::Range(1, 36));
  run->add_option("--url", o.url, "Of the running server, where one holds the store: http://127.0.0.1:8080");
}

}  // namespace

int run(int argc, char** argv) {
  CLI::App app("Bursar: billing for hosting providers", "bursar");
  app.set_version_flag("--version", std::string(BURSAR_VERSION));
  app.require_subcommand(1);
  Options options;
  app.add_option("--config", options.common.config_file, "The configuration file; also after the command");
  Command chosen;
  command(app, "serve", "Serve the API and run the jobs", "bursar serve --config /etc/bursar/bursar.yaml", options,
          chosen, [&options] { return serve(options.common, options.listen); })
      ->add_option("--listen", options.listen, "HOST:PORT instead of server.listen");
  add_others(app, options, chosen);
  add_database(app, options, chosen);
  add_scheduler(app, options, chosen);
  add_refunds(app, options, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? done : wrong_usage;
  }
  try {
    return chosen();
  } catch (const storage::StorageError& error) {
    return fail({.kind = ErrorKind::unavailable, .code = "store_failed", .detail = error.what()});
  } catch (const std::exception& error) {
    log::error("command_failed", {{"reason", error.what()}});
    return fail({.code = "command_failed", .detail = error.what()});
  }
}

}  // namespace bursar::cli
