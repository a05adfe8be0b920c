#include "foresight/foresight.hpp"

#include <charconv>

#include "notices/outbox.hpp"

namespace bursar::foresight {
namespace {

void set_object(ServiceAct& act, std::int64_t number) { act.service = ServiceId(number); }
void set_object(OrderAct& act, std::int64_t number) { act.order = OrderId(number); }

// Reads what is numbered after `mark`, the first number that the preview has reserved.
class Reader {
 public:
  Reader(storage::Connection& connection, std::int64_t mark, std::size_t most)
      : c_(connection), mark_(mark), most_(most) {}

  std::vector<Invoice> invoices() {
    std::vector<InvoiceId> ids;
    auto rows = c_.query("SELECT id FROM invoices WHERE id > $1 ORDER BY id LIMIT $2", mark_, limit());
    while (rows.next()) ids.push_back(rows.id<InvoiceId>(0));
    ids = cut(std::move(ids));
    std::vector<Invoice> out;
    for (const InvoiceId id : ids) {
      auto invoice = invoicing::find_invoice(c_, id).value();
      auto lines = invoicing::lines_of(c_, invoice);
      out.push_back({std::move(invoice), std::move(lines)});
    }
    return out;
  }

  std::vector<Charge> charges() {
    std::vector<Charge> out;
    auto rows = c_.query(
        "SELECT account_id, invoice_id, gateway, currency, amount FROM payments WHERE id > $1 ORDER BY id LIMIT $2",
        mark_, limit());
    while (rows.next()) {
      out.push_back({.account = rows.id<AccountId>(0),
                     .invoice = rows.id<InvoiceId>(1),
                     .gateway = rows.string(2),
                     .amount = Money(rows.integer(4), Currency::parse(rows.text(3)).value())});
    }
    return cut(std::move(out));
  }

  std::vector<Mail> mails() {
    std::vector<Mail> out;
    auto rows =
        c_.query("SELECT account_id, template, recipient, subject FROM messages WHERE id > $1 ORDER BY id LIMIT $2",
                 mark_, limit());
    while (rows.next()) out.push_back({rows.id<AccountId>(0), rows.string(1), rows.string(2), rows.string(3)});
    return cut(std::move(out));
  }

  // Of what the audit trail says: ServiceAct or OrderAct.
  template <class Act>
  std::vector<Act> acts(std::string_view action) {
    std::vector<Act> out;
    auto rows =
        c_.query("SELECT account_id, object FROM audit_events WHERE id > $1 AND action = $2 ORDER BY id LIMIT $3",
                 mark_, action, limit());
    while (rows.next()) {
      const std::string_view object = rows.text(1);  // "srv:42"
      std::int64_t number = 0;
      std::from_chars(object.data() + object.find(':') + 1, object.data() + object.size(), number);
      Act act;
      set_object(act, number);
      act.account = rows.id<AccountId>(0);
      out.push_back(act);
    }
    return cut(std::move(out));
  }

  [[nodiscard]] bool truncated() const { return truncated_; }

 private:
  [[nodiscard]] std::int64_t limit() const { return static_cast<std::int64_t>(most_) + 1; }
  template <class T>
  [[nodiscard]] std::vector<T> cut(std::vector<T> found) {
    if (found.size() > most_) {
      found.erase(found.begin() + static_cast<std::ptrdiff_t>(most_), found.end());
      truncated_ = true;
    }
    return found;
  }

  storage::Connection& c_;
  std::int64_t mark_;
  std::size_t most_;
  bool truncated_ = false;
};

}  // namespace

Result<Foresight> foresee(scheduler::Scheduler& scheduler, const notices::Outbox& outbox, Instant at,
                          std::string_view job, std::size_t most) {
  Foresight out;
  std::int64_t mark = 0;
  const auto begin = [&](storage::Transaction& tx) { mark = tx.reserve_ids(1); };
  const auto report = [&](storage::Transaction& tx) {
    outbox.spread(tx, at);  // as it is done after a run
    Reader reader(tx, mark, most);
    out.invoices = reader.invoices();
    out.charges = reader.charges();
    out.mails = reader.mails();
    out.suspensions = reader.acts<ServiceAct>("service.suspend");
    out.terminations = reader.acts<ServiceAct>("service.terminate");
    out.changes = reader.acts<ServiceAct>("service.change");
    out.cancelled_orders = reader.acts<OrderAct>("order.cancel");
    out.truncated = reader.truncated();
  };
  BURSAR_TRY(runs, scheduler.preview(at, job, report, begin));
  out.runs = std::move(runs);
  return out;
}

}  // namespace bursar::foresight
