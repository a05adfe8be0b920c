// The port to notification channels. As payments/gateway.hpp: outside any transaction.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bursar::notices {

enum class DeliveryOutcome {
  unknown,  // may or may not have gone out
  sent,
  refused,        // never deliverable as it is
  not_attempted,  // certain that nothing went out: try again later
};

struct DeliveryAnswer {
  DeliveryOutcome outcome = DeliveryOutcome::unknown;
  std::string provider_id;
  std::string error;
};

struct Message {
  std::string idempotency_key;
  std::string message_id;  // outside text; also the Message-ID's local part
  std::string recipient;   // the channel's own address form: an email address for mail
  std::string recipient_name;
  std::string template_name;
  std::string subject;
  std::string body;
};

class Channel {
 public:
  virtual ~Channel() = default;
  // How many calls may run side by side: as the configuration says, else as the plugin proposes.
  [[nodiscard]] virtual int concurrency() const = 0;
  virtual DeliveryAnswer send(const Message& message) = 0;
};

class Channels {
 public:
  virtual ~Channels() = default;
  [[nodiscard]] virtual std::vector<std::string> list() const = 0;
  [[nodiscard]] virtual Channel* find(std::string_view instance) = 0;
};

}  // namespace bursar::notices
