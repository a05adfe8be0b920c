#include "http/store_metrics.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "base/log.hpp"

namespace bursar::http {

namespace {

class Writer {
 public:
  void gauge(std::string_view name, std::string_view help) {
    name_ = name;
    out_.append("# HELP ").append(name).append(" ").append(help).append("\n");
    out_.append("# TYPE ").append(name).append(" gauge\n");
  }
  void value(std::string_view labels, std::int64_t number) {
    out_.append(name_);
    if (!labels.empty()) out_.append("{").append(labels).append("}");
    out_.append(" ").append(std::to_string(number)).append("\n");
  }
  std::string take() && { return std::move(out_); }

 private:
  std::string name_;
  std::string out_;
};

std::string label(std::string_view name, std::string_view value) {
  std::string out(name);
  out += "=\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + "\"";
}

std::int64_t age(Instant since, Instant now) { return std::max<std::int64_t>(0, (now - since).seconds); }

struct Queue {
  std::int64_t count = 0;
  Instant oldest;
};
using Queues = std::map<std::string, Queue>;  // by labels

void add_queues(Queues& queues, storage::Rows rows) {
  while (rows.next()) {
    const std::string labels =
        label("kind", rows.text(0)) + "," + label("instance", rows.text(1)) + "," + label("state", rows.text(2));
    queues[labels] = {.count = rows.integer(3), .oldest = rows.instant(4)};
  }
}

void write_effects(Writer& w, storage::Connection& c, Instant now) {
  Queues queues;
  // Three statements, one for each partial index.
  add_queues(queues, c.query("SELECT kind, instance, state, COUNT(*), MIN(created_at) FROM effects"
                             " WHERE next_at IS NOT NULL AND state <> 'in_flight' AND state <> 'parked'"
                             " GROUP BY kind, instance, state"));
  add_queues(queues, c.query("SELECT kind, instance, state, COUNT(*), MIN(created_at) FROM effects"
                             " WHERE state = 'in_flight' GROUP BY kind, instance, state"));
  add_queues(queues, c.query("SELECT kind, instance, state, COUNT(*), MIN(created_at) FROM effects"
                             " WHERE state = 'parked' GROUP BY kind, instance, state"));
  w.gauge("bursar_effects", "Unfinished acts outside the database, by kind, plugin instance and state");
  for (const auto& [labels, queue] : queues) w.value(labels, queue.count);
  w.gauge("bursar_effects_oldest_seconds", "Age of the oldest of them");
  for (const auto& [labels, queue] : queues) w.value(labels, age(queue.oldest, now));
}

void write_unknown_payments(Writer& w, storage::Connection& c, Instant now) {
  auto rows = c.query(
      "SELECT p.gateway, COUNT(*), MIN(p.created_at) FROM effects e JOIN payments p ON p.id = e.object_id"
      " WHERE e.kind = 'charge' AND e.next_at IS NOT NULL AND p.status = 'unknown' GROUP BY p.gateway");
  Queues unknown;
  while (rows.next()) unknown[label("gateway", rows.text(0))] = {rows.integer(1), rows.instant(2)};
  w.gauge("bursar_payments_unknown", "Payments whose outcome the gateway has not told yet");
  for (const auto& [labels, queue] : unknown) w.value(labels, queue.count);
  w.gauge("bursar_payments_unknown_oldest_seconds", "Age of the oldest of them");
  for (const auto& [labels, queue] : unknown) w.value(labels, age(queue.oldest, now));
}

void write_runs(Writer& w, storage::Connection& c, Instant now) {
  w.gauge("bursar_runs_open", "Runs of scheduled jobs that are not done");
  auto open = c.query(
      "SELECT job, status, COUNT(*) FROM scheduler_runs WHERE status IN ('waiting', 'running', 'failed', 'held')"
      " GROUP BY job, status ORDER BY job, status");
  while (open.next()) w.value(label("job", open.text(0)) + "," + label("status", open.text(1)), open.integer(2));

  w.gauge("bursar_run_last_done_age_seconds", "Since the scheduled instant of each job's newest finished run");
  auto done =
      c.query("SELECT job, MAX(scheduled_at) FROM scheduler_runs WHERE status = 'done' GROUP BY job ORDER BY job");
  while (done.next()) w.value(label("job", done.text(0)), age(done.instant(1), now));

  w.gauge("bursar_accounts_parked", "Accounts that a step of each job's newest run could not handle");
  auto parked = c.query(
      "SELECT r.job, p.step, COUNT(*) FROM parked_accounts p JOIN scheduler_runs r ON r.id = p.run_id"
      " WHERE r.scheduled_at = (SELECT MAX(n.scheduled_at) FROM scheduler_runs n WHERE n.job = r.job AND n.status <> "
      "'waiting')"
      " GROUP BY r.job, p.step ORDER BY r.job, p.step");
  while (parked.next()) w.value(label("job", parked.text(0)) + "," + label("step", parked.text(1)), parked.integer(2));
}

void write_tasks(Writer& w, storage::Connection& c, Instant now) {
  Queues tasks;
  auto rows = c.query(
      "SELECT kind, COUNT(*), MIN(created_at) FROM staff_tasks WHERE status = 'open' GROUP BY kind ORDER BY kind");
  while (rows.next()) tasks[label("kind", rows.text(0))] = {rows.integer(1), rows.instant(2)};
  w.gauge("bursar_staff_tasks_open", "Work that waits for a person");
  for (const auto& [labels, queue] : tasks) w.value(labels, queue.count);
  w.gauge("bursar_staff_tasks_oldest_seconds", "Age of the oldest of it");
  for (const auto& [labels, queue] : tasks) w.value(labels, age(queue.oldest, now));
}

}  // namespace

std::string store_metrics(storage::Database& db, const Clock& clock) {
  const Instant now = clock.now();
  std::string text;
  bool up = true;
  try {
    text = db.read([&](storage::Connection& c) {
      Writer w;
      write_effects(w, c, now);
      write_unknown_payments(w, c, now);
      write_runs(w, c, now);
      write_tasks(w, c, now);
      return std::move(w).take();
    });
  } catch (const storage::StorageError& e) {
    log::warning("metrics_without_store", {{"detail", e.what()}});
    up = false;
  }
  Writer w;
  w.gauge("bursar_store_up", "Whether the database answers");
  w.value("", up ? 1 : 0);
  return std::move(w).take() + text;
}

}  // namespace bursar::http
