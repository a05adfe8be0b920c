// One service at a panel double with an unpaid renewal, a daily run by day, and the effect workers.
#pragma once

#include "dunning/steps.hpp"

#include <map>

#include "dunning/holds.hpp"
#include "effects/effects.hpp"
#include "notices/outbox.hpp"
#include "provisioning/provisioner.hpp"
#include "support/clock.hpp"
#include "unit/invoicing/fixture.hpp"

namespace bursar::invoicing {

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
  PanelAnswer change_plan(const PanelRequest& r) override { return set(r, PanelState::active, "change_plan"); }
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

inline settings::Config dunned() {
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
    dunning.clear();
    dunning.push_back(dunning::hold_step(*rules));
    for (auto& step : dunning::steps(*rules, *outbox)) dunning.push_back(std::move(step));
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
}  // namespace bursar::invoicing
