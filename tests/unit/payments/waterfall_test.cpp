// Goal: when one method can't pay the next does, in the customer's order, one after another, and everybody can read
// why.
#include <set>

#include "invoicing/corrections.hpp"
#include "payments/autopay_plan.hpp"
#include "payments/heard.hpp"
#include "payments/recording.hpp"
#include "waterfall_fixture.hpp"

namespace bursar::test {
namespace {

using invoicing::InvoiceStatus;
using payments::Attempt;

INSTANTIATE_TEST_SUITE_P(Backends, WaterfallTest, backends());

TEST_P(WaterfallTest, a_final_decline_is_followed_by_the_next_method_in_the_same_run) {
  gateways.cards.script({Act::decline_final, Act::decline_final});
  day(7);
  EXPECT_EQ(story(), "1 Visa 1 declined_final, 1 Amex 2 declined_final, 1 PayPal charged");
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
  EXPECT_EQ(gateways.wallet.charges(), 1);
  EXPECT_EQ(notices("payment_failed"), 0) << "it was paid";
  EXPECT_EQ(number("SELECT COUNT(DISTINCT key) FROM effects WHERE kind = 'charge'"), 3);
}

TEST_P(WaterfallTest, a_soft_decline_waits_for_its_day_and_begins_at_the_front) {
  EXPECT_EQ(charge_derivation(),
            R"({"from":"due_date","due_on":"2027-03-08","days_before_due":"0","not_before":"2027-03-01"})");
  gateways.cards.script({Act::decline_soft});
  day(7);
  EXPECT_EQ(story(), "1 Visa 1 declined_soft");
  EXPECT_EQ(gateways.wallet.charges(), 0);
  EXPECT_EQ(stored(invoice).autopay_on, CivilDate(2027, 3, 11));
  EXPECT_EQ(charge_derivation(),
            R"({"from":"schedule","round_began_on":"2027-03-08","retry_after_days":"3","of_the_round_before":"0",)"
            R"("not_before":"2027-03-09"})");
  EXPECT_NE(body("payment_failed").find("We will try again on 2027-03-11."), std::string::npos);
  day(3);
  EXPECT_EQ(story(), "1 Visa 1 declined_soft, 2 Visa 1 charged");
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
}

TEST_P(WaterfallTest, a_decline_is_no_withdrawal_whatever_its_code_says) {
  for (const std::string_view code : {payments::reason::no_gateway, payments::autopay_is_off}) {
    gateways.cards.decline_with(std::string(code));
    gateways.cards.script({Act::decline_soft});
    day(code == payments::reason::no_gateway ? 7 : 3);
  }
  EXPECT_EQ(story(), "1 Visa 1 declined_soft, 2 Visa 1 declined_soft");
  EXPECT_EQ(stored(invoice).autopay_attempts, 2);
  EXPECT_EQ(gateways.wallet.charges(), 0);
}

TEST_P(WaterfallTest, a_soft_decline_on_the_last_day_of_the_schedule_is_followed_by_the_next_method) {
  gateways.cards.script({Act::decline_soft, Act::decline_soft, Act::decline_soft});
  day(7);
  day(3);
  day(2);
  EXPECT_EQ(story(), "1 Visa 1 declined_soft, 2 Visa 1 declined_soft, 3 Visa 1 declined_soft, 3 Amex 2 charged");
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
}

TEST_P(WaterfallTest, when_all_are_exhausted_the_customer_is_told_once_with_each_reason) {
  expire(amex, CivilDate(2027, 2, 28));
  gateways.cards.script({Act::decline_final});
  gateways.wallet.script({Act::decline_final});
  day(7);
  EXPECT_EQ(story(), "1 Visa 1 declined_final, 1 Amex 2 method_expired, 1 PayPal declined_final");
  EXPECT_EQ(notices("payment_failed"), 1);
  for (const char* line : {"- Visa 1: The card was declined\n", "- Amex 2: it has expired", "- PayPal: The card was",
                           "Please pay the invoice by another method", "is charged on 2027-03-11"}) {
    EXPECT_NE(body("payment_failed").find(line), std::string::npos) << line << "\n" << body("payment_failed");
  }
  for (int i = 0; i < 20; ++i) day();
  EXPECT_EQ(charges_recorded(), 2) << "what was declined for good is not charged again";
  EXPECT_EQ(notices("payment_failed"), 1);
  EXPECT_EQ(stored(invoice).autopay_on, std::nullopt);
}

TEST_P(WaterfallTest, a_method_saved_after_all_failed_is_charged_on_the_next_day_of_the_schedule) {
  gateways.cards.script({Act::decline_final, Act::decline_final});
  gateways.wallet.script({Act::decline_final});
  day(7);
  save("cards", "New 4");
  day(3);
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
  EXPECT_EQ(story(),
            "1 Visa 1 declined_final, 1 Amex 2 declined_final, 1 PayPal declined_final, 2 Visa 1 declined_for_good, 2 "
            "Amex 2 declined_for_good, 2 PayPal declined_for_good, 2 New 4 charged");
}

TEST_P(WaterfallTest, nothing_else_is_charged_while_an_outcome_is_unknown_pending_or_waits_for_the_customer) {
  gateways.cards.fall_silent(true);
  gateways.cards.script({Act::vanish});
  day(7);
  for (int i = 0; i < 8; ++i) day();
  EXPECT_EQ(story(), "1 Visa 1 charged") << "unknown";
  gateways.cards.fall_silent(false);
  clock.advance(hours(7));
  gateways.cards.script({Act::stay_pending});
  workers.drain();
  for (int i = 0; i < 8; ++i) day();
  EXPECT_EQ(story(), "1 Visa 1 charged") << "pending: the charge that was lost is made with its own key";
  EXPECT_EQ(charges_recorded(), 1);
  EXPECT_EQ(gateways.wallet.charges(), 0);
}

TEST_P(WaterfallTest, a_decline_that_comes_after_the_customer_was_asked_goes_on_to_the_next) {
  gateways.cards.script({Act::need_action});
  day(7);
  EXPECT_EQ(notices("action_required"), 1);
  EXPECT_NE(body("action_required").find("https://gateway.example.com/act"), std::string::npos);
  const auto payment = PaymentId(number("SELECT id FROM payments WHERE origin = 'autopay'"));
  gateways.cards.decline_waiting(payments::DeclineClass::final);
  db->write("told", [&](Transaction& tx) {
    payments::hear_of_payment(tx, context, {.gateway = "cards", .id = codec.text(payment), .reference = ""},
                              clock.now());
  });
  workers.drain();
  EXPECT_EQ(story(), "1 Visa 1 declined_final, 1 Amex 2 charged");
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
}

TEST_P(WaterfallTest, a_method_removed_between_plan_and_charge_gives_way_to_the_next) {
  clock.advance(days(7));
  step();
  remove(visa);
  workers.drain();
  EXPECT_EQ(story(), "1 Visa 1 withdrawn, 1 Amex 2 charged");
  EXPECT_EQ(number("SELECT COUNT(*) FROM autopay_attempts WHERE reason = 'method_removed'"), 1);
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
  EXPECT_EQ(notices("payment_failed"), 0);
}

TEST_P(WaterfallTest, a_gateway_gone_between_plan_and_charge_gives_way_to_the_next) {
  clock.advance(days(7));
  step();
  gateways.cards_gone = true;
  workers.drain();
  EXPECT_EQ(story(), "1 Visa 1 withdrawn, 1 Amex 2 gateway_unavailable, 1 PayPal charged");
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
  gateways.cards_gone = false;
}

TEST_P(WaterfallTest, a_missing_gateway_uses_nothing_up_of_the_schedule_and_staff_are_told_once) {
  remove(paypal);
  gateways.cards_gone = true;
  day(7);
  day();
  day();
  EXPECT_EQ(story(), "1 Visa 1 gateway_unavailable, 1 Amex 2 gateway_unavailable");
  EXPECT_EQ(stored(invoice).autopay_attempts, 0);
  EXPECT_EQ(stored(invoice).autopay_on, CivilDate(2027, 3, 11)) << "tomorrow";
  EXPECT_EQ(charge_derivation(), R"({"from":"put_off","looked_on":"2027-03-10","days":"1"})");
  EXPECT_EQ(notices("payment_failed"), 0) << "nothing was declined";
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'gateway_missing' AND detail LIKE '%''cards'' is "
                   "not loaded%'"),
            1);
  gateways.cards_gone = false;
  gateways.cards.script({Act::decline_soft, Act::decline_soft, Act::decline_soft});
  std::vector<int> charged_on;
  for (int day_of_march = 11; day_of_march < 25; ++day_of_march) {
    const int before = gateways.cards.charges();
    day();
    if (gateways.cards.charges() > before) charged_on.push_back(day_of_march);
  }
  EXPECT_EQ(charged_on, (std::vector<int>{11, 14, 16})) << "the whole schedule, from the day it was back";
}

