#include "notices/templates.hpp"

#include <array>
#include <kainjow/mustache.hpp>

#include "base/assert.hpp"

namespace bursar::notices {
namespace {

struct Source {
  Template name;
  std::string_view text;
  const char* subject;
  const char* body;
};

constexpr const char* sign_off = "\n\n{{provider_name}}\n{{portal_url}}\n";

constexpr std::array<Source, 26> sources{{
    {Template::invoice_created, "invoice_created",
     "{{#several}}{{several}} new invoices{{/several}}"
     "{{^several}}Invoice {{invoice_number}}: {{total}}, due {{due_on}}{{/several}}",
     "Hello {{customer_name}},\n\n{{#several}}your new invoices are ready:\n{{/several}}"
     "{{#items}}"
     "{{#several}}\nInvoice {{invoice_number}} over {{total}}.\n{{/several}}"
     "{{^several}}your invoice {{invoice_number}} over {{total}} is ready.\n{{/several}}"
     "{{#paid}}It is paid from your credit; there is nothing to do.\n{{/paid}}"
     "{{^paid}}Still to pay: {{balance}}, by {{due_on}}.\n{{/paid}}"
     "{{#autopay_on}}It will be charged automatically on {{autopay_on}}.\n{{/autopay_on}}"
     "{{/items}}"},
    {Template::payment_received, "payment_received", "Payment of {{amount}} received",
     "Hello {{customer_name}},\n\nthank you: we received {{amount}}{{#invoice_number}} for invoice "
     "{{invoice_number}}{{/invoice_number}}.\n"
     "{{#credit}}{{credit}} of it is now credit on your account.\n{{/credit}}"
     "{{#balance}}Still to pay on this invoice: {{balance}}.\n{{/balance}}"},
    {Template::payment_failed, "payment_failed",
     "Your payment of {{amount}} {{#declined}}was declined{{/declined}}{{^declined}}could not be made{{/declined}}",
     "Hello {{customer_name}},\n\nthe payment of {{amount}} for invoice {{invoice_number}} "
     "{{#declined}}was declined{{/declined}}{{^declined}}could not be made{{/declined}}"
     "{{^several}}: {{reason}}{{#method}} ({{method}}){{/method}}.\n{{/several}}"
     "{{#several}}:\n{{#items}}- {{method}}: {{reason}}\n{{/items}}{{/several}}"
     "{{#retry_on}}We will try again on {{retry_on}}.\n{{/retry_on}}"
     "{{^retry_on}}Please pay the invoice by another method before {{due_on}}.\n{{/retry_on}}"
     "{{#look_on}}A method that you save until then is charged on {{look_on}}.\n{{/look_on}}"},
    {Template::action_required, "action_required", "Please confirm your payment of {{amount}}",
     "Hello {{customer_name}},\n\nyour bank asks you to confirm the payment of {{amount}} for invoice "
     "{{invoice_number}}.\n"
     "{{#action_url}}Confirm it here: {{action_url}}\n{{/action_url}}"},
    {Template::reminder, "reminder",
     "Reminder: {{#several}}{{several}} invoices are due soon{{/several}}"
     "{{^several}}invoice {{invoice_number}} is due {{due_on}}{{/several}}",
     "Hello {{customer_name}},\n\n"
     "{{#items}}{{balance}} of invoice {{invoice_number}} will be due on {{due_on}}.\n{{/items}}"},
    {Template::overdue, "overdue",
     "{{#several}}{{several}} invoices are overdue{{/several}}"
     "{{^several}}Invoice {{invoice_number}} is overdue{{/several}}",
     "Hello {{customer_name}},\n\n"
     "{{#items}}{{balance}} of invoice {{invoice_number}} was due on {{due_on}} and has not arrived yet.\n{{/items}}"
     "{{#suspend_on}}Without payment the services on it will be suspended on {{suspend_on}}.\n{{/suspend_on}}"
     "{{#cancel_on}}Without payment the order will be cancelled on {{cancel_on}}.\n{{/cancel_on}}"
     "If your bank has trouble, write to us before that: we will find a way.\n"},
    {Template::late_fee, "late_fee",
     "{{#several}}Late fees for {{several}} invoices{{/several}}"
     "{{^several}}Late fee for invoice {{invoice_number}}{{/several}}",
     "Hello {{customer_name}},\n\n"
     "{{#items}}Invoice {{invoice_number}} is overdue since {{due_on}}. A late fee of {{amount}} was "
     "added.\n{{/items}}"},
    {Template::suspended, "suspended", "{{service}} is suspended",
     "Hello {{customer_name}},\n\n{{service}} is suspended because invoice {{invoice_number}} ({{balance}}, due "
     "{{due_on}}) is not paid.\n"
     "It comes back by itself as soon as the invoice is paid.\n"
     "{{#terminate_on}}On {{terminate_on}} it would be terminated and its data deleted.\n{{/terminate_on}}"},
    {Template::unsuspended, "unsuspended", "{{service}} is active again",
     "Hello {{customer_name}},\n\nthank you for your payment: {{service}} is active again.\n"},
    {Template::terminated, "terminated", "{{service}} is terminated",
     "Hello {{customer_name}},\n\n{{service}} is terminated because invoice {{invoice_number}}, due {{due_on}}, was "
     "not paid.\n"},
    {Template::service_active, "service_active", "{{service}} is ready",
     "Hello {{customer_name}},\n\n{{service}} is set up and ready.\n"},
    {Template::cancelled, "cancelled", "{{service}} is cancelled",
     "Hello {{customer_name}},\n\nas you asked, {{service}} ended on {{ended_on}}.\n"},
    {Template::change_applied, "change_applied", "{{service}} is changed",
     "Hello {{customer_name}},\n\nyour change of {{service}} took effect: it is {{product}} now, at {{price}} "
     "{{cycle}}.\n"
     "{{#credit}}{{credit}} for the days left at the old price are credit on your account.\n{{/credit}}"},
    {Template::change_withdrawn, "change_withdrawn", "The change of {{service}} is withdrawn",
     "Hello {{customer_name}},\n\nthe change of {{service}} to {{product}}, {{price}} {{cycle}}, is withdrawn: it "
     "stays "
     "as it is.\n"
     "{{#invoice_number}}Invoice {{invoice_number}} need not be paid; what was paid of it is credit on your "
     "account.\n{{/invoice_number}}"},
    {Template::change_lapsed, "change_lapsed", "The change of {{service}} was not paid",
     "Hello {{customer_name}},\n\ninvoice {{invoice_number}} for the change of {{service}} to {{product}} was not paid "
     "in time: it stays as it is.\n"
     "The invoice need not be paid any more; what was paid of it is credit on your account. You can ask for the change "
     "again at any time.\n"},
    {Template::order_cancelled, "order_cancelled",
     "{{#several}}Your orders are cancelled{{/several}}{{^several}}Your order is cancelled{{/several}}",
     "Hello {{customer_name}},\n\n"
     "{{#items}}the order that was to be paid by {{due_on}}{{#invoice_number}} (invoice {{invoice_number}})"
     "{{/invoice_number}} was not paid and is cancelled.\n{{/items}}"
     "Nothing has to be paid for it any more. What was paid of it, or arrives later, is credit on your account, and "
     "you "
     "can order again at any time.\n"},
    {Template::refund_requested, "refund_requested", "We have your request for a refund",
     "Hello {{customer_name}},\n\nyou asked us to refund your payment of {{amount}}: {{reason}}.\n"
     "We will look at it and write to you.\n"},
    {Template::refund_approved, "refund_approved", "Your refund of {{amount}} is approved",
     "Hello {{customer_name}},\n\nwe refund {{amount}} to you.\n"
     "{{#to_credit}}It becomes credit on your account.\n{{/to_credit}}"
     "{{^to_credit}}It goes back the way it came; your bank may take some days.\n{{/to_credit}}"
     "{{#note}}{{note}}\n{{/note}}"},
    {Template::refund_declined, "refund_declined", "Your request for a refund",
     "Hello {{customer_name}},\n\nwe can't refund your payment of {{amount}}: {{note}}\n"},
    {Template::refunded, "refunded", "{{amount}} refunded",
     "Hello {{customer_name}},\n\n"
     "{{#to_credit}}{{amount}} is credit on your account now.\n{{/to_credit}}"
     "{{^to_credit}}{{amount}} is on its way back to you.\n{{/to_credit}}"
     "{{#credited}}{{credited}} had been paid from your credit and is credit again.\n{{/credited}}"},
    {Template::refund_failed, "refund_failed", "Your refund of {{amount}} could not be sent",
     "Hello {{customer_name}},\n\nthe refund of {{amount}} could not be sent to you. The money is not lost: it is "
     "credit on "
     "your account, and we will write to you about another way.\n"},
    {Template::dispute_opened, "dispute_opened", "Your payment of {{amount}} is disputed",
     "Hello {{customer_name}},\n\nyour bank tells us that the payment of {{amount}} is disputed. If that is a mistake, "
     "please tell your bank; if something is wrong, write to us.\n"
     "{{#suspended}}What it paid for is suspended until this is decided.\n{{/suspended}}"},
    {Template::dispute_lost, "dispute_lost", "Your payment of {{amount}} was taken back",
     "Hello {{customer_name}},\n\nyour bank took the payment of {{amount}} back.\n"
     "{{#reopened}}{{reopened}} is owed again on your invoices.\n{{/reopened}}"
     "{{#from_credit}}{{from_credit}} of your credit was used for it.\n{{/from_credit}}"},
    {Template::hold_placed, "hold_placed", "You have time to pay until {{until}}",
     "Hello {{customer_name}},\n\nwe wait with collecting "
     "{{#invoice_number}}invoice {{invoice_number}}{{/invoice_number}}"
     "{{^invoice_number}}{{#service}}what is owed for {{service}}{{/service}}"
     "{{^service}}your open invoices{{/service}}{{/invoice_number}} until {{until}}.\n"
     "Until then nothing is charged automatically, and nothing is suspended for it. On {{until}} it counts as due.\n"
     "You can pay before that at any time.\n"},
    {Template::method_expiring, "method_expiring", "{{method}} expires on {{expires_on}}",
     "Hello {{customer_name}},\n\n{{method}}, which pays your invoices automatically, expires on {{expires_on}}.\n"
     "Please save the new one, or another payment method, before then: {{portal_url}}\n"},
    {Template::run_held, "run_held", "The {{job}} run of {{date}} waits for your approval",
     "Hello {{customer_name}},\n\nthe {{job}} run of {{date}} would reach far more than is usual. Nothing of this was "
     "done:\n\n"
     "{{#items}}{{step}}: {{reason}}.\n{{/items}}\n"
     "The steps that press customers wait with it. Approve or reject it in the administration; if the next run comes "
     "before that, it takes the work over and is looked at anew.\n"},
}};

const Source& source_of(Template name) {
  for (const Source& source : sources) {
    if (source.name == name) return source;
  }
  invariant_broken("a template without a text", __FILE__, __LINE__);
}

std::string fill(const std::string& text, const kainjow::mustache::data& values) {
  kainjow::mustache::mustache parsed(text);
  BURSAR_ASSERT(parsed.is_valid());
  parsed.set_custom_escape([](const std::string& value) { return value; });  // plain text, not HTML
  return parsed.render(values);
}

void set_all(kainjow::mustache::data& data, const Values& values) {
  for (const auto& [key, value] : values) {
    if (value.empty())
      data.set(key, false);
    else
      data.set(key, one_line(value, 1000));
  }
}

// Not inside a UTF-8 sequence.
std::size_t character_start(std::string_view text, std::size_t at) {
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) --at;
  return at;
}

}  // namespace

std::string_view to_string(Template name) { return source_of(name).text; }

Template template_named(std::string_view stored) {
  for (const Source& source : sources) {
    if (source.text == stored) return source.name;
  }
  invariant_broken("a stored template name that this version does not know", __FILE__, __LINE__);
}

std::string one_line(std::string_view text, std::size_t limit) {
  if (text.size() > limit) text = text.substr(0, character_start(text, limit));
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return out;
}

Text render(Template name, const Values& values, const Items& items) {
  kainjow::mustache::data data;
  set_all(data, values);
  data.set("several", items.size() > 1 ? kainjow::mustache::data(std::to_string(items.size())) : false);
  kainjow::mustache::data list(kainjow::mustache::data::type::list);
  for (const Values& item : items) {
    kainjow::mustache::data one;
    set_all(one, item);
    list << one;
  }
  data.set("items", list);
  const Source& source = source_of(name);
  return {.subject = one_line(fill(source.subject, data)), .body = fill(std::string(source.body) + sign_off, data)};
}

}  // namespace bursar::notices
