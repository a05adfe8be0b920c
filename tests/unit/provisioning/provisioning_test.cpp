// Goal: what is wanted of a service comes about at its panel once, whatever the panel answers, and nothing is believed
// that the panel did not say. Method: services at two panel doubles, the effect workers and a clock moved by hand.
#include "provisioning/provisioner.hpp"

#include "effects/effects.hpp"
#include "fake_panel.hpp"
#include "invoicing/change.hpp"
#include "provisioning/plan_changer.hpp"
#include "support/clock.hpp"
#include "unit/invoicing/fixture.hpp"

namespace bursar::provisioning {
namespace {

using invoicing::dollars;
using services::Change;
using testing::FakePanel;
using Mood = FakePanel::Mood;

class ProvisioningTest : public invoicing::InvoicingTest {
 protected:
  ProvisioningTest() {
    clock.set(now());
    customer = account();
  }

  ServiceId bought_at(const std::string& panel) {
    const auto product = write([&](auto& tx) {
      return catalog::create_product(tx,
                                     {.code = "vps" + std::to_string(++products_),
                                      .name = "VPS",
                                      .panel = panel,
                                      .panel_options = R"({"plan":"small"})",
                                      .prices = {{BillingCycle::months(1), dollars(2000), dollars(0)}}},
                                     now());
    });
    const auto placed = order(customer, {*product});
    pay(placed.invoice, dollars(2000));
    return placed.services.at(0);
  }
  // Answers the error's code, or nothing.
  std::string upgrade(ServiceId id) {
    const std::string panel = service(id).panel;
    const auto dearer = write([&](auto& tx) {
      return catalog::create_product(tx,
                                     {.code = "bigger" + std::to_string(++products_),
                                      .name = "VPS",
                                      .panel = panel,
                                      .panel_options = R"({"plan":"large"})",
                                      .prices = {{BillingCycle::months(1), dollars(4000), dollars(0)}}},
                                     now());
    });
    const auto change = write([&](auto& tx) {
      return invoicing::request_change(tx, *rules, {.service = id, .product = *dearer}, {}, now());
    });
    if (!change.ok()) return change.error().code;
    if (change->invoice) pay(change->invoice, invoice(change->invoice).balance);
    return "";
  }
  std::string plan_state(ServiceId id) {
    return read([&](auto& c) {
      auto rows = c.query("SELECT plan_state FROM service_changes WHERE service_id = $1 ORDER BY id DESC", id);
      return rows.next() ? rows.string(0) : std::string("none");
    });
  }
  ServiceId running_at(const std::string& panel) {
    const ServiceId id = bought_at(panel);
    workers.drain();
    EXPECT_EQ(actual(id), "active");
    return id;
  }
  void want(ServiceId id, Change change) {
    ASSERT_TRUE(write([&](auto& tx) {
                  return services::change_service(tx, id, change, {.actor = {}, .reason = "test"}, clock.now());
                }).ok());
  }
  void work_for(Duration time, Duration step = minutes(10)) {
    const Instant end = clock.now() + time;
    while (clock.now() < end) {
      clock.advance(step);
      workers.drain();
    }
  }
  std::string actual(ServiceId id) { return service(id).actual_state; }
  std::string desired(ServiceId id) { return service(id).desired_state; }
  std::string effect_state(ServiceId id) {
    return read([&](auto& c) {
      auto rows = c.query("SELECT state FROM effects WHERE object_id = $1 AND kind = 'provision' ORDER BY id DESC", id);
      return rows.next() ? rows.string(0) : std::string("none");
    });
  }
  std::optional<TaskId> open_task(ServiceId id, std::string_view kind = "provision") {
    return read([&](auto& c) -> std::optional<TaskId> {
      auto rows =
          c.query("SELECT id FROM staff_tasks WHERE object_id = $1 AND kind = $2 AND status = 'open'", id, kind);
      if (!rows.next()) return std::nullopt;
      return rows.template id<TaskId>(0);
    });
  }
  std::string outside(ServiceId id) { return codec.text(id); }
  static long count(const FakePanel& panel, const std::string& call) {
    return std::count(panel.calls.begin(), panel.calls.end(), call);
  }

  const IdCodec codec{IdCodec::Key{7}};
  test::ManualClock clock;
  testing::FakePanels panels;
  Provisioner provisioner{*db, panels, codec};
  PlanChanger plan_changer{*db, panels, codec};
  effects::Workers workers{*db, clock, {&provisioner, &plan_changer}, {.threads = 4}};
  AccountId customer;