TEST_P(WaterfallTest, a_gateway_that_goes_between_plan_and_charge_uses_nothing_up_of_the_schedule) {
  remove(paypal);
  clock.advance(days(7));
  step();
  gateways.cards_gone = true;
  workers.drain();
  EXPECT_EQ(story(), "1 Visa 1 withdrawn, 1 Amex 2 gateway_unavailable");
  EXPECT_EQ(stored(invoice).autopay_attempts, 0);
  EXPECT_EQ(notices("payment_failed"), 0);
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE kind = 'gateway_missing'"), 1);
  gateways.cards_gone = false;
  day();
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
}

TEST_P(WaterfallTest, dismissing_a_charge_sets_off_no_other_and_the_next_round_goes_on_with_the_next_method) {
  gateways.cards.use_reference("taken");
  books_agree = false;  // the dismissed charge is in the gateway's book: its reference is that of another payment
  const InvoiceId other = issue("5.00");
  ASSERT_EQ(payments.pay({.invoice = other, .gateway = "cards"}, customer)->status, PaymentStatus::succeeded);
  day(7);
  ASSERT_EQ(number("SELECT COUNT(*) FROM effects WHERE kind = 'charge' AND state = 'parked'"), 1);
  const PaymentId unclear(number("SELECT id FROM payments WHERE origin = 'autopay'"));
  ASSERT_TRUE(payments.dismiss(unclear, staff).ok());
  workers.drain();
  EXPECT_EQ(story(), "1 Visa 1 declined_final");
  EXPECT_EQ(stored(invoice).autopay_on, CivilDate(2027, 3, 11));
  EXPECT_EQ(charges_recorded(), 1);
  day();
  EXPECT_EQ(charges_recorded(), 1) << "not before the schedule's day";
  gateways.cards.use_reference("");
  day(2);
  EXPECT_EQ(story(), "1 Visa 1 declined_final, 2 Visa 1 declined_for_good, 2 Amex 2 charged");
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
}

