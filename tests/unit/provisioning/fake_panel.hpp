// A control panel with its own accounts. It can lose answers, refuse, be down, or be slow; it never does by itself what
// it was not asked to.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "provisioning/panel.hpp"

namespace bursar::provisioning::testing {

class FakePanel final : public Panel {
 public:
  enum class Mood {
    well,
    loses_answers,
    does_nothing_and_loses_answers,
    refuses,
    down,
    works_by_hand,
    answers_anothers
  };

  [[nodiscard]] int concurrency() const override { return 4; }
  PanelAnswer create(const PanelRequest& r) override { return act("create", r, PanelState::active); }
  PanelAnswer suspend(const PanelRequest& r) override { return act("suspend", r, PanelState::suspended); }
  PanelAnswer unsuspend(const PanelRequest& r) override { return act("unsuspend", r, PanelState::active); }
  PanelAnswer terminate(const PanelRequest& r) override { return act("terminate", r, PanelState::absent); }
  PanelAnswer change_plan(const PanelRequest& r) override { return act("change_plan", r, PanelState::active); }
  PanelAnswer inspect(const PanelRequest& r) override {
    const std::lock_guard lock(mutex_);
    calls.push_back("inspect");
    if (mood == Mood::down) return answer(PanelOutcome::not_attempted, "connection refused");
    PanelAnswer told = answer(PanelOutcome::done);
    const auto found = accounts.find(r.service_id);
    told.state = found == accounts.end() ? PanelState::absent : found->second.state;
    if (found != accounts.end()) told.reference = found->second.reference;
    return told;
  }

  struct Account {
    std::string reference;
    PanelState state = PanelState::active;
  };
  std::map<std::string, Account> accounts;  // by the service's outside id, as a panel finds what it has already made
  std::vector<std::string> calls;
  std::vector<PanelRequest> requests;
  Mood mood = Mood::well;

 private:
  static PanelAnswer answer(PanelOutcome outcome, std::string error = "") {
    return {.outcome = outcome, .reference = {}, .staff_task = {}, .error = std::move(error)};
  }
  PanelAnswer act(const char* call, const PanelRequest& r, PanelState state) {
    const std::lock_guard lock(mutex_);
    calls.emplace_back(call);
    requests.push_back(r);
    if (mood == Mood::down) return answer(PanelOutcome::not_attempted, "connection refused");
    if (mood == Mood::refuses) return answer(PanelOutcome::refused, "the plan is sold out");
    if (mood == Mood::does_nothing_and_loses_answers) return answer(PanelOutcome::unknown, "timeout");
    PanelAnswer told = answer(PanelOutcome::done);
    if (mood == Mood::answers_anothers) {
      told.reference = accounts.begin()->second.reference;
      return told;
    }
    if (mood == Mood::works_by_hand) {
      told = answer(PanelOutcome::pending);
      told.staff_task = std::string(call) + " it by hand";
      return told;
    }
    if (state == PanelState::absent) {
      accounts.erase(r.service_id);
    } else {
      auto [at, is_new] = accounts.try_emplace(r.service_id);
      if (is_new) at->second.reference = "panel-" + std::to_string(++made_);
      at->second.state = state;
      told.reference = at->second.reference;
    }
    return mood == Mood::loses_answers ? answer(PanelOutcome::unknown, "timeout") : told;
  }

  std::mutex mutex_;
  int made_ = 0;
};

class FakePanels final : public Panels {
 public:
  [[nodiscard]] std::vector<std::string> list() const override { return {"web1", "web2"}; }
  [[nodiscard]] Panel* find(std::string_view name) override {
    if (name == "web1") return &web1;
    return name == "web2" && web2_is_loaded ? &web2 : nullptr;
  }
  FakePanel web1, web2;
  bool web2_is_loaded = true;
};

}  // namespace bursar::provisioning::testing
