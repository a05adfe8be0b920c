// One effect at a time: what each verdict leads to.
#include <atomic>
#include <thread>

#include "base/process.hpp"
#include "double.hpp"

namespace bursar::effects::testing {
namespace {

class VerdictsTest : public EffectsTest {
 protected:
  Outside outside_;
};
INSTANTIATE_TEST_SUITE_P(Backends, VerdictsTest, test::backends());

TEST_P(VerdictsTest, an_effect_is_recorded_once_by_its_key) {
  EXPECT_EQ(record_now({charge("a"), charge("b")}), 2);
  EXPECT_EQ(record_now({charge("b"), charge("c"), charge("c")}), 1);
  EXPECT_EQ(record_now({}), 0);
}

TEST_P(VerdictsTest, a_due_effect_is_performed_once_and_settled_with_its_state) {
  record_now({charge("a")});
  outside_.on_perform = [](const Effect& effect) {
    EXPECT_EQ(effect.key, "a");
    EXPECT_EQ(effect.instance, "cards");
    EXPECT_EQ(effect.account, AccountId(1));
    EXPECT_EQ(effect.object, 7);
    EXPECT_EQ(effect.attempts, 1);
    return Outcome{.verdict = Verdict::done, .data = "{\"reference\":\"x\"}"};
  };
  int settled = 0;
  outside_.on_settle = [&](storage::Transaction&, const Effect&, Outcome& outcome, Instant now) {
    settled = 1;
    EXPECT_EQ(outcome.data, "{\"reference\":\"x\"}");
    EXPECT_EQ(now, clock_.now());
  };
  Workers workers(*db_, clock_, {&outside_});
  workers.drain();
  workers.drain();
  EXPECT_EQ(outside_.performs("a"), 1);
  EXPECT_EQ(settled, 1);
  EXPECT_EQ(state("a"), "done");
  EXPECT_EQ(column("SELECT outcome FROM effects WHERE key = $1", "a"), "{\"reference\":\"x\"}");
}

TEST_P(VerdictsTest, an_effect_waits_for_its_time) {
  auto later = charge("a");
  later.not_before = clock_.now() + hours(1);
  record_now({later});
  Workers workers(*db_, clock_, {&outside_});
  workers.drain();
  EXPECT_EQ(outside_.performs("a"), 0);
  clock_.advance(hours(1));
  workers.drain();
  EXPECT_EQ(outside_.performs("a"), 1);
}

TEST_P(VerdictsTest, an_exception_means_unknown_and_is_inspected_at_growing_intervals_never_performed_again) {
  record_now({charge("a")});
  outside_.on_perform = [](const Effect&) -> Outcome { throw std::runtime_error("connection reset"); };
  outside_.on_inspect = [](const Effect&) -> Outcome { throw std::runtime_error("still down"); };
  Workers workers(*db_, clock_, {&outside_}, {.first_backoff = seconds(30), .max_backoff = minutes(5)});
  workers.drain();
  EXPECT_EQ(state("a"), "unknown");
  EXPECT_EQ(column("SELECT error FROM effects WHERE key = $1", "a"), "connection reset");
  EXPECT_EQ(workers.counts().unknown, 1);
  for (const std::int64_t wait : {30, 60, 120, 240, 300, 300}) {
    const int before = outside_.inspects("a");
    clock_.advance(seconds(wait - 1));
    workers.drain();
    EXPECT_EQ(outside_.inspects("a"), before) << wait;
    clock_.advance(seconds(1));
    workers.drain();
    EXPECT_EQ(outside_.inspects("a"), before + 1) << wait;
  }
  outside_.on_inspect = [](const Effect&) { return Outcome{.verdict = Verdict::done}; };
  clock_.advance(minutes(5));
  workers.drain();
  EXPECT_EQ(state("a"), "done");
  EXPECT_EQ(outside_.performs("a"), 1);
}

TEST_P(VerdictsTest, an_act_the_other_side_never_saw_is_performed_again_at_once) {
  record_now({charge("a")});
  outside_.on_perform = [](const Effect& effect) {
    return Outcome{.verdict = effect.attempts == 1 ? Verdict::unknown : Verdict::done};
  };
  outside_.on_inspect = [](const Effect&) { return Outcome{.verdict = Verdict::not_attempted}; };
  Workers workers(*db_, clock_, {&outside_});
  workers.drain();
  EXPECT_EQ(outside_.inspects("a"), 0);
  clock_.advance(seconds(30));
  workers.drain();
  EXPECT_EQ(outside_.inspects("a"), 1);
  EXPECT_EQ(outside_.performs("a"), 2);
  EXPECT_EQ(state("a"), "done");
}

TEST_P(VerdictsTest, an_act_that_gets_lost_each_time_is_tried_at_growing_intervals) {
  record_now({charge("a")});
  outside_.on_perform = [](const Effect&) { return Outcome{.verdict = Verdict::unknown}; };
  outside_.on_inspect = [](const Effect&) { return Outcome{.verdict = Verdict::not_attempted}; };
  Workers workers(*db_, clock_, {&outside_}, {.first_backoff = seconds(30), .max_backoff = hours(6)});
  workers.drain();
  int performs = 1;
  for (const std::int64_t wait : {30, 120, 480}) {
    clock_.advance(seconds(wait - 1));
    workers.drain();
    EXPECT_EQ(outside_.performs("a"), performs) << wait;
    clock_.advance(seconds(1));
    workers.drain();
    EXPECT_EQ(outside_.performs("a"), ++performs) << wait;
  }
}

TEST_P(VerdictsTest, a_call_that_was_never_made_is_made_later) {
  record_now({charge("a")});
  outside_.on_perform = [](const Effect& effect) {
    return Outcome{.verdict = effect.attempts < 3 ? Verdict::not_attempted : Verdict::done};
  };
  Workers workers(*db_, clock_, {&outside_});
  workers.drain();
  EXPECT_EQ(outside_.performs("a"), 1);
  clock_.advance(seconds(30));
  workers.drain();
  clock_.advance(seconds(60));
  workers.drain();
  EXPECT_EQ(state("a"), "done");
  EXPECT_EQ(outside_.inspects("a"), 0);
}

TEST_P(VerdictsTest, a_waiting_effect_is_inspected_when_the_handler_said) {
  record_now({charge("a")});
  outside_.on_perform = [](const Effect&) { return Outcome{.verdict = Verdict::waiting, .next_in = hours(2)}; };
  Workers workers(*db_, clock_, {&outside_});
  workers.drain();
  EXPECT_EQ(state("a"), "waiting");
  clock_.advance(hours(2));
  workers.drain();
  EXPECT_EQ(outside_.inspects("a"), 1);
  EXPECT_EQ(state("a"), "done");
}

TEST_P(VerdictsTest, a_waiting_effect_stays_so_when_the_other_side_cannot_be_asked) {
  record_now({charge("a")});
  outside_.on_perform = [](const Effect&) { return Outcome{.verdict = Verdict::waiting, .next_in = hours(2)}; };
  outside_.on_inspect = [](const Effect&) { return Outcome{.verdict = Verdict::unknown, .error = "timeout"}; };
  Workers workers(*db_, clock_, {&outside_});
  workers.drain();
  clock_.advance(hours(2));
  workers.drain();
  EXPECT_EQ(outside_.inspects("a"), 1);
  EXPECT_EQ(state("a"), "waiting");
  EXPECT_EQ(column("SELECT error FROM effects WHERE key = $1", "a"), "timeout");
}

TEST_P(VerdictsTest, a_handler_that_says_now_for_ever_does_not_keep_drain_from_ending) {
  record_now({charge("a")});
  outside_.on_perform = [](const Effect&) { return Outcome{.verdict = Verdict::waiting, .next_in = seconds(0)}; };
  outside_.on_inspect = outside_.on_perform;
  Workers workers(*db_, clock_, {&outside_});
  workers.drain();
  EXPECT_EQ(state("a"), "waiting");
  EXPECT_EQ(outside_.inspects("a"), 0);
}

TEST_P(VerdictsTest, failed_and_parked_effects_are_not_looked_at_again) {
  record_now({charge("failed"), charge("parked")});
  outside_.on_perform = [](const Effect& effect) {
    return Outcome{.verdict = effect.key == "failed" ? Verdict::failed : Verdict::parked, .error = "declined"};
  };
  Workers workers(*db_, clock_, {&outside_});
  workers.drain();
  clock_.advance(days(400));
  workers.drain();
  EXPECT_EQ(outside_.total(), 2U);
  EXPECT_EQ(outside_.inspects("failed") + outside_.inspects("parked"), 0);
  EXPECT_EQ(state("failed"), "failed");
  EXPECT_EQ(state("parked"), "parked");
  EXPECT_EQ(workers.counts().parked, 1);
}

TEST_P(VerdictsTest, settling_may_change_the_outcome_and_record_what_follows) {
  record_now({charge("a:1")});
  outside_.on_perform = [](const Effect& effect) {
    return Outcome{.verdict = effect.key == "a:1" ? Verdict::unknown : Verdict::done};
  };
  outside_.on_settle = [&](storage::Transaction& tx, const Effect& effect, Outcome& outcome, Instant now) {
    if (effect.key != "a:1") return;
    outcome.verdict = Verdict::failed;
    const NewEffect next[] = {charge("a:2")};
    record(tx, now, next);
  };
  Workers workers(*db_, clock_, {&outside_});
  workers.drain();
  EXPECT_EQ(state("a:1"), "failed");
  EXPECT_EQ(state("a:2"), "done");
}

TEST_P(VerdictsTest, an_outcome_that_cannot_be_settled_stays_unknown_and_is_inspected_not_repeated) {
  record_now({charge("a")});
  bool broken = true;
  outside_.on_settle = [&](storage::Transaction& tx, const Effect&, Outcome&, Instant) {
    tx.execute("UPDATE number_series SET next = next");
    if (broken) throw InvariantBroken("a bug of ours");
  };
  Workers workers(*db_, clock_, {&outside_});
  workers.drain();
  EXPECT_EQ(state("a"), "unknown");
  EXPECT_EQ(column("SELECT error FROM effects WHERE key = $1", "a"), "not settled: a bug of ours");
  broken = false;
  clock_.advance(minutes(1));
  workers.drain();
  EXPECT_EQ(state("a"), "done");
  EXPECT_EQ(outside_.performs("a"), 1);
}

// An effect in flight of another process.
class TakeoverTest : public VerdictsTest {
 protected:
  void claimed_by(const std::string& worker) {
    record_now({charge("a")});
    db_->write("claim", [&](storage::Transaction& tx) {
      tx.execute("UPDATE effects SET state = 'in_flight', attempts = 1, worker = $1, lease_until = $2, next_at = NULL",
                 worker, real_time_.now() + minutes(5));
    });
  }
  // A process of this machine that has ended: this one's number, gone to another since.
  static std::string dead_worker() {
    std::string name = this_process();
    const auto start = name.find('.', name.find('.') + 1) + 1;
    return name.replace(start, name.find('.', start) - start, "1") + "/0";
  }
  // Of a machine that can't be seen from here.
  static std::string far_worker() { return "elsewhere." + this_process().substr(this_process().find('.') + 1) + "/0"; }
  WorkerOptions options() { return {.lease_clock = &real_time_}; }
};
INSTANTIATE_TEST_SUITE_P(Backends, TakeoverTest, test::backends());

TEST_P(TakeoverTest, an_effect_of_a_process_that_has_ended_is_inspected_at_once_never_performed) {
  claimed_by(dead_worker());
  Workers workers(*db_, clock_, {&outside_}, options());
  workers.drain();
  EXPECT_EQ(outside_.inspects("a"), 1);
  EXPECT_EQ(outside_.performs("a"), 0);
  EXPECT_EQ(state("a"), "done");
}

TEST_P(TakeoverTest, an_effect_the_other_side_never_had_is_performed_at_the_same_instant) {
  claimed_by(dead_worker());
  outside_.on_inspect = [](const Effect&) { return Outcome{.verdict = Verdict::not_attempted}; };
  outside_.on_perform = [&](const Effect& effect) {
    EXPECT_EQ(effect.key, "a");
    return Outcome{.verdict = Verdict::done};
  };
  Workers workers(*db_, clock_, {&outside_}, options());
  workers.drain();
  EXPECT_EQ(outside_.performs("a"), 1);
  EXPECT_EQ(state("a"), "done");
}

TEST_P(TakeoverTest, the_other_side_gets_a_pause_to_finish_what_it_was_sent) {
  claimed_by(dead_worker());
  WorkerOptions patient = options();
  patient.takeover_pause = seconds(30);
  Workers workers(*db_, clock_, {&outside_}, patient);
  workers.drain();
  EXPECT_EQ(state("a"), "unknown");
  EXPECT_EQ(outside_.inspects("a"), 0);
  clock_.advance(seconds(30));
  workers.drain();
  EXPECT_EQ(outside_.inspects("a"), 1);
}

TEST_P(TakeoverTest, a_process_that_may_be_alive_keeps_its_effect_until_its_lease_is_over) {
  if (GetParam() == storage::Backend::sqlite) GTEST_SKIP() << "the lock on the file says that there is none";
  claimed_by(far_worker());
  Workers workers(*db_, clock_, {&outside_}, options());
  clock_.advance(days(3));
  workers.drain();
  EXPECT_EQ(outside_.inspects("a"), 0) << "leases live by real time";
  EXPECT_EQ(workers.counts().in_flight, 1);
  real_time_.advance(minutes(5));
  workers.drain();
  EXPECT_EQ(outside_.inspects("a"), 1);
  EXPECT_EQ(outside_.performs("a"), 0);
  EXPECT_EQ(state("a"), "done");
}

TEST_P(TakeoverTest, whoever_moves_the_clock_can_wait_for_the_others_as_well) {
  if (GetParam() == storage::Backend::sqlite) GTEST_SKIP() << "there are no others";
  claimed_by(far_worker());
  std::atomic<bool> ended = false;
  Workers workers(*db_, clock_, {&outside_}, options());
  std::jthread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    ended = true;
    db_->write("settle", [](storage::Transaction& tx) {
      tx.execute("UPDATE effects SET state = 'done', worker = NULL, lease_until = NULL");
    });
  });
  workers.drain(Workers::Until::all_end);
  EXPECT_TRUE(ended);
  EXPECT_EQ(outside_.inspects("a"), 0);
}

