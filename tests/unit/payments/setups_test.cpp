// Goal: a method that a customer has kept at a gateway, without a payment or while they pay, is ours once, whoever
// tells of it first and whatever gets lost on the way. Method: the fake gateway, whose customers act when the test says
// so.
#include "fixture.hpp"
#include "payments/heard.hpp"
#include "payments/method_tokens.hpp"

namespace bursar::test {
namespace {

using payments::GatewayAnswer;
using payments::GatewayMethod;
using payments::GatewayOutcome;
using payments::Heard;
using payments::MethodSetup;
using payments::SetupStatus;

class SetupsTest : public PaymentFixture {
 protected:
  Result<MethodSetup> start(payments::NewSetup wanted = {}) {
    wanted.account = account;
    if (wanted.gateway.empty()) wanted.gateway = "cards";
    const auto id =
        db->write("setup", [&](Transaction& tx) { return setups.record(tx, wanted, customer, clock.now()); });
    if (!id.ok()) return id.error();
    setups.perform(*id);
    return stored(*id);
  }
  MethodSetup at_the_page() {
    gateways.cards.script({Act::need_action});
    auto setup = start().value();
    EXPECT_EQ(setup.status, SetupStatus::requires_action);
    clock.advance(seconds(10));
    return setup;
  }
  using PaymentFixture::stored;
  MethodSetup stored(MethodSetupId id) {
    return db->read([&](Connection& c) { return payments::find_setup(c, id).value(); });
  }
  std::vector<payments::PaymentMethod> methods() {
    return db->read([&](Connection& c) { return payments::list_methods(c, account); });
  }
  void remove_first() {
    const auto first = methods().at(0).id;
    EXPECT_TRUE(db->write("remove", [&](Transaction& tx) {
                    return payments::remove_method(tx, first, customer, clock.now());
                  }).ok());
  }
  Heard hear(const MethodSetup& setup, std::optional<GatewayAnswer> answer) {
    return db->write("webhook", [&](Transaction& tx) {
      return payments::hear_of_setup(
          tx, context, {.gateway = "cards", .id = codec.text(setup.id), .reference = "", .answer = answer},
          clock.now());
    });
  }
  GatewayAnswer saved(const MethodSetup& setup) {
    return {
        .outcome = GatewayOutcome::succeeded,
        .reference = "other-reference",
        .method = GatewayMethod{.token = "tok-" + codec.text(setup.id), .type = "card", .label = "Fake ending 0001"}};
  }
  std::int64_t open_effects() {
    return number("SELECT COUNT(*) FROM effects WHERE kind = 'setup' AND state NOT IN ('done', 'failed')");
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, SetupsTest, backends());

TEST_P(SetupsTest, is_written_down_before_the_gateway_is_asked) {
  EXPECT_TRUE(db->write("setup", [&](Transaction& tx) {
                  return setups.record(tx, {.account = account, .gateway = "cards"}, customer, clock.now());
                }).ok());
  EXPECT_EQ(gateways.cards.setups(), 0);
  EXPECT_EQ(open_effects(), 1);
  workers.drain();
  EXPECT_EQ(gateways.cards.setups(), 0) << "left to the thread that recorded it for a while";
  clock.advance(minutes(1));
  workers.drain();
  EXPECT_EQ(methods().size(), 1U);
}

TEST_P(SetupsTest, the_gateway_is_told_who_it_is_and_where_to_lead_them) {
  at_the_page();
  const auto asked = gateways.cards.last_setup();
  EXPECT_EQ(asked.currency, "USD");
  EXPECT_EQ(asked.visit.customer_name, "Alice Adams");
  EXPECT_EQ(asked.visit.customer_email, "alice@example.com");
  EXPECT_EQ(asked.visit.customer_country, "US");
  EXPECT_EQ(asked.visit.locale, "en");
  EXPECT_EQ(asked.visit.return_url, "https://portal.example.com/payment-method-setups/" + asked.setup_id);
  EXPECT_EQ(asked.visit.cancel_url, asked.visit.return_url);
  EXPECT_EQ(asked.visit.webhook_url, "https://portal.example.com/api/v1/webhooks/cards");
  gateways.cards.script({Act::need_action});
  EXPECT_TRUE(start({.account = {},
                     .gateway = "",
                     .checkout = {.return_url = "https://a.example.com/r", .cancel_url = "https://a.example.com/c"}})
                  .ok());
  EXPECT_EQ(gateways.cards.last_setup().visit.return_url, "https://a.example.com/r");
  EXPECT_EQ(gateways.cards.last_setup().visit.cancel_url, "https://a.example.com/c");
}

TEST_P(SetupsTest, the_customer_gets_the_page_and_its_fields) {
  const auto setup = at_the_page();
  EXPECT_EQ(setup.next_action, R"({"fields":[{"name":"token","value":")" + codec.text(setup.id) +
                                   R"("}],"text":"Confirm","type":"form","url":"https://gateway.example.com/save"})");
  EXPECT_TRUE(methods().empty());
}

