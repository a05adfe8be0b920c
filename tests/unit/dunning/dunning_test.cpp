// Goal: an overdue customer meets each step once, at the plan's distances, also after downtime; a panel and a channel
// see each act once.
#include "fixture.hpp"

namespace bursar::invoicing {
namespace {

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

class UnderWayTest : public DunningTest {
 protected:
  // A payment that its gateway has not told the end of, made at noon.
  void begin_payment(Money amount, std::string_view status = "pending") {
    write([&](auto& tx) {
      payment = tx.reserve_ids(1);
      tx.execute(
          "INSERT INTO payments (id, account_id, gateway, invoice_id, origin, status, currency, amount, created_at)"
          " VALUES ($1, $2, 'cards', $3, 'customer', $4, 'USD', $5, $6)",
          payment, customer, renewal, status, amount.minor(), now());
    });
  }
  void end_payment() {
    write([&](auto& tx) { tx.execute("UPDATE payments SET status = 'failed' WHERE id = $1", payment); });
  }
  std::int64_t payment = 0;
};
INSTANTIATE_TEST_SUITE_P(Backends, UnderWayTest, test::backends());

TEST_P(UnderWayTest, while_the_bank_takes_its_days_nobody_is_reminded_fined_or_suspended) {
  for (const char* status : {"pending", "unknown"}) {
    SCOPED_TRACE(status);
    today = CivilDate(2027, 2, 21);
    begin_payment(dollars(2000), status);
    EXPECT_TRUE(story(CivilDate(2027, 2, 22), CivilDate(2027, 3, 30)).empty());
    EXPECT_EQ(state(), "active");
    end_payment();
  }
}

TEST_P(UnderWayTest, a_payment_that_fails_leaves_the_plans_whole_notice) {
  begin_payment(dollars(2000));
  story(CivilDate(2027, 2, 22), CivilDate(2027, 3, 20));
  end_payment();
  const auto after = story(CivilDate(2027, 3, 21), CivilDate(2027, 4, 5));
  EXPECT_EQ(after.begin()->first, 21) << "the first run after it reminds";
  EXPECT_EQ(after.begin()->second, "reminders");
  EXPECT_EQ(state(), "suspended");
}

TEST_P(UnderWayTest, a_part_of_what_is_owed_stops_nothing) {
  begin_payment(dollars(1999));
  EXPECT_EQ(story(CivilDate(2027, 2, 22), CivilDate(2027, 3, 5)).size(), 4U);
  EXPECT_EQ(state(), "suspended");
}

TEST_P(UnderWayTest, what_the_run_itself_charges_changes_nothing_of_what_it_does) {
  today = CivilDate(2027, 3, 1);
  clock.set(now());
  begin_payment(dollars(2000));
  EXPECT_EQ(dun().at("reminders"), 1) << "its outcome may be known in a second, or tomorrow";
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

class UnpaidOrders : public DunningTest {
 protected:
  UnpaidOrders() {
    placed = order(account(), {product("vps-s", dollars(1000))});
    first_day = invoice(placed.invoice).due_on;
  }
  // The whole daily run of each day.
  void live_until(CivilDate last) {
    for (; today <= last; today = today.plus_days(1)) {
      run();
      dun();
      outbox->spread(*db, now());
      work();
    }
    today = last;
  }
  [[nodiscard]] services::ServiceStatus ordered() { return service(placed.services[0]).status; }

  Placed placed;
  CivilDate first_day;
};
INSTANTIATE_TEST_SUITE_P(Backends, UnpaidOrders, test::backends());

TEST_P(UnpaidOrders, are_reminded_of_without_a_fee_and_cancelled) {
  live_until(first_day.plus_days(29));
  EXPECT_EQ(ordered(), services::ServiceStatus::pending);
  EXPECT_EQ(invoices(invoice(placed.invoice).account).size(), 1u) << "no late fee";
  const std::string told = "the order will be cancelled on " + first_day.plus_days(30).to_string();
  const auto overdue = std::count_if(channel.sent.begin(), channel.sent.end(), [&](const notices::Message& m) {
    return m.body.find(told) != std::string::npos && m.body.find("suspended") == std::string::npos;
  });
  EXPECT_EQ(overdue, 3) << "each reminder after the due date";
  EXPECT_EQ(sent("order_cancelled"), 0);
  today = first_day.plus_days(30);
  live_until(today);
  EXPECT_EQ(ordered(), services::ServiceStatus::cancelled);
  EXPECT_EQ(invoice(placed.invoice).status, InvoiceStatus::void_);
  EXPECT_EQ(sent("order_cancelled"), 1);
  expect_clean();
}

TEST_P(UnpaidOrders, after_downtime_are_reminded_of_first) {
  const CivilDate back = first_day.plus_days(45);
  today = back;
  live_until(back.plus_days(20));
  EXPECT_EQ(ordered(), services::ServiceStatus::pending) << "the plan's time counts from the first reminder on";
  today = back.plus_days(21);
  live_until(back.plus_days(35));
  EXPECT_EQ(ordered(), services::ServiceStatus::cancelled);
  expect_clean();
}

}  // namespace
}  // namespace bursar::invoicing