TEST_P(TakeoverTest, a_claim_of_its_own_that_nobody_is_at_any_more_does_not_wait_for_its_lease) {
  claimed_by(far_worker());
  record_now({charge("b")});
  // As if the store had failed the worker when it wanted to store what had become of "a".
  outside_.on_perform = [&](const Effect&) {
    db_->write("left", [](storage::Transaction& tx) {
      tx.execute("UPDATE effects SET worker = (SELECT worker FROM effects WHERE key = 'b') WHERE key = 'a'");
    });
    return Outcome{.verdict = Verdict::done};
  };
  Workers workers(*db_, clock_, {&outside_}, options());
  workers.drain();
  EXPECT_EQ(state("b"), "done");
  EXPECT_EQ(outside_.inspects("a"), 1);
  EXPECT_EQ(outside_.performs("a"), 0);
}

TEST_P(VerdictsTest, a_caller_who_waits_can_have_one_effect_performed_at_once) {
  auto later = charge("a");
  later.not_before = clock_.now() + hours(1);
  auto foreign = charge("c");
  foreign.kind = "message";
  record_now({later, charge("b"), foreign});
  Workers workers(*db_, clock_, {&outside_});
  EXPECT_TRUE(workers.run_now("a"));
  EXPECT_EQ(state("a"), "done");
  EXPECT_EQ(outside_.performs("b"), 0);
  EXPECT_FALSE(workers.run_now("a")) << "settled";
  EXPECT_FALSE(workers.run_now("nothing"));
  EXPECT_FALSE(workers.run_now("c")) << "no handler";
  EXPECT_EQ(state("c"), "recorded");
}

