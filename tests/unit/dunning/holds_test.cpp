// Goal: while something is on hold nothing presses its customer, and when the hold ends collection goes on at the
// plan's distances as if the invoice were due that day. Method: a late fee on day 5, reminders on days 1, 3 and 7.
#include "dunning/holds.hpp"

#include "fixture.hpp"
#include "invoicing/explain_invoice.hpp"

namespace bursar::invoicing {
namespace {

using dunning::HoldOrigin;
using dunning::NewHold;

class HoldsTest : public DunningTest {
 protected:
  Result<HoldId> hold(NewHold wanted) {
    wanted.account = customer;
    if (wanted.reason.empty()) wanted.reason = "the bank is on strike";
    const accounts::Actor actor{.kind = wanted.origin == HoldOrigin::staff ? accounts::ActorKind::staff
                                                                           : accounts::ActorKind::user};
    return write([&](auto& tx) { return dunning::place_hold(tx, *rules, *outbox, wanted, actor, now()); });
  }
  Status lift(HoldId id, HoldOrigin by = HoldOrigin::staff) {
    return write([&](auto& tx) { return dunning::lift_hold(tx, *rules, id, by, {}, now()); });
  }
  std::string code_of(NewHold wanted) {
    const auto placed = hold(std::move(wanted));
    return placed.ok() ? "placed" : placed.error().code;
  }
  void allow_self_service() {
    auto chosen = dunned();
    chosen.billing.holds.self_service = true;
    use(chosen);
    reset_steps();
  }
  std::set<std::string> broken() {
    std::set<std::string> names;
    verify::verify(*db, codec, Vault(), [&](const verify::Breach& breach) { names.insert(breach.invariant); });
    return names;
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, HoldsTest, test::backends());

TEST_P(HoldsTest, the_invoice_counts_as_due_on_the_day_its_hold_ends) {
  story(CivilDate(2027, 2, 22), CivilDate(2027, 3, 1));  // reminded of before and once after
  ASSERT_TRUE(hold({.invoice = renewal, .until = due.plus_days(20)}).ok());
  work();
  EXPECT_EQ(sent("hold_placed"), 1);
  const std::map<std::int64_t, std::string> expected = {
      {20, "holds_ended"}, {23, "reminders"}, {25, "late_fees suspended"}, {27, "reminders"}};
  EXPECT_EQ(story(CivilDate(2027, 3, 2), due.plus_days(27)), expected);
  expect_clean();
}

TEST_P(HoldsTest, what_fell_due_in_a_hold_does_not_come_all_at_once) {
  ASSERT_TRUE(hold({.until = due.plus_days(40)}).ok());
  const std::map<std::int64_t, std::string> expected = {
      {40, "holds_ended"}, {41, "reminders"}, {43, "reminders"}, {45, "late_fees suspended"}};
  EXPECT_EQ(story(CivilDate(2027, 2, 22), due.plus_days(46)), expected);
  expect_clean();
}

TEST_P(HoldsTest, a_service_on_hold_holds_every_invoice_that_bills_it_and_no_other) {
  ASSERT_TRUE(hold({.service = service_id, .until = due.plus_days(10)}).ok());
  const auto extra = write([&](auto& tx) {
    return issue_manual(tx, *rules, customer, {{.description = "extra", .unit_price = dollars(100)}}, due, now());
  });
  ASSERT_TRUE(extra.ok());
  EXPECT_EQ(read([&](auto& c) { return dunning::held_until(c, renewal); }), due.plus_days(10));
  EXPECT_EQ(read([&](auto& c) { return dunning::held_until(c, *extra); }), std::nullopt);
  story(CivilDate(2027, 2, 22), due.plus_days(9));
  EXPECT_EQ(state(), "active");
  EXPECT_EQ(invoices(customer).at(0).late_fee_of, *extra) << "the other invoice is collected";
  expect_clean();
}

TEST_P(HoldsTest, lifted_early_the_plan_goes_on_from_that_day) {
  const auto placed = hold({.invoice = renewal, .until = due.plus_days(60)});
  ASSERT_TRUE(placed.ok());
  EXPECT_TRUE(story(CivilDate(2027, 2, 22), due.plus_days(10)).empty());
  ASSERT_TRUE(lift(*placed).ok());
  EXPECT_EQ(lift(*placed).error().code, "hold_over");
  const std::map<std::int64_t, std::string> expected = {
      {11, "reminders"}, {13, "reminders"}, {15, "late_fees suspended"}};
  EXPECT_EQ(story(due.plus_days(11), due.plus_days(16)), expected);
  expect_clean();
}

TEST_P(HoldsTest, of_two_holds_the_longer_counts) {
  ASSERT_TRUE(hold({.invoice = renewal, .until = due.plus_days(10)}).ok());
  ASSERT_TRUE(hold({.until = due.plus_days(30)}).ok());
  const std::map<std::int64_t, std::string> expected = {{10, "holds_ended"}, {30, "holds_ended"}, {31, "reminders"}};
  EXPECT_EQ(story(CivilDate(2027, 2, 22), due.plus_days(31)), expected);
  EXPECT_EQ(invoice(renewal).autopay_on, std::nullopt);
  expect_clean();
}

TEST_P(HoldsTest, an_automatic_charge_waits_for_the_end) {
  write([&](auto& tx) { tx.execute("UPDATE invoices SET autopay_on = $2 WHERE id = $1", renewal, due); });
  ASSERT_TRUE(hold({.invoice = renewal, .until = due.plus_days(10)}).ok());
  story(CivilDate(2027, 2, 22), due.plus_days(10));
  EXPECT_EQ(invoice(renewal).autopay_on, due.plus_days(10));
  const auto stored = invoice(renewal);
  EXPECT_EQ(read([&](auto& c) { return autopay_derivation(c, stored); }),
            R"({"from":"hold","was_planned_on":"2027-02-28","not_before":"2027-03-10"})");
}

TEST_P(HoldsTest, a_day_or_object_that_can_not_be_is_refused_by_name) {
  const auto pointer_of = [&](const NewHold& wanted) {
    const auto placed = hold(wanted);
    return placed.ok() ? "placed" : placed.error().fields.at(0).pointer;
  };
  EXPECT_EQ(pointer_of({.until = today}), "/until");
  EXPECT_EQ(pointer_of({.until = today.plus_days(91)}), "/until");
  EXPECT_EQ(pointer_of({.invoice = invoices(customer).at(1).id, .until = today.plus_days(3)}), "/invoice_id") << "paid";
  EXPECT_EQ(pointer_of({.service = ServiceId(987654), .until = today.plus_days(3)}), "/service_id");
  EXPECT_EQ(pointer_of({.invoice = renewal, .service = service_id, .until = today.plus_days(3)}), "/service_id");
  ASSERT_EQ(pointer_of({.invoice = renewal, .until = today.plus_days(90)}), "placed");
  EXPECT_EQ(code_of({.invoice = renewal, .until = today.plus_days(3)}), "already_held");
}

TEST_P(HoldsTest, customers_hold_within_the_limits_of_the_configuration) {
  const NewHold own{.invoice = renewal, .until = today.plus_days(14), .origin = HoldOrigin::customer};
  EXPECT_EQ(code_of(own), "holds_by_staff_only") << "unless it is switched on";
  allow_self_service();
  EXPECT_EQ(code_of({.invoice = renewal, .until = today.plus_days(15), .origin = HoldOrigin::customer}),
            "invalid_fields");
  const auto first = hold(own);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(code_of({.until = today.plus_days(5), .origin = HoldOrigin::customer}), "already_held");
  ASSERT_TRUE(lift(*first, HoldOrigin::customer).ok());
  const auto second = hold(own);
  ASSERT_TRUE(second.ok());
  ASSERT_TRUE(lift(*second).ok());
  EXPECT_EQ(code_of(own), "hold_limit_reached") << "twice a year";
  today = today.plus_days(366);
  EXPECT_EQ(code_of({.until = today.plus_days(14), .origin = HoldOrigin::customer}), "placed");
}

TEST_P(HoldsTest, a_customer_lifts_only_what_a_customer_placed) {
  const auto placed = hold({.invoice = renewal, .until = today.plus_days(5)});
  ASSERT_TRUE(placed.ok());
  EXPECT_EQ(lift(*placed, HoldOrigin::customer).error().code, "hold_by_staff");
}

TEST_P(HoldsTest, acts_upon_what_is_held_are_found_by_the_checker) {
  story(CivilDate(2027, 2, 22), CivilDate(2027, 3, 5));  // suspended, with a late fee
  ASSERT_TRUE(hold({.until = due.plus_days(60)}).ok());
  today = today.plus_days(1);
  ASSERT_TRUE(broken().empty());
  struct Damage {
    const char* invariant;
    storage::Sql damage;
    storage::Sql mend;
  };
  const Damage damages[] = {
      {"no_charge_on_hold",
       "UPDATE payments SET origin = 'autopay', created_at = '2027-03-06T00:00:00Z' WHERE origin = 'customer'",
       "UPDATE payments SET origin = 'customer', created_at = '2027-01-31T12:00:00Z' WHERE origin = 'autopay'"},
      {"no_suspension_on_hold", "UPDATE audit_events SET at = '2027-03-06T00:00:00Z' WHERE action = 'service.suspend'",
       "UPDATE audit_events SET at = '2027-03-05T12:00:00Z' WHERE action = 'service.suspend'"},
      {"no_late_fee_on_hold", "UPDATE invoices SET created_at = '2027-03-06T00:00:00Z' WHERE kind = 'late_fee'",
       "UPDATE invoices SET created_at = '2027-03-05T12:00:00Z' WHERE kind = 'late_fee'"},
      {"hold_ends_by_itself",
       "INSERT INTO scheduler_runs (id, job, scheduled_at, logical_date, status) VALUES (1, 'daily', "
       "'2027-06-01T00:00:00Z', '2027-06-01', 'done')",
       "DELETE FROM scheduler_runs"},
  };
  for (const Damage& one : damages) {
    SCOPED_TRACE(one.invariant);
    write([&](auto& tx) { tx.execute(one.damage); });
    EXPECT_TRUE(broken().contains(one.invariant));
    write([&](auto& tx) { tx.execute(one.mend); });
    EXPECT_TRUE(broken().empty());
  }
}

}  // namespace
}  // namespace bursar::invoicing
