// One payment over several invoices: the total is what is still owed, and what arrives is spread without loss.
#include "payments/mass_payments.hpp"

#include "fixture.hpp"
#include "invoicing/corrections.hpp"
#include "invoicing/settlement.hpp"

namespace bursar::test {
namespace {

class MassPayments : public PaymentFixture {
 protected:
  MassPayments() : second(issue("20.00")), third(issue("5.00")) {}

  explicit MassPayments(settings::Config the_config)
      : PaymentFixture(std::move(the_config)), second(issue("20.00")), third(issue("5.00")) {}

  Result<payments::StartedMassPayment> start(std::vector<payments::NewMassPayment::Item> items,
                                             std::string gateway = "cards") {
    return begin({.account = account, .items = std::move(items), .gateway = std::move(gateway)});
  }
  Result<payments::StartedMassPayment> begin(const payments::NewMassPayment& asked) {
    return db->write("start", [&](Transaction& tx) {
      return payments::start_mass_payment(tx, context, asked, customer, clock.now());
    });
  }
  Result<PaymentId> try_again(MassPaymentId id) {
    return db->write("again", [&](Transaction& tx) {
      return payments::retry_mass_payment(tx, context, id, {.gateway = "cards"}, customer, clock.now());
    });
  }
  payments::MassPayment mass(MassPaymentId id) {
    return db->read([&](Connection& c) { return payments::find_mass_payment(c, id).value(); });
  }
  std::vector<payments::NewMassPayment::Item> all() { return {{invoice}, {second}, {third}}; }

