// The texts that customers get. Logic-less (mustache), so a template can't run anything; values go in as plain text.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bursar::notices {

enum class Template {
  invoice_created,
  payment_received,
  payment_failed,
  action_required,
  reminder,  // before the due date
  overdue,   // after it
  late_fee,
  suspended,
  unsuspended,
  terminated,
  service_active,
  cancelled,
  change_applied,
  change_withdrawn,
  change_lapsed,
  order_cancelled,
  refund_requested,
  refund_approved,
  refund_declined,
  refunded,
  refund_failed,
  dispute_opened,
  dispute_lost,
  hold_placed,
  method_expiring,
  run_held,  // to the provider
};
std::string_view to_string(Template name);
Template template_named(std::string_view stored);  // throws InvariantBroken for another text

// Names as they stand in the templates: "invoice_number" -> "INV-2027-000012". An empty value hides a {{#section}}.
using Values = std::vector<std::pair<std::string, std::string>>;
// What a text lists, one {{#items}}section{{/items}} each; a text about several things also has {{#several}}: how many.
using Items = std::vector<Values>;

struct Text {
  std::string subject;  // one line, whatever the values hold
  std::string body;
};
Text render(Template name, const Values& values, const Items& items = {});

// Line breaks and other control characters become spaces, so that a value can't add a header; at most `limit` bytes,
// cut between characters.
std::string one_line(std::string_view text, std::size_t limit = 200);

}  // namespace bursar::notices