TEST_P(SetupsTest, return_page_webhook_and_poll_end_in_one_method) {
  const auto setup = at_the_page();
  gateways.cards.finish_setups();
  EXPECT_EQ(setups.read(setup.id)->status, SetupStatus::succeeded);
  EXPECT_EQ(hear(setup, saved(setup)).what, Heard::What::ignored);
  EXPECT_EQ(hear(setup, std::nullopt).what, Heard::What::ignored);
  clock.advance(days(1));
  workers.drain();
  setups.read(setup.id);
  ASSERT_EQ(methods().size(), 1U);
  EXPECT_EQ(methods()[0].label, "Fake ending 0001");
  EXPECT_EQ(stored(setup.id).method, methods()[0].id);
  EXPECT_EQ(open_effects(), 0);
}

TEST_P(SetupsTest, the_webhook_alone_saves_it) {
  const auto setup = at_the_page();
  EXPECT_EQ(hear(setup, saved(setup)).what, Heard::What::applied);
  EXPECT_EQ(methods().size(), 1U);
  EXPECT_EQ(open_effects(), 0);
}

TEST_P(SetupsTest, a_webhook_that_only_says_that_something_changed_makes_us_ask) {
  const auto setup = at_the_page();
  gateways.cards.finish_setups();
  EXPECT_EQ(hear(setup, std::nullopt).what, Heard::What::applied);
  EXPECT_TRUE(methods().empty());
  workers.drain();
  EXPECT_EQ(methods().size(), 1U);
}

TEST_P(SetupsTest, a_word_of_another_gateway_changes_nothing) {
  const auto setup = at_the_page();
  const auto heard = db->write("webhook", [&](Transaction& tx) {
    return payments::hear_of_setup(
        tx, context, {.gateway = "bank", .id = codec.text(setup.id), .reference = "", .answer = saved(setup)},
        clock.now());
  });
  EXPECT_EQ(heard.what, Heard::What::unknown);
  EXPECT_TRUE(methods().empty());
}

TEST_P(SetupsTest, a_removed_method_does_not_come_back_when_its_event_is_told_again) {
  const auto setup = at_the_page();
  hear(setup, saved(setup));
  remove_first();
  EXPECT_EQ(hear(setup, saved(setup)).what, Heard::What::ignored);
  EXPECT_TRUE(methods().empty());
}

TEST_P(SetupsTest, saved_without_an_answer_is_looked_up) {
  gateways.cards.script({Act::succeed_without_answer});
  const auto setup = start().value();
  EXPECT_EQ(setup.status, SetupStatus::unknown);
  clock.advance(hours(1));
  workers.drain();
  EXPECT_EQ(stored(setup.id).status, SetupStatus::succeeded);
  EXPECT_EQ(methods().size(), 1U);
  EXPECT_EQ(gateways.cards.setups(), 1) << "never sent again";
}

TEST_P(SetupsTest, one_that_got_lost_on_the_way_is_visible_as_failed) {
  gateways.cards.script({Act::vanish});
  const auto setup = start().value();
  EXPECT_EQ(setup.status, SetupStatus::unknown);
  clock.advance(hours(1));
  workers.drain();
  EXPECT_EQ(stored(setup.id).status, SetupStatus::failed);
  EXPECT_EQ(stored(setup.id).decline_code, "gateway_unreachable");
}