TEST_P(WaterfallTest, dismissing_the_last_of_the_schedule_ends_it) {
  gateways.cards.script({Act::decline_soft, Act::decline_soft});
  day(7);
  day(3);
  gateways.cards.use_reference("taken");
  books_agree = false;
  ASSERT_EQ(payments.pay({.invoice = issue("5.00"), .gateway = "cards"}, customer)->status, PaymentStatus::succeeded);
  day(2);
  const PaymentId unclear(number("SELECT max(id) FROM payments WHERE origin = 'autopay'"));
  ASSERT_TRUE(payments.dismiss(unclear, staff).ok());
  for (int i = 0; i < 10; ++i) day();
  EXPECT_EQ(charges_recorded(), 3);
  EXPECT_EQ(stored(invoice).autopay_on, std::nullopt);
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::open);
}

TEST_P(WaterfallTest, switching_off_after_a_decline_ends_it) {
  clock.advance(days(7));
  step();
  gateways.cards.script({Act::stay_pending});
  workers.drain();
  set_autopay(false);
  gateways.cards.decline_waiting(payments::DeclineClass::final);
  clock.advance(hours(7));
  workers.drain();
  EXPECT_EQ(story(), "1 Visa 1 declined_final");
  EXPECT_EQ(stored(invoice).autopay_on, std::nullopt);
  EXPECT_EQ(notices("payment_failed"), 1);
}

