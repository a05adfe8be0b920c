#include "slips.hpp"

#include "fields.hpp"

namespace paypal {
namespace {

std::string payment_key(std::string_view id) { return "payment/" + std::string(id); }
std::string refund_key(std::string_view id) { return "refund/" + std::string(id); }

// Stored text has one form, so that it can be compared: the members of an object are sorted.
std::string stored(const Slip& slip) {
  return Json{{"order", slip.order},
              {"away", slip.away},
              {"action", slip.action},
              {"round", slip.round},
              {"asked_at", slip.asked_at}}
      .dump();
}

Json read(const std::string& stored) {
  Json value = parse(stored);
  if (!value.is_object()) throw bursar::Error("damaged_store", "what the paypal plugin stored is damaged");
  return value;
}

bool yes(const Json& value) { return value.is_boolean() && value.get<bool>(); }
std::int64_t integer(const Json& value) { return value.is_number_integer() ? value.get<std::int64_t>() : 0; }

}  // namespace

std::optional<Slip> Slips::payment(bursar::Call& call, std::string_view id) const {
  const auto found = host_.store_get(call, payment_key(id));
  if (!found) return std::nullopt;
  const Json value = read(*found);
  return Slip{.order = text(value, "order"),
              .away = yes(member(value, "away")),
              .action = yes(member(value, "action")),
              .round = static_cast<int>(integer(member(value, "round"))),
              .asked_at = integer(member(value, "asked_at"))};
}

std::optional<RefundSlip> Slips::refund(bursar::Call& call, std::string_view id) const {
  const auto found = host_.store_get(call, refund_key(id));
  if (!found) return std::nullopt;
  const Json value = read(*found);
  return RefundSlip{.capture = text(value, "capture"), .asked_at = integer(member(value, "asked_at"))};
}

void Slips::write(bursar::Call& call, std::string_view id, const std::optional<Slip>& before, const Slip& after) const {
  const auto expected = before ? std::optional(stored(*before)) : std::nullopt;
  if (!host_.store_swap(call, payment_key(id), expected, stored(after))) {
    throw bursar::OutcomeUnknown("another call works on this payment");
  }
}

void Slips::write(bursar::Call& call, std::string_view id, const RefundSlip& slip) const {
  host_.store_put(call, refund_key(id), Json{{"capture", slip.capture}, {"asked_at", slip.asked_at}}.dump());
}

}  // namespace paypal
