// Messages that other domains ask for without knowing notices: an effect of kind "notice", recorded in the transaction
// that decided on it, whose key says which and about what: "notice:change_applied:42". Its message is written in the
// transaction that settles it.
#pragma once

#include "effects/effects.hpp"
#include "notices/outbox.hpp"

namespace bursar::notices {

Template notice_in(std::string_view key);

class NoticeHandler final : public effects::Handler {
 public:
  explicit NoticeHandler(const Outbox& outbox) : outbox_(outbox) {}
  [[nodiscard]] std::string_view kind() const override { return "notice"; }
  [[nodiscard]] int concurrency(std::string_view) const override { return 1; }
  // Nothing happens outside.
  effects::Outcome perform(const effects::Effect&) override { return {.verdict = effects::Verdict::done}; }
  effects::Outcome inspect(const effects::Effect&) override { return {.verdict = effects::Verdict::done}; }
  void settle(storage::Transaction& tx, const effects::Effect& effect, effects::Outcome& outcome, Instant now) override;

 private:
  const Outbox& outbox_;
};

}  // namespace bursar::notices
