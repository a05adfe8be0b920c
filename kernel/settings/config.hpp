// The whole configuration as plain data, already checked: every value in range, every zone and currency real.
// Read by settings/load.hpp from YAML. docs/provider/configuration.md and `bursar config schema` describe each key;
// both come from the schema tables beside the reader.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/money.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"

namespace bursar::settings {

struct Address {
  std::vector<std::string> street;
  std::string city;
  std::string postal_code;
  std::string region;   // ISO 3166-2 subdivision without the country ("CA"), or empty
  std::string country;  // ISO 3166-1 alpha-2
};

struct Provider {
  std::string name;        // trading name
  std::string legal_name;  // default: name
  Address address;
  std::string tax_id;
  std::string email;
  std::string bank_details;          // free text for invoices
  Zone timezone = Zone::utc();       // civil dates of invoices are dates in this zone
  std::vector<Currency> currencies;  // the first is the default
  std::string invoice_number = "INV-{year}-{seq:06}";
  std::string credit_note_number = "CN-{year}-{seq:06}";
};

struct Server {
  std::string listen_host = "127.0.0.1";
  std::uint16_t listen_port = 8080;  // 0: the system chooses
  std::string public_url;
  int worker_threads = 32;  // domain work
  int io_threads = 2;
  std::int64_t max_header_bytes = 16 * 1024;
  std::int64_t max_body_bytes = 1024 * 1024;
  int max_json_depth = 32;
  Duration header_timeout = seconds(10);
  Duration body_timeout = seconds(30);
  Duration idle_timeout = seconds(75);
  int max_connections = 20'000;
  bool rate_limits = true;                   // off: for load tests
  std::vector<std::string> return_origins;   // portals beside public_url that customers may come back to
  std::vector<std::string> trusted_proxies;  // addresses whose X-Forwarded-For is believed
  Secret metrics_token;                      // of /metrics; empty: open
};

struct Database {
  Secret url;                           // may hold a password
  std::vector<Secret> encryption_keys;  // the first encrypts, every one opens; none: secrets stand in clear
};

enum class ClockKind { system, test };

// A job of the scheduler. "daily" always exists.
struct Job {
  std::string name;
  std::string cron = "0 19 * * *";
  Zone timezone = Zone::utc();
  bool catch_up = true;  // run every missed instant, in order; false: only the latest
};

// What a step of a job may reach without the approval of staff.
struct BreakerLimit {
  std::optional<int> count;         // objects
  std::optional<Ratio> share;       // of all there are
  std::optional<int> times_recent;  // of the most that one of the recent runs reached
  int minimum = 0;                  // so many never need an approval by share or times_recent
};
struct InvoiceLimit : BreakerLimit {
  InvoiceLimit() { times_recent = 10, minimum = 1000; }
};
struct ChargeLimit : BreakerLimit {
  ChargeLimit() { times_recent = 5, minimum = 500; }
};
struct MailLimit : BreakerLimit {
  MailLimit() { times_recent = 5, minimum = 500; }
};
struct FeeLimit : BreakerLimit {
  FeeLimit() { times_recent = 5, minimum = 200; }
};
struct SuspendLimit : BreakerLimit {
  SuspendLimit() { share = Ratio{10, 100}, times_recent = 5, minimum = 50; }
};
struct TerminateLimit : BreakerLimit {
  TerminateLimit() { share = Ratio{5, 100}, times_recent = 5, minimum = 25; }
};
struct Breaker {
  InvoiceLimit invoice;
  ChargeLimit charge;
  MailLimit mail;
  FeeLimit fee;
  SuspendLimit suspend;
  TerminateLimit terminate;
  std::optional<int> missed_days = 31;  // so many without a run are caught up without an approval
};

enum class GroupBy { due_date, service };                 // one invoice per account and due date, or per service
enum class InvoiceBecomesLegal { at_issue, at_payment };  // when it takes its number and can no longer be adjusted

// When the latest automatic charges at a gateway were nearly all declined, it is not the customers.
struct PauseWhenDeclined {
  std::optional<Ratio> share = Ratio{90, 100};  // none: never
  int of = 50;                                  // charges of one gateway within twelve hours
};
struct Autopay {
  int days_before_due = 0;
  std::vector<int> retry_after_days = {3, 5};  // after the first attempt, when no method could pay
  int confirm_within_days = 2;                 // a charge that its customer has to confirm lapses after so many
  std::optional<int> expiry_notice_days = 30;  // before a method expires its customer is told; none: never
  PauseWhenDeclined pause_when_declined;
};
struct Reminders {
  std::vector<int> before_due = {3};  // days, each at most generate_days_before_due
  std::vector<int> after_due = {1, 3, 7};
};
struct LateFee {
  int after_days = 5;
  Ratio percent;                         // of the overdue balance
  std::map<std::string, Money> minimum;  // by currency code; "minimum: '1.00'" means the default currency
};
// What becomes of a service when the whole money of one of its periods goes back.
enum class RefundedService { keep, cancel, terminate_now };
enum class PromotionalRefund { allow, credit_only, refuse };
// When a payment may be refunded, and what follows. Staff may decide otherwise, with a reason.
struct RefundRule {
  std::string product;  // its code; empty: the default rule
  bool refundable = true;
  std::optional<int> window_days = 14;  // from the first day of the period, or from the payment
  bool first_term_only = true;
  bool new_customers_only = false;
  PromotionalRefund promotional = PromotionalRefund::credit_only;
  bool credit_only = false;
  std::vector<std::string> credit_only_gateways;
  std::map<std::string, Money> approve_up_to;  // by currency code: what needs no decision by staff
  RefundedService service = RefundedService::cancel;
  bool owed_again = false;  // a service that is kept: its refunded period is invoiced again
};
struct Refunds {
  bool self_service = true;  // customers may ask
  bool deposits = false;     // what was paid for credit may be refunded
  RefundRule rule;
  std::vector<RefundRule> products;
  [[nodiscard]] const RefundRule& rule_of(const std::string& product) const {
    for (const RefundRule& one : products)
      if (one.product == product) return one;
    return rule;
  }
};
enum class DowngradeCredit { none, credit };
enum class DisputedService { keep, suspend, terminate };
struct Disputes {
  DisputedService on_opened = DisputedService::keep;  // never terminate
  DisputedService on_lost = DisputedService::suspend;
  bool reopen_invoices = true;  // what a lost dispute took is owed again; false: it is booked as a loss
};
// Resting collection until a day, as for a customer whose bank has problems.
struct Holds {
  int max_days = 90;
  bool self_service = false;  // customers may place one themselves
  int self_service_days = 14;
  int self_service_per_year = 2;
};
// By currency code; a currency that is not there has no limit.
struct Deposits {
  std::map<std::string, Money> minimum;
  std::map<std::string, Money> maximum;
  std::map<std::string, Money> maximum_balance;
  bool require_active_service = false;
};
struct Billing {
  int generate_days_before_due = 7;
  GroupBy group_by = GroupBy::due_date;
  InvoiceBecomesLegal invoice_becomes_legal = InvoiceBecomesLegal::at_issue;
  int order_due_days = 0;  // the first invoice of an order is due this many days after it
  bool apply_credit_to_new_invoices = true;
  bool apply_credit_to_open_invoices = false;  // the daily run's credit step, oldest due first
  Autopay autopay;
  Reminders reminders;
  std::optional<LateFee> late_fee;
  std::optional<int> suspend_after_days = 5;
  std::optional<int> terminate_after_days = 30;
  int mass_payment_days = 7;  // an open mass payment is given up after so many days
  int chunk_accounts = 1000;  // of the daily run
  std::optional<int> cancel_unpaid_orders_after_days = 30;
  DowngradeCredit downgrade_credit = DowngradeCredit::none;
  Refunds refunds;
  Disputes disputes;
  Deposits deposits;
  Holds holds;
};

// One tax rule; the most specific match wins: country+region before country before "*"; a product's tax class before
// "*".
struct TaxRule {
  std::string country;  // ISO 3166-1 alpha-2, "EU" for every member state without a rule of its own, or "*"
  std::string region;   // or empty
  std::string tax_class = "*";
  std::string name;  // "VAT"
  Ratio rate;
  bool inclusive = false;  // catalog prices contain it
  bool reverse_charge =
      false;  // a business with a tax id in another country of the rule accounts for it itself (category AE, rate 0)
  std::string category = "S";  // EN 16931: S, Z, E, O, G, K, AE
  std::string exemption_reason;
};

struct PluginInstance {
  std::string name;    // "cards"
  std::string plugin;  // "stripe": PLUGIN.so in the directory
  bool process_isolation = false;
  std::optional<std::string> sha256;
  Duration deadline = seconds(30);
  std::optional<int> concurrency;  // at most; absent: as the plugin proposes, else 4; a serial plugin gets 1
  // The raw settings with their places; checked against the plugin's own table by the plugin host.
  struct Value {
    enum class Kind { scalar, list } kind = Kind::scalar;
    std::string text;  // after ${env:} and ${file:}
    std::vector<std::string> items;
    bool quoted = false;
    bool from_secret = false;  // came from ${env:} or ${file:}
    std::string place;         // "bursar.yaml:31:12"
  };
  std::map<std::string, Value> settings;
  std::string place;  // of the instance
};

struct Config {
  std::string file;
  Provider provider;
  Server server;
  Database database;
  ClockKind clock = ClockKind::system;
  std::vector<Job> jobs;  // "daily" first
  Breaker breaker;
  Billing billing;
  std::vector<TaxRule> tax_rules;
  std::string plugin_directory = "plugins";
  std::vector<PluginInstance> plugins;
  std::string log_level = "info";
  std::string log_format = "json";
};

}  // namespace bursar::settings
