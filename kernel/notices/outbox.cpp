#include "notices/outbox.hpp"

#include <map>

#include "base/money.hpp"

namespace bursar::notices {
namespace {

using storage::Batch;

constexpr int invoices_a_batch = 500;

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

Notice invoice_notice(Template name, const storage::Rows& row) {
  const bool paid = row.text(4) == "paid";
  return {.cause = std::string(to_string(name)) + ":" + std::to_string(row.integer(0)),
          .account = row.id<AccountId>(1),
          .name = name,
          .values = {{"invoice_number", row.string(2)},
                     {"due_on", row.string(3)},
                     {"paid", paid ? "yes" : ""},
                     {"total", amount_text(row.integer(5), row.text(7))},
                     {"balance", amount_text(row.integer(6), row.text(7))},
                     {"autopay_on", row.string(8)}}};
}

}  // namespace

Outbox::Outbox(const settings::Config& config, std::vector<std::string> channels)
    : provider_name_(config.provider.name), portal_url_(config.server.public_url), channels_(std::move(channels)) {}

void Outbox::enqueue(storage::Transaction& tx, std::span<const Notice> notices, Instant now) const {
  if (notices.empty() || channels_.empty()) return;
  const auto people = recipients(tx, notices);
  std::int64_t id = tx.reserve_ids(static_cast<std::int64_t>(notices.size() * channels_.size()));
  std::vector<effects::NewEffect> sends;
  for (const Notice& notice : notices) {
    const Recipient& person = people.at(notice.account.value());
    Values values = notice.values;
    values.emplace_back("customer_name", person.name);
    values.emplace_back("provider_name", provider_name_);
    values.emplace_back("portal_url", portal_url_);
    const Text text = render(notice.name, values);
    for (const std::string& channel : channels_) {
      const bool is_new =
          tx.execute(
              "INSERT INTO messages (id, cause, account_id, channel, recipient, template, subject, body, status, "
              "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', $9) "
              "ON CONFLICT (cause, recipient, channel) DO NOTHING",
              id, notice.cause, notice.account, channel, person.address, to_string(notice.name), text.subject,
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

bool Outbox::spread_batch(storage::Transaction& tx, Instant now, std::int64_t& written) const {
  auto span = tx.query("SELECT id, template, first_id, last_id FROM notice_spans ORDER BY id LIMIT 1");
  if (!span.next()) return false;
  const std::int64_t id = span.integer(0), first = span.integer(2), last = span.integer(3);
  const Template name = template_named(span.text(1));
  std::vector<Notice> notices;
  std::int64_t reached = first - 1;
  if (!channels_.empty()) {
    auto rows = tx.query(
        "SELECT id, account_id, coalesce(number, ''), due_on, status, total, balance, currency, coalesce(autopay_on, "
        "'') "
        "FROM invoices WHERE id BETWEEN $1 AND $2 ORDER BY id LIMIT $3",
        first, last, invoices_a_batch);
    while (rows.next()) {
      reached = rows.integer(0);
      notices.push_back(invoice_notice(name, rows));
    }
  }
  enqueue(tx, notices, now);
  if (static_cast<int>(notices.size()) < invoices_a_batch) {
    tx.execute("DELETE FROM notice_spans WHERE id = $1", id);
  } else {
    tx.execute("UPDATE notice_spans SET first_id = $2 WHERE id = $1", id, reached + 1);
  }
  written += static_cast<std::int64_t>(notices.size());
  return true;
}

std::int64_t Outbox::spread(storage::Database& db, Instant now) const {
  std::int64_t total = 0;
  for (bool more = true; more;) {
    std::int64_t written = 0;
    more = db.write("spread_notices", [&](storage::Transaction& tx) {
      written = 0;
      return spread_batch(tx, now, written);
    });
    total += written;
  }
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
