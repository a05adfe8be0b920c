#include "ledger/journal.hpp"

#include <map>

#include "http/call.hpp"
#include "http/routes/routes.hpp"
#include "http/views.hpp"
#include "invoicing/invoices.hpp"

namespace bursar::http {

namespace {
using accounts::Action;

Result<Answer> read_balance(Call& call) {
  struct Found {
    std::vector<Money> credit;
    std::map<std::string, Money> owed;
  };
  const Found found = call.app.db.read([&](storage::Connection& c) {
    Found f{.credit = ledger::credit_balances(c, call.account), .owed = {}};
    for (const auto& invoice : invoicing::open_invoices(c, call.account)) {
      if (invoice.kind == invoicing::InvoiceKind::deposit) continue;  // credit that was not added is no debt
      const auto [at, is_new] = f.owed.try_emplace(std::string(invoice.balance.currency().code()), invoice.balance);
      if (!is_new) at->second += invoice.balance;
    }
    return f;
  });
  JsonWriter w;
  w.begin_object().field("credit", found.credit).key("owed").begin_array();
  for (const auto& [code, money] : found.owed) w.value(money);
  w.end_array().end_object();
  return call.answer(std::move(w));
}

Result<Answer> read_ledger(Call& call) {
  BURSAR_TRY(page, call.page());
  struct Explained {
    ledger::StoredEntry entry;
    payments::EntryExplanation explanation;
  };
  auto entries = call.app.db.read([&](storage::Connection& c) {
    auto stored = ledger::statement(c, call.account, EntryId(page.after), page.fetch());
    auto explanations = payments::explain_entries(c, call.app.ids, stored);
    std::vector<Explained> out;
    for (std::size_t i = 0; i < stored.size(); ++i) out.push_back({std::move(stored[i]), std::move(explanations[i])});
    return out;
  });
  return call.list(
      std::move(entries), page, [](const auto& e) { return e.entry.id.value(); },
      [&](JsonWriter& w, const auto& e) { write_ledger_entry(w, call.app.ids, e.entry, e.explanation); });
}
}  // namespace

void add_ledger_routes(RouteTable& routes) {
  routes.add({.path = "/accounts/{account}/balance",
              .summary = "Credit and debt by currency",
              .action = Action::ledger_read,
              .subject = Subject::account,
              .response = "Balance",
              .handler = read_balance});
  routes.add({.path = "/accounts/{account}/ledger",
              .summary = "Every posting with its explanation, newest first",
              .action = Action::ledger_read,
              .subject = Subject::account,
              .response = "LedgerEntry",
              .list = true,
              .handler = read_ledger});
}

}  // namespace bursar::http
