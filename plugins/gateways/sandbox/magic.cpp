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
    {"abandoned", 4008, Behaviour::abandon},
    {"form", 4009, Behaviour::post_form},
    {"approve", 4010, Behaviour::approve},
    {"approve_timeout", 4011, Behaviour::approve_timed_out},
    {"expiring", 0, Behaviour::expire_soon},
    {"dispute", 4012, Behaviour::dispute},
    {"dispute_won", 4013, Behaviour::dispute_won},
    {"dispute_lost", 4014, Behaviour::dispute_lost},
};

constexpr std::string_view token_prefix = "tok_";

std::optional<Behaviour> find(std::string_view name) {
  for (const Row& row : rows) {
    if (row.name == name) return row.behaviour;
  }
  return std::nullopt;
}

}  // namespace

Behaviour behaviour_named(std::string_view name) { return find(name).value_or(Behaviour::succeed); }

std::string_view name_of(Behaviour behaviour) {
  for (const Row& row : rows) {
    if (row.behaviour == behaviour) return row.name;
  }
  return rows[0].name;
}

Behaviour behaviour_of_charge(std::string_view token, std::int64_t minor, Behaviour otherwise) {
  if (token.starts_with(token_prefix)) {
    const std::string_view name = token.substr(token_prefix.size());
    if (const auto found = find(name.substr(0, name.find(':')))) return *found;
  }
  for (const Row& row : rows) {
    if (row.minor != 0 && row.minor == minor) return row.behaviour;
  }
  return otherwise;
}

Behaviour behaviour_of_setup(std::string_view email) {
  const std::size_t at = std::min(email.find('@'), email.size());
  const std::size_t plus = email.substr(0, at).rfind('+');
  if (plus == std::string_view::npos) return Behaviour::require_action;
  return find(email.substr(plus + 1, at - plus - 1)).value_or(Behaviour::require_action);
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