TEST_P(WaterfallTest, off_and_on_again_charges_after_all) {
  clock.advance(days(7));
  step();
  set_autopay(false);
  workers.drain();
  EXPECT_EQ(gateways.cards.charges(), 0);
  set_autopay(true);
  day();
  EXPECT_EQ(story(), "1 Visa 1 withdrawn, 2 Visa 1 charged");
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
}

TEST_P(WaterfallTest, a_payment_of_the_customer_under_way_goes_before_the_next_method) {
  clock.advance(days(7));
  step();
  gateways.cards.script({Act::stay_pending});
  workers.drain();
  // Of a part, so that both may be under way.
  db->write("lower", [&](Transaction& tx) { tx.execute("UPDATE payments SET amount = 400 WHERE origin = 'autopay'"); });
  gateways.wallet.script({Act::stay_pending});
  ASSERT_EQ(pay("wallet", usd("6.00"))->status, PaymentStatus::pending);
  gateways.cards.decline_waiting(payments::DeclineClass::final);
  clock.advance(hours(7));
  workers.drain();
  EXPECT_EQ(story(), "1 Visa 1 declined_final");
  EXPECT_EQ(stored(invoice).autopay_on, CivilDate(2027, 3, 9));
  EXPECT_EQ(stored(invoice).autopay_attempts, 0) << "the schedule is not used up by it";
  gateways.wallet.complete_waiting();
  clock.advance(hours(24));
  workers.drain();
  step();
  workers.drain();
  EXPECT_EQ(stored(invoice).status, InvoiceStatus::paid);
  EXPECT_EQ(story(), "1 Visa 1 declined_final, 2 Visa 1 declined_for_good, 2 Amex 2 charged");
}

TEST_P(WaterfallTest, an_invoice_void_before_the_charge_is_not_charged) {
  clock.advance(days(7));
  step();
  const auto voided = db->write(
      "void", [&](Transaction& tx) { return invoicing::void_invoice(tx, rules, invoice, "a mistake", clock.now()); });
  ASSERT_TRUE(voided.ok());
  workers.drain();
  EXPECT_EQ(gateways.cards.charges(), 0);
  EXPECT_EQ(story(), "1 Visa 1 withdrawn");
}

TEST_P(WaterfallTest, a_deposit_is_never_charged_by_itself) {
  const auto deposit = db->write("deposit", [&](Transaction& tx) {
    return invoicing::issue_deposit(tx, rules, account, usd("25.00"), clock.now());
  });
  ASSERT_TRUE(deposit.ok());
  day(7);
  EXPECT_EQ(charges_recorded(), 1) << "of the other invoice";
}

TEST_P(WaterfallTest, without_any_method_the_customer_is_told_once) {
  for (const auto method : {visa, amex, paypal}) remove(method);
  day(7);
  for (int i = 0; i < 10; ++i) day();
  EXPECT_EQ(story(), "1 none no_method, 2 none no_method, 3 none no_method");
  EXPECT_EQ(notices("payment_failed"), 1);
  EXPECT_NE(body("payment_failed").find("could not be made: no payment method is saved."), std::string::npos);
}

