// Calls through the ports: what is believed, what is unknown, and who waits for whom.
#include <chrono>
#include <thread>

#include "plugin_host/lane.hpp"
#include "plugins.hpp"

namespace bursar::plugin_host {
namespace {

using inbox::WebhookEventKind;
using inbox::WebhookRequest;
using inbox::WebhookVerdict;

using namespace testing;
using payments::GatewayOutcome;

class PluginCalls : public ::testing::Test {
 protected:
  PluginHost& start(const std::string& directory, std::vector<settings::PluginInstance> instances) {
    host_ = std::make_unique<PluginHost>(config(directory, std::move(instances)), clock_, remembered_key_values(),
                                         options());
    for (const auto& record : host_->records()) EXPECT_EQ(record.state, InstanceState::loaded) << record.cause;
    return *host_;
  }
  TestClock clock_;
  std::unique_ptr<PluginHost> host_;
};

TEST_F(PluginCalls, SandboxTellsEachOutcomeThroughThePort) {
  auto& host = start(bundled, {instance("cards", "sandbox")});
  auto* cards = host.gateways().find("cards");
  ASSERT_NE(cards, nullptr);
  const auto paid = cards->charge(charge_of(1234, "pay_a", "tok_success"));
  EXPECT_EQ(paid.outcome, GatewayOutcome::succeeded) << paid.error;
  EXPECT_FALSE(paid.reference.empty());
  EXPECT_EQ(cards->charge(charge_of(1234, "pay_a", "tok_success")).reference, paid.reference)
      << "the same key is the same charge";

  const auto soft = cards->charge(charge_of(1000, "pay_b", "tok_decline_soft"));
  EXPECT_EQ(soft.outcome, GatewayOutcome::declined);
  EXPECT_EQ(soft.decline_class, payments::DeclineClass::soft);
  EXPECT_EQ(soft.decline_code, "insufficient_funds");
  EXPECT_EQ(cards->charge(charge_of(1000, "pay_c", "tok_decline_final")).decline_class, payments::DeclineClass::final);

  const auto action = cards->charge(charge_of(1000, "pay_d", "tok_action"));
  EXPECT_EQ(action.outcome, GatewayOutcome::requires_action);
  EXPECT_EQ(action.action.type, "redirect");

  EXPECT_EQ(cards->charge(charge_of(1000, "pay_e", "tok_delayed")).outcome, GatewayOutcome::pending);
  clock_.unix_seconds += 3600;
  EXPECT_EQ(cards->lookup("pay_e", "", charge_of(1000).amount).outcome, GatewayOutcome::succeeded);

  const auto lost = cards->charge(charge_of(1000, "pay_f", "tok_timeout"));
  EXPECT_EQ(lost.outcome, GatewayOutcome::unknown);
  EXPECT_FALSE(lost.error.empty());
  EXPECT_EQ(cards->lookup("pay_f", "", charge_of(1000).amount).outcome, GatewayOutcome::succeeded);

  EXPECT_EQ(cards->charge(charge_of(1000, "pay_g", "tok_refused")).outcome, GatewayOutcome::not_attempted);
  EXPECT_EQ(cards->lookup("pay_g", "", charge_of(1000).amount).outcome, GatewayOutcome::not_attempted);

  const auto part = cards->charge(charge_of(1000, "pay_h", "tok_partial"));
  EXPECT_EQ(part.outcome, GatewayOutcome::succeeded);
  ASSERT_TRUE(part.processed);
  EXPECT_EQ(part.processed->minor(), 500);

  const payments::RefundRequest refund{.idempotency_key = "refund-1",
                                       .refund_id = "ref_1",
                                       .payment_id = "pay_a",
                                       .gateway_reference = paid.reference,
                                       .amount = Money(234, *Currency::parse("EUR"))};
  EXPECT_EQ(cards->refund(refund).outcome, GatewayOutcome::succeeded);
}

payments::SetupRequest setup_of(const std::string& id) {
  return {.idempotency_key = "key-" + id, .setup_id = id, .account_id = "acc_1", .currency = "EUR"};
}

TEST_F(PluginCalls, SandboxSavesAMethodWithoutAPayment) {
  auto& host = start(bundled, {instance("cards", "sandbox")});
  auto* cards = host.gateways().find("cards");
  ASSERT_TRUE(cards->info().setups);
  const auto begun = cards->setup(setup_of("setup_1"));
  EXPECT_EQ(begun.outcome, GatewayOutcome::requires_action) << begun.error;
  EXPECT_EQ(begun.action.type, "redirect");
  EXPECT_FALSE(begun.method);
  EXPECT_EQ(cards->lookup_setup("setup_1", begun.reference).outcome, GatewayOutcome::requires_action);
  EXPECT_EQ(cards->lookup_setup("setup_2", "").outcome, GatewayOutcome::not_attempted);

  clock_.unix_seconds += 3600;
  const auto saved = cards->lookup_setup("setup_1", begun.reference);
  EXPECT_EQ(saved.outcome, GatewayOutcome::succeeded) << saved.error;
  EXPECT_FALSE(saved.processed);
  ASSERT_TRUE(saved.method);
  EXPECT_EQ(saved.method->label, "Test card ending 4242");
  EXPECT_EQ(cards->charge(charge_of(1000, "pay_s", saved.method->token)).outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(cards->detach({"detach-1", "acc_1", saved.method->token}), "");
  EXPECT_EQ(cards->lookup("setup_1", "", charge_of(1).amount).outcome, GatewayOutcome::not_attempted)
      << "a setup is no payment";
}

TEST_F(PluginCalls, WhatMovesMoneyOrNamesNoMethodIsNoSavedMethod) {
  const LogFile log;
  auto& host = start(fixtures, {instance("g", "garbled_setup")});
  auto* gateway = host.gateways().find("g");
  for (const auto* fault : {"no_token", "took_money", "took_fee", "authorized", "month_13"}) {
    const auto answer = gateway->setup(setup_of(fault));
    EXPECT_EQ(answer.outcome, GatewayOutcome::unknown) << fault;
    EXPECT_FALSE(answer.method) << fault;
  }
  EXPECT_EQ(gateway->setup(setup_of("right")).outcome, GatewayOutcome::succeeded);
  EXPECT_NE(log.text().find("misbehaving"), std::string::npos);
}

TEST_F(PluginCalls, GatewayWithoutSetupIsNotAskedForOne) {
  auto& host = start(fixtures, {instance("g", "good")});
  auto* gateway = host.gateways().find("g");
  EXPECT_FALSE(gateway->info().setups);
  EXPECT_EQ(gateway->setup(setup_of("setup_1")).outcome, GatewayOutcome::not_attempted);
  EXPECT_EQ(gateway->detach({"detach-1", "acc_1", "tok"}), "");
}

TEST_F(PluginCalls, EventsTellOfDisputesAndSavedMethods) {
  auto& host = start(fixtures, {instance("g", "garbled_setup")});
  auto* webhook = host.webhooks().find("g");
  ASSERT_NE(webhook, nullptr);
  const auto answer_to = [&](const char* body) {
    WebhookRequest request;
    request.method = "POST";
    request.body = body;
    return webhook->handle(request);
  };
  const auto told = answer_to("right");
  ASSERT_EQ(told.verdict, WebhookVerdict::accepted) << told.error;
  ASSERT_EQ(told.events.size(), 2U);
  const auto& saved = told.events[0];
  EXPECT_EQ(saved.kind, WebhookEventKind::method_saved);
  EXPECT_EQ(saved.setup_id, "setup_1");
  ASSERT_TRUE(saved.payment && saved.payment->method);
  EXPECT_EQ(saved.payment->method->token, "method-1");
  const auto& dispute = told.events[1];
  EXPECT_EQ(dispute.kind, WebhookEventKind::dispute_opened);
  EXPECT_EQ(dispute.dispute.id, "dispute-1");
  EXPECT_EQ(dispute.dispute.amount->minor(), 1234);
  EXPECT_EQ(dispute.dispute.fee->minor(), 1500);
  EXPECT_EQ(dispute.dispute.reason, "fraudulent");
  EXPECT_EQ(dispute.dispute.evidence_by->unix_seconds(), 1'800'500'000);

  for (const auto* fault : {"negative_dispute", "saved_without_token", "saved_for_nothing"}) {
    EXPECT_EQ(answer_to(fault).verdict, WebhookVerdict::unknown) << fault;
  }
}

TEST_F(PluginCalls, ConcurrencyIsTheConfiguredElseThePluginsOwn) {
  auto told = instance("told", "garbled_setup");
  told.concurrency = 2;
  auto& host = start(fixtures, {told, instance("own", "garbled_setup"), instance("serial", "good")});
  EXPECT_EQ(host.concurrency("told"), 2);
  EXPECT_EQ(host.concurrency("own"), 7);
  EXPECT_EQ(host.concurrency("serial"), 1);
  for (const char* name : {"told", "own", "serial"}) {
    EXPECT_EQ(host.gateways().concurrency(name), host.concurrency(name)) << name;
  }
  EXPECT_EQ(host.gateways().concurrency("nobody"), 1);
}

TEST_F(PluginCalls, GarbledAnswersAreUnknownAndBookNothing) {
  const LogFile log;
  auto& host = start(fixtures, {instance("g", "garbled")});
  auto* gateway = host.gateways().find("g");
  ASSERT_NE(gateway, nullptr);
  for (std::int64_t minor = 1; minor <= 19; ++minor) {
    if (minor == 9) continue;  // the one that is right
    const auto answer = gateway->charge(charge_of(minor, "pay_" + std::to_string(minor), "tok"));
    EXPECT_EQ(answer.outcome, GatewayOutcome::unknown) << minor;
    EXPECT_FALSE(answer.processed) << minor;
    EXPECT_TRUE(answer.reference.empty()) << minor;
    EXPECT_NE(answer.error.find("garbled"), std::string::npos) << minor << ": " << answer.error;
  }
  EXPECT_EQ(gateway->charge(charge_of(9, "pay_9", "tok")).outcome, GatewayOutcome::succeeded);
  EXPECT_NE(log.text().find("misbehaving"), std::string::npos);
}

TEST_F(PluginCalls, ApprovedPaymentIsReadyAndCompleteTakesIt) {
  auto& host = start(fixtures, {instance("approves", "good"), instance("plain", "garbled")});
  auto* gateway = host.gateways().find("approves");
  ASSERT_NE(gateway, nullptr);
  const auto approved = gateway->begin(charge_of(100));
  EXPECT_EQ(approved.outcome, GatewayOutcome::pending);
  EXPECT_TRUE(approved.ready);
  const payments::CompleteRequest request{.idempotency_key = "complete-pay_1-1",
                                          .payment_id = "pay_1",
                                          .gateway_reference = approved.reference,
                                          .amount = charge_of(100).amount};
  const auto taken = gateway->complete(request);
  EXPECT_EQ(taken.outcome, GatewayOutcome::succeeded) << taken.decline_text << taken.error;
  EXPECT_EQ(taken.reference, "taken-pay_1");
  EXPECT_FALSE(taken.ready);
  EXPECT_EQ(host.gateways().find("plain")->complete(request).outcome, GatewayOutcome::not_attempted);
}

TEST_F(PluginCalls, ExceptionsEndAtThePluginsEdgeAndAreUnknown) {
  auto& host = start(fixtures, {instance("t", "throws_in_charge")});
  auto* gateway = host.gateways().find("t");
  const auto answer = gateway->charge(charge_of(100, "pay_1", "tok"));
  EXPECT_EQ(answer.outcome, GatewayOutcome::unknown);
  EXPECT_NE(answer.error.find("charge threw"), std::string::npos) << answer.error;
  const payments::RefundRequest refund{.idempotency_key = "r",
                                       .refund_id = "ref_1",
                                       .payment_id = "pay_1",
                                       .gateway_reference = "x",
                                       .amount = charge_of(5).amount};
  EXPECT_EQ(gateway->refund(refund).outcome, GatewayOutcome::unknown);
}

TEST_F(PluginCalls, HungCallIsUnknownAtItsDeadlineAndOthersGoOn) {
  auto hanging = instance("stuck", "hangs");
  hanging.deadline = seconds(1);
  auto& host = start(fixtures, {hanging, instance("fine", "good")});
  auto* stuck = host.gateways().find("stuck");
  ASSERT_NE(stuck, nullptr);
  const auto begin = std::chrono::steady_clock::now();
  const auto first = stuck->charge(charge_of(100, "pay_1", "tok"));
  EXPECT_EQ(first.outcome, GatewayOutcome::unknown);
  EXPECT_NE(first.error.find("did not answer"), std::string::npos);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(8));

  const auto second = stuck->charge(charge_of(100, "pay_2", "tok"));
  EXPECT_EQ(second.outcome, GatewayOutcome::not_attempted) << "a serial plugin is never entered twice";
  EXPECT_EQ(host.records()[0].state, InstanceState::unhealthy);
  EXPECT_FALSE(host.records()[0].cause.empty());
  EXPECT_EQ(stuck->lookup("pay_1", "", charge_of(100).amount).outcome, GatewayOutcome::unknown);

  EXPECT_EQ(host.gateways().find("fine")->charge(charge_of(100)).outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(host.records()[1].state, InstanceState::loaded);
  const auto ending = std::chrono::steady_clock::now();
  host_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - ending, std::chrono::seconds(10))
      << "shutdown waits for nobody for ever";
}

TEST_F(PluginCalls, PluginsWithTheSameClassNameKeepTheirOwnCode) {
  auto& host = start(fixtures, {instance("a", "same_class_name_a"), instance("b", "same_class_name_b")});
  EXPECT_EQ(host.gateways().find("a")->charge(charge_of(100)).reference.substr(0, 2), "a-");
  EXPECT_EQ(host.gateways().find("b")->charge(charge_of(100)).reference.substr(0, 2), "b-");
}

TEST_F(PluginCalls, TwoInstancesOfOnePluginShareNothing) {
  auto& host = start(bundled, {instance("one", "sandbox"), instance("two", "sandbox")});
  const auto amount = charge_of(1000).amount;
  EXPECT_EQ(host.gateways().find("one")->charge(charge_of(1000, "pay_x", "tok_success")).outcome,
            GatewayOutcome::succeeded);
  EXPECT_EQ(host.gateways().find("one")->lookup("pay_x", "", amount).outcome, GatewayOutcome::succeeded);
  EXPECT_EQ(host.gateways().find("two")->lookup("pay_x", "", amount).outcome, GatewayOutcome::not_attempted);
}

TEST_F(PluginCalls, BankTransferTellsTheCustomerWhereToPay) {
  auto& host = start(bundled, {instance("bank", "bank-transfer",
                                        {{"account_holder", "Example Hosting"}, {"iban", "DE02120300000000202051"}})});
  auto* bank = host.gateways().find("bank");
  ASSERT_NE(bank, nullptr);
  EXPECT_TRUE(bank->info().staff_confirms);
  EXPECT_FALSE(bank->info().stored_methods);
  const auto answer = bank->begin(charge_of(1999));
  EXPECT_TRUE(answer.outcome == GatewayOutcome::pending || answer.outcome == GatewayOutcome::requires_action)
      << answer.error;
  EXPECT_NE(answer.action.text.find("DE02"), std::string::npos) << answer.action.text;
  EXPECT_EQ(bank->charge(charge_of(1999, "pay_1", "tok")).outcome, GatewayOutcome::not_attempted)
      << "what it does not offer is not tried";
}

TEST_F(PluginCalls, AmountsThatCannotBeChargedNeverReachThePlugin) {
  auto& host = start(fixtures, {instance("fine", "good")});
  EXPECT_EQ(host.gateways().find("fine")->charge(charge_of(0)).outcome, GatewayOutcome::not_attempted);
  EXPECT_EQ(host.gateways().find("fine")->charge(charge_of(-5)).outcome, GatewayOutcome::not_attempted);
}

TEST_F(PluginCalls, LogChannelAndManualPanelAnswerThroughTheirPorts) {
  const test::TemporaryFolder folder;
  auto& host = start(
      bundled, {instance("messages", "log", {{"file", folder.file("messages.jsonl")}}), instance("hand", "manual")});
  auto* channel = host.channels().find("messages");
  ASSERT_NE(channel, nullptr);
  const notices::Message message{.idempotency_key = "m1",
                                 .message_id = "msg_1",
                                 .recipient = "ann@example.com",
                                 .recipient_name = "Ann",
                                 .template_name = "invoice_created",
                                 .subject = "Invoice",
                                 .body = "Please pay."};
  EXPECT_EQ(channel->send(message).outcome, notices::DeliveryOutcome::sent);
  EXPECT_TRUE(std::filesystem::exists(folder.file("messages.jsonl")));

  auto* panel = host.panels().find("hand");
  ASSERT_NE(panel, nullptr);
  const provisioning::PanelRequest request{.idempotency_key = "p1",
                                           .service_id = "srv_1",
                                           .account_id = "acc_1",
                                           .customer_email = "ann@example.com",
                                           .product_code = "vps-s",
                                           .label = "web1.example.com",
                                           .options = "{}",
                                           .reference = ""};
  const auto answer = panel->create(request);
  EXPECT_EQ(answer.outcome, provisioning::PanelOutcome::pending);
  EXPECT_FALSE(answer.staff_task.empty());
  EXPECT_EQ(host.gateways().find("hand"), nullptr);
  EXPECT_EQ(host.panels().list(), std::vector<std::string>{"hand"});
}

TEST_F(PluginCalls, SecretsOfSettingsStayOutOfTheLog) {
  const LogFile log;
  auto secret = instance("fine", "good", {{"greeting", "canary-4711-secret"}});
  secret.settings["greeting"].from_secret = true;
  secret.settings["grating"] = secret.settings["greeting"];  // a wrong key with the same secret
  const auto records = check_plugins(config(fixtures, {secret}), options());
  EXPECT_EQ(records[0].state, InstanceState::disabled);
  EXPECT_EQ(records[0].cause.find("canary"), std::string::npos) << records[0].cause;
  EXPECT_EQ(log.text().find("canary"), std::string::npos);
}

}  // namespace
}  // namespace bursar::plugin_host
