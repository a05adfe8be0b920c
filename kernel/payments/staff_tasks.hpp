// Work that waits for a person: a bank transfer to confirm, a server to set up by hand.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/id.hpp"
#include "base/time.hpp"
#include "storage/database.hpp"

namespace bursar::payments {

struct StaffTask {
  TaskId id;
  std::string kind;         // confirm_payment, provision, assign_suspense, ...
  AccountId account;        // none where it concerns no customer
  std::int64_t object = 0;  // the payment or service
  std::string title;
  std::string detail;
  std::string status;  // open, done, dismissed
  Instant created_at;
  std::optional<Instant> closed_at;
  UserId closed_by;
};

std::optional<StaffTask> find_task(storage::Connection& c, TaskId id);
// Oldest first, after `after`; `status` empty: any.
std::vector<StaffTask> list_tasks(storage::Connection& c, const std::string& status, TaskId after, int limit);

// Writes the task. Where an open one of this kind stands for the object, that gets what is new of the detail.
void raise_task(storage::Transaction& tx, const std::string& kind, AccountId account, std::int64_t object,
                const std::string& title, const std::string& detail, Instant now);
void close_task(storage::Transaction& tx, const std::string& kind, std::int64_t object, const std::string& status,
                UserId by, Instant now);

}  // namespace bursar::payments
