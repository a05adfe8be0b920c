// notices::Channel over bursar.notify/1.
#include "plugin_host/answer_reader.hpp"
#include "plugin_host/ports.hpp"

namespace bursar::plugin_host {
namespace {

using notices::DeliveryAnswer;
using notices::DeliveryOutcome;
using notices::Message;

struct Frame {
  explicit Frame(const Message& from) : message(from), abi(sized<bursar_message>()) {
    abi.message_id = lend(message.message_id);
    abi.recipient = lend(message.recipient);
    abi.recipient_name = lend(message.recipient_name);
    abi.template_name = lend(message.template_name);
    abi.subject = lend(message.subject);
    abi.body = lend(message.body);
  }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
  const Message message;
  bursar_message abi;
  bursar_delivery result = sized<bursar_delivery>();
};

DeliveryOutcome outcome_of(bursar_delivery_outcome outcome, AnswerReader& reader) {
  switch (outcome) {
    case BURSAR_DELIVERY_UNKNOWN:
      return DeliveryOutcome::unknown;
    case BURSAR_DELIVERY_SENT:
      return DeliveryOutcome::sent;
    case BURSAR_DELIVERY_REFUSED:
      return DeliveryOutcome::refused;
    case BURSAR_DELIVERY_NOT_ATTEMPTED:
      return DeliveryOutcome::not_attempted;
    default:
      reader.fault("the outcome " + std::to_string(outcome) + " does not exist");
      return DeliveryOutcome::unknown;
  }
}

class PluginChannel final : public notices::Channel {
 public:
  explicit PluginChannel(std::shared_ptr<Instance> instance) : instance_(std::move(instance)) {}

  [[nodiscard]] int concurrency() const override { return instance_->concurrency(); }

  DeliveryAnswer send(const Message& message) override {
    const auto frame = std::make_shared<Frame>(message);
    const auto function = instance_->tables().notify->send;
    const auto end =
        instance_->call("send", message.idempotency_key, [frame, function](bursar_plugin* plugin, bursar_call* call) {
          return function(plugin, call, &frame->abi, &frame->result);
        });
    switch (end.how) {
      case CallEnd::How::never:
        return {DeliveryOutcome::not_attempted, {}, end.error};
      case CallEnd::How::failed:
      case CallEnd::How::abandoned:
        return {DeliveryOutcome::unknown, {}, end.error};
      case CallEnd::How::answered:
        break;
    }
    AnswerReader reader;
    DeliveryAnswer answer;
    answer.outcome = outcome_of(frame->result.outcome, reader);
    answer.provider_id = reader.text(frame->result.provider_id, "the provider's id", AnswerReader::reference_max);
    if (!reader.faults().empty()) {
      instance_->misbehaved("send", reader.faults());
      return {
          DeliveryOutcome::unknown, {}, instance_->title() + " gave an answer that can't be: " + reader.faults() + "."};
    }
    if (answer.outcome != DeliveryOutcome::sent) answer.error = instance_->scrubber().scrub(end.call->errors());
    return answer;
  }

 private:
  std::shared_ptr<Instance> instance_;
};

}  // namespace

std::unique_ptr<notices::Channel> make_channel(std::shared_ptr<Instance> instance) {
  return std::make_unique<PluginChannel>(std::move(instance));
}

}  // namespace bursar::plugin_host
