#include "notices/outbox.hpp"

#include <algorithm>
#include <compare>
#include <map>

#include "base/cycle.hpp"
#include "base/money.hpp"
#include "notices/notice_handler.hpp"

namespace bursar::notices {
namespace {

using storage::Batch;

constexpr std::size_t invoices_a_batch = 500;

struct Recipient {
  std::string address;
  std::string name;
};

std::map<std::int64_t, Recipient> recipients(storage::Transaction& tx, std::span<const Notice> notices) {
  std::vector<std::int64_t> ids;
  for (const Notice& notice : notices) ids.push_back(notice.account.value());
  std::map<std::int64_t, Recipient> out;
  auto rows =
      tx.query("SELECT id, email, name FROM accounts WHERE id IN {list:$1}", std::span<const std::int64_t>(ids));
  while (rows.next()) out[rows.integer(0)] = {rows.string(1), rows.string(2)};
  return out;
}

std::string amount_text(std::int64_t minor, std::string_view currency) {
  return Money(minor, Currency::parse(currency).value()).to_string();
}

Values invoice_values(const storage::Rows& row) {
  return {{"invoice_number", row.string(2)},
          {"due_on", row.string(3)},
          {"paid", row.text(4) == "paid" ? "yes" : ""},
          {"total", amount_text(row.integer(5), row.text(7))},
          {"balance", amount_text(row.integer(6), row.text(7))},
          {"autopay_on", row.string(8)}};
}

// The invoices of the spans [first, last], by account, so that each account is told once.
struct Told {
  std::int64_t account;
  std::int64_t invoice;
  auto operator<=>(const Told&) const = default;
};

struct Waiting {
  std::map<Template, std::vector<Told>> invoices;
  std::int64_t last_span = 0;
};

Waiting read_waiting(storage::Connection& c) {
  Waiting waiting;
  auto rows = c.query(
      "SELECT s.id, s.template, i.account_id, i.id FROM notice_spans s"
      " LEFT JOIN invoices i ON i.id BETWEEN s.first_id AND s.last_id");
  while (rows.next()) {
    waiting.last_span = std::max(waiting.last_span, rows.integer(0));
    if (!rows.is_null(3)) waiting.invoices[template_named(rows.text(1))].push_back({rows.integer(2), rows.integer(3)});
  }
  for (auto& [name, invoices] : waiting.invoices) std::sort(invoices.begin(), invoices.end());
  return waiting;
}

// The end of a batch that begins at `begin`: whole accounts, about `invoices_a_batch` invoices.
std::size_t batch_end(const std::vector<Told>& told, std::size_t begin) {
  std::size_t end = std::min(begin + invoices_a_batch, told.size());
  while (end < told.size() && told[end].account == told[end - 1].account) ++end;
  return end;
}

std::vector<std::int64_t> ids_of(std::span<const Told> told) {
  std::vector<std::int64_t> ids;
  ids.reserve(told.size());
  for (const Told& one : told) ids.push_back(one.invoice);
  return ids;
}

void forget_spans(storage::Transaction& tx, std::int64_t last) {
  tx.execute("DELETE FROM notice_spans WHERE id <= $1", last);
}

}  // namespace

Outbox::Outbox(const settings::Config& config, std::vector<std::string> channels)
    : provider_name_(config.provider.name),
      provider_email_(config.provider.email),
      portal_url_(config.server.public_url),
      channels_(std::move(channels)) {}

void Outbox::enqueue(storage::Transaction& tx, std::span<const Notice> notices, Instant now) const {
  if (notices.empty() || channels_.empty()) return;
  auto people = recipients(tx, notices);
  people[0] = {provider_email_, provider_name_};
  std::int64_t id = tx.reserve_ids(static_cast<std::int64_t>(notices.size() * channels_.size()));
  std::vector<effects::NewEffect> sends;
  for (const Notice& notice : notices) {
    const Recipient& person = people.at(notice.account.value());
    if (person.address.empty()) continue;  // a provider without an address
    Values values = notice.values;
    values.emplace_back("customer_name", person.name);
    values.emplace_back("provider_name", provider_name_);
    values.emplace_back("portal_url", portal_url_);
    const Text text = render(notice.name, values, notice.items);
    for (const std::string& channel : channels_) {
      const bool is_new =
          tx.execute(
              "INSERT INTO messages (id, cause, account_id, channel, recipient, template, subject, body, status, "
              "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', $9) "
              "ON CONFLICT (cause, recipient, channel) DO NOTHING",
              id, notice.cause, notice.account.value(), channel, person.address, to_string(notice.name), text.subject,
              text.body, now) == 1;
      if (is_new) {
        sends.push_back({.kind = "message",
                         .key = "message:" + std::to_string(id),
                         .instance = channel,
                         .account = notice.account,
                         .object = id});
      }
      ++id;
    }
  }
  effects::record(tx, now, sends);
}

void Outbox::enqueue_span(storage::Transaction& tx, Template name, std::int64_t first, std::int64_t last, Instant now) {
  Batch span{{"id", Batch::integer},
             {"template", Batch::text},
             {"first_id", Batch::integer},
             {"last_id", Batch::integer},
             {"created_at", Batch::text}};
  span.add(tx.reserve_ids(1), to_string(name), first, last, now);
  tx.insert_many("notice_spans", span);
}

// The cause names the newest invoice: were the server killed before the spans are forgotten and more invoices came
// meanwhile, the customer is told of them, too.
void Outbox::enqueue_invoices(storage::Transaction& tx, Template name, std::span<const std::int64_t> invoices,
                              Instant now) const {
  std::vector<Notice> notices;
  auto rows = tx.query(
      "SELECT id, account_id, coalesce(number, ''), due_on, status, total, balance, currency, coalesce(autopay_on, '')"
      " FROM invoices WHERE id IN {list:$1} ORDER BY account_id, id",
      invoices);
  while (rows.next()) {
    Values values = invoice_values(rows);
    const auto account = rows.id<AccountId>(1);
    if (notices.empty() || notices.back().account != account) {
      notices.push_back({.cause = {}, .account = account, .name = name, .values = values});
    }
    notices.back().cause = std::string(to_string(name)) + ":" + std::to_string(rows.integer(0));
    notices.back().items.push_back(std::move(values));
  }
  enqueue(tx, notices, now);
}

void Outbox::enqueue_change(storage::Transaction& tx, Template name, std::int64_t change, Instant now) const {
  std::vector<Notice> notices;
  {
    auto rows = tx.query(
        "SELECT c.account_id, s.label, o.name, p.name, c.to_cycle, c.to_price, c.currency, c.credit,"
        " coalesce(i.number, '') FROM service_changes c JOIN services s ON s.id = c.service_id"
        " JOIN products o ON o.id = c.from_product_id JOIN products p ON p.id = c.to_product_id"
        " LEFT JOIN invoices i ON i.id = c.invoice_id WHERE c.id = $1",
        change);
    while (rows.next()) {
      const std::int64_t credit = rows.integer(7);
      notices.push_back({.cause = std::string(to_string(name)) + ":" + std::to_string(change),
                         .account = rows.id<AccountId>(0),
                         .name = name,
                         .values = {{"service", rows.text(1).empty() ? rows.string(2) : rows.string(1)},
                                    {"product", rows.string(3)},
                                    {"cycle", BillingCycle::parse(rows.text(4)).value().name()},
                                    {"price", amount_text(rows.integer(5), rows.text(6))},
                                    {"credit", credit == 0 ? "" : amount_text(credit, rows.text(6))},
                                    {"invoice_number", rows.string(8)}}});
    }
  }
  enqueue(tx, notices, now);
}

// What a worker would write next.
void Outbox::enqueue_recorded_notices(storage::Transaction& tx, Instant now) const {
  std::vector<std::pair<std::string, std::int64_t>> recorded;
  {
    auto rows =
        tx.query("SELECT key, object_id FROM effects WHERE kind = 'notice' AND next_at IS NOT NULL ORDER BY id");
    while (rows.next()) recorded.emplace_back(rows.string(0), rows.integer(1));
  }
  for (const auto& [key, change] : recorded) enqueue_change(tx, notice_in(key), change, now);
}

std::int64_t Outbox::spread(storage::Database& db, Instant now) const {
  const Waiting waiting = db.read([&](storage::Connection& c) { return read_waiting(c); });
  if (waiting.last_span == 0) return 0;
  std::int64_t total = 0;
  for (const auto& [name, told] : waiting.invoices) {
    if (channels_.empty()) break;
    for (std::size_t begin = 0, end = 0; begin < told.size(); begin = end) {
      end = batch_end(told, begin);
      const auto ids = ids_of(std::span(told).subspan(begin, end - begin));
      db.write("spread_notices", [&, name = name](storage::Transaction& tx) { enqueue_invoices(tx, name, ids, now); });
      total += static_cast<std::int64_t>(ids.size());
    }
  }
  db.write("forget_spans", [&](storage::Transaction& tx) { forget_spans(tx, waiting.last_span); });
  return total;
}

std::int64_t Outbox::spread(storage::Transaction& tx, Instant now) const {
  enqueue_recorded_notices(tx, now);
  const Waiting waiting = read_waiting(tx);
  std::int64_t total = 0;
  for (const auto& [name, told] : waiting.invoices) {
    for (std::size_t begin = 0, end = 0; begin < told.size(); begin = end) {
      end = batch_end(told, begin);
      enqueue_invoices(tx, name, ids_of(std::span(told).subspan(begin, end - begin)), now);
    }
    total += static_cast<std::int64_t>(told.size());
  }
  forget_spans(tx, waiting.last_span);
  return total;
}

std::vector<MessageRow> list_messages(storage::Connection& c, const MessageFilter& filter) {
  auto rows = c.query(
      "SELECT id, account_id, channel, recipient, template, subject, body, status, created_at, sent_at FROM messages "
      "WHERE ($1 = 0 OR account_id = $1) AND ($2 = '' OR status = $2) AND ($3 = 0 OR id < $3) ORDER BY id DESC LIMIT "
      "$4",
      filter.account.value(), filter.status, filter.before.value(), filter.limit);
  std::vector<MessageRow> out;
  while (rows.next()) {
    out.push_back({.id = rows.id<MessageId>(0),
                   .account = rows.id<AccountId>(1),
                   .channel = rows.string(2),
                   .recipient = rows.string(3),
                   .template_name = rows.string(4),
                   .subject = rows.string(5),
                   .body = rows.string(6),
                   .status = rows.string(7),
                   .created_at = rows.instant(8),
                   .sent_at = rows.optional_instant(9)});
  }
  return out;
}

Status resend(storage::Transaction& tx, MessageId message, Instant now) {
  if (tx.execute("UPDATE messages SET status = 'waiting' WHERE id = $1 AND status IN ('failed', 'unknown')", message) ==
      0) {
    return conflict("message_not_failed", "only a message that failed, or whose fate is unknown, can be sent again");
  }
  tx.execute("UPDATE effects SET state = 'recorded', next_at = $2, attempts = 0, finished_at = NULL WHERE key = $1",
             "message:" + std::to_string(message.value()), now);
  return {};
}

}  // namespace bursar::notices