TEST_P(WaterfallTest, a_killed_process_leaves_no_invoice_between_two_methods) {
  gateways.cards.script({Act::decline_final});
  clock.advance(days(7));
  step();
  ASSERT_TRUE(workers.run_now(payments::charge_key(PaymentId(number("SELECT id FROM payments")))));
  EXPECT_EQ(number("SELECT COUNT(*) FROM effects WHERE kind = 'charge' AND state = 'recorded'"), 1)
      << "the next charge was recorded with the decline";
}

TEST_P(WaterfallTest, breaches_are_found) {
  day(7);
  const auto found = [&] {
    std::set<std::string> out;
    verify::verify(*db, codec, vault, [&](const verify::Breach& breach) { out.insert(breach.invariant); });
    return out;
  };
  const auto with = [&](const std::vector<storage::Sql>& breach, const std::vector<storage::Sql>& mend) {
    db->write("breach", [&](Transaction& tx) {
      for (const storage::Sql sql : breach) tx.execute(sql);
    });
    auto out = found();
    db->write("mend", [&](Transaction& tx) {
      for (const storage::Sql sql : mend) tx.execute(sql);
    });
    return out;
  };
  EXPECT_TRUE(with({"UPDATE autopay_attempts SET method_id = method_id + 1"},
                   {"UPDATE autopay_attempts SET method_id = method_id - 1"})
                  .contains("autopay_charge_is_an_attempt"));
  EXPECT_TRUE(with({"UPDATE payments SET status = 'failed' WHERE origin = 'autopay'"},
                   {"UPDATE payments SET status = 'succeeded' WHERE origin = 'autopay'"})
                  .contains("autopay_attempt_has_its_charge"));
  const storage::Sql no_attempts = "DELETE FROM autopay_attempts WHERE round = 9";
  EXPECT_TRUE(
      with({"INSERT INTO autopay_attempts (sequence, account_id, invoice_id, round, method_id, payment_id, outcome, "
            "reason, created_at) SELECT sequence + 1000, account_id, invoice_id, 9, method_id, 1000000, outcome, "
            "reason, created_at FROM autopay_attempts"},
           {no_attempts})
          .contains("autopay_attempt_has_its_charge"));
  const storage::Sql open_payment =
      "INSERT INTO payments (id, account_id, gateway, method_id, invoice_id, origin, status, currency, amount, "
      "created_at) SELECT max(id) + 1000000, account_id, gateway, method_id, invoice_id, 'autopay', 'pending', "
      "currency, "
      "amount, created_at FROM payments GROUP BY account_id, gateway, method_id, invoice_id, currency, amount, "
      "created_at";
  const storage::Sql their_attempts =
      "INSERT INTO autopay_attempts (sequence, account_id, invoice_id, round, method_id, payment_id, outcome, reason, "
      "created_at) SELECT id, account_id, invoice_id, 9, method_id, id, 'charged', 'after_failure', created_at FROM "
      "payments WHERE id > 1000000";
  EXPECT_TRUE(
      with({open_payment, open_payment, their_attempts}, {no_attempts, "DELETE FROM payments WHERE id > 1000000"})
          .contains("autopay_charges_one_at_a_time"));
  EXPECT_TRUE(found().empty());
}

class NarrowGateways : public payments::Gateways {
 public:
  FakeGateway gateway;
  explicit NarrowGateways(payments::GatewayInfo info) : gateway(std::move(info)) {}
  [[nodiscard]] std::vector<payments::GatewayInfo> list() const override { return {gateway.info()}; }
  [[nodiscard]] payments::Gateway* find(std::string_view instance) override {
    return instance == "narrow" ? &gateway : nullptr;
  }
};

std::string obstacle(payments::GatewayInfo info, std::string_view amount, std::string gateway = "narrow") {
  NarrowGateways gateways(std::move(info));
  const std::vector<payments::Candidate> methods{
      {.id = PaymentMethodId(1), .gateway = std::move(gateway), .label = "Card", .expires_on = {}}};
  const auto choice = payments::choose_method(
      methods, {}, 1, gateways, Money::parse(amount, Currency::parse("USD").value()).value(), CivilDate(2027, 3, 1));
  return choice.method != nullptr ? "" : std::string(choice.passed_over.front().reason);
}

