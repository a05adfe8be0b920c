// What there is to say about a configured plugin instance, for `/plugins`, `bursar plugin list` and the log.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "plugin_host/settings_table.hpp"

namespace bursar::plugin_host {

enum class InstanceState {
  loaded,     // takes calls
  disabled,   // refused at load: see cause and cure
  unhealthy,  // loaded, but its calls hang: takes none until one of them returns
};
[[nodiscard]] std::string_view to_string(InstanceState state);

// A setting with what the configuration says of it: what a form shows. What is secret, by the table or by where it was
// written, has no value here.
struct FormField {
  Setting setting;
  bool written = false;
  std::optional<std::string> value;  // as written, a list's items joined by commas
};

struct Record {
  std::string instance;
  std::string plugin;  // as configured: the file's name without .so
  InstanceState state = InstanceState::disabled;
  std::string cause;  // empty when loaded
  std::string cure;
  std::vector<FieldError> setting_errors;  // places in the configuration, when the settings are the cause
  std::string place;                       // of the instance in the configuration, "bursar.yaml:31:5"
  std::string file;                        // resolved path; empty when there is none
  std::string id;                          // the plugin's own, "com.example.pay"
  std::string name;                        // for people
  std::string version;                     // the plugin's
  std::string abi;                         // "1.0": what it was built against
  std::vector<std::string> interfaces;     // "bursar.payment/1"
  std::vector<std::string> capabilities;   // "payment.refund", "concurrent"
  std::vector<FormField> form;             // in the table's order; empty when the table could not be read
};

}  // namespace bursar::plugin_host
