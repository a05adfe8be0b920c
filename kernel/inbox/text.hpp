// Requests and events as text for the store. Internal to inbox.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "inbox/inbox.hpp"

namespace bursar::inbox {

using Pairs = std::vector<std::pair<std::string, std::string>>;
std::string to_text(const Pairs& pairs);
Pairs pairs_from_text(std::string_view text);

std::string to_base64(std::string_view bytes);
std::string from_base64(std::string_view text);

std::string to_text(const WebhookEvent& event);
WebhookEvent event_from_text(std::string_view text);
std::string_view to_string(WebhookEventKind kind);

std::string to_text(const HttpReply& reply);
HttpReply reply_from_text(std::string_view text);

// A genuine or refused answer, for the effect to keep between the call and its settlement.
std::string to_text(const WebhookAnswer& answer);
WebhookAnswer answer_from_text(std::string_view text);

}  // namespace bursar::inbox
