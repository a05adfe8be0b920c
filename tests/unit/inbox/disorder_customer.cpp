// What the customer does beside paying: services and their plans, saved methods, and holds.
#include "disorder_world.hpp"
#include "dunning/holds.hpp"
#include "invoicing/change.hpp"
#include "invoicing/orders.hpp"
#include "payments/methods.hpp"

namespace bursar::test {

using FakeAct = test::Act;
using storage::Connection;
using storage::Transaction;

void DisorderWorld::order_service() {
  const invoicing::OrderRequest request{.account = account_,
                                        .items = {{.product = small_, .cycle = BillingCycle::months(1)}}};
  attempt([&](Transaction& tx) {
    const auto placed = invoicing::place_order(tx, rules_, request, customer_, clock_.now());
    if (placed.ok() && placed->invoice) invoices_.push_back(placed->invoice);
    return placed.ok();
  });
}

void DisorderWorld::change_plan() {
  const auto services = db_->read([&](Connection& c) { return services::list_services(c, account_, {}, 50); });
  if (services.empty()) return;
  const auto& service = any(services);
  const invoicing::ChangeRequest request{.service = service.id, .product = service.product == small_ ? large_ : small_};
  attempt([&](Transaction& tx) {
    const auto change = invoicing::request_change(tx, rules_, request, customer_, clock_.now());
    if (change.ok() && change->invoice) invoices_.push_back(change->invoice);
    return change.ok();
  });
}

void DisorderWorld::withdraw_plan_change() {
  const auto services = db_->read([&](Connection& c) { return services::list_services(c, account_, {}, 50); });
  if (services.empty()) return;
  attempt([&](Transaction& tx) {
    return invoicing::withdraw_change(tx, rules_, any(services).id, customer_, clock_.now()).ok();
  });
}

void DisorderWorld::hold() {
  dunning::NewHold hold{.account = account_,
                        .until = rules_.today(clock_.now()).plus_days(1 + static_cast<int>(pick(10))),
                        .reason = "promised"};
  if (one_in(2)) hold.invoice = any(invoices_);
  attempt([&](Transaction& tx) { return dunning::place_hold(tx, rules_, outbox_, hold, staff_, clock_.now()).ok(); });
}

void DisorderWorld::lift_hold() {
  const auto holds = db_->read([&](Connection& c) { return dunning::list_holds(c, account_, {}, 50); });
  if (holds.empty()) return;
  attempt([&](Transaction& tx) {
    return dunning::lift_hold(tx, rules_, any(holds).id, dunning::HoldOrigin::staff, staff_, clock_.now()).ok();
  });
}

// With the token of a field that the gateway hosts, or at its page.
void DisorderWorld::save_method() {
  const std::string gateway = either();
  if (one_in(2)) {
    const std::string token = "tok-field-" + std::to_string(++elsewhere_so_far_);
    attempt([&](Transaction& tx) {
      return payments::add_method(tx, gateways_, vault_, account_,
                                  {.gateway = gateway, .token = token, .label = "Card"}, customer_, clock_.now())
          .ok();
    });
    return;
  }
  static constexpr FakeAct answers[] = {FakeAct::succeed,       FakeAct::succeed_without_answer,
                                        FakeAct::vanish,        FakeAct::unreachable,
                                        FakeAct::decline_final, FakeAct::need_action,
                                        FakeAct::stay_pending,  FakeAct::need_action};
  fake(gateway).script({answers[pick(std::size(answers))]});
  const auto setup = db_->write("setup", [&](Transaction& tx) {
    return setups_.record(tx, {.account = account_, .gateway = gateway}, customer_, clock_.now());
  });
  if (setup.ok() && !one_in(5)) setups_.perform(*setup);  // else the process ended before the gateway was asked
}

// That a method was saved, with its token or without; or a decline, which may be of an earlier try at the page.
void DisorderWorld::webhook_of_setup() {
  if (one_in(2)) fake(either()).finish_setups();
  const auto setups = db_->read([&](Connection& c) { return payments::list_setups(c, account_, {}, 50); });
  if (setups.empty()) return;
  const auto& setup = any(setups);
  if (setup.gateway != "cards") return;
  inbox::WebhookEvent event;
  event.kind = inbox::WebhookEventKind::method_saved;
  event.setup_id = codec_.text(setup.id);
  if (gateways_.cards.saved().contains(event.setup_id) && one_in(2))
    event.payment = gateways_.cards.saved_by(event.setup_id);
  tell(std::move(event), Delivery::may_be_lost);
}

void DisorderWorld::remove_method() {
  const auto methods = saved_methods();
  if (methods.empty()) return;
  fake("cards").be_deaf(one_in(3));
  attempt([&](Transaction& tx) { return payments::remove_method(tx, any(methods).id, customer_, clock_.now()).ok(); });
  if (one_in(2)) workers_.drain();
}

void DisorderWorld::order_methods() {
  const auto methods = saved_methods();
  if (methods.empty()) return;
  attempt([&](Transaction& tx) {
    return payments::update_method(tx, any(methods).id, {.position = 0}, std::nullopt, customer_, clock_.now()).ok();
  });
}

}  // namespace bursar::test
