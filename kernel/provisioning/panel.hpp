// The port to control panels. As payments/gateway.hpp: outside any transaction, unknown unless the panel said
// otherwise.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bursar::provisioning {

enum class PanelOutcome {
  unknown,
  done,
  pending,        // accepted; ask inspect() later
  refused,        // the panel says no; a person must look
  not_attempted,  // certain that nothing was done
};

// What exists at the panel now.
enum class PanelState { unknown, absent, active, suspended };

struct PanelAnswer {
  PanelOutcome outcome = PanelOutcome::unknown;
  std::string reference;                   // the panel's id of the account
  PanelState state = PanelState::unknown;  // inspect() only
  std::string staff_task;                  // pending by hand: what a person has to do
  std::string error;
};

struct PanelRequest {
  std::string idempotency_key;
  std::string service_id;  // outside text; creating the same service twice must adopt, not duplicate
  std::string account_id;
  std::string customer_email;
  std::string product_code;
  std::string label;
  std::string options;                     // the product's panel_options, JSON
  std::string reference;                   // empty before create
  std::string previous_product_code = {};  // change_plan only
};

class Panel {
 public:
  virtual ~Panel() = default;
  // How many calls may run side by side: as the configuration says, else as the plugin proposes.
  [[nodiscard]] virtual int concurrency() const = 0;
  virtual PanelAnswer create(const PanelRequest& request) = 0;
  virtual PanelAnswer suspend(const PanelRequest& request) = 0;
  virtual PanelAnswer unsuspend(const PanelRequest& request) = 0;
  virtual PanelAnswer terminate(const PanelRequest& request) = 0;
  // From previous_product_code to product_code with its options; may be repeated.
  virtual PanelAnswer change_plan(const PanelRequest& request) = 0;
  virtual PanelAnswer inspect(const PanelRequest& request) = 0;
};

class Panels {
 public:
  virtual ~Panels() = default;
  [[nodiscard]] virtual std::vector<std::string> list() const = 0;
  [[nodiscard]] virtual Panel* find(std::string_view instance) = 0;
};

}  // namespace bursar::provisioning
