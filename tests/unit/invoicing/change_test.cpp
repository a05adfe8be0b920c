// Goal: a change charges the days left at the difference, once, and never gives back what was not paid.
#include "invoicing/change.hpp"

#include "unit/invoicing/change_fixture.hpp"

namespace bursar::invoicing {
namespace {

INSTANTIATE_TEST_SUITE_P(Backends, Change, test::backends());

TEST_P(Change, the_days_left_are_credited_at_the_old_price_and_charged_at_the_new_and_the_payment_applies_it) {
  today = day("2027-04-01");
  const auto german = account("DE");
  const auto small = product("vps-s", dollars(1000)), large = product("vps-m", dollars(3000));
  const auto id = running(german, small);
  today = day("2027-04-11");
  const auto quoted =
      read([&](auto& c) { return quote_change(c, *rules, {.service = id, .product = large}, now()); }).value().quote;
  const auto asked = change(id, large).value();
  EXPECT_EQ(asked.status, ChangeStatus::awaiting_payment);
  const auto billed = lines(asked.invoice);
  ASSERT_EQ(billed.size(), 2u);
  EXPECT_EQ(billed[0].net, dollars(-666)) << "20 of 30 days, rounded down";
  EXPECT_EQ(billed[1].net, dollars(2000));
  const auto derivation = read([&](auto& c) {
    auto rows = c.query("SELECT derivation FROM invoice_lines WHERE id = $1", billed[0].id);
    return rows.next() ? rows.string(0) : std::string();
  });
  EXPECT_EQ(derivation,
            R"({"from":"proration","sign":"-","price":"10.00","discount":"0.00","days":"20","of_days":"30",)"
            R"("carried":"0"})");
  EXPECT_TRUE(
      quoted.lines[0].explanation.starts_with("20 of 30 days of 10.00 USD = 6.66 USD, rounded down, given back"))
      << quoted.lines[0].explanation;
  EXPECT_EQ(invoice(asked.invoice).tax, dollars(253)) << "19 % of 13.34";
  EXPECT_EQ(invoice(asked.invoice).total, quoted.now.total);
  EXPECT_FALSE(invoice(asked.invoice).dunning) << "what lapses is not dunned";
  EXPECT_EQ(service(id).product, small);
  expect_clean();

  pay(asked.invoice, dollars(1587));
  EXPECT_EQ(service(id).product, large);
  EXPECT_EQ(service(id).price, dollars(3000));
  EXPECT_EQ(service(id).next_due_on, day("2027-05-01"));
  EXPECT_FALSE(pending(id));
  pay(asked.invoice, dollars(100));
  EXPECT_EQ(credit(german), dollars(100)) << "paid twice, applied once";
  expect_clean();
  run_until(day("2027-05-01"));
  EXPECT_EQ(invoices(german).front().net, dollars(3000)) << "the renewal is at the new price";
  expect_clean();
}

TEST_P(Change, that_credit_pays_is_applied_at_once_and_without_that_setting_when_the_customer_uses_it) {
  auto cautious = config();
  cautious.billing.apply_credit_to_new_invoices = false;
  today = day("2027-04-01");
  const auto american = account();
  const auto small = product("vps-s", dollars(1000)), large = product("vps-m", dollars(3000));
  const auto first = running(american, small), second = running(american, small);
  grant(american, dollars(9000));
  EXPECT_EQ(change(first, large).value().status, ChangeStatus::applied);
  EXPECT_EQ(credit(american), dollars(7000));
  use(cautious);
  const auto asked = change(second, large).value();
  EXPECT_EQ(asked.status, ChangeStatus::awaiting_payment);
  ASSERT_TRUE(write([&](auto& tx) { return apply_credit(tx, *rules, asked.invoice, dollars(2000), now()); }).ok());
  EXPECT_EQ(service(second).product, large);
  expect_clean();
}

TEST_P(Change, to_a_product_of_the_same_price_costs_nothing_and_makes_no_invoice) {
  const auto american = account();
  const auto one = product("one", dollars(1000)), other = product("other", dollars(1000));
  const auto id = running(american, one);
  const auto changed = change(id, other).value();
  EXPECT_EQ(changed.status, ChangeStatus::applied);
  EXPECT_FALSE(changed.invoice);
  EXPECT_EQ(service(id).product, other);
  EXPECT_EQ(invoices(american).size(), 1u);
  expect_clean();
}

TEST_P(Change, that_stays_unpaid_is_withdrawn_and_what_was_paid_of_it_is_credit) {
  today = day("2027-04-01");
  const auto american = account();
  const auto small = product("vps-s", dollars(1000)), large = product("vps-m", dollars(3000));
  const auto id = running(american, small);
  const auto asked = change(id, large).value();
  EXPECT_EQ(refusal(id, large), "change_pending");
  pay(asked.invoice, dollars(500));
  run_until(day("2027-04-07"));
  EXPECT_TRUE(pending(id));
  run_until(day("2027-04-08"));
  EXPECT_FALSE(pending(id));
  EXPECT_EQ(invoice(asked.invoice).status, InvoiceStatus::refunded);
  EXPECT_EQ(credit(american), dollars(500));
  pay(asked.invoice, dollars(1500));
  EXPECT_EQ(credit(american), dollars(2000)) << "too late: the money is credit";
  EXPECT_EQ(service(id).product, small);
  expect_clean();
  EXPECT_EQ(change(id, large).value().status, ChangeStatus::applied) << "nothing stands against asking again";
  expect_clean();
}

TEST_P(Change, can_be_withdrawn_voided_or_written_off_and_gives_its_stock_back) {
  const auto american = account();
  const auto small = product("vps-s", dollars(1000)), large = product("vps-m", dollars(3000));
  write([&](auto& tx) { tx.execute("UPDATE products SET stock = 1 WHERE id = $1", large); });
  const auto id = running(american, small);
  for (int way = 0; way < 3; ++way) {
    const auto asked = change(id, large);
    ASSERT_TRUE(asked.ok()) << way << asked.error().code;
    EXPECT_EQ(read([&](auto& c) { return catalog::find_product(c, large)->stock; }), 0);
    const auto closed = write([&](auto& tx) -> Status {
      if (way == 0) return withdraw_change(tx, *rules, id, {}, now());
      if (way == 1) return write_off(tx, *rules, asked->invoice, "no", now());
      BURSAR_CHECK(void_invoice(tx, *rules, asked->invoice, "no", now()));
      return {};
    });
    ASSERT_TRUE(closed.ok());
    EXPECT_FALSE(pending(id));
    EXPECT_EQ(read([&](auto& c) { return catalog::find_product(c, large)->stock; }), 1);
    expect_clean();
  }
  const auto none = write([&](auto& tx) { return withdraw_change(tx, *rules, id, {}, now()); });
  EXPECT_EQ(none.error().code, "no_change_pending");
}

TEST_P(Change, of_a_service_that_ended_meanwhile_gives_the_money_back) {
  const auto american = account();
  const auto small = product("vps-s", dollars(1000)), large = product("vps-m", dollars(3000));
  const auto unpaid = running(american, small), paid = running(american, small);
  const auto first = change(unpaid, large).value(), second = change(paid, large).value();
  for (const auto id : {unpaid, paid}) cancel(id, services::CancellationKind::immediate);
  run();
  EXPECT_EQ(invoice(first.invoice).status, InvoiceStatus::void_);
  const auto third = running(american, small);
  const auto asked = change(third, large).value();
  ASSERT_TRUE(write([&](auto& tx) {
                return services::change_service(tx, third, services::Change::terminate, {.actor = {}, .reason = ""},
                                                now());
              }).ok());
  pay(asked.invoice, invoice(asked.invoice).balance);
  EXPECT_EQ(service(third).product, small);
  expect_clean();
  run();
  EXPECT_EQ(invoice(asked.invoice).status, InvoiceStatus::refunded);
  EXPECT_EQ(credit(american), dollars(2000));
  EXPECT_EQ(invoice(second.invoice).status, InvoiceStatus::void_);
  expect_clean();
}

TEST_P(Change, takes_back_a_renewal_billed_ahead_at_the_old_price_and_bills_it_anew) {
  today = day("2027-04-01");
  const auto american = account();
  const auto small = product("vps-s", dollars(1000)), large = product("vps-m", dollars(3000));
  const auto paid = running(american, small), open = running(american, small);
  run_until(day("2027-04-25"));
  const auto renewal = invoices(american).front();
  EXPECT_EQ(renewal.total, dollars(2000)) << "both in one";
  pay(renewal.id, dollars(2000));
  for (const auto id : {paid, open}) {
    const auto asked = change(id, large).value();
    pay(asked.invoice, invoice(asked.invoice).balance);
  }
  EXPECT_EQ(invoice(renewal.id).status, InvoiceStatus::paid) << "until the daily run";
  today = day("2027-04-26");
  run();
  EXPECT_EQ(invoice(renewal.id).status, InvoiceStatus::refunded);
  const auto anew = invoices(american).front();
  EXPECT_EQ(anew.total, dollars(6000));
  EXPECT_EQ(anew.balance, dollars(4000)) << "what was paid for May at the old price pays for it";
  EXPECT_EQ(anew.due_on, day("2027-05-01"));
  expect_clean();
}

TEST_P(Change, keeps_a_promotion_that_is_for_the_new_product_and_ends_another) {
  today = day("2027-04-01");
  const auto american = account();
  const auto small = product("vps-s", dollars(1000)), large = product("vps-m", dollars(3000));
  promotion({.code = "HALF", .percent = parse_percent("50").value(), .periods = 0});
  promotion({.code = "SMALL", .percent = parse_percent("50").value(), .product = small, .periods = 0});
  const auto kept = running(american, small, "half"), lost = running(american, small, "small");
  today = day("2027-04-16");
  EXPECT_EQ(invoice(change(kept, large).value().invoice).total, dollars(750 - 250))
      << "half of each, for half the days";
  const auto whole = change(lost, large).value();
  EXPECT_EQ(invoice(whole.invoice).total, dollars(1500 - 250));
  pay(whole.invoice, dollars(1250));
  pay(pending(kept)->invoice, dollars(500));
  expect_clean();
  run_until(day("2027-05-01"));
  EXPECT_EQ(invoices(american).front().total, dollars(1500 + 3000));
  expect_clean();
}

TEST_P(Change, that_cannot_be_done_soundly_is_refused_and_stores_nothing) {
  today = day("2027-04-01");
  const auto american = account();
  const auto small = product("vps-s", dollars(1000)), large = product("vps-m", dollars(3000));
  const auto unpaid = order(american, {small});
  const auto id = unpaid.services[0];
  EXPECT_EQ(refusal(id, large), "service_not_active");
  pay(unpaid.invoice, dollars(1000));
  EXPECT_EQ(refusal(id, small), "invalid_change");
  EXPECT_EQ(refuse({.service = id, .product = product("vps-xs", dollars(500)), .timing = ChangeTiming::immediate}),
            "only_at_end_of_period");
  EXPECT_EQ(refuse({.service = id, .product = {}, .cycle = BillingCycle::months(12)}), "invalid_change");
  EXPECT_EQ(refuse({.service = id, .product = large, .cycle = BillingCycle::one_time()}), "invalid_change");
  EXPECT_EQ(refusal(id, product("vps-eur", Money(5000, eur))), "invalid_change");
  EXPECT_EQ(refusal(id, ProductId(4711)), "invalid_change");
  EXPECT_EQ(refusal(ServiceId(4711), large), "no_such_service");
  suspend_as_overdue(id);
  EXPECT_EQ(refusal(id, large), "service_not_active");
  const auto leaving = running(account(), small);
  cancel(leaving, services::CancellationKind::end_of_period);
  EXPECT_EQ(refusal(leaving, large), "cancellation_requested");
  const auto corrected = order(account(), {small});
  pay(corrected.invoice, dollars(1000));
  ASSERT_TRUE(
      write([&](auto& tx) { return credit_amount(tx, *rules, corrected.invoice, dollars(100), "late", now()); }).ok());
  EXPECT_EQ(refusal(corrected.services[0], large), "period_corrected");
  EXPECT_EQ(invoices(american).size(), 1u);

  const auto later = running(account(), small);
  run_until(day("2027-04-25"));
  today = day("2027-05-01");
  EXPECT_EQ(refusal(later, large), "period_unpaid") << "May is invoiced and has begun";
  expect_clean();
}

TEST_P(Change, to_a_cheaper_product_waits_for_the_end_of_the_period_and_is_billed_and_done_then) {
  today = day("2027-04-01");
  const auto american = account();
  const auto small = product("vps-s", dollars(1000)), large = product("vps-m", dollars(3000));
  const auto id = running(american, large);
  run_until(day("2027-04-25"));
  const auto old_terms = invoices(american).front();
  EXPECT_EQ(old_terms.total, dollars(3000)) << "May is billed ahead";
  const auto asked = ask({.service = id, .product = small});
  EXPECT_EQ(asked.status, ChangeStatus::scheduled);
  EXPECT_EQ(asked.effective_on, day("2027-05-01"));
  EXPECT_FALSE(asked.invoice);
  today = day("2027-04-26");
  run();
  EXPECT_EQ(invoice(old_terms.id).status, InvoiceStatus::void_);
  const auto new_terms = invoices(american).front();
  EXPECT_EQ(new_terms.total, dollars(1000));
  EXPECT_EQ(lines(new_terms.id)[0].description, "Product vps-s, 2027-05-01 to 2027-05-31");
  EXPECT_EQ(service(id).product, large) << "until the day";
  EXPECT_EQ(write([&](auto& tx) { return withdraw_change(tx, *rules, id, {}, now()); }).error().code, "change_billed");
  expect_clean();
  pay(new_terms.id, dollars(1000));
  run_until(day("2027-04-30"));
  EXPECT_EQ(service(id).product, large);
  run_until(day("2027-05-01"));
  EXPECT_EQ(service(id).product, small);
  EXPECT_FALSE(pending(id));
  expect_clean();
  run_until(day("2027-06-01"));
  EXPECT_EQ(invoices(american).front().total, dollars(1000));
  EXPECT_EQ(invoices(american).size(), 4u);
  expect_clean();
}

TEST_P(Change, at_the_end_of_the_period_can_be_withdrawn_and_ends_with_its_service) {
  today = day("2027-04-01");
  const auto american = account();
  const auto small = product("vps-s", dollars(1000)), large = product("vps-m", dollars(3000));
  const auto kept = running(american, large), ended = running(american, large);
  for (const auto id : {kept, ended}) ask({.service = id, .product = small});
  ASSERT_TRUE(write([&](auto& tx) { return withdraw_change(tx, *rules, kept, {}, now()); }).ok());
  cancel(ended, services::CancellationKind::end_of_period);
  run_until(day("2027-05-01"));
  EXPECT_FALSE(pending(kept));
  EXPECT_FALSE(pending(ended));
  EXPECT_EQ(service(kept).price, dollars(3000));
  EXPECT_EQ(service(ended).status, services::ServiceStatus::cancelled);
  EXPECT_EQ(invoices(american).front().total, dollars(3000));
  expect_clean();
}

TEST_P(Change, where_nothing_is_billed_ahead_takes_effect_with_the_renewal_itself) {
  auto late = config();
  late.billing.generate_days_before_due = 0;
  late.billing.reminders.before_due = {};
  use(late);
  today = day("2027-01-31");
  const auto american = account();
  const auto plan = product_by_cycles("vps", 1000, 2700, 9600);
  const auto id = running(american, plan);
  ask({.service = id, .product = {}, .cycle = BillingCycle::months(3), .timing = ChangeTiming::end_of_period});
  run_until(day("2027-02-28"));
  EXPECT_EQ(invoices(american).front().total, dollars(2700));
  EXPECT_EQ(service(id).next_due_on, day("2027-05-31")) << "the day of month stays";
  expect_clean();
}

TEST_P(Change, to_a_cheaper_product_gives_the_days_left_as_credit_where_the_provider_says_so) {
  use_downgrade_credit();
  today = day("2027-04-01");
  const auto german = account("DE");
  const auto small = product("vps-s", dollars(1000)), large = product("vps-m", dollars(3000));
  const auto id = running(german, large);
  today = day("2027-04-11");
  const auto quoted =
      read([&](auto& c) { return quote_change(c, *rules, {.service = id, .product = small}, now()); }).value();
  EXPECT_EQ(quoted.timing, ChangeTiming::immediate);
  EXPECT_EQ(quoted.quote.now.total, dollars(-1586));
  const auto changed = ask({.service = id, .product = small});
  EXPECT_EQ(changed.status, ChangeStatus::applied);
  EXPECT_EQ(changed.credit, dollars(1586));
  EXPECT_EQ(credit(german), dollars(1586));
  EXPECT_EQ(service(id).product, small);
  const auto billed = invoices(german).front().id;
  const auto notes = read([&](auto& c) { return credit_notes_of(c, billed); });
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].net, dollars(1333));
  EXPECT_NE(notes[0].reason.find("20 of 30 days of 30.00 USD = 20.00 USD"), std::string::npos) << notes[0].reason;
  expect_clean();
  ask({.service = id, .product = large});
  EXPECT_EQ(credit(german), dollars(0)) << "there and back on one day is nothing";
  EXPECT_EQ(service(id).product, large);
  expect_clean();
}

