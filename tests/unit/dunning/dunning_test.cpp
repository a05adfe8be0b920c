// Goal: an overdue customer meets each step once, at the plan's distances, also after downtime; a panel and a channel
// see each act once. Method: one service at a panel double, a daily run by day, and the effect workers.
#include "dunning/steps.hpp"

#include <map>

#include "effects/effects.hpp"
#include "notices/outbox.hpp"
#include "provisioning/provisioner.hpp"
#include "support/clock.hpp"
#include "unit/invoicing/fixture.hpp"

namespace bursar::invoicing {
namespace {

using provisioning::PanelAnswer;
using provisioning::PanelOutcome;
using provisioning::PanelRequest;
using provisioning::PanelState;

// A panel that remembers its accounts, and can do a thing without answering.
class FakePanel final : public provisioning::Panel, public provisioning::Panels {
 public:
  [[nodiscard]] int concurrency() const override { return 4; }
  PanelAnswer create(const PanelRequest& r) override { return set(r, PanelState::active, "create"); }
  PanelAnswer suspend(const PanelRequest& r) override { return set(r, PanelState::suspended, "suspend"); }
  PanelAnswer unsuspend(const PanelRequest& r) override { return set(r, PanelState::active, "unsuspend"); }
  PanelAnswer terminate(const PanelRequest& r) override { return set(r, PanelState::absent, "terminate"); }
  PanelAnswer inspect(const PanelRequest& r) override {
    const auto found = states.find(r.service_id);
    return {.outcome = PanelOutcome::done,
            .reference = "panel-1",
            .state = found == states.end() ? PanelState::absent : found->second,
            .staff_task = {},
            .error = {}};
  }
  [[nodiscard]] std::vector<std::string> list() const override { return {"web1"}; }
  [[nodiscard]] provisioning::Panel* find(std::string_view name) override { return name == "web1" ? this : nullptr; }

  std::map<std::string, PanelState> states;
  std::vector<std::string> calls;
  bool loses_answers = false;
  bool refuses_connections = false;

 private:
  PanelAnswer set(const PanelRequest& r, PanelState state, const char* call) {
    calls.emplace_back(call);
    PanelAnswer answer{.outcome = PanelOutcome::done, .reference = "panel-1", .staff_task = {}, .error = {}};
    if (refuses_connections) {
      answer = {.outcome = PanelOutcome::not_attempted, .reference = {}, .staff_task = {}, .error = "refused"};
      return answer;
    }
    states[r.service_id] = state;
    if (loses_answers) {
      answer = {.outcome = PanelOutcome::unknown, .reference = {}, .staff_task = {}, .error = "timeout"};
    }
    return answer;
  }
};

class FakeChannel final : public notices::Channel, public notices::Channels {
 public:
  [[nodiscard]] int concurrency() const override { return 4; }
  notices::DeliveryAnswer send(const notices::Message& message) override {
    sent.push_back(message);
    return {.outcome = notices::DeliveryOutcome::sent, .provider_id = {}, .error = {}};
  }
  [[nodiscard]] std::vector<std::string> list() const override { return {"mail"}; }
  [[nodiscard]] notices::Channel* find(std::string_view name) override { return name == "mail" ? this : nullptr; }
  std::vector<notices::Message> sent;
};

settings::Config dunned() {
  settings::Config out = config();
  out.tax_rules.clear();
  out.billing.late_fee = settings::LateFee{.after_days = 5, .percent = parse_percent("5").value(), .minimum = {}};
  return out;
}

class DunningTest : public InvoicingTest {
 protected:
  DunningTest() {
    use(dunned());
    reset_steps();
    const auto sold = write([&](auto& tx) {
      return catalog::create_product(tx,
                                     {.code = "vps",
                                      .name = "VPS",
                                      .panel = "web1",
                                      .prices = {{BillingCycle::months(1), dollars(2000), dollars(0)}}},
                                     now());
    });
    customer = account();
    const auto placed = order(customer, {*sold});
    service_id = placed.services.at(0);
    pay(placed.invoice, dollars(2000));
    work();
    run_until(CivilDate(2027, 2, 21));  // the renewal of 28 February is issued 7 days before
    renewal = invoices(customer).at(0).id;
  }

