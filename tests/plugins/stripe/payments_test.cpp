// Paying, saving, refunding, forgetting, when all goes well and when the bank says no.
#include "stripe.hpp"

namespace bursar::plugin_host::testing {
namespace {

constexpr std::int64_t day = 24 * 3600;

TEST_F(StripeTest, EveryRequestIsCheckedAgainstStripesDescription) {
  if (const std::string why = stripe_.unchecked(); !why.empty()) GTEST_SKIP() << why;
  EXPECT_EQ(stripe_.refused(), "");
  // The check itself: the double refuses a body that Stripe's description refuses.
  const Json refused =
      stripe_.post("/try", {{"method", "POST"}, {"path", "/v1/payment_intents"}, {"body", "currency=usd&surplus=1"}});
  EXPECT_GE(refused.size(), 2U) << refused.dump();
  const Json passed =
      stripe_.post("/try", {{"method", "POST"}, {"path", "/v1/payment_intents"}, {"body", "currency=usd&amount=50"}});
  EXPECT_EQ(passed.size(), 0U) << passed.dump();
}

TEST_F(StripeTest, CustomerPaysOnAPageAndTheFeeIsTold) {
  const auto begun = begin("pay_1");
  ASSERT_EQ(begun.outcome, GatewayOutcome::requires_action) << begun.error;
  EXPECT_EQ(begun.action.type, "redirect");
  EXPECT_EQ(begun.action.url.find(stripe_.url() + "/pay/"), 0U);
  ASSERT_TRUE(begun.expires_at);
  EXPECT_EQ(lookup("pay_1", begun.reference).outcome, GatewayOutcome::requires_action);

  stripe_.post("/pay", {{"session", begun.reference}});
  const auto paid = lookup("pay_1", begun.reference);
  EXPECT_EQ(paid.outcome, GatewayOutcome::succeeded) << paid.error;
  EXPECT_EQ(paid.reference.substr(0, 3), "pi_");
  ASSERT_TRUE(paid.fee);
  EXPECT_EQ(paid.fee->to_string(), "0.65 USD");
  EXPECT_FALSE(paid.method) << "nobody agreed to keep it";
  EXPECT_EQ(lookup("pay_1", paid.reference).outcome, GatewayOutcome::succeeded);
  const Json charge = stripe_.book("charge").at(0);
  EXPECT_EQ(charge.at("payment"), "pay_1") << "in the metadata, so that it is found at Stripe";
  EXPECT_EQ(charge.at("suffix"), "HOSTING");
}

TEST_F(StripeTest, EveryInvoiceOfAPaymentIsNamedInItsMetadataAsFarAsThereIsRoom) {
  auto request = charge_of(1234, "pay_1", method(), "USD");
  request.invoice_ids = {"inv_4kX1", "inv_9pQ2"};
  const auto one = heard("pay_1", cards_->charge(request));
  const auto metadata = [&](const std::string& intent) {
    return stripe_.post("/state", {{"id", intent}}).at("metadata").at("bursar_invoice_ids").get<std::string>();
  };
  EXPECT_EQ(metadata(one.reference), "inv_4kX1,inv_9pQ2");

  auto many = charge_of(1234, "pay_2", "", "USD");
  for (int i = 0; i < 60; ++i) many.invoice_ids.push_back("inv_0123456789abc" + std::to_string(1000 + i));
  const auto page = heard("pay_2", cards_->begin(many));
  const std::string of_page = metadata(page.reference);
  stripe_.post("/pay", {{"session", page.reference}});
  const auto paid = lookup("pay_2", page.reference);
  EXPECT_EQ(metadata(paid.reference), of_page);
  EXPECT_LE(of_page.size(), 500U);
  EXPECT_GT(of_page.size(), 450U);
  EXPECT_EQ(of_page.substr(of_page.rfind(',')), ",+38");
  EXPECT_EQ(std::count(of_page.begin(), of_page.end(), ','), 22);
}

TEST_F(StripeTest, APageStaysOpenAfterADeclineAndEndsWhenItExpires) {
  const auto begun = begin("pay_1");
  stripe_.post("/pay", {{"session", begun.reference}, {"card", "decline:insufficient_funds"}});
  EXPECT_EQ(lookup("pay_1", begun.reference).outcome, GatewayOutcome::requires_action) << "another card may do";
  stripe_.post("/expire", {{"session", begun.reference}});
  EXPECT_EQ(lookup("pay_1", begun.reference).outcome, GatewayOutcome::declined);
}

TEST_F(StripeTest, APageThatIsLetGoOfCanNotBePaidAndAPaidOneIsNotLetGoOf) {
  const auto left = begin("pay_left");
  EXPECT_EQ(let_go("pay_left", left.reference).outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(let_go("pay_left", left.reference, "void:again").outcome, GatewayOutcome::succeeded) << "it is over";
  EXPECT_EQ(lookup("pay_left", left.reference).outcome, GatewayOutcome::declined);
  const auto paid = begin("pay_paid");
  stripe_.post("/pay", {{"session", paid.reference}});
  EXPECT_EQ(let_go("pay_paid", paid.reference, "void:2").outcome, GatewayOutcome::declined);
  EXPECT_EQ(lookup("pay_paid", paid.reference).outcome, GatewayOutcome::succeeded);
}

TEST_F(StripeTest, ABankDebitIsPendingUntilItSettlesOrFails) {
  const auto good = begin("pay_good");
  const auto bad = begin("pay_bad");
  for (const auto* page : {&good, &bad}) stripe_.post("/pay", {{"session", page->reference}, {"card", "delayed"}});
  const auto pending = lookup("pay_good", good.reference);
  EXPECT_EQ(pending.outcome, GatewayOutcome::pending);
  const auto failing = lookup("pay_bad", bad.reference);
  stripe_.post("/settle", {{"intent", pending.reference}});
  stripe_.post("/settle", {{"intent", failing.reference}, {"succeeds", false}});
  EXPECT_EQ(lookup("pay_good", pending.reference).outcome, GatewayOutcome::succeeded);
  const auto declined = lookup("pay_bad", failing.reference);
  EXPECT_EQ(declined.outcome, GatewayOutcome::declined);
  EXPECT_EQ(declined.decline_code, "method_revoked");
}

TEST_F(StripeTest, ASavedMethodIsChargedWhileTheCustomerIsAwayOncePerKey) {
  const auto token = method();
  const auto paid = charge("pay_1", token);
  EXPECT_EQ(paid.outcome, GatewayOutcome::succeeded) << paid.error;
  ASSERT_TRUE(paid.fee);
  EXPECT_EQ(paid.fee->to_string(), "0.65 USD");
  EXPECT_EQ(charge("pay_1", token).reference, paid.reference);
  auto other_key = charge_of(1234, "pay_1", token, "USD");
  other_key.idempotency_key = "another key";
  EXPECT_EQ(heard("pay_1", cards_->charge(other_key)).reference, paid.reference) << "the payment counts, not the key";
  pass(3 * day);
  EXPECT_EQ(charge("pay_1", token).reference, paid.reference) << "also after Stripe forgot the key";
  for (const Json& request : stripe_.get("/requests")) {
    if (request.at("method") != "POST") continue;
    EXPECT_EQ(request.at("headers").at("idempotency-key"), "key-pay_1");
    EXPECT_EQ(request.at("headers").at("stripe-version"), "2026-10-28.endive");
    EXPECT_EQ(request.at("headers").at("authorization"), "Bearer rk_test_a_restricted_key");
  }
}

TEST_F(StripeTest, DeclinesAreSoftFinalOrAskForTheCustomer) {
  const struct {
    const char* card;
    DeclineClass decline;
    const char* code;
  } rows[] = {{"decline:insufficient_funds", DeclineClass::soft, "insufficient_funds"},
              {"decline:do_not_honor", DeclineClass::soft, "other"},
              {"decline:do_not_honor:do_not_try_again", DeclineClass::final, "other"},
              {"decline:issuer_not_available", DeclineClass::soft, "issuer_unavailable"},
              {"decline:card_velocity_exceeded", DeclineClass::soft, "limit_reached"},
              {"decline:stolen_card", DeclineClass::final, "stolen_or_lost"},
              {"decline:fraudulent", DeclineClass::final, "suspected_fraud"},
              {"decline:expired_card", DeclineClass::final, "expired"},
              {"decline:incorrect_cvc", DeclineClass::final, "wrong_details"},
              {"decline:revocation_of_authorization", DeclineClass::final, "method_revoked"},
              {"decline:a_word_of_next_year", DeclineClass::soft, "other"}};
  for (const auto& row : rows) {
    const auto answer = charge(std::string("pay_") + row.card, method(row.card));
    EXPECT_EQ(answer.outcome, GatewayOutcome::declined) << row.card << " " << answer.error;
    EXPECT_EQ(answer.decline_class, row.decline) << row.card;
    EXPECT_EQ(answer.decline_code, row.code) << row.card;
    EXPECT_FALSE(answer.decline_text.empty()) << row.card;
  }
}

TEST_F(StripeTest, ABankThatWantsTheCustomerGetsThemOnAPage) {
  const auto token = method("authentication");
  const auto asked = charge("pay_1", token);
  ASSERT_EQ(asked.outcome, GatewayOutcome::requires_action) << asked.error;
  EXPECT_EQ(asked.action.type, "redirect");
  EXPECT_EQ(charge("pay_1", token).reference, asked.reference) << "one page, however often it is asked";
  EXPECT_EQ(lookup("pay_1", asked.reference).outcome, GatewayOutcome::requires_action);
  stripe_.post("/pay", {{"session", asked.reference}, {"card", "authentication"}});
  EXPECT_EQ(lookup("pay_1", asked.reference).outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(lookup("pay_1").outcome, GatewayOutcome::succeeded) << "also where the reference was lost";

  auto nowhere_to_return = charge_of(1234, "pay_2", token, "USD");
  nowhere_to_return.visit.return_url.clear();
  const auto declined = cards_->charge(nowhere_to_return);
  EXPECT_EQ(declined.outcome, GatewayOutcome::declined);
  EXPECT_EQ(declined.decline_code, "authentication_failed");
  EXPECT_EQ(declined.decline_class, DeclineClass::soft);
}

TEST_F(StripeTest, AMethodIsSavedWithoutAPaymentThenChargedThenForgotten) {
  EXPECT_TRUE(cards_->info().setups);
  const payments::SetupRequest request{
      .idempotency_key = "setup-1",
      .setup_id = "set_1",
      .account_id = "acc_1",
      .currency = "USD",
      .visit = {.return_url = "https://example.com/back", .customer_email = "anna@example.com"}};
  const auto begun = cards_->setup(request);
  ASSERT_EQ(begun.outcome, GatewayOutcome::requires_action) << begun.error;
  EXPECT_EQ(cards_->setup(request).reference, begun.reference);
  EXPECT_EQ(cards_->lookup_setup("set_1", begun.reference).outcome, GatewayOutcome::requires_action);
  stripe_.post("/pay", {{"session", begun.reference}});
  const auto saved = cards_->lookup_setup("set_1", begun.reference);
  ASSERT_EQ(saved.outcome, GatewayOutcome::succeeded) << saved.error;
  ASSERT_TRUE(saved.method);
  EXPECT_EQ(saved.method->type, "card");
  EXPECT_EQ(saved.method->label, "Visa ending 4242");
  EXPECT_EQ(saved.method->expiry_year, 2031);
  EXPECT_EQ(cards_->lookup_setup("set_1", "").method->token, saved.method->token);
  EXPECT_EQ(charge("pay_1", saved.method->token).outcome, GatewayOutcome::succeeded);

  EXPECT_EQ(cards_->detach({"detach-1", "acc_1", saved.method->token}), "");
  EXPECT_EQ(cards_->detach({"detach-1", "acc_1", saved.method->token}), "") << "gone is gone";
  EXPECT_EQ(cards_->detach({"detach-1", "acc_1", "cus_1:pm_never"}), "");
  EXPECT_EQ(stripe_.book("detach").size(), 1U);
  const auto forgotten = charge("pay_2", saved.method->token);
  EXPECT_EQ(forgotten.outcome, GatewayOutcome::declined);
  EXPECT_EQ(forgotten.decline_code, "method_revoked");
  EXPECT_EQ(forgotten.decline_class, DeclineClass::final);
  EXPECT_EQ(stripe_.book("customer").size(), 1U) << "one customer per account";
}

TEST_F(StripeTest, ACustomerDeletedAtStripeIsMadeAnew) {
  const auto first = begin("pay_1");
  stripe_.post("/forget_customer", {{"customer", stripe_.book("customer").at(0).at("id")}});
  EXPECT_EQ(begin("pay_2").outcome, GatewayOutcome::requires_action);
  EXPECT_EQ(stripe_.book("customer").size(), 2U);
  const auto declined = charge("pay_3", "cus_gone:pm_gone");
  EXPECT_EQ(declined.outcome, GatewayOutcome::declined);
  EXPECT_EQ(declined.decline_code, "method_revoked");
}

TEST_F(StripeTest, RefundsInPartsUntilNothingIsLeft) {
  const auto paid = charge("pay_1", method(), 1000);
  const auto part = refund("ref_1", "pay_1", paid.reference, 300);
  EXPECT_EQ(part.outcome, GatewayOutcome::succeeded) << part.error;
  EXPECT_EQ(part.processed->to_string(), "3.00 USD");
  EXPECT_EQ(refund("ref_1", "pay_1", paid.reference, 300).reference, part.reference);
  pass(3 * day);
  EXPECT_EQ(refund("ref_1", "pay_1", paid.reference, 300).reference, part.reference)
      << "also after Stripe forgot the key";
  const auto over = refund("ref_2", "pay_1", paid.reference, 701);
  EXPECT_EQ(over.outcome, GatewayOutcome::declined);
  EXPECT_EQ(over.decline_code, "amount_out_of_range");
  EXPECT_EQ(refund("ref_3", "pay_1", paid.reference, 700).outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(refund("ref_4", "pay_1", paid.reference, 1).outcome, GatewayOutcome::declined);
  EXPECT_EQ(lookup_refund("ref_1", part.reference).outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(lookup_refund("ref_3").outcome, GatewayOutcome::succeeded);
}

TEST_F(StripeTest, ARefundOfAPagePaymentNeedsItsPageOnlyAndMayFailLater) {
  const auto begun = begin("pay_1", 1000);
  stripe_.post("/pay", {{"session", begun.reference}, {"card", "delayed"}});
  stripe_.post("/settle", {{"intent", lookup("pay_1", begun.reference).reference}});
  ASSERT_EQ(lookup("pay_1", begun.reference).outcome, GatewayOutcome::succeeded);
  const auto pending = refund("ref_1", "pay_1", begun.reference, 400);
  EXPECT_EQ(pending.outcome, GatewayOutcome::pending) << pending.error;
  stripe_.post("/fail_refund", {{"refund", pending.reference}});
  const auto failed = lookup_refund("ref_1", pending.reference);
  EXPECT_EQ(failed.outcome, GatewayOutcome::declined);
  EXPECT_NE(failed.decline_text.find("lost_or_stolen_card"), std::string::npos);
}

TEST_F(StripeTest, AmountsAreConvertedExactlyOrNotAtAll) {
  const struct {
    const char* currency;
    std::int64_t minor;      // as in ISO 4217
    std::int64_t at_stripe;  // 0: refused before anything is sent
  } rows[] = {{"JPY", 500, 500},     {"ISK", 500, 50'000},    {"UGX", 5'000, 500'000},
              {"MGA", 50'000, 500},  {"HUF", 50'050, 50'050}, {"TWD", 10'010, 10'010},
              {"KWD", 5'120, 5'120}, {"KWD", 5'124, 0},       {"MGA", 50'050, 0}};
  const auto token = method();
  for (const auto& row : rows) {
    const std::string payment = std::string("pay_") + row.currency + std::to_string(row.minor);
    const auto before = stripe_.get("/requests").size();
    const auto answer = cards_->charge(charge_of(row.minor, payment, token, row.currency));
    if (row.at_stripe == 0) {
      EXPECT_EQ(answer.outcome, GatewayOutcome::declined) << payment;
      EXPECT_EQ(answer.decline_code, "amount_out_of_range") << payment;
      EXPECT_EQ(stripe_.get("/requests").size(), before) << payment;
      continue;
    }
    ASSERT_EQ(answer.outcome, GatewayOutcome::succeeded) << payment << " " << answer.error;
    believed_[payment] = row.at_stripe;
    EXPECT_EQ(answer.processed->minor(), row.minor) << payment;
    EXPECT_EQ(lookup(payment, answer.reference, row.minor, row.currency).processed->minor(), row.minor);
    believed_[payment] = row.at_stripe;
    const auto back = cards_->refund({.idempotency_key = "r" + payment,
                                      .refund_id = "ref_" + payment,
                                      .payment_id = payment,
                                      .gateway_reference = answer.reference,
                                      .amount = Money(row.minor, *Currency::parse(row.currency))});
    EXPECT_EQ(back.outcome, GatewayOutcome::succeeded) << payment << " " << back.error;
    EXPECT_EQ(back.processed->minor(), row.minor);
    believed_refunds_["ref_" + payment] = row.at_stripe;
  }
}

TEST_F(StripeTest, AmountsAndCurrenciesThatStripeRefusesAreDeclinedForGood) {
  const auto small = charge("pay_1", method(), 49);
  EXPECT_EQ(small.outcome, GatewayOutcome::declined);
  EXPECT_EQ(small.decline_code, "amount_out_of_range");
  EXPECT_EQ(begin("pay_2", 49).decline_code, "amount_out_of_range");
  const auto currency = cards_->charge(charge_of(1000, "pay_3", method(), "IRR"));
  EXPECT_EQ(currency.outcome, GatewayOutcome::not_attempted) << "the host does not even ask";
}

TEST_F(StripeTest, SettingsThatCannotWorkAreRefusedByName) {
  const auto cause = [&](std::initializer_list<std::pair<std::string, std::string>> values) {
    auto made = instance("cards", "stripe", values);
    if (const auto list = made.settings.find("currencies"); list != made.settings.end()) {
      list->second.kind = settings::PluginInstance::Value::Kind::list;
      list->second.items = {"EUR", list->second.text};
    }
    const PluginHost host(config(bundled, {made}), clock_, remembered_key_values(), options());
    EXPECT_EQ(host.records()[0].state, InstanceState::disabled);
    return host.records()[0].cause;
  };
  EXPECT_NE(cause({{"secret_key", "pk_test_12345678"}}).find("publishable"), std::string::npos);
  EXPECT_NE(cause({{"secret_key", "sk_test_12345678"}, {"api_base", "http://api.example.com"}}).find("https"),
            std::string::npos);
  EXPECT_NE(cause({{"secret_key", "sk_test_12345678"}, {"api_base", "http://127.0.0.1.example.com"}}).find("https"),
            std::string::npos);
  EXPECT_NE(cause({{"secret_key", "sk_test_12345678"}, {"currencies", "IRR"}}).find("IRR"), std::string::npos);
  EXPECT_NE(cause({{"secret_key", "sk_test_12345678"}, {"statement_descriptor_suffix", "5*7"}}).find("letter"),
            std::string::npos);
}

TEST_F(StripeTest, SavingSwitchedOffOffersNoSavedMethods) {
  start({{"save_methods", "false"}});
  EXPECT_FALSE(cards_->info().stored_methods);
  EXPECT_EQ(begin("pay_1").outcome, GatewayOutcome::requires_action);
}

TEST_F(StripeTest, TheConnectionTestTellsTheModeAndAWrongKey) {
  const auto good = host_->test_connection("cards");
  EXPECT_TRUE(good.ok) << good.detail;
  EXPECT_NE(good.detail.find("test mode"), std::string::npos) << good.detail;
  stripe_.fault({{"fault", "status"}, {"status", 401}, {"effect", false}});
  const auto bad = host_->test_connection("cards");
  EXPECT_FALSE(bad.ok);
  EXPECT_NE(bad.detail.find("key"), std::string::npos) << bad.detail;
}

}  // namespace
}  // namespace bursar::plugin_host::testing
