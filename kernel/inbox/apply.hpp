// What an event means. Internal to inbox.
#pragma once

#include "inbox/webhook.hpp"
#include "payments/heard.hpp"

namespace bursar::inbox {

// In the caller's transaction; called once for each event that is applied, and again for one that was unknown.
payments::Heard apply(storage::Transaction& tx, const payments::Context& context, const std::string& instance,
                      const WebhookEvent& event, Instant now);

}  // namespace bursar::inbox
