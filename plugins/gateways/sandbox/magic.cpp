#include "magic.hpp"

namespace sandbox {
namespace {

struct Row {
  std::string_view name;
  std::int64_t minor;
  Behaviour behaviour;
};

constexpr Row rows[] = {
    {"success", 0, Behaviour::succeed},
    {"decline_soft", 4001, Behaviour::decline_soft},
    {"decline_final", 4002, Behaviour::decline_final},
    {"action", 4003, Behaviour::require_action},
    {"delayed", 4004, Behaviour::settle_later},
    {"timeout", 4005, Behaviour::time_out_after},
    {"refused", 4006, Behaviour::refuse_connection},
    {"partial", 4007, Behaviour::settle_partly},
};

constexpr std::string_view token_prefix = "tok_";

}  // namespace

Behaviour behaviour_named(std::string_view name) {
  for (const Row& row : rows) {
    if (row.name == name) return row.behaviour;
  }
  return Behaviour::succeed;
}

Behaviour behaviour_of_charge(std::string_view token, std::int64_t minor, Behaviour otherwise) {
  if (token.starts_with(token_prefix)) {
    for (const Row& row : rows) {
      if (row.name == token.substr(token_prefix.size())) return row.behaviour;
    }
  }
  for (const Row& row : rows) {
    if (row.minor != 0 && row.minor == minor) return row.behaviour;
  }
  return otherwise;
}

Behaviour behaviour_of_refund(std::int64_t minor) {
  switch (minor) {
    case 4101:
      return Behaviour::decline_final;
    case 4105:
      return Behaviour::time_out_after;
    case 4106:
      return Behaviour::refuse_connection;
    default:
      return Behaviour::succeed;
  }
}

}  // namespace sandbox
