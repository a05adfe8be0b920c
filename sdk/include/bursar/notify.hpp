// bursar.notify/1 for plugin authors: `Delivery send(Call&, const Message&)`, and `Delivery lookup(Call&, const
// DeliveryLookup&)` where the provider can be asked.
#pragma once

#include "abi/notify.h"
#include "settings.hpp"

BURSAR_SDK_BEGIN

struct Attachment {
  std::string_view name, media_type, data;
};

struct Message {
  std::string_view message_id, recipient, recipient_name, template_name, locale, subject, body, html;
  std::vector<Attachment> attachments;
};

struct DeliveryLookup {
  std::string_view message_id, provider_id;
};

enum class DeliveryOutcome : bursar_delivery_outcome {
  unknown = BURSAR_DELIVERY_UNKNOWN,
  sent = BURSAR_DELIVERY_SENT,
  refused = BURSAR_DELIVERY_REFUSED,
  not_attempted = BURSAR_DELIVERY_NOT_ATTEMPTED,
};

struct Delivery {
  DeliveryOutcome outcome = DeliveryOutcome::unknown;
  std::string provider_id{};
  Milliseconds retry_after{0};

  static Delivery sent(std::string provider_id = {}) { return {DeliveryOutcome::sent, std::move(provider_id)}; }
  static Delivery refused() { return {DeliveryOutcome::refused}; }
  static Delivery not_attempted(Milliseconds retry_after = Milliseconds(0)) {
    return {DeliveryOutcome::not_attempted, {}, retry_after};
  }
  static Delivery unknown() { return {}; }
};

namespace detail {

inline Message read(const bursar_message& in) {
  const bursar_message* m = &in;
  Message out{BURSAR_READ(m, message_id),    BURSAR_READ(m, recipient), BURSAR_READ(m, recipient_name),
              BURSAR_READ(m, template_name), BURSAR_READ(m, locale),    BURSAR_READ(m, subject),
              BURSAR_READ(m, body),          BURSAR_READ(m, html),      {}};
  if (BURSAR_HAS(m, attachments_count)) {
    for (std::uint64_t i = 0; i < m->attachments_count; ++i) {
      out.attachments.push_back(
          {read(m->attachments[i].name), read(m->attachments[i].media_type), read(m->attachments[i].data)});
    }
  }
  return out;
}

inline DeliveryLookup read(const bursar_delivery_lookup& in) {
  const bursar_delivery_lookup* l = &in;
  return {BURSAR_READ(l, message_id), BURSAR_READ(l, provider_id)};
}

inline void write(Call& call, const Delivery& in, bursar_delivery* out) {
  BURSAR_WRITE(out, provider_id, call.keep(in.provider_id));
  BURSAR_WRITE(out, retry_after_ms, in.retry_after.count());
  BURSAR_WRITE(out, outcome, static_cast<bursar_delivery_outcome>(in.outcome));
}

template <class T>
concept OffersNotify = requires(T& t, Call& c, const Message& q) {
  { t.send(c, q) } -> std::same_as<Delivery>;
};
template <class T>
concept HasDeliveryLookup = requires(T& t, Call& c, const DeliveryLookup& q) {
  { t.lookup(c, q) } -> std::same_as<Delivery>;
};

struct NotifyTable {
  bursar_notify_v1 table{};

  template <class T, T& (*self)(bursar_plugin*)>
  void fill(const T&) {
    table.struct_size = sizeof table;
    table.send = [](bursar_plugin* p, bursar_call* c, const bursar_message* q, bursar_delivery* r) noexcept {
      return guarded_outcome(c, r, Effect::acts, BURSAR_DELIVERY_NOT_ATTEMPTED,
                             [&](Call& call) { write(call, self(p).send(call, read(*q)), r); });
    };
    if constexpr (HasDeliveryLookup<T>) {
      table.lookup = [](bursar_plugin* p, bursar_call* c, const bursar_delivery_lookup* q,
                        bursar_delivery* r) noexcept {
        return guarded_outcome(c, r, Effect::reads, BURSAR_DELIVERY_NOT_ATTEMPTED,
                               [&](Call& call) { write(call, self(p).lookup(call, read(*q)), r); });
      };
    }
  }
};

}  // namespace detail
BURSAR_SDK_END