TEST_P(SetupsTest, a_gateway_out_of_reach_or_a_refusal_is_told_at_once) {
  gateways.cards.script({Act::unreachable, Act::decline_final});
  EXPECT_EQ(start()->decline_code, "gateway_unreachable");
  const auto refused = start().value();
  EXPECT_EQ(refused.status, SetupStatus::failed);
  EXPECT_EQ(refused.decline_text, "The card was declined.");
  EXPECT_EQ(open_effects(), 0);
}

TEST_P(SetupsTest, an_abandoned_page_expires) {
  const auto setup = at_the_page();
  clock.advance(days(13));
  workers.drain();
  EXPECT_EQ(stored(setup.id).status, SetupStatus::requires_action);
  clock.advance(days(2));
  workers.drain();
  EXPECT_EQ(stored(setup.id).status, SetupStatus::expired);
  EXPECT_EQ(open_effects(), 0);
}

TEST_P(SetupsTest, what_the_gateway_saved_after_the_expiry_is_saved_all_the_same) {
  const auto setup = at_the_page();
  clock.advance(days(15));
  workers.drain();
  ASSERT_EQ(stored(setup.id).status, SetupStatus::expired);
  gateways.cards.finish_setups();
  hear(setup, std::nullopt);
  workers.drain();
  EXPECT_EQ(stored(setup.id).status, SetupStatus::succeeded);
  EXPECT_EQ(methods().size(), 1U);
}

TEST_P(SetupsTest, readers_who_reload_do_not_become_questions_to_the_gateway) {
  const auto setup = at_the_page();
  const int before = gateways.cards.lookups();
  for (int reload = 0; reload < 5; ++reload) setups.read(setup.id);
  EXPECT_EQ(gateways.cards.lookups(), before + 1);
}

TEST_P(SetupsTest, gateways_that_save_nothing_and_too_many_open_ones_are_refused) {
  EXPECT_EQ(start({.account = {}, .gateway = "bank"}).error().code, "invalid_fields");
  EXPECT_EQ(start({.account = {}, .gateway = "nobody"}).error().code, "invalid_fields");
  for (int number = 0; number < 10; ++number) at_the_page();
  EXPECT_EQ(start().error().code, "too_many_setups");
}

TEST_P(SetupsTest, the_customers_own_name_for_a_method_stays_when_the_gateway_renews_it) {
  const auto named = start({.account = {}, .gateway = "", .label = "Holiday card"}).value();
  const auto plain = start().value();
  for (const auto& setup : {named, plain}) {
    db->write("renewed", [&](Transaction& tx) {
      return payments::hear_of_method(tx, context, "cards",
                                      {.token = "tok-" + codec.text(setup.id),
                                       .type = "card",
                                       .label = "Fake ending 0002",
                                       .expiry_year = 2031,
                                       .expiry_month = 2},
                                      clock.now(), clock.now());
    });
  }
  ASSERT_EQ(methods().size(), 2U);
  EXPECT_EQ(methods()[0].label, "Holiday card");
  EXPECT_EQ(methods()[1].label, "Fake ending 0002");
  EXPECT_EQ(methods()[0].expires_on->to_string(), "2031-02-28");
}

TEST_P(SetupsTest, a_method_that_is_saved_while_paying_is_kept_once) {
  const auto paid =
      payments.pay({.invoice = invoice, .gateway = "cards", .checkout = {.save_method = true}}, customer).value();
  EXPECT_EQ(paid.status, PaymentStatus::succeeded);
  ASSERT_EQ(methods().size(), 1U);
  EXPECT_EQ(paid.saved_method, methods()[0].id);
  EXPECT_EQ(gateways.cards.last_charge().visit.customer_email, "alice@example.com");
  // The gateway tells of the same success again, and again after the customer has removed the method.
  const auto again = [&] {
    return db->write("webhook", [&](Transaction& tx) {
      return payments::hear_of_payment(
          tx, context,
          {.gateway = "cards",
           .id = codec.text(paid.id),
           .reference = "",
           .answer = GatewayAnswer{.outcome = GatewayOutcome::succeeded,
                                   .reference = paid.reference,
                                   .method = GatewayMethod{.token = "tok-" + codec.text(paid.id), .label = "Fake"}}},
          clock.now());
    });
  };
  again();
  EXPECT_EQ(methods().size(), 1U);
  remove_first();
  again();
  EXPECT_TRUE(methods().empty());
}