  InvoiceId second, third;
};

TEST_P(MassPayments, pays_every_invoice_with_one_charge) {
  const auto started = start(all()).value();
  payments.perform(started.payment);
  EXPECT_EQ(gateways.cards.charges(), 1);
  EXPECT_EQ(stored(started.payment).received, usd("35.00"));
  for (const InvoiceId id : {invoice, second, third}) {
    EXPECT_EQ(stored(id).status, invoicing::InvoiceStatus::paid);
  }
  EXPECT_EQ(mass(started.mass_payment).status, "completed");
  EXPECT_EQ(credit(), usd("0.00"));
}

TEST_P(MassPayments, names_everything_that_is_owed_when_no_invoice_is_named) {
  const auto started = start({}).value();
  EXPECT_EQ(mass(started.mass_payment).items.size(), 3u);
  EXPECT_EQ(stored(started.payment).amount, usd("35.00"));
}

TEST_P(MassPayments, its_gateway_is_told_every_invoice_in_their_order) {
  const auto started = start({{third}, {invoice}}).value();
  payments.perform(started.payment);
  EXPECT_EQ(gateways.cards.last_charge().invoice_ids,
            (std::vector<std::string>{codec.text(third), codec.text(invoice)}));
}

TEST_P(MassPayments, takes_chosen_invoices_and_amounts_only) {
  const auto started = start({{second, usd("7.50")}, {invoice}}).value();
  payments.perform(started.payment);
  EXPECT_EQ(stored(second).balance, usd("12.50"));
  EXPECT_EQ(stored(invoice).balance, usd("0.00"));
  EXPECT_EQ(stored(third).balance, usd("5.00"));
}

TEST_P(MassPayments, a_chosen_part_that_was_paid_is_not_asked_for_again) {
  const auto started = start({{second, usd("7.50")}, {invoice}}).value();
  gateways.cards.take(usd("9.00"));
  payments.perform(started.payment);
  gateways.cards.take(std::nullopt);
  EXPECT_EQ(mass(started.mass_payment).total, usd("8.50"));
  const auto rest = try_again(started.mass_payment).value();
  EXPECT_EQ(stored(rest).amount, usd("8.50"));
  payments.perform(rest);
  EXPECT_EQ(stored(second).balance, usd("12.50"));
  EXPECT_EQ(mass(started.mass_payment).status, "completed");
  EXPECT_EQ(try_again(started.mass_payment).error().code, "mass_payment_not_open");
}

TEST_P(MassPayments, what_is_added_becomes_credit) {
  const auto started = begin({.account = account, .items = all(), .extra = usd("4.00"), .gateway = "cards"}).value();
  payments.perform(started.payment);
  EXPECT_EQ(stored(started.payment).received, usd("39.00"));
  EXPECT_EQ(stored(third).status, invoicing::InvoiceStatus::paid);
  EXPECT_EQ(credit(), usd("4.00"));
  EXPECT_EQ(mass(started.mass_payment).status, "completed");
}

TEST_P(MassPayments, what_is_added_is_asked_for_again_only_while_nothing_was_brought) {
  gateways.cards.script({Act::decline_soft});
  const auto started = begin({.account = account, .items = all(), .extra = usd("4.00"), .gateway = "cards"}).value();
  payments.perform(started.payment);
  const auto second_try = try_again(started.mass_payment).value();
  EXPECT_EQ(stored(second_try).amount, usd("39.00"));
  gateways.cards.take(usd("30.00"));
  payments.perform(second_try);
  EXPECT_EQ(stored(try_again(started.mass_payment).value()).amount, usd("5.00"));
  gateways.cards.take(std::nullopt);
}

TEST_P(MassPayments, credit_goes_first_in_their_order_and_one_charge_pays_the_rest) {
  give_credit("12.00");
  const auto started = begin({.account = account, .items = all(), .use_credit = true, .gateway = "cards"}).value();
  EXPECT_EQ(stored(invoice).status, invoicing::InvoiceStatus::paid);
  EXPECT_EQ(stored(second).balance, usd("18.00"));
  payments.perform(started.payment);
  EXPECT_EQ(gateways.cards.taken(dollar), usd("23.00"));
  EXPECT_EQ(credit(), usd("0.00"));
  EXPECT_EQ(mass(started.mass_payment).status, "completed");
}

TEST_P(MassPayments, credit_that_covers_all_needs_no_gateway_and_is_left_alone) {
  give_credit("40.00");
  EXPECT_EQ(begin({.account = account, .items = all(), .use_credit = true, .gateway = "cards"}).error().code,
            "credit_covers_all");
  EXPECT_EQ(credit(), usd("40.00"));
  EXPECT_EQ(stored(invoice).balance, usd("10.00"));
}

TEST_P(MassPayments, refuses_an_addition_that_makes_no_sense) {
  const auto refused = [&](std::vector<payments::NewMassPayment::Item> items, std::optional<Money> extra,
                           bool use_credit) {
    return begin({.account = account,
                  .items = std::move(items),
                  .extra = extra,
                  .use_credit = use_credit,
                  .gateway = "cards"})
        .error()
        .fields.front()
        .pointer;
  };
  EXPECT_EQ(refused({}, usd("0.00"), false), "/extra");
  EXPECT_EQ(refused({}, usd("-1.00"), false), "/extra");
  EXPECT_EQ(refused({}, Money(100, Currency::parse("EUR").value()), false), "/extra");
  EXPECT_EQ(refused({}, usd("1.00"), true), "/extra");
  EXPECT_EQ(refused({{invoice, usd("1.00")}}, std::nullopt, true), "/amounts");
}

class LimitedAdditions : public MassPayments {
 protected:
  static settings::Config limited() {
    settings::Config config = payment_config();
    const Currency usd = Currency::parse("USD").value();
    config.billing.deposits = {
        .minimum = {{"USD", Money(500, usd)}}, .maximum = {}, .maximum_balance = {{"USD", Money(1000, usd)}}};
    return config;
  }
  LimitedAdditions() : MassPayments(limited()) {}
};
INSTANTIATE_TEST_SUITE_P(Backends, LimitedAdditions, backends());

TEST_P(LimitedAdditions, keep_to_the_largest_credit_however_they_are_paid) {
  EXPECT_EQ(begin({.account = account, .items = all(), .extra = usd("10.01"), .gateway = "cards"})
                .error()
                .fields.front()
                .pointer,
            "/extra");
  EXPECT_EQ(pay("cards", usd("20.01")).error().fields.front().pointer, "/amount");
  EXPECT_TRUE(pay("cards", usd("10.01")).ok()) << "a cent is not a deposit";
  EXPECT_EQ(credit(), usd("0.01"));
}

TEST_P(MassPayments, total_shrinks_when_an_invoice_of_it_is_paid_or_cancelled_meanwhile) {
  gateways.cards.script({Act::decline_soft});
  const auto started = start(all()).value();
  payments.perform(started.payment);
  ASSERT_EQ(stored(started.payment).status, PaymentStatus::failed);
  ASSERT_TRUE(payments.pay({.invoice = invoice, .gateway = "cards"}, customer).ok());
  EXPECT_EQ(mass(started.mass_payment).total, usd("25.00"));
  db->write("void", [&](Transaction& tx) {
    EXPECT_TRUE(invoicing::void_invoice(tx, rules, third, "cancelled", clock.now()).ok());
  });
  EXPECT_EQ(mass(started.mass_payment).total, usd("20.00"));
  const auto again = try_again(started.mass_payment);
  payments.perform(again.value());
  EXPECT_EQ(stored(again.value()).received, usd("20.00"));
  EXPECT_EQ(mass(started.mass_payment).status, "completed");
}

TEST_P(MassPayments, share_of_an_invoice_that_was_paid_meanwhile_becomes_credit) {
  gateways.cards.script({Act::need_action});
  const auto started = start(all()).value();
  payments.perform(started.payment);
  give_credit("20.00");
  db->write("credit", [&](Transaction& tx) {
    EXPECT_TRUE(invoicing::apply_credit(tx, rules, second, usd("20.00"), clock.now()).ok());
  });
  gateways.cards.complete_waiting();
  clock.advance(minutes(1));
  EXPECT_EQ(payments.read(started.payment)->status, PaymentStatus::succeeded);
  EXPECT_EQ(stored(invoice).balance, usd("0.00"));
  EXPECT_EQ(stored(third).balance, usd("0.00"));
  EXPECT_EQ(credit(), usd("20.00"));
}

TEST_P(MassPayments, less_than_asked_goes_to_the_invoices_in_their_order) {
  gateways.cards.take(usd("12.00"));
  const auto started = start({{third}, {invoice}, {second}}).value();
  payments.perform(started.payment);
  EXPECT_EQ(stored(third).balance, usd("0.00"));
  EXPECT_EQ(stored(invoice).balance, usd("3.00"));
  EXPECT_EQ(stored(second).balance, usd("20.00"));
  EXPECT_EQ(mass(started.mass_payment).status, "open");
  EXPECT_EQ(mass(started.mass_payment).total, usd("23.00"));
}

TEST_P(MassPayments, invoice_whose_money_is_on_its_way_is_not_charged_again) {
  gateways.cards.script({Act::need_action});
  const auto started = start(all()).value();
  payments.perform(started.payment);
  EXPECT_EQ(pay().error().code, "payment_in_flight");
  EXPECT_EQ(start({{second}}).error().code, "payment_in_flight");
  EXPECT_EQ(start({{third}, {second}}).error().code, "payment_in_flight");
}

TEST_P(MassPayments, autopay_leaves_an_invoice_alone_while_a_mass_payment_may_pay_it) {
  save_card();
  set_autopay(true);
  clock.advance(days(7));
  gateways.cards.script({Act::need_action});
  const auto started = start({{invoice}}).value();
  payments.perform(started.payment);
  const auto step = payments::autopay_step(context);
  const auto counts = run(*step);
  EXPECT_EQ(counts.at("autopay_waiting"), 1);
  EXPECT_EQ(counts.at("charges"), 2);
}

TEST_P(MassPayments, wrong_invoices_and_amounts_are_all_named_and_nothing_is_stored) {
  const auto other = db->write("other", [&](Transaction& tx) {
    const auto stranger =
        accounts::create_account(
            tx, {.name = "Bob", .email = "bob@example.com", .address = {.country = "US"}, .currency = "USD"},
            config.provider.currencies, clock.now(), staff)
            .value();
    return invoicing::issue_manual(tx, rules, stranger, {{.description = "Server", .unit_price = usd("1.00")}},
                                   rules.today(clock.now()), clock.now())
        .value();
  });
  const auto refused = start({{other}, {invoice}, {invoice}, {second, usd("20.01")}});
  ASSERT_FALSE(refused.ok());
  ASSERT_EQ(refused.error().fields.size(), 3u);
  EXPECT_EQ(refused.error().fields[0].pointer, "/invoice_ids/0");
  EXPECT_EQ(refused.error().fields[1].pointer, "/invoice_ids/2");
  EXPECT_EQ(refused.error().fields[2].pointer, "/amounts/3");
  EXPECT_EQ(number("SELECT COUNT(*) FROM mass_payments"), 0);
}

TEST_P(MassPayments, abandoned_one_expires_and_late_money_is_booked_all_the_same) {
  gateways.cards.script({Act::need_action});
  const auto started = start(all()).value();
  payments.perform(started.payment);
  clock.advance(days(8));
  const auto step = payments::reconciliation_step(context);
  EXPECT_EQ(run(*step).at("mass_payments_closed"), 1);
  EXPECT_EQ(mass(started.mass_payment).status, "expired");
  gateways.cards.complete_waiting();
  workers.drain();
  EXPECT_EQ(stored(started.payment).status, PaymentStatus::succeeded);
  EXPECT_EQ(mass(started.mass_payment).status, "completed");
}

TEST_P(MassPayments, cancelled_one_gives_its_transfer_up) {
  gateways.bank.script({Act::need_action});
  const auto started = start(all(), "bank").value();
  payments.perform(started.payment);
  db->write("cancel", [&](Transaction& tx) {
    EXPECT_TRUE(payments::cancel_mass_payment(tx, context, started.mass_payment, customer, clock.now()).ok());
  });
  EXPECT_EQ(mass(started.mass_payment).status, "cancelled");
  EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE status = 'open'"), 0);
}

TEST_P(MassPayments, credit_pays_its_part_at_once_and_the_card_the_rest) {
  give_credit("4.00");
  const auto paid = payments.pay({.invoice = invoice, .gateway = "cards", .use_credit = true}, customer).value();
  EXPECT_EQ(paid.received, usd("6.00"));
  EXPECT_EQ(stored(invoice).status, invoicing::InvoiceStatus::paid);
  EXPECT_EQ(credit(), usd("0.00"));
}

TEST_P(MassPayments, credit_that_covers_all_needs_no_gateway) {
  give_credit("40.00");
  const auto refused = payments.pay({.invoice = invoice, .gateway = "cards", .use_credit = true}, customer);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, "credit_covers_all");
  EXPECT_EQ(credit(), usd("40.00"));
  EXPECT_EQ(gateways.cards.charges(), 0);
}

INSTANTIATE_TEST_SUITE_P(Backends, MassPayments, backends());

}  // namespace
}  // namespace bursar::test
