// The sandbox's webhooks, signed as most card providers sign theirs; README.md lists the events.
#pragma once

#include <bursar/plugin.hpp>

#include "book.hpp"

namespace sandbox {

// "sandbox-signature: t=SECONDS,v1=HEX" with HEX = HMAC-SHA256(secret, SECONDS "." body), signed within `tolerance` of
// the request's arrival. Without a secret nothing is genuine.
[[nodiscard]] bool is_genuine(const bursar::Host& host, const bursar::WebhookRequest& request,
                              const std::string& secret, bursar::Milliseconds tolerance);

// A confirmation that the customer gave up.
[[nodiscard]] bursar::Payment unconfirmed();

// What the body of a genuine request tells. Throws bursar::Error for one that is no event of the sandbox.
struct Told {
  bursar::Event event;
  std::optional<bool> evidence_wins{};  // evidence about the dispute of the payment that the event names
};
[[nodiscard]] Told read_event(std::string_view body);

// What the book says of the payment's dispute by now: that it was opened, and how it ended. Told again, the events have
// the same ids.
[[nodiscard]] std::vector<bursar::Event> dispute_events(const Entry& entry, std::int64_t now);

}  // namespace sandbox
