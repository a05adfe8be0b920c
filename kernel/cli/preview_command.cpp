#include <cstdio>
#include <map>

#include "accounts/accounts.hpp"
#include "base/json_text.hpp"
#include "cli/run_text.hpp"
#include "cli/support.hpp"
#include "foresight/foresight.hpp"
#include "payments/payments.hpp"

namespace bursar::cli {
namespace {

constexpr std::size_t rows_each = 1000;

// Prints what is foreseen: a table a kind, or an object a line.
class Printer {
 public:
  Printer(App& app, bool json) : app_(app), json_(json) {}

  void print(const foresight::Foresight& foreseen) {
    title("invoices", foreseen.invoices.size());
    for (const auto& [invoice, lines] : foreseen.invoices) print(invoice, lines);
    title("charges", foreseen.charges.size());
    for (const auto& charge : foreseen.charges) {
      row({{"charge", charge.gateway}, {"account", name(charge.account)}, {"amount", charge.amount.to_string()}});
    }
    title("mails", foreseen.mails.size());
    for (const auto& mail : foreseen.mails) {
      row({{"mail", mail.template_name},
           {"account", name(mail.account)},
           {"recipient", mail.recipient},
           {"subject", mail.subject}});
    }
    print("suspensions", "suspend", foreseen.suspensions);
    print("terminations", "terminate", foreseen.terminations);
    print("changes", "change", foreseen.changes);
    title("cancelled orders", foreseen.cancelled_orders.size());
    for (const auto& [order, account] : foreseen.cancelled_orders) {
      row({{"cancel", app_.codec().text(order)}, {"account", name(account)}});
    }
    if (foreseen.truncated && !json_)
      std::printf("\nOf some kinds there is more than these %zu; the counts above are whole.\n", rows_each);
  }

 private:
  using Fields = std::vector<std::pair<const char*, std::string>>;

  void title(const char* kind, std::size_t count) const {
    if (count > 0 && !json_) std::printf("\n%s\n", kind);
  }

  void row(const Fields& fields, const char* indent = "  ") const {
    std::string line;
    for (const auto& [key, value] : fields) {
      if (json_) {
        line += (line.empty() ? "{" : ", ") + json_string(key) + ": " + json_string(value);
      } else {
        line += (line.empty() ? indent : "  ") + value;
      }
    }
    std::printf("%s%s\n", line.c_str(), json_ ? "}" : "");
  }

  void print(const invoicing::Invoice& invoice, const std::vector<invoicing::Line>& lines) {
    row({{"invoice", std::string(to_string(invoice.kind))},
         {"account", name(invoice.account)},
         {"due_on", invoice.due_on.to_string()},
         {"total", invoice.total.to_string()},
         {"status", std::string(to_string(invoice.status))}});
    for (const auto& line : lines) {
      if (line.removed) continue;
      row({{"line", line.description}, {"net", line.net.to_string()}, {"tax", line.tax.to_string()}}, "      ");
    }
  }

  void print(const char* kind, const char* act, const std::vector<foresight::ServiceAct>& acts) {
    title(kind, acts.size());
    for (const auto& [service, account] : acts) row({{act, app_.codec().text(service)}, {"account", name(account)}});
  }

  // "Alice Example (acc_...)"
  const std::string& name(AccountId id) {
    auto& known = names_[id];
    if (known.empty()) {
      const auto account = app_.database().read([&](storage::Connection& c) { return accounts::find_account(c, id); });
      known = (account ? account->name + " " : "") + "(" + app_.codec().text(id) + ")";
    }
    return known;
  }

  App& app_;
  bool json_;
  std::map<AccountId, std::string> names_;
};

}  // namespace

int preview(const Common& common, const std::string& job, const std::string& at) {
  int code = done;
  const auto app = open_app(common, code);
  if (!app) return code;
  const Instant now = app->clock().now();
  const auto instant = instant_option(at, app->scheduler().next_instant(now).value_or(now));
  if (!instant.ok()) return fail(instant.error(), wrong_usage);
  const auto foreseen = foresight::foresee(app->scheduler(), app->payment_context().outbox, *instant, job, rows_each);
  if (!foreseen.ok()) return fail(foreseen.error(), foreseen.error().code == "no_such_job" ? wrong_usage : failed);
  for (const auto& run : foreseen->runs) print_run(run, common.json);
  if (foreseen->runs.empty() && !common.json)
    std::printf("nothing is scheduled until %s\n", instant->to_string().c_str());
  Printer(*app, common.json).print(*foreseen);
  return done;
}

}  // namespace bursar::cli
