#include "scheduler/scheduler.hpp"

#include <algorithm>
#include <chrono>

#include "base/log.hpp"
#include "base/process.hpp"

namespace bursar::scheduler {
namespace {

std::string new_owner() {
  static std::atomic<int> count = 0;
  return this_process() + "/" + std::to_string(++count);
}

constexpr int most_planned_at_once = 1000;

Error no_such_job(std::string_view name) {
  return not_found("no_such_job", "There is no job named " + std::string(name.substr(0, 64)) + ".");
}

}  // namespace

Result<std::unique_ptr<Scheduler>> Scheduler::create(storage::Database& db, const Clock& clock,
                                                     const std::vector<settings::Job>& jobs,
                                                     const std::map<std::string, std::vector<Step*>>& steps,
                                                     Options options) {
  std::vector<Job> parsed;
  for (const settings::Job& job : jobs) {
    auto cron = CronExpression::parse(job.cron);
    if (!cron.ok()) {
      Error error = std::move(cron).error();
      error.detail = "job " + job.name + ": " + error.detail;
      return error;
    }
    const auto found = steps.find(job.name);
    if (found == steps.end() || found->second.empty()) {
      return invalid("job_without_steps", "The job " + job.name + " has nothing to do.");
    }
    parsed.push_back({job, std::move(cron).value(), found->second});
  }
  return std::make_unique<Scheduler>(Checked{}, db, clock, std::move(parsed), std::move(options));
}

Scheduler::Scheduler(Checked, storage::Database& db, const Clock& clock, std::vector<Job> jobs, Options options)
    : db_(db), clock_(clock), jobs_(std::move(jobs)), options_(std::move(options)), owner_(new_owner()) {
  if (options_.lease_clock == nullptr) options_.lease_clock = &system_clock_;
}

Scheduler::~Scheduler() { stop(); }

const Scheduler::Job* Scheduler::find_job(std::string_view name) const {
  const auto found =
      std::find_if(jobs_.begin(), jobs_.end(), [&](const Job& job) { return job.settings.name == name; });
  return found == jobs_.end() ? nullptr : &*found;
}

Occurrence Scheduler::occurrence_at(const Job& job, Instant at) const {
  const auto next = job.cron.next_after(job.settings.timezone, at - seconds(1));
  if (next && next->at == at) return *next;
  return {at, job.settings.timezone.date(at)};
}

void Scheduler::plan(const Job& job, Instant now) {
  while (plan_some(job, now)) {
  }
}

// Answers whether to go on: more is due than one transaction shall plan, or another process planned meanwhile.
bool Scheduler::plan_some(const Job& job, Instant now) {
  const std::string& name = job.settings.name;
  const auto considered = db_.read([&](storage::Connection& db) { return store::considered_until(db, name); });
  if (considered && *considered > now + hours(1)) {
    log::warning("clock_behind_schedule",
                 {{"job", name}, {"now", now.to_string()}, {"planned_until", considered->to_string()}});
  }
  std::vector<Occurrence> due;
  bool more = false;
  if (considered) {
    auto next = job.cron.next_after(job.settings.timezone, *considered);
    for (; next && next->at <= now && !more; next = job.cron.next_after(job.settings.timezone, next->at)) {
      more = due.size() == most_planned_at_once;
      if (!more) due.push_back(*next);
    }
    // Without this, a changed expression would reach back over a quiet time it never applied to.
    const bool stale = now - *considered > hours(1);
    if (due.empty() && !stale) return false;
  }
  return db_.write("plan_runs", [&](storage::Transaction& tx) {
    if (store::considered_until(tx, name) != considered) return true;
    if (!due.empty() && !may_catch_up(tx, job, due.front(), *considered, now)) return false;
    if (!job.settings.catch_up && !due.empty()) store::skip_waiting(tx, name, now);
    for (std::size_t i = 0; i < due.size(); ++i) {
      const bool latest = i + 1 == due.size() && !more;
      const auto missed = job.settings.catch_up ? store::Planned::catching_up : store::Planned::skipped;
      store::insert_run(tx, name, due[i], latest ? store::Planned::waiting : missed, now);
    }
    store::set_considered_until(tx, name, more ? due.back().at : now);
    return more;
  });
}

bool Scheduler::may_catch_up(storage::Transaction& tx, const Job& job, const Occurrence& first, Instant since,
                             Instant now) const {
  const Zone& zone = job.settings.timezone;
  const std::int64_t missed = days_between(zone.date(since), zone.date(now));
  if (!breaker::is_too_long(options_.breaker, missed)) {
    breaker::stop_waiting(tx, job.settings.name, now, options_.hold_listener);
    return true;
  }
  if (breaker::waits_to_catch_up(tx, job.settings.name)) return false;
  if (breaker::may_catch_up(tx, job.settings.name)) return true;
  store::insert_run(tx, job.settings.name, first, store::Planned::waiting, now);
  const auto run = store::run_at(tx, job.settings.name, first.at);
  BURSAR_ASSERT(run);
  breaker::hold_back(
      tx, options_.breaker,
      {.run = run->id, .job = job.settings.name, .scheduled_at = first.at, .date = first.date, .now = now}, missed,
      options_.hold_listener);
  return false;
}

bool Scheduler::may_take(const store::OpenRun& run) const {
  if (run.status != "running" || run.owner.empty() || run.owner == owner_) return true;
  if (!run.lease_until || *run.lease_until <= options_.lease_clock->now()) return true;
  // The lock on a SQLite file says that no other process lives.
  const bool of_this_process = run.owner.starts_with(this_process() + "/");
  if (db_.backend() == storage::Backend::sqlite && !of_this_process) return true;
  return has_ended(run.owner);
}

std::optional<Outcome> Scheduler::take_and_execute(const Job& job, const store::OpenRun& run) {
  const auto claim = db_.write("claim_run", [&](storage::Transaction& tx) {
    auto taken =
        store::claim(tx, job.settings.name, run, owner_, options_.lease_clock->now() + options_.lease, clock_.now());
    if (taken) breaker::lapse(tx, job.settings.name, run.occurrence.at, clock_.now(), options_.hold_listener);
    return taken;
  });
  if (!claim) return std::nullopt;
  const Execution::Setting setting{.db = db_,
                                   .clock = clock_,
                                   .lease_clock = *options_.lease_clock,
                                   .lease = options_.lease,
                                   .chunk_accounts = options_.chunk_accounts,
                                   .stopping = [this] { return stopping_.load(); },
                                   .breaker = options_.breaker,
                                   .hold_listener = options_.hold_listener};
  Execution execution(setting,
                      {.run = run.id,
                       .job = job.settings.name,
                       .scheduled_at = run.occurrence.at,
                       .date = run.occurrence.date,
                       .now = clock_.now(),
                       .catch_up = claim->catch_up},
                      claim->fence);
  const Outcome outcome = execution.run(job.steps);
  if ((outcome == Outcome::done || outcome == Outcome::held) && options_.after_run)
    options_.after_run(execution.context());
  return outcome;
}

void Scheduler::execute_open(const Job& job, DueReport& report) {
  while (!stopping_) {
    bool has_later = false;
    const auto run = db_.read([&](storage::Connection& db) {
      auto open = store::first_open_run(db, job.settings.name);
      if (open) has_later = store::has_later_run(db, job.settings.name, open->occurrence.at);
      return open;
    });
    // Planned by a process whose clock is ahead of this one's: not due here yet.
    if (!run || run->occurrence.at > clock_.now()) return;
    if (run->status == "failed" && has_later) {
      // Steps look for what is due, so the later run does this one's work; waiting longer would hold all of it up.
      log::error("run_given_up", {{"job", job.settings.name}, {"scheduled_at", run->occurrence.at.to_string()}});
      db_.write("give_up_run", [&](storage::Transaction& tx) { store::give_up(tx, *run); });
      continue;
    }
    if (run->status == "failed" && run->lease_until > options_.lease_clock->now()) {
      ++report.to_retry;
      return;
    }
    if (!may_take(*run)) {
      ++report.held_elsewhere;
      return;
    }
    const auto outcome = take_and_execute(job, *run);
    if (outcome == Outcome::done) ++report.done;
    if (outcome == Outcome::held) ++report.held;
    if (outcome == Outcome::failed) ++report.failed;
  }
}

DueReport Scheduler::run_due() {
  const std::scoped_lock lock(work_);
  DueReport report;
  const Instant now = clock_.now();
  for (const Job& job : jobs_) plan(job, now);
  for (const Job& job : jobs_) execute_open(job, report);
  return report;
}

Result<store::OpenRun> Scheduler::plan_run_at(const Job& job, Instant at) {
  const Instant now = clock_.now();
  if (at > now)
    return conflict("run_in_future", "That instant has not come yet; a preview shows what its run would do.");
  plan(job, now);
  if (db_.read([&](storage::Connection& db) { return breaker::waits_to_catch_up(db, job.settings.name); })) {
    return conflict("run_awaits_approval", "So many days were missed that staff must approve first; see held_run.");
  }
  const Occurrence occurrence = occurrence_at(job, at);
  return db_.write("plan_run", [&](storage::Transaction& tx) -> Result<store::OpenRun> {
    store::insert_run(tx, job.settings.name, occurrence, store::Planned::waiting, now);
    auto run = store::run_at(tx, job.settings.name, at);
    BURSAR_ASSERT(run);
    return *std::move(run);
  });
}

Result<RunStatus> Scheduler::run_job_at(std::string_view name, Instant at) {
  const Job* job = find_job(name);
  if (job == nullptr) return no_such_job(name);
  const std::scoped_lock lock(work_);
  BURSAR_TRY(run, plan_run_at(*job, at));
  if (run.status == "done")
    return conflict("run_already_done", "The run of that instant is done; an instant runs once.");
  if (run.status == "skipped") return conflict("run_skipped", "The run of that instant was missed and skipped.");
  if (run.status == "held") return conflict("run_awaits_approval", "The run of that instant waits for an approval.");
  if (!may_take(run)) return conflict("run_held", "Another process is at this run.");
  const auto outcome = take_and_execute(*job, run);
  if (outcome == Outcome::done || outcome == Outcome::held) return run_status(run.id);
  if (outcome == Outcome::failed) {
    return Error{.kind = ErrorKind::internal, .code = "run_failed", .detail = run_status(run.id).error};
  }
  return conflict("run_held", "Another process took this run over, or this one is stopping.");
}

Result<RunStatus> Scheduler::request_run(std::string_view name) {
  const Job* job = find_job(name);
  if (job == nullptr) return no_such_job(name);
  BURSAR_TRY(run, plan_run_at(*job, clock_.now()));
  wake();
  return run_status(run.id);
}

Result<RunStatus> Scheduler::decide(std::string_view name, const Approval& approval,
                                    const std::function<void(storage::Transaction&)>& also) {
  const Job* job = find_job(name);
  if (job == nullptr) return no_such_job(name);
  BURSAR_CHECK(db_.write("decide_held_run", [&](storage::Transaction& tx) -> Status {
    BURSAR_CHECK(breaker::decide(tx, name, approval, clock_.now(), options_.hold_listener));
    also(tx);
    return {};
  }));
  if (approval.approve) wake();
  return run_status(approval.run);
}

RunStatus Scheduler::run_status(RunId id) {
  auto status = db_.read([&](storage::Connection& db) { return find_run(db, id); });
  BURSAR_ASSERT(status);
  return *std::move(status);
}

std::optional<Instant> Scheduler::next_instant(Instant after) const {
  std::optional<Instant> first;
  for (const Job& job : jobs_) {
    const auto next = job.cron.next_after(job.settings.timezone, after);
    if (next && (!first || next->at < *first)) first = next->at;
  }
  return first;
}

JobStatus Scheduler::status_of(const Job& job) {
  const settings::Job& settings = job.settings;
  JobStatus status{.name = settings.name,
                   .cron = settings.cron,
                   .timezone = std::string(settings.timezone.name()),
                   .catch_up = settings.catch_up};
  if (const auto next = job.cron.next_after(settings.timezone, clock_.now())) status.next_at = next->at;
  db_.read([&](storage::Connection& db) {
    status.last = last_begun_run(db, settings.name);
    if (const auto held = breaker::held_run(db, settings.name)) status.held = find_run(db, *held);
    status.open = open_run_count(db, settings.name);
  });
  return status;
}

std::vector<JobStatus> Scheduler::jobs() {
  std::vector<JobStatus> out;
  for (const Job& job : jobs_) out.push_back(status_of(job));
  return out;
}

Result<JobStatus> Scheduler::job(std::string_view name) {
  const Job* job = find_job(name);
  if (job == nullptr) return no_such_job(name);
  return status_of(*job);
}

void Scheduler::start() {
  const std::scoped_lock lock(state_);
  if (thread_.joinable()) return;
  stopping_ = false;
  thread_ = std::thread([this] { loop(); });
}

void Scheduler::stop() {
  std::thread ended;
  {
    const std::scoped_lock lock(state_);
    stopping_ = true;
    ended = std::move(thread_);
  }
  changed_.notify_all();
  if (ended.joinable()) ended.join();
  stopping_ = false;
}

void Scheduler::wake() {
  {
    const std::scoped_lock lock(state_);
    woken_ = true;
  }
  changed_.notify_all();
}

void Scheduler::loop() {
  Duration pause_after_failure = seconds(1);
  while (!stopping_) {
    Duration pause = options_.longest_sleep;
    try {
      run_due();
      pause_after_failure = seconds(1);
      if (const auto next = next_instant(clock_.now())) pause = std::clamp(*next - clock_.now(), seconds(0), pause);
    } catch (const std::exception& error) {
      log::error("scheduler_failed", {{"error", error.what()}, {"again_in_seconds", pause_after_failure.seconds}});
      pause = pause_after_failure;
      pause_after_failure = std::min(options_.longest_sleep, seconds(2 * pause_after_failure.seconds));
    }
    std::unique_lock lock(state_);
    changed_.wait_for(lock, std::chrono::seconds(pause.seconds), [this] { return stopping_ || woken_; });
    woken_ = false;
  }
}

}  // namespace bursar::scheduler