TEST_P(VerdictsTest, what_a_waiting_caller_stores_is_stored_with_the_outcome_or_not_at_all) {
  record_now({charge("a"), charge("b")});
  bool broken = false;
  outside_.on_settle = [&](storage::Transaction&, const Effect&, Outcome&, Instant) {
    if (broken) throw InvariantBroken("a bug of ours");
  };
  std::vector<std::string> states;
  const Settling remember = [&](storage::Transaction& tx) {
    auto rows = tx.query("SELECT state FROM effects WHERE key = 'a'");
    ASSERT_TRUE(rows.next());
    states.push_back(rows.string(0));
    tx.execute("UPDATE number_series SET next = next");
  };
  Workers workers(*db_, clock_, {&outside_});
  EXPECT_TRUE(workers.run_now("a", remember));
  EXPECT_EQ(states, std::vector<std::string>{"done"}) << "the outcome is there already";
  broken = true;
  EXPECT_TRUE(workers.run_now("b", remember));
  EXPECT_EQ(state("b"), "unknown");
  EXPECT_EQ(states.size(), 1U) << "an outcome that could not be stored takes nothing with it";
}

TEST_P(VerdictsTest, a_kind_without_a_handler_is_left_alone) {
  auto other = charge("a");
  other.kind = "message";
  record_now({other});
  Workers workers(*db_, clock_, {&outside_});
  workers.drain();
  EXPECT_EQ(state("a"), "recorded");
}

}  // namespace
}  // namespace bursar::effects::testing
