// A panel without a machine: each operation becomes a task for staff. The kernel keeps the tasks and settles the
// operation when one is closed; this plugin has no memory of them and is not asked (see "Work by hand" in
// bursar/abi/panel.h).
#include <bursar/plugin.hpp>

namespace {

using bursar::Call;
using bursar::Panel;
using bursar::PanelRequest;

class Manual final {
 public:
  static constexpr bursar::Info info{.kind = bursar::Kind::panel,
                                     .name = "Manual",
                                     .summary = "Raises a staff task for each change to a service.",
                                     .vendor = "Bursar",
                                     .license = "Apache-2.0",
                                     .concurrent = true};
  static constexpr bursar::Setting settings[] = {
      {.key = "instructions",
       .label = "Instructions",
       .help = "A sentence added to each task, for instance where the work is done.",
       .example = "Use the rack console in room 2.",
       .maximum = 1000},
  };

  Manual(bursar::Host /*host*/, const bursar::Settings& settings) : instructions_(settings.text("instructions")) {}

  Panel create(Call& /*call*/, const PanelRequest& request) { return task("Create", request); }
  Panel suspend(Call& /*call*/, const PanelRequest& request) { return task("Suspend", request); }
  Panel unsuspend(Call& /*call*/, const PanelRequest& request) { return task("Unsuspend", request); }
  Panel terminate(Call& /*call*/, const PanelRequest& request) { return task("Terminate", request); }
  Panel change_plan(Call& /*call*/, const PanelRequest& request) {
    return task("Change the plan (from " + std::string(request.previous_product_code) + ") of", request);
  }

  // Staff know; the kernel asks its task list.
  Panel inspect(Call& /*call*/, const PanelRequest& request) { return Panel::pending(std::string(request.reference)); }

  void test_connection(Call& /*call*/) {}

 private:
  [[nodiscard]] Panel task(const std::string& verb, const PanelRequest& request) const {
    std::string text = verb + " service " + std::string(request.service_id);
    const auto add = [&text](std::string_view before, std::string_view value) {
      if (!value.empty()) text.append(before).append(value);
    };
    add(", product ", request.product_code);
    add(", label ", request.label);
    add(", customer ", request.customer_email);
    add(", account ", request.account_id);
    if (request.options != "{}") add(", options ", request.options);
    add(", reason ", request.reason);
    text += ". Close this task when it is done.";
    add(" ", instructions_);
    return Panel::by_hand(std::move(text));
  }

  std::string instructions_;
};

}  // namespace

BURSAR_PLUGIN(Manual, "bursar.manual", "0.1.0")