TEST_P(Change, to_nothing_and_back_credits_what_is_left_over_all_invoices_of_the_period) {
  use_downgrade_credit();
  today = day("2027-04-01");
  const auto american = account();
  const auto free = product("free", dollars(0)), small = product("vps-s", dollars(1000)),
             large = product("vps-m", dollars(3000));
  const auto id = running(american, small);
  const auto dearer = ask({.service = id, .product = large});
  pay(dearer.invoice, dollars(2000));
  EXPECT_EQ(ask({.service = id, .product = free}).credit, dollars(3000)) << "of both invoices";
  expect_clean();
  EXPECT_EQ(ask({.service = id, .product = small}).status, ChangeStatus::applied);
  EXPECT_EQ(credit(american), dollars(2000));
  expect_clean();
}

TEST_P(Change, to_a_longer_cycle_begins_a_new_period_today_and_one_to_a_shorter_waits) {
  today = day("2027-04-01");
  const auto american = account();
  const auto plan = product_by_cycles("vps", 1000, 2700, 9600);
  const auto id = running(american, plan);
  run_until(day("2027-04-26"));
  const auto may = invoices(american).front();
  pay(may.id, dollars(1000));
  const auto asked = ask({.service = id, .product = {}, .cycle = BillingCycle::months(12)});
  EXPECT_EQ(invoice(asked.invoice).total, dollars(9600 - 166)) << "5 of 30 days are left";
  pay(asked.invoice, dollars(9434));
  EXPECT_EQ(service(id).cycle, BillingCycle::months(12));
  EXPECT_EQ(service(id).next_due_on, day("2028-04-26"));
  expect_clean();
  run();
  EXPECT_EQ(invoice(may.id).status, InvoiceStatus::refunded) << "May is within the year";
  EXPECT_EQ(credit(american), dollars(1000));
  expect_clean();
  const auto back = ask({.service = id, .product = {}, .cycle = BillingCycle::months(1)});
  EXPECT_EQ(back.status, ChangeStatus::scheduled);
  EXPECT_EQ(back.effective_on, day("2028-04-26"));
  run_until(day("2028-04-26"));
  EXPECT_EQ(invoices(american).front().total, dollars(1000));
  EXPECT_EQ(service(id).next_due_on, day("2028-05-26"));
  expect_clean();
}

TEST_P(Change, to_a_longer_cycle_on_the_first_day_credits_the_whole_and_a_downgrade_then_reaches_the_first_invoice) {
  use_downgrade_credit();
  today = day("2027-04-01");
  const auto american = account();
  const auto plan = product_by_cycles("vps", 1000, 2700, 9600), tiny = product_by_cycles("tiny", 100, 100, 100);
  const auto id = running(american, plan);
  const auto asked = ask({.service = id, .product = {}, .cycle = BillingCycle::months(3)});
  EXPECT_EQ(invoice(asked.invoice).total, dollars(1700));
  pay(asked.invoice, dollars(1700));
  EXPECT_EQ(ask({.service = id, .product = tiny}).credit, dollars(2600)) << "more than the change's own invoice";
  expect_clean();
  cancel(id, services::CancellationKind::immediate);
  run();
  EXPECT_EQ(credit(american), dollars(2600));
  expect_clean();
}

}  // namespace
}  // namespace bursar::invoicing