TEST_P(SetupsTest, a_method_that_is_told_after_the_money_was_booked_is_kept) {
  gateways.cards.script({Act::need_action});
  const auto waiting =
      payments.pay({.invoice = invoice, .gateway = "cards", .checkout = {.save_method = true}}, customer).value();
  const auto tell = [&](std::optional<GatewayMethod> method) {
    return db->write("webhook", [&](Transaction& tx) {
      return payments::hear_of_payment(tx, context,
                                       {.gateway = "cards",
                                        .id = codec.text(waiting.id),
                                        .reference = "",
                                        .answer = GatewayAnswer{.outcome = GatewayOutcome::succeeded,
                                                                .processed = usd("10.00"),
                                                                .reference = "tx-1",
                                                                .method = method}},
                                       clock.now());
    });
  };
  tell(std::nullopt);
  EXPECT_EQ(stored(waiting.id).status, PaymentStatus::succeeded);
  EXPECT_TRUE(methods().empty());
  tell(GatewayMethod{.token = "tok-late", .type = "paypal", .label = "PayPal"});
  ASSERT_EQ(methods().size(), 1U);
  EXPECT_EQ(stored(waiting.id).saved_method, methods()[0].id);
  books_agree = false;  // the fake was not told that its customer acted
}

TEST_P(SetupsTest, a_method_nobody_agreed_to_have_kept_is_not) {
  gateways.cards.script({Act::need_action});
  const auto waiting = pay().value();
  db->write("webhook", [&](Transaction& tx) {
    return payments::hear_of_payment(tx, context,
                                     {.gateway = "cards",
                                      .id = codec.text(waiting.id),
                                      .reference = "",
                                      .answer = GatewayAnswer{.outcome = GatewayOutcome::succeeded,
                                                              .processed = usd("10.00"),
                                                              .reference = "tx-1",
                                                              .method = GatewayMethod{.token = "t", .label = "Fake"}}},
                                     clock.now());
  });
  EXPECT_EQ(stored(waiting.id).status, PaymentStatus::succeeded);
  EXPECT_TRUE(methods().empty());
  books_agree = false;  // the fake was not told that its customer acted
}

TEST_P(SetupsTest, saving_while_paying_needs_a_gateway_that_keeps_methods_and_no_method_yet) {
  const auto refusal = [&](payments::NewPayment payment) {
    payment.invoice = invoice;
    payment.checkout.save_method = true;
    return payments.pay(payment, customer).error().fields.at(0).pointer;
  };
  EXPECT_EQ(refusal({.invoice = {}, .gateway = "bank"}), "/save_method");
  EXPECT_EQ(refusal({.invoice = {}, .gateway = "", .method = save_card()}), "/save_method");
}

TEST_P(SetupsTest, an_older_word_of_the_gateway_does_not_undo_a_newer_one_but_gone_is_gone) {
  EXPECT_TRUE(start().ok());
  const std::string token = db->read([&](Connection& c) {
    auto rows = c.query("SELECT id, token FROM payment_methods");
    return rows.next() ? payments::open_token(vault, rows.id<PaymentMethodId>(0), rows.text(1)) : std::string();
  });
  const auto tell = [&](std::string label, int year, Duration ago) {
    return db->write("event", [&](Transaction& tx) {
      return payments::hear_of_method(tx, context, "cards",
                                      {.token = token,
                                       .type = "card",
                                       .label = std::move(label),
                                       .expiry_year = year,
                                       .expiry_month = year == 0 ? 0 : 1},
                                      clock.now() - ago, clock.now());
    });
  };
  tell("Fake ending 0003", 2033, minutes(1));
  tell("Fake ending 0002", 2032, minutes(5));
  ASSERT_EQ(methods().size(), 1U);
  EXPECT_EQ(methods()[0].label, "Fake ending 0003");
  EXPECT_EQ(methods()[0].expires_on->to_string(), "2033-01-31");
  tell("", 0, hours(1));
  EXPECT_TRUE(methods().empty());
  EXPECT_EQ(tell("", 0, seconds(0)).what, Heard::What::ignored);
  EXPECT_EQ(number("SELECT COUNT(*) FROM effects WHERE kind = 'detach'"), 0) << "the gateway knows that it is gone";
}

}  // namespace
}  // namespace bursar::test
