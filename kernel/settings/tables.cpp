#include "settings/tables.hpp"

#include <arpa/inet.h>

#include "base/vault.hpp"
#include "settings/listen.hpp"

namespace bursar::settings {
namespace {

Kind<ListenAddress> listen() {
  const Kind<std::string> text = kind::text(300);
  return {.name = "address and port",
          .json_schema = R"({"type":"string","pattern":"^.+:[0-9]{1,5}$"})",
          .read = [text](Reader& reader, const Node& node) -> std::optional<ListenAddress> {
            auto value = text.read(reader, node);
            if (!value) return std::nullopt;
            if (auto parsed = parse_listen(*value)) return parsed;
            reader.error(node.place, "not an address with a port",
                         "write \"127.0.0.1:8080\" or \"[::1]:8080\"; port 0 lets the system choose");
            return std::nullopt;
          },
          .show = [](const ListenAddress&) { return std::string(); }};
}

Kind<std::string> ip_address() {
  return kind::checked<std::string>(kind::text(45), "IP address", [](const std::string& text) -> kind::Complaint {
    in6_addr ignored{};
    if (inet_pton(AF_INET, text.c_str(), &ignored) == 1 || inet_pton(AF_INET6, text.c_str(), &ignored) == 1)
      return std::nullopt;
    return std::pair{"not an IP address", "write one such as 127.0.0.1 or ::1"};
  });
}

const Table<Server>& server_table() {
  static const Table<Server> table = [] {
    Table<Server> t("server", "The HTTP API.");
    t.set<ListenAddress>(
        "listen", listen(),
        [](Server& s, ListenAddress l) { s.listen_host = std::move(l.host), s.listen_port = l.port; },
        "\"127.0.0.1:8080\"", false, "Where to listen. TLS belongs to a proxy in front.");
    t.key("public_url", &Server::public_url, kind::url(),
          "The address that customers see. Default: http:// and server.listen.");
    t.key("return_origins", &Server::return_origins, kind::list_of(kind::url(), 0, 32),
          "Portals with an address of their own, to which a gateway's page may lead customers back (return_url).");
    t.key("worker_threads", &Server::worker_threads, kind::number<int>(1, 256),
          "Threads that answer requests: so many writes can share a sync of the disk.");
    t.key("io_threads", &Server::io_threads, kind::number<int>(1, 32),
          "Threads that read and write sockets, and on SQLite answer what is read by key.");
    t.key("max_header_bytes", &Server::max_header_bytes, kind::whole_number(1024, 262144), "Largest request head.");
    t.key("max_body_bytes", &Server::max_body_bytes, kind::whole_number(1024, 67108864), "Largest request body.");
    t.key("max_json_depth", &Server::max_json_depth, kind::number<int>(4, 200), "Deepest nesting of a JSON body.");
    t.key("header_timeout", &Server::header_timeout, kind::duration(seconds(1), minutes(5)),
          "Time for a request head to arrive.");
    t.key("body_timeout", &Server::body_timeout, kind::duration(seconds(1), minutes(10)),
          "Time for a request body to arrive.");
    t.key("idle_timeout", &Server::idle_timeout, kind::duration(seconds(1), hours(1)),
          "How long an unused connection is kept.");
    t.key("max_connections", &Server::max_connections, kind::number<int>(16, 1'000'000),
          "Connections at the same time.");
    t.key("rate_limits", &Server::rate_limits, kind::boolean(),
          "Limit the requests of each caller; off for load tests.");
    t.key("trusted_proxies", &Server::trusted_proxies, kind::list_of(ip_address(), 0, 32),
          "Addresses of proxies in front, whose X-Forwarded-For tells who asks. Without it every customer has the "
          "proxy's address in "
          "the audit trail, and shares one limit of failed logins.");
    t.key("metrics_token", &Server::metrics_token, kind::secret(),
          "Bearer token that /metrics asks for. Default: it is open.");
    return t;
  }();
  return table;
}

// Never shown: it may hold a password.
Kind<Secret> database_url() {
  Kind<Secret> url = kind::secret();
  url.name = "sqlite:PATH or postgresql:...";
  url.json_schema = R"({"type":"string","pattern":"^(sqlite:.+|postgresql:.+|\\$\\{.+)$"})";
  url.read = [read = url.read](Reader& reader, const Node& node) -> std::optional<Secret> {
    auto value = read(reader, node);
    if (!value) return std::nullopt;
    const std::string_view text = value->reveal();
    const bool sqlite = text.starts_with("sqlite:") && text.size() > 7;
    const bool postgresql = text.starts_with("postgresql:") && text.size() > 11;
    if (text == "sqlite::memory:") {
      reader.error(node.place, "a database in memory would lose the ledger", "write \"sqlite:bursar.db\"");
    } else if (sqlite || postgresql) {
      return value;
    } else {
      reader.error(node.place, "not the address of a database",
                   "write \"sqlite:bursar.db\" or \"postgresql://user:${env:PGPASSWORD}@host/bursar\"");
    }
    return std::nullopt;
  };
  return url;
}

Kind<Secret> encryption_key() {
  auto key = kind::checked<Secret>(kind::secret(), "64 hexadecimal digits", [](const Secret& text) -> kind::Complaint {
    const auto parsed = EncryptionKey::parse(text.reveal());
    if (parsed.ok()) return std::nullopt;
    return std::pair{"not an encryption key: " + parsed.error().detail, parsed.error().cure};
  });
  key.json_schema = R"({"type":"string","pattern":"^([0-9a-fA-F]{64}|\\$\\{.+)$"})";
  return key;
}

const Table<Database>& database_table() {
  static const Table<Database> table = [] {
    Table<Database> t("database", "Where everything is stored.");
    t.required("url", &Database::url, database_url(),
               "SQLite, relative to the working directory, or PostgreSQL 15 or newer.");
    t.key("encryption_keys", &Database::encryption_keys, kind::list_of(encryption_key(), 0, 16),
          "Keys for what must not stand readable in the store, as [\"${file:/etc/bursar/encryption.key}\"]; `bursar db "
          "new-key` makes one. The first encrypts, every one opens. Without any such values stand in clear.");
    return t;
  }();
  return table;
}

// 19:00 Pacific: the hour that hosting billers have long run at. Named here, as the provider's own zone dates the
// invoices.
constexpr const char* default_zone = "America/Los_Angeles";

struct JobSection {
  std::string cron = Job{}.cron;
  std::optional<Zone> timezone;
  bool catch_up = true;
};
struct SchedulerSection {
  JobSection daily;
  Breaker breaker;
};

Kind<std::optional<Zone>> job_zone() {
  const Kind<Zone> zone = kind::zone();
  return {.name = zone.name,
          .json_schema = zone.json_schema,
          .read = [zone](Reader& reader, const Node& node) -> std::optional<std::optional<Zone>> {
            auto value = zone.read(reader, node);
            if (!value) return std::nullopt;
            return std::optional<Zone>(*value);
          },
          .show = [](const std::optional<Zone>&) { return std::string(default_zone); }};
}

const Table<JobSection>& job_table() {
  static const Table<JobSection> table = [] {
    Table<JobSection> t("job", "When a job runs.");
    t.key("cron", &JobSection::cron, kind::cron(), "Five fields: minute, hour, day of month, month, day of week.");
    t.key("timezone", &JobSection::timezone, job_zone(),
          "Zone of the expression. A time that a change of clocks skips runs at the next that exists; one that it "
          "repeats runs once.");
    t.key("catch_up", &JobSection::catch_up, kind::boolean(),
          "After downtime run every missed day, in order; false: the latest alone.");
    return t;
  }();
  return table;
}

template <class Limit>
const Table<Limit>& limit_table() {
  static const Table<Limit> table = [] {
    Table<Limit> t("limit", "What a step of a run may reach without the approval of staff.");
    t.key("count", static_cast<std::optional<int> Limit::*>(&BreakerLimit::count),
          kind::or_never(kind::number<int>(0, 100'000'000)), "At most so many.");
    t.key("share", static_cast<std::optional<Ratio> Limit::*>(&BreakerLimit::share), kind::or_never(kind::percent()),
          "At most this share of all there are.");
    t.key("times_recent", static_cast<std::optional<int> Limit::*>(&BreakerLimit::times_recent),
          kind::or_never(kind::number<int>(1, 1000)),
          "At most so many times what the largest of the last 40 runs reached; judged after a month of runs.");
    t.key("minimum", static_cast<int Limit::*>(&BreakerLimit::minimum), kind::number<int>(0, 100'000'000),
          "So many never need an approval, whatever share or times_recent say.");
    return t;
  }();
  return table;
}

const Table<Breaker>& breaker_table() {
  static const Table<Breaker> table = [] {
    Table<Breaker> t("breaker", "A step that would reach more waits for staff before it does anything.");
    t.section("invoice", &Breaker::invoice, limit_table<InvoiceLimit>(), "Services to be invoiced.");
    t.section("charge", &Breaker::charge, limit_table<ChargeLimit>(), "Invoices to be charged automatically.");
    t.section("mail", &Breaker::mail, limit_table<MailLimit>(), "Invoices to be reminded of.");
    t.section("fee", &Breaker::fee, limit_table<FeeLimit>(), "Invoices that get a late fee.");
    t.section("suspend", &Breaker::suspend, limit_table<SuspendLimit>(), "Services to be suspended as overdue.");
    t.section("terminate", &Breaker::terminate, limit_table<TerminateLimit>(), "Services to be terminated as overdue.");
    t.key("missed_days", &Breaker::missed_days, kind::or_never(kind::number<int>(1, 36500)),
          "After more days without a run, as when the clock has jumped, nothing is done before an approval.");
    return t;
  }();
  return table;
}

const Table<SchedulerSection>& scheduler_table() {
  static const Table<SchedulerSection> table = [] {
    Table<SchedulerSection> t("scheduler", "When jobs run.");
    t.section("daily", &SchedulerSection::daily, job_table(),
              "The daily run: invoices, charges, reminders, suspensions.");
    t.section("breaker", &SchedulerSection::breaker, breaker_table(), "What needs an approval.");
    return t;
  }();
  return table;
}

void store_scheduler(Config& config, const SchedulerSection& section) {
  Zone zone = Zone::utc();
  if (section.daily.timezone) {
    zone = *section.daily.timezone;
  } else if (auto found = Zone::find(default_zone); found.ok()) {
    zone = *found;
  }
  config.jobs = {{.name = "daily", .cron = section.daily.cron, .timezone = zone, .catch_up = section.daily.catch_up}};
  config.breaker = section.breaker;
}

struct LogSection {
  std::string level = Config{}.log_level;
  std::string format = Config{}.log_format;
};

const Table<LogSection>& log_table() {
  static const Table<LogSection> table = [] {
    Table<LogSection> t("log", "The log, on standard error.");
    t.key("level", &LogSection::level, kind::one_of({"debug", "info", "warning", "error"}),
          "The least that is written.");
    t.key("format", &LogSection::format, kind::one_of({"json", "text"}), "json: one object a line; text: for people.");
    return t;
  }();
  return table;
}

}  // namespace

const Table<Config>& configuration_table() {
  static const Table<Config> table = [] {
    Table<Config> t("configuration", "The configuration of Bursar.");
    t.section("provider", &Config::provider, provider_table(), "Who bills.");
    t.section("server", &Config::server, server_table(), "The HTTP API.");
    t.section("database", &Config::database, database_table(), "The store.");
    t.key(
        "clock", &Config::clock, kind::choice<ClockKind>({{"system", ClockKind::system}, {"test", ClockKind::test}}),
        "test: time stands still until it is moved through the API or the demo command. Never where real money moves.");
    t.built_section<SchedulerSection>("scheduler", scheduler_table(), store_scheduler, "Jobs.");
    t.section("billing", &Config::billing, billing_table(), "Rules of billing.");
    t.list("tax", &Config::tax_rules, tax_rule_table(), 2000, "Tax rules; without any, nothing is taxed.");
    t.built_section<PluginSection>(
        "plugins", plugins_table(),
        [](Config& c, PluginSection s) {
          c.plugin_directory = std::move(s.directory), c.plugins = std::move(s.instances);
        },
        "Gateways, panels, channels and frontends.");
    t.built_section<LogSection>(
        "log", log_table(),
        [](Config& c, LogSection s) { c.log_level = std::move(s.level), c.log_format = std::move(s.format); },
        "The log.");
    t.check(check_configuration);
    return t;
  }();
  return table;
}

const TableDescription& configuration_description() { return configuration_table().description(); }

}  // namespace bursar::settings
