// Tells staff of a run that waits for their approval: a task, and a message to the provider's own address.
#pragma once

#include "notices/outbox.hpp"
#include "scheduler/breaker.hpp"

namespace bursar::payments {

class HeldRunNotices final : public scheduler::HoldListener {
 public:
  explicit HeldRunNotices(const notices::Outbox& outbox) : outbox_(outbox) {}
  void held(storage::Transaction& tx, const scheduler::RunContext& run,
            const std::vector<scheduler::StepCheck>& checks) override;
  void decided(storage::Transaction& tx, RunId run, UserId by, Instant now) override;

 private:
  const notices::Outbox& outbox_;
};

}  // namespace bursar::payments
