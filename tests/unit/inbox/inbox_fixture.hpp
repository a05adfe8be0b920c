// A plugin whose verdict on a webhook the test sets, and an inbox over the customer and the gateways of the payments'
// fixture.
#pragma once

#include "fixture.hpp"
#include "inbox/inbox.hpp"

namespace bursar::test {

using inbox::WebhookAnswer;
using inbox::WebhookEvent;
using inbox::WebhookEventKind;
using inbox::WebhookRequest;
using inbox::WebhookVerdict;
using payments::GatewayAnswer;
using payments::GatewayOutcome;

class FakeWebhook final : public inbox::Webhook {
 public:
  [[nodiscard]] int concurrency() const override { return 4; }
  WebhookAnswer handle(const WebhookRequest& request) override {
    const std::lock_guard lock(mutex_);
    ++handled_;
    if (verdict_ == WebhookVerdict::unknown) return {.verdict = verdict_, .error = "no certificate"};
    if (verdict_ == WebhookVerdict::refused) return {.verdict = verdict_, .status = 400, .error = "bad signature"};
    const auto known = events_.find(request.body);
    std::vector<WebhookEvent> events;
    if (known != events_.end()) events.push_back(known->second);
    return {.verdict = verdict_,
            .events = std::move(events),
            .status = 200,
            .headers = {{"x-seen", "yes"}},
            .body = "thanks"};
  }
  void know(const std::string& body, WebhookEvent event) { events_.insert_or_assign(body, std::move(event)); }
  void answer(WebhookVerdict verdict) {
    const std::lock_guard lock(mutex_);
    verdict_ = verdict;
  }
  [[nodiscard]] int handled() const { return handled_; }

 private:
  std::mutex mutex_;
  WebhookVerdict verdict_ = WebhookVerdict::accepted;
  std::map<std::string, WebhookEvent> events_;
  int handled_ = 0;
};

class FakeWebhooks final : public inbox::Webhooks {
 public:
  FakeWebhook cards;
  FakeWebhook wallet;  // another merchant account
  [[nodiscard]] std::vector<std::string> list() const override { return {"cards", "wallet"}; }
  [[nodiscard]] inbox::Webhook* find(std::string_view instance) override {
    if (instance == "wallet") return &wallet;
    return instance == "cards" && !gone ? &cards : nullptr;
  }
  bool gone = false;
};

class InboxTest : public PaymentFixture {
 protected:
  // One place performs the effects of both: those of payments and those of the inbox.
  InboxTest()
      : own{.db = *db,
            .clock = clock,
            .rules = rules,
            .outbox = outbox,
            .gateways = gateways,
            .codec = codec,
            .vault = vault,
            .public_url = config.server.public_url,
            .perform_now = [this](std::string_view key, const auto& settling) { return both.run_now(key, settling); }},
        box(own, webhooks),
        paying(own),
        own_charges(own),
        own_completes(own),
        own_refunds(own),
        both(*db, clock, {&own_charges, &own_completes, &own_refunds, &box}, {.threads = 4}) {}
  void TearDown() override {
    both.drain();
    PaymentFixture::TearDown();
  }

  int send(const std::string& body, const std::string& instance = "cards") {
    const auto reply = box.receive(instance, {.method = "POST", .remote_address = "192.0.2.7", .body = body});
    return reply ? reply->status : 404;
  }
  WebhookEvent event(const std::string& id, const std::string& payment, std::optional<GatewayAnswer> answer) {
    WebhookEvent out;
    out.kind = WebhookEventKind::payment;
    out.event_id = id;
    out.payment_id = payment;
    out.payment = std::move(answer);
    return out;
  }
  GatewayAnswer success(std::string_view amount, const std::string& reference) {
    return {.outcome = GatewayOutcome::succeeded, .processed = usd(amount), .reference = reference};
  }
  // A payment that waits for its customer; its gateway knows it under the reference id + "-tx".
  Payment waiting_payment() {
    gateways.cards.script({Act::need_action});
    return paying.pay({.invoice = invoice, .gateway = "cards"}, customer).value();
  }
  std::string id_of(const Payment& payment) { return codec.text(payment.id); }
  std::int64_t suspense_open() { return number("SELECT COUNT(*) FROM suspense_items WHERE status = 'open'"); }

  FakeWebhooks webhooks;
  payments::Context own;
  inbox::Inbox box;
  payments::Payments paying;
  payments::ChargeHandler own_charges;
  payments::CompleteHandler own_completes;
  payments::RefundHandler own_refunds;
  effects::Workers both;
};

}  // namespace bursar::test