  void reset_steps() {
    outbox = std::make_unique<notices::Outbox>(dunned(), std::vector<std::string>{"mail"});
    dunning = dunning::steps(*rules, *outbox);
  }
  void work() {
    clock.set(now());
    workers.drain();
  }
  scheduler::Counts dun() {
    scheduler::Counts counts;
    for (const auto& step : dunning) {
      scheduler::ChunkRequest request{.cursor = "", .max_accounts = 500};
      const scheduler::RunContext context{
          .run = RunId(1), .job = "daily", .scheduled_at = now(), .date = today, .now = now()};
      for (bool finished = false; !finished;) {
        const auto result = write([&](auto& tx) { return step->run_chunk(tx, context, request); });
        for (const auto& [name, count] : result.counts) counts[name] += count;
        request.cursor = result.cursor;
        finished = result.finished;
      }
    }
    work();
    return counts;
  }
  // What happens on which day from the due date, when the run is held on each of these days.
  std::map<std::int64_t, std::string> story(CivilDate from, CivilDate last) {
    std::map<std::int64_t, std::string> out;
    for (today = from; today <= last; today = today.plus_days(1)) {
      std::string did;
      for (const auto& [name, count] : dun()) {
        if (count > 0) did += (did.empty() ? "" : " ") + name;
      }
      if (!did.empty()) out[days_between(due, today)] = did;
    }
    today = last;
    return out;
  }
  [[nodiscard]] std::string state() { return std::string(services::to_string(service(service_id).status)); }
  [[nodiscard]] PanelState at_panel() { return panel.states.at(codec.text(service_id)); }
  int sent(std::string_view name) {
    return static_cast<int>(std::count_if(channel.sent.begin(), channel.sent.end(),
                                          [&](const notices::Message& m) { return m.template_name == name; }));
  }

  const CivilDate due{2027, 2, 28};
  const IdCodec codec{IdCodec::Key{7}};
  test::ManualClock clock;
  FakePanel panel;
  FakeChannel channel;
  provisioning::Provisioner provisioner{*db, panel, codec};
  notices::MessageHandler messages{*db, channel, codec};
  effects::Workers workers{*db, clock, {&provisioner, &messages}, {.threads = 1}};
  std::unique_ptr<notices::Outbox> outbox;
  std::vector<std::unique_ptr<scheduler::Step>> dunning;
  AccountId customer;
  ServiceId service_id;
  InvoiceId renewal;
};
INSTANTIATE_TEST_SUITE_P(Backends, DunningTest, test::backends());

TEST_P(DunningTest, an_unpaid_invoice_meets_each_step_once_on_its_day) {
  // The late fee is an invoice of its own, whose plan leaves the notice of seven days from day 5 on.
  const std::map<std::int64_t, std::string> expected = {
      {-3, "reminders"}, {1, "reminders"},  {3, "reminders"},  {5, "late_fees suspended"}, {7, "reminders"},
      {9, "reminders"},  {13, "reminders"}, {15, "reminders"}, {19, "reminders"},          {30, "terminated"}};
  EXPECT_EQ(story(CivilDate(2027, 2, 22), CivilDate(2027, 4, 30)), expected);
  EXPECT_EQ(state(), "terminated");
  EXPECT_EQ(at_panel(), PanelState::absent);
  EXPECT_EQ(panel.calls, (std::vector<std::string>{"create", "suspend", "terminate"}));
  expect_clean();
}

TEST_P(DunningTest, the_late_fee_is_its_own_invoice_and_comes_once) {
  story(CivilDate(2027, 2, 22), CivilDate(2027, 3, 5));
  dun();
  const auto all = invoices(customer);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].kind, InvoiceKind::late_fee);
  EXPECT_EQ(all[0].late_fee_of, renewal);
  EXPECT_EQ(all[0].total, dollars(100)) << "5 % of 20.00";
  EXPECT_EQ(invoice(renewal).balance, dollars(2000));
  expect_clean();
}

TEST_P(DunningTest, a_paid_invoice_meets_no_step) {
  story(CivilDate(2027, 2, 22), CivilDate(2027, 3, 2));
  pay(renewal, dollars(2000));
  EXPECT_TRUE(story(CivilDate(2027, 3, 3), CivilDate(2027, 4, 30)).empty());
  EXPECT_EQ(state(), "active");
}

TEST_P(DunningTest, payment_brings_a_suspended_service_back_at_the_panel_too) {
  story(CivilDate(2027, 2, 22), CivilDate(2027, 3, 5));
  EXPECT_EQ(state(), "suspended");
  EXPECT_EQ(at_panel(), PanelState::suspended);
  pay(renewal, dollars(2000));
  work();
  EXPECT_EQ(state(), "active");
  EXPECT_EQ(at_panel(), PanelState::active);
}

TEST_P(DunningTest, after_downtime_the_customer_is_told_first_and_then_has_the_plans_time) {
  // Nothing ran from the day of issue until 40 days after the due date.
  const CivilDate back(2027, 4, 9);
  today = back;
  const auto first = dun();
  EXPECT_EQ(first.contains("suspended"), false);
  EXPECT_EQ(first.at("reminders"), 1);
  EXPECT_EQ(sent("reminder") + sent("overdue"), 1) << "reminders that fell due together are one";
  EXPECT_EQ(state(), "active");
  std::optional<CivilDate> suspended, terminated;
  for (today = back.plus_days(1); today < back.plus_days(60); today = today.plus_days(1)) {
    const auto counts = dun();
    if (counts.contains("suspended") && counts.at("suspended") > 0) suspended = today;
    if (counts.contains("terminated") && counts.at("terminated") > 0) terminated = today;
  }
  ASSERT_TRUE(suspended && terminated);
  EXPECT_GE(days_between(back, *suspended), 2);
  EXPECT_GE(days_between(*suspended, *terminated), 23) << "the plan leaves 25 days, with one reminder between";
}

