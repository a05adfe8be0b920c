// Who does something: named by every act that is audited.
#pragma once

#include <string>
#include <string_view>

#include "base/id.hpp"

namespace bursar::accounts {

enum class ActorKind { user, staff, job, cli };
std::string_view to_text(ActorKind kind);

struct Actor {
  ActorKind kind = ActorKind::job;
  UserId user = {};
  std::string address = {};     // network address of the caller, when there is one
  std::string request_id = {};  // X-Request-Id, or the run's id
};

}  // namespace bursar::accounts