 private:
  int products_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Backends, ProvisioningTest, test::backends());

TEST_P(ProvisioningTest, a_service_is_made_once_it_is_paid_and_not_before) {
  const auto product = write([&](auto& tx) {
    return catalog::create_product(tx,
                                   {.code = "vps",
                                    .name = "VPS",
                                    .panel = "web1",
                                    .prices = {{BillingCycle::months(1), dollars(2000), dollars(0)}}},
                                   now());
  });
  const auto placed = order(customer, {*product});
  const ServiceId id = placed.services.at(0);
  workers.drain();
  EXPECT_TRUE(panels.web1.calls.empty());
  EXPECT_EQ(desired(id), "none");
  pay(placed.invoice, dollars(2000));
  workers.drain();
  EXPECT_EQ(panels.web1.calls, std::vector<std::string>{"create"});
  EXPECT_EQ(actual(id), "active");
  EXPECT_EQ(service(id).panel_reference, "panel-1");
  EXPECT_EQ(panels.web1.requests.at(0).service_id, outside(id));
  EXPECT_EQ(panels.web1.requests.at(0).product_code, "vps");
  EXPECT_EQ(panels.web1.requests.at(0).customer_email, "customer1@example.com");
  expect_clean();
}

TEST_P(ProvisioningTest, a_product_without_a_panel_is_as_wanted_at_once) {
  const ServiceId id = bought_at("");
  EXPECT_EQ(actual(id), "active");
  workers.drain();
  EXPECT_TRUE(panels.web1.calls.empty());
  expect_clean();
}

TEST_P(ProvisioningTest, each_change_is_one_call_and_draining_again_is_none) {
  const ServiceId id = running_at("web1");
  want(id, Change::suspend);
  workers.drain();
  want(id, Change::unsuspend);
  workers.drain();
  want(id, Change::terminate);
  workers.drain();
  work_for(hours(12));
  EXPECT_EQ(panels.web1.calls, (std::vector<std::string>{"create", "suspend", "unsuspend", "terminate"}));
  EXPECT_EQ(actual(id), "terminated");
  EXPECT_TRUE(panels.web1.accounts.empty());
  expect_clean();
}

TEST_P(ProvisioningTest, wishes_that_were_overtaken_are_not_carried_out) {
  const ServiceId id = running_at("web1");
  want(id, Change::suspend);
  want(id, Change::unsuspend);
  workers.drain();
  EXPECT_EQ(count(panels.web1, "suspend"), 0) << "by the time anybody looked it was wanted active again";
  EXPECT_EQ(panels.web1.accounts.at(outside(id)).state, PanelState::active);
  EXPECT_EQ(actual(id), "active");
  expect_clean();
}

TEST_P(ProvisioningTest, a_lost_answer_is_unknown_until_the_panel_was_asked) {
  panels.web1.mood = Mood::loses_answers;
  const ServiceId id = bought_at("web1");
  workers.drain();
  EXPECT_EQ(actual(id), "unknown");
  EXPECT_EQ(effect_state(id), "unknown");
  work_for(minutes(2), minutes(1));
  EXPECT_EQ(actual(id), "active");
  EXPECT_EQ(service(id).panel_reference, "panel-1") << "inspect tells it";
  EXPECT_EQ(count(panels.web1, "create"), 1) << "asked, not repeated";
  EXPECT_GE(count(panels.web1, "inspect"), 1);
  expect_clean();
}

TEST_P(ProvisioningTest, a_call_that_did_nothing_is_made_again_once_the_panel_says_so) {
  panels.web1.mood = Mood::does_nothing_and_loses_answers;
  const ServiceId id = bought_at("web1");
  workers.drain();
  EXPECT_EQ(actual(id), "unknown");
  panels.web1.mood = Mood::well;
  work_for(minutes(5), minutes(1));
  EXPECT_EQ(actual(id), "active");
  EXPECT_EQ(count(panels.web1, "create"), 2);
  EXPECT_EQ(panels.web1.accounts.size(), 1U);
  const auto& requests = panels.web1.requests;
  EXPECT_EQ(requests.at(0).idempotency_key, requests.at(1).idempotency_key);
}

TEST_P(ProvisioningTest, creating_twice_adopts_what_is_there) {
  const ServiceId id = running_at("web1");
  // Staff tell the panel again: a new version of the same wish.
  write([&](auto& tx) {
    tx.execute(
        "UPDATE services SET state_version = state_version + 1, actual_state = 'none', panel_reference = ''"
        " WHERE id = $1",
        id);
    const effects::NewEffect again{.kind = "provision",
                                   .key = "provision:" + std::to_string(id.value()) + ":2",
                                   .instance = "web1",
                                   .account = customer,
                                   .object = id.value()};
    effects::record(tx, clock.now(), {&again, 1});
  });
  workers.drain();
  EXPECT_EQ(count(panels.web1, "create"), 2);
  EXPECT_EQ(panels.web1.accounts.size(), 1U) << "never two accounts for one service";
  EXPECT_EQ(service(id).panel_reference, "panel-1");
}

TEST_P(ProvisioningTest, the_account_of_another_service_is_never_adopted) {
  const ServiceId first = running_at("web1");
  panels.web1.mood = Mood::answers_anothers;
  const ServiceId second = bought_at("web1");
  workers.drain();
  EXPECT_EQ(actual(second), "none");
  EXPECT_EQ(service(second).panel_reference, "");
  EXPECT_EQ(effect_state(second), "parked");
  EXPECT_TRUE(open_task(second).has_value());
  panels.web1.mood = Mood::well;
  want(second, Change::terminate);
  work_for(hours(7), hours(1));
  EXPECT_EQ(count(panels.web1, "terminate"), 0) << "only what was made for it is ended";
  EXPECT_EQ(actual(first), "active");
  expect_clean();
}

TEST_P(ProvisioningTest, an_account_may_go_by_the_name_of_one_that_is_gone) {
  const ServiceId first = running_at("web1");
  want(first, Change::terminate);
  workers.drain();
  ASSERT_EQ(actual(first), "terminated");
  const ServiceId second = bought_at("web1");
  panels.web1.accounts[outside(second)] = {.reference = service(first).panel_reference};
  workers.drain();
  EXPECT_EQ(actual(second), "active");
  EXPECT_EQ(service(second).panel_reference, service(first).panel_reference);
}

TEST_P(ProvisioningTest, a_refusal_waits_for_a_person_and_is_not_repeated) {
  panels.web1.mood = Mood::refuses;
  const ServiceId id = bought_at("web1");
  workers.drain();
  work_for(hours(48), hours(1));
  EXPECT_EQ(count(panels.web1, "create"), 1);
  EXPECT_EQ(effect_state(id), "parked");
  EXPECT_EQ(actual(id), "none");
  EXPECT_EQ(service(id).status, services::ServiceStatus::active) << "it is paid for";
  expect_clean();
}

TEST_P(ProvisioningTest, what_could_not_be_terminated_counts_as_running) {
  const ServiceId id = running_at("web1");
  panels.web1.mood = Mood::down;
  want(id, Change::terminate);
  work_for(hours(24), hours(1));
  EXPECT_EQ(service(id).status, services::ServiceStatus::terminated) << "for billing it is over";
  EXPECT_EQ(desired(id), "terminated");
  EXPECT_EQ(actual(id), "active") << "it still runs";
  expect_clean();
  panels.web1.mood = Mood::well;
  work_for(hours(7), hours(1));
  EXPECT_EQ(actual(id), "terminated");
  EXPECT_TRUE(panels.web1.accounts.empty());
}

TEST_P(ProvisioningTest, a_refused_termination_counts_as_running_and_staff_see_it) {
  const ServiceId id = running_at("web1");
  panels.web1.mood = Mood::refuses;
  want(id, Change::terminate);
  work_for(hours(3), hours(1));
  EXPECT_EQ(actual(id), "active");
  EXPECT_EQ(effect_state(id), "parked");
  expect_clean();
}

TEST_P(ProvisioningTest, what_was_never_made_needs_no_termination) {
  panels.web1.mood = Mood::down;
  const ServiceId id = bought_at("web1");
  workers.drain();
  panels.web1.mood = Mood::well;
  want(id, Change::terminate);
  work_for(hours(7), hours(1));
  EXPECT_EQ(count(panels.web1, "terminate"), 0);
  EXPECT_TRUE(panels.web1.accounts.empty());
  expect_clean();
}

TEST_P(ProvisioningTest, what_may_have_been_made_is_terminated) {
  panels.web1.mood = Mood::loses_answers;
  const ServiceId id = bought_at("web1");
  workers.drain();
  ASSERT_EQ(actual(id), "unknown");
  panels.web1.mood = Mood::well;
  want(id, Change::terminate);
  work_for(hours(1));
  EXPECT_TRUE(panels.web1.accounts.empty()) << "nothing is left running that nobody pays for";
  EXPECT_EQ(actual(id), "terminated");
}

TEST_P(ProvisioningTest, a_panel_that_is_down_for_days_holds_up_no_other) {
  panels.web1.mood = Mood::down;
  std::vector<ServiceId> stuck, others;
  for (int i = 0; i < 5; ++i) {
    stuck.push_back(bought_at("web1"));
    others.push_back(bought_at("web2"));
  }
  workers.drain();
  for (const auto id : others) EXPECT_EQ(actual(id), "active");
  work_for(hours(72), hours(1));
  for (const auto id : stuck) EXPECT_EQ(actual(id), "none");
  EXPECT_LT(panels.web1.calls.size(), 5U * 40U) << "tried with a growing pause";
  panels.web1.mood = Mood::well;
  work_for(hours(7), hours(1));
  for (const auto id : stuck) EXPECT_EQ(actual(id), "active");
  EXPECT_EQ(panels.web1.accounts.size(), 5U);
  expect_clean();
}

TEST_P(ProvisioningTest, a_panel_that_is_not_loaded_is_waited_for) {
  panels.web2_is_loaded = false;
  const ServiceId id = bought_at("web2");
  work_for(hours(2), hours(1));
  EXPECT_EQ(actual(id), "none");
  panels.web2_is_loaded = true;
  work_for(hours(7), hours(1));
  EXPECT_EQ(actual(id), "active");
}

TEST_P(ProvisioningTest, work_by_hand_is_a_task_and_done_when_staff_say_so) {
  panels.web1.mood = Mood::works_by_hand;
  const ServiceId id = bought_at("web1");
  workers.drain();
  EXPECT_EQ(actual(id), "none");
  const auto task = open_task(id);
  ASSERT_TRUE(task);
  const auto completed = write([&](auto& tx) { return complete_task(tx, *task, UserId(5), clock.now()); });
  EXPECT_TRUE(completed.ok());
  EXPECT_EQ(actual(id), "active");
  EXPECT_FALSE(open_task(id));
  EXPECT_EQ(write([&](auto& tx) { return complete_task(tx, *task, UserId(5), clock.now()); }).error().code,
            "task_not_open");
  work_for(hours(12), hours(1));
  EXPECT_EQ(count(panels.web1, "create"), 1);
  expect_clean();
}

TEST_P(ProvisioningTest, a_paid_upgrade_tells_the_panel_the_new_plan_once) {
  const ServiceId id = running_at("web1");
  EXPECT_EQ(upgrade(id), "");
  EXPECT_EQ(plan_state(id), "wanted");
  expect_clean();
  workers.drain();
  workers.drain();
  EXPECT_EQ(count(panels.web1, "change_plan"), 1);
  const PanelRequest& told = panels.web1.requests.back();
  EXPECT_EQ(told.previous_product_code, "vps1");
  EXPECT_EQ(told.product_code, "bigger2");
  EXPECT_EQ(told.options, R"({"plan":"large"})");
  EXPECT_EQ(told.reference, "panel-1");
  EXPECT_EQ(plan_state(id), "done");
  expect_clean();
}

TEST_P(ProvisioningTest, a_plan_whose_answer_is_lost_is_told_again_until_it_is_heard) {
  const ServiceId id = running_at("web1");
  panels.web1.mood = Mood::loses_answers;
  EXPECT_EQ(upgrade(id), "");
  workers.drain();
  EXPECT_EQ(plan_state(id), "wanted");
  EXPECT_EQ(upgrade(id), "panel_at_work") << "one plan after the other";
  expect_clean();
  panels.web1.mood = Mood::well;
  work_for(hours(2));
  EXPECT_EQ(count(panels.web1, "change_plan"), 2);
  EXPECT_EQ(plan_state(id), "done");
  expect_clean();
}

TEST_P(ProvisioningTest, a_plan_that_the_panel_refuses_is_a_task_for_staff) {
  const ServiceId id = running_at("web1");
  panels.web1.mood = Mood::refuses;
  EXPECT_EQ(upgrade(id), "");
  workers.drain();
  EXPECT_EQ(plan_state(id), "wanted");
  const auto task = open_task(id, "change_plan");
  ASSERT_TRUE(task);
  expect_clean();
  ASSERT_TRUE(write([&](auto& tx) { return complete_task(tx, *task, UserId(5), clock.now()); }).ok());
  EXPECT_EQ(plan_state(id), "done");
  EXPECT_EQ(actual(id), "active");
  expect_clean();
}

TEST_P(ProvisioningTest, a_service_that_ends_meanwhile_gets_no_new_plan) {
  const ServiceId id = running_at("web1");
  panels.web1.mood = Mood::down;
  EXPECT_EQ(upgrade(id), "");
  workers.drain();
  const long asked = count(panels.web1, "change_plan");
  panels.web1.mood = Mood::well;
  want(id, Change::terminate);
  work_for(hours(2));
  EXPECT_EQ(count(panels.web1, "change_plan"), asked);
  EXPECT_EQ(actual(id), "terminated");
  EXPECT_EQ(plan_state(id), "done");
  expect_clean();
}

}  // namespace
}  // namespace bursar::provisioning
