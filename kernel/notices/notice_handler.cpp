#include "notices/notice_handler.hpp"

#include "base/assert.hpp"

namespace bursar::notices {

Template notice_in(std::string_view key) {
  const auto first = key.find(':'), last = key.rfind(':');
  BURSAR_ASSERT(first != std::string_view::npos && last > first);
  return template_named(key.substr(first + 1, last - first - 1));
}

void NoticeHandler::settle(storage::Transaction& tx, const effects::Effect& effect, effects::Outcome&, Instant now) {
  outbox_.enqueue_change(tx, notice_in(effect.key), effect.object, now);
}

}  // namespace bursar::notices
