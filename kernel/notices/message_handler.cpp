#include "notices/outbox.hpp"

namespace bursar::notices {
namespace {

constexpr int sends_at_most = 2;

effects::Outcome outcome_of(const DeliveryAnswer& answer) {
  switch (answer.outcome) {
    case DeliveryOutcome::sent:
      return {.verdict = effects::Verdict::done, .data = answer.provider_id};
    case DeliveryOutcome::refused:
      return {.verdict = effects::Verdict::failed, .error = answer.error};
    case DeliveryOutcome::not_attempted:
      return {.verdict = effects::Verdict::not_attempted, .error = answer.error};
    case DeliveryOutcome::unknown:
      break;
  }
  return {.verdict = effects::Verdict::unknown, .error = answer.error};
}

std::string_view stored_status(effects::Verdict verdict) {
  switch (verdict) {
    case effects::Verdict::done:
      return "sent";
    case effects::Verdict::failed:
      return "failed";
    case effects::Verdict::unknown:
    case effects::Verdict::parked:
      return "unknown";
    case effects::Verdict::waiting:
    case effects::Verdict::not_attempted:
      break;
  }
  return "waiting";
}

}  // namespace

int MessageHandler::concurrency(std::string_view instance) const {
  const Channel* plugin = channels_.find(instance);
  return plugin == nullptr ? 1 : plugin->concurrency();
}

effects::Outcome MessageHandler::perform(const effects::Effect& effect) {
  Channel* channel = channels_.find(effect.instance);
  if (channel == nullptr) {
    return {.verdict = effects::Verdict::not_attempted, .error = "the channel '" + effect.instance + "' is not loaded"};
  }
  const MessageId id(effect.object);
  const auto message = db_.read([&](storage::Connection& c) {
    auto rows = c.query(
        "SELECT m.recipient, coalesce(a.name, ''), m.template, m.subject, m.body FROM messages m LEFT JOIN accounts a "
        "ON a.id = "
        "m.account_id "
        "WHERE m.id = $1",
        id);
    std::optional<Message> out;
    if (rows.next()) {
      out = Message{.idempotency_key = effect.key,
                    .message_id = codec_.text(id),
                    .recipient = rows.string(0),
                    .recipient_name = one_line(rows.text(1)),
                    .template_name = rows.string(2),
                    .subject = rows.string(3),
                    .body = rows.string(4)};
    }
    return out;
  });
  if (!message) return {.verdict = effects::Verdict::parked, .error = "the message is not stored"};
  return outcome_of(channel->send(*message));
}

effects::Outcome MessageHandler::inspect(const effects::Effect& effect) {
  if (effect.attempts <= sends_at_most) return perform(effect);
  return {.verdict = effects::Verdict::parked,
          .error = "sent " + std::to_string(sends_at_most) +
                   " times without a clear answer; look into the channel's own log"};
}

void MessageHandler::settle(storage::Transaction& tx, const effects::Effect& effect, effects::Outcome& outcome,
                            Instant now) {
  const bool sent = outcome.verdict == effects::Verdict::done;
  tx.execute("UPDATE messages SET status = $2, sent_at = $3 WHERE id = $1", effect.object,
             stored_status(outcome.verdict), sent ? std::optional(now) : std::nullopt);
}

}  // namespace bursar::notices