TEST(ChooseMethod, names_why_a_gateway_does_not_take_a_charge) {
  const auto usd = Currency::parse("USD").value(), eur = Currency::parse("EUR").value();
  const payments::GatewayInfo takes{.instance = "narrow",
                                    .display_name = "Narrow",
                                    .stored_methods = true,
                                    .currencies = {usd},
                                    .limits = {{eur, 1, 2}, {usd, 500, 2000}}};
  EXPECT_EQ(obstacle(takes, "5.00"), "");
  EXPECT_EQ(obstacle(takes, "20.00"), "");
  EXPECT_EQ(obstacle(takes, "4.99"), "amount_too_small");
  EXPECT_EQ(obstacle(takes, "20.01"), "amount_too_large");
  EXPECT_EQ(obstacle(takes, "5.00", "gone"), "gateway_unavailable");
  auto other = takes;
  other.currencies = {eur};
  EXPECT_EQ(obstacle(other, "5.00"), "currency_not_taken");
  other = takes;
  other.stored_methods = false;
  EXPECT_EQ(obstacle(other, "5.00"), "not_off_session");
}

class ExpiryTest : public WaterfallTest {
 protected:
  void run_days(int count) {
    for (int i = 0; i < count; ++i) {
      run(*expiry_);
      clock.advance(days(1));
    }
  }
  std::unique_ptr<scheduler::Step> expiry_ = payments::method_expiry_step(context);
};
INSTANTIATE_TEST_SUITE_P(Backends, ExpiryTest, backends());

TEST_P(ExpiryTest, a_card_about_to_expire_is_announced_once) {
  expire(visa, CivilDate(2027, 4, 30));
  expire(amex, CivilDate(2027, 2, 28));
  run_days(30);
  EXPECT_EQ(notices("method_expiring"), 0) << "2027-03-30 is 31 days before";
  run_days(40);
  EXPECT_EQ(notices("method_expiring"), 1);
  EXPECT_NE(body("method_expiring").find("Visa 1, which pays your invoices automatically, expires on 2027-04-30."),
            std::string::npos);
}

TEST_P(ExpiryTest, a_renewed_card_is_announced_again_when_its_new_month_comes) {
  expire(visa, CivilDate(2027, 3, 31));
  run_days(2);
  db->write("renewed", [&](Transaction& tx) {
    payments::hear_of_method(
        tx, context, "cards",
        {.token = "tok_Visa 1", .type = "card", .label = "Visa 1", .expiry_year = 2027, .expiry_month = 5},
        std::nullopt, clock.now());
  });
  run_days(20);
  EXPECT_EQ(notices("method_expiring"), 1);
  run_days(60);
  EXPECT_EQ(notices("method_expiring"), 2);
}

TEST_P(ExpiryTest, a_gateway_that_repeats_itself_announces_nothing_twice) {
  expire(visa, CivilDate(2027, 3, 31));
  run_days(2);
  EXPECT_EQ(notices("method_expiring"), 1);
  db->write("repeated", [&](Transaction& tx) {
    payments::hear_of_method(
        tx, context, "cards",
        {.token = "tok_Visa 1", .type = "card", .label = "Visa 1", .expiry_year = 2027, .expiry_month = 3},
        std::nullopt, clock.now());
  });
  run_days(5);
  EXPECT_EQ(notices("method_expiring"), 1);
}

TEST_P(ExpiryTest, nobody_without_autopay_hears_of_it) {
  set_autopay(false);
  expire(visa, CivilDate(2027, 3, 20));
  run_days(30);
  EXPECT_EQ(notices("method_expiring"), 0);
}

}  // namespace
}  // namespace bursar::test
