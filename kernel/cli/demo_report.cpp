#include "cli/demo_report.hpp"

#include <array>

#include "base/json_text.hpp"
#include "base/money.hpp"

namespace bursar::cli {
namespace {

using storage::Connection;
using Amounts = std::map<std::string, std::int64_t>;

std::int64_t number(storage::Rows rows) { return rows.next() ? rows.integer(0) : 0; }

Amounts amounts(storage::Rows rows) {
  Amounts out;
  while (rows.next()) out[rows.string(0)] = rows.integer(1);
  return out;
}

std::string text(const Amounts& amounts) {
  std::string out;
  for (const auto& [code, minor] : amounts) {
    const auto currency = Currency::parse(code);
    if (currency.ok()) out += (out.empty() ? "" : ", ") + Money(minor, *currency).to_string();
  }
  return out.empty() ? "-" : out;
}

std::string json(const Amounts& amounts) {
  std::string out;
  for (const auto& [code, minor] : amounts) {
    const auto currency = Currency::parse(code);
    if (!currency.ok()) continue;
    out += (out.empty() ? "" : ", ") + std::string("{\"amount\": ") +
           json_string(Money(minor, *currency).to_decimal()) + ", \"currency\": " + json_string(code) + "}";
  }
  return "[" + out + "]";
}

constexpr std::size_t columns = 10;
using Row = std::array<std::string, columns + 1>;

Row head() {
  return {"from",      "invoices", "paid",       "declined", "reminded", "late fees",
          "suspended", "back",     "terminated", "invoiced", "received"};
}
Row row(const DemoMonth& m) {
  const auto n = [](std::int64_t value) { return std::to_string(value); };
  return {m.first.to_string(), n(m.invoices),    n(m.paid),       n(m.declined),    n(m.reminded),   n(m.late_fees),
          n(m.suspended),      n(m.reactivated), n(m.terminated), text(m.invoiced), text(m.received)};
}

}  // namespace

DemoMonth read_month(Connection& c, const Zone& zone, CivilDate first, CivilDate end) {
  DemoMonth m{.first = first, .end = end, .invoiced = {}, .received = {}};
  const Instant from = zone.start_of_day(first), until = zone.start_of_day(end);
  m.invoices = number(c.query("SELECT COUNT(*) FROM invoices WHERE issued_on >= $1 AND issued_on < $2", first, end));
  m.late_fees = number(c.query(
      "SELECT COUNT(*) FROM invoices WHERE kind = 'late_fee' AND issued_on >= $1 AND issued_on < $2", first, end));
  m.invoiced = amounts(
      c.query("SELECT currency, CAST(SUM(total) AS BIGINT) FROM invoices WHERE issued_on >= $1 AND issued_on < $2"
              " GROUP BY currency",
              first, end));
  m.paid = number(c.query("SELECT COUNT(*) FROM invoices WHERE paid_at >= $1 AND paid_at < $2", from, until));
  m.declined = number(c.query(
      "SELECT COUNT(*) FROM payments WHERE status = 'failed' AND settled_at >= $1 AND settled_at < $2", from, until));
  m.received = amounts(
      c.query("SELECT currency, CAST(SUM(received) AS BIGINT) FROM payments WHERE received > 0 AND settled_at >= $1"
              " AND settled_at < $2 GROUP BY currency",
              from, until));
  m.reminded = number(
      c.query("SELECT COUNT(*) FROM messages WHERE cause LIKE 'reminder:%' AND created_at >= $1 AND created_at < $2",
              from, until));
  const auto changes = [&](std::string_view action) {
    return number(
        c.query("SELECT COUNT(*) FROM audit_events WHERE action = $1 AND at >= $2 AND at < $3", action, from, until));
  };
  m.suspended = changes("service.suspend");
  m.reactivated = changes("service.unsuspend");
  m.terminated = changes("service.terminate");
  return m;
}

std::string month_table(const std::vector<DemoMonth>& months) {
  std::vector<Row> rows = {head()};
  for (const DemoMonth& month : months) rows.push_back(row(month));
  std::array<std::size_t, columns + 1> widths{};
  for (const Row& cells : rows)
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
  std::string out;
  for (const Row& cells : rows) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string padding(widths[i] - cells[i].size(), ' ');
      const bool number = i > 0 && i < columns - 1;
      line += (i == 0 ? "" : "  ") + (number ? padding + cells[i] : cells[i] + padding);
    }
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

std::string month_json(const DemoMonth& m) {
  const auto field = [](const char* name, std::int64_t value) {
    return ", \"" + std::string(name) + "\": " + std::to_string(value);
  };
  return "{\"from\": " + json_string(m.first.to_string()) + ", \"until\": " + json_string(m.end.to_string()) +
         field("invoices", m.invoices) + field("paid", m.paid) + field("declined", m.declined) +
         field("reminded", m.reminded) + field("late_fees", m.late_fees) + field("suspended", m.suspended) +
         field("reactivated", m.reactivated) + field("terminated", m.terminated) +
         ", \"invoiced\": " + json(m.invoiced) + ", \"received\": " + json(m.received) + "}";
}

}  // namespace bursar::cli