TEST_P(DunningTest, invoices_that_come_due_together_are_one_message) {
  for (int i = 0; i < 3; ++i) {
    const auto issued = write([&](auto& tx) {
      return issue_manual(tx, *rules, customer, {{.description = "extra", .unit_price = dollars(100)}}, due, now());
    });
    ASSERT_TRUE(issued.ok());
  }
  const auto counts = [&](CivilDate on) {
    today = on;
    return dun();
  };
  EXPECT_EQ(counts(CivilDate(2027, 3, 1)).at("reminders"), 1);
  const auto& last = channel.sent.back();
  EXPECT_EQ(last.subject, "4 invoices are overdue");
  for (const auto& owed : invoices(customer)) {
    if (owed.status != InvoiceStatus::open) continue;
    EXPECT_NE(last.body.find(owed.number), std::string::npos) << owed.number;
  }
  EXPECT_NE(last.body.find("suspended on 2027-03-05"), std::string::npos);
  EXPECT_EQ(counts(CivilDate(2027, 3, 1)).contains("reminders"), false);
}

TEST_P(DunningTest, a_period_that_the_terminated_service_does_not_see_is_not_owed) {
  auto chosen = dunned();
  chosen.billing.terminate_after_days = 25;  // on 25 March
  use(chosen);
  reset_steps();
  story(CivilDate(2027, 2, 22), CivilDate(2027, 3, 23));
  today = CivilDate(2027, 3, 24);
  run();
  const Invoice next = invoices(customer).at(0);
  ASSERT_EQ(next.due_on, CivilDate(2027, 3, 31)) << "of the period from that day on";
  story(CivilDate(2027, 3, 24), CivilDate(2027, 3, 25));
  ASSERT_EQ(state(), "terminated");
  EXPECT_EQ(invoice(next.id).status, InvoiceStatus::void_);
  EXPECT_EQ(invoice(renewal).balance, dollars(2000)) << "the period it had stays owed";
  expect_clean();
}

TEST_P(DunningTest, running_a_day_twice_does_nothing_twice) {
  story(CivilDate(2027, 2, 22), CivilDate(2027, 3, 5));
  const auto messages_before = channel.sent.size();
  const auto calls_before = panel.calls.size();
  dun();
  dun();
  EXPECT_EQ(channel.sent.size(), messages_before);
  EXPECT_EQ(panel.calls.size(), calls_before);
}

TEST_P(DunningTest, messages_name_what_they_are_about_and_hold_no_line_breaks_in_heads) {
  story(CivilDate(2027, 2, 22), CivilDate(2027, 3, 5));
  for (const auto& message : channel.sent) {
    EXPECT_EQ(message.subject.find_first_of("\r\n"), std::string::npos);
    EXPECT_EQ(message.recipient.find_first_of("\r\n"), std::string::npos);
    EXPECT_EQ(message.body.find("{{"), std::string::npos);
  }
  ASSERT_EQ(sent("suspended"), 1);
  EXPECT_EQ(sent("late_fee"), 1);
}

TEST_P(DunningTest, a_lost_answer_of_the_panel_is_inspected_and_not_repeated) {
  story(CivilDate(2027, 2, 22), CivilDate(2027, 3, 4));
  panel.loses_answers = true;
  today = CivilDate(2027, 3, 5);
  dun();
  EXPECT_EQ(service(service_id).actual_state, "unknown");
  clock.advance(minutes(2));
  workers.drain();
  EXPECT_EQ(service(service_id).actual_state, "suspended");
  EXPECT_EQ(std::count(panel.calls.begin(), panel.calls.end(), "suspend"), 1);
}

TEST_P(DunningTest, a_service_still_runs_until_the_panel_says_otherwise) {
  story(CivilDate(2027, 2, 22), CivilDate(2027, 3, 5));
  panel.refuses_connections = true;
  story(CivilDate(2027, 3, 6), CivilDate(2027, 4, 5));
  EXPECT_EQ(service(service_id).desired_state, "terminated");
  EXPECT_EQ(service(service_id).actual_state, "suspended") << "never terminated while it still runs";
  panel.refuses_connections = false;
  clock.advance(hours(7));
  workers.drain();
  EXPECT_EQ(service(service_id).actual_state, "terminated");
  EXPECT_EQ(at_panel(), PanelState::absent);
}

}  // namespace
}  // namespace bursar::invoicing
