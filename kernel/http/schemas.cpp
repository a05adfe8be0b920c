#include "http/schemas.hpp"

#include <algorithm>
#include <array>

#include "base/money.hpp"
#include "base/time.hpp"

namespace bursar::http {

namespace {
constexpr Schema all_schemas[] = {
    {"Money", "amount:string currency:string"},
    {"Address", "street?:string city?:string region?:string postal_code?:string country:string"},
    {"Problem",
     "type:string title:string status:integer code:string detail:string cure?:string errors?:[ProblemField] "
     "request_id:string"},
    {"ProblemField", "pointer:string detail:string"},

    {"NewRegistration",
     "name:string company?:string email:string password:string phone?:string address:Address tax_id?:string "
     "currency?:string language?:string"},
    {"Registration", "user_id:id account_id:id"},
    {"NewSession", "email:string password:string"},
    {"SessionToken", "token:string session_id:id user_id:id expires_at:instant"},
    {"Session",
     "id:id current:boolean created_at:instant expires_at:instant last_used_at:instant address:string agent:string"},
    {"Me",
     "id:id email:string name:string staff_role:string? created_at:instant accounts:[MyAccount] permissions:[string]"},
    {"MyAccount", "id:id name:string role:string permissions:[string]"},
    {"MePatch", "name:string"},
    {"PasswordChange", "current_password:string new_password:string"},

    {"Account",
     "id:id status:active|closed name:string company:string email:string phone:string address:Address tax_id:string "
     "tax_exempt:boolean currency:string language:string autopay_enabled:boolean created_at:instant"},
    {"AccountPatch",
     "name?:string company?:string email?:string phone?:string address?:AddressPatch tax_id?:string currency?:string "
     "language?:string tax_exempt?:boolean"},
    {"AddressPatch", "street?:string city?:string region?:string postal_code?:string country?:string"},
    {"Member", "user_id:id email:string name:string role:string since:instant"},

    {"Price", "cycle:string name:string amount:Money setup_fee:Money"},
    {"NewPrice", "cycle:string amount:Money setup_fee?:Money"},
    {"Product",
     "id:id code:string name:string description:string group:string status:active|retired panel?:string "
     "panel_options?:object tax_class:string stock:integer? prices:[Price] created_at:instant"},
    {"NewProduct",
     "code:string name:string description?:string group?:string panel?:string panel_options?:object tax_class?:string "
     "unit_code?:string stock?:integer? prices:[NewPrice]"},
    {"ProductPatch",
     "name?:string description?:string group?:string status?:active|retired panel?:string panel_options?:object "
     "tax_class?:string stock?:integer? prices?:[NewPrice]"},
    {"Promotion",
     "id:id code:string percent:string? amount:Money? product_id:id? periods:integer max_uses:integer? uses:integer "
     "valid_from:date? valid_until:date?"},
    {"NewPromotion",
     "code:string percent?:string amount?:Money product_id?:id periods?:integer max_uses?:integer valid_from?:date "
     "valid_until?:date"},

    {"NewOrder", "items:[OrderItem] promotion_code?:string"},
    {"NewQuote", "items?:[OrderItem] promotion_code?:string change?:QuotedChange"},
    {"QuotedChange", "service_id:id product_id?:id cycle?:string when?:immediate|end_of_period"},
    {"OrderItem", "product_id:id cycle:string quantity?:integer label?:string"},
    {"Quote",
     "currency:string lines:[QuoteLine] now:Amounts recurring:[RecurringQuote] due_on:date "
     "when?:immediate|end_of_period effective_on?:date"},
    {"QuoteLine", "kind:string description:string net:Money tax:Money explanation:string"},
    {"Amounts", "net:Money tax:Money total:Money"},
    {"RecurringQuote", "cycle:string amounts:Amounts"},
    {"Order", "id:id account_id:id status:pending|active|cancelled placed_at:instant invoice_id:id? service_ids:[id]"},

    {"Service",
     "id:id account_id:id order_id:id? product_id:id label:string status:pending|active|suspended|cancelled|terminated "
     "suspend_reason:string cycle:string price:Money started_on:date next_due_on:date? cancel_on:date? panel:string "
     "desired_state:string actual_state:string panel_reference:string created_at:instant ended_at:instant? "
     "pending_change:ServiceChange?"},
    {"NewServiceChange", "product_id?:id cycle?:string when?:immediate|end_of_period"},
    {"ServiceChange",
     "service_id:id status:awaiting_payment|scheduled|applied|withdrawn when:immediate|end_of_period "
     "product_id:id cycle:string price:Money "
     "effective_on:date invoice_id:id? credit:Money explanation:string lapses_on:date? requested_at:instant "
     "settled_at:instant?"},
    {"ServicePatch", "label:string"},
    {"NewCancellation", "when:immediate|end_of_period reason?:string"},
    {"Cancellation",
     "service_id:id when:immediate|end_of_period reason:string effective_on:date status:requested|done|withdrawn "
     "requested_at:instant done_at:instant?"},
    {"Reason", "reason?:string"},

    {"Invoice",
     "id:id account_id:id number:string? kind:order|renewal|manual|late_fee|deposit "
     "status:draft|open|paid|void|uncollectible|refunded overdue:boolean currency:string issued_on:date due_on:date "
     "net:Money tax:Money total:Money balance:Money under_way?:Money late_fee_of:id? created_at:instant "
     "paid_at:instant? autopay_on:date? held_until?:date? lines?:[InvoiceLine] lines_to_be_removed?:[id] "
     "credit_notes?:[CreditNote] seller?:Party buyer?:Party "
     "allocations?:[InvoiceAllocation] autopay_attempts?:[AutopayAttempt]"},
    {"AutopayAttempt",
     "round:integer outcome:passed_over|charged|declined_soft|declined_final|withdrawn payment_method:id? "
     "method_label:string gateway:string payment_id:id? payment_status:string? reason:string explanation:string "
     "created_at:instant retry_on:date? retry_derivation:object?"},
    {"InvoiceLine",
     "id:id kind:string description:string quantity:integer unit_price:Money net:Money tax:Money tax_rule:string "
     "tax_rate:string tax_inclusive:boolean tax_category:string exemption_reason:string "
     "service_id:id? "
     "period_start:date? period_end:date? removed:boolean"},
    {"InvoiceAllocation", "payment_id:id? amount:Money created_at:instant"},
    {"Party", "name:string company:string email:string address:Address tax_id:string"},
    {"NewInvoice", "account_id:id due_on:date lines:[NewInvoiceLine]"},
    {"NewInvoiceLine", "description:string unit_price:Money quantity?:integer tax_class?:string"},
    {"InvoicePatch", "status:void|uncollectible reason:string"},
    {"NewCreditNote", "reason:string amount?:Money line_ids?:[id]"},
    {"CreditNote",
     "id:id invoice_id:id number:string issued_on:date net:Money tax:Money total:Money reason:string "
     "lines:[CreditNoteLine]"},
    {"CreditNoteLine", "line_id:id description:string net:Money tax:Money"},
    {"CreditUse", "amount?:Money"},
    {"NewDeposit",
     "amount:Money gateway?:string payment_method?:id save_method?:boolean return_url?:string cancel_url?:string"},
    {"Deposit", "invoice:Invoice payment:Payment?"},

    {"NewPayment",
     "gateway?:string payment_method?:id amount?:Money use_credit?:boolean save_method?:boolean return_url?:string "
     "cancel_url?:string"},
    {"Means", "gateway?:string payment_method?:id save_method?:boolean return_url?:string cancel_url?:string"},
    {"NewMassPayment",
     "invoice_ids?:[id] amounts?:[Money] extra?:Money use_credit?:boolean gateway?:string payment_method?:id "
     "save_method?:boolean return_url?:string cancel_url?:string"},
    {"MassPayment",
     "id:id account_id:id status:open|completed|cancelled|expired total:Money extra:Money "
     "items:[MassPaymentItem] payments:[Payment] created_at:instant expires_at:instant"},
    {"MassPaymentItem", "invoice_id:id number:string? amount:Money? owed:Money"},
    {"Payment",
     "id:id account_id:id invoice_id:id? mass_payment_id:id? gateway:string payment_method:id? "
     "saved_method:id? origin:customer|autopay|staff "
     "status:pending|requires_action|succeeded|failed|unknown|refunded|partially_refunded amount:Money received:Money "
     "refunded:Money disputed:Money refundable:Money gateway_reference:string? next_action:NextAction? "
     "decline_code:string? decline_text:string? "
     "allocations:[PaymentAllocation] created_at:instant settled_at:instant? expires_at:instant?"},
    {"NextAction", "type:string url:string? text:string? fields?:[ActionField]"},
    {"ActionField", "name:string value:string"},
    {"PaymentAllocation", "invoice_id:id amount:Money"},
    {"PaymentPatch", "status:succeeded|failed received?:Money reference?:string"},
    {"NewRefund",
     "amount?:Money destination?:gateway|credit|external line_ids?:[id] service?:keep|cancel|terminate_now "
     "reason:string reference?:string gateway?:string"},
    {"Refund",
     "id:id payment_id:id gateway:string destination:gateway|credit|external status:pending|succeeded|failed|unknown "
     "amount:Money "
     "credited:Money request_id:id? reference:string? reason:string created_at:instant settled_at:instant?"},
    {"NewRefundRequest", "amount?:Money line_ids?:[id] reason:string"},
    {"RefundRequest",
     "id:id account_id:id payment_id:id status:requested|approved|declined|withdrawn amount:Money? line_ids:[id] "
     "reason:string refundable:Money verdict:RefundVerdict requested_at:instant requested_by:id? "
     "decision:RefundDecisionTaken?"},
    {"RefundVerdict", "eligible:boolean credit_only:boolean conditions:[RefundCondition]"},
    {"RefundCondition",
     "line_id:id? product:string? rule:string name:string verdict:holds|fails|credit_only explanation:string"},
    {"RefundDecision",
     "decision:approve|decline destination?:gateway|credit|external amount?:Money reason?:string "
     "override_reason?:string service?:keep|cancel|terminate_now reference?:string gateway?:string"},
    {"RefundDecisionTaken",
     "at:instant by_rule:boolean decided_by:id? reason:string override_reason:string refund_id:id?"},
    {"NewDispute",
     "reference:string status:opened|won|lost amount?:Money fee?:Money reason?:string respond_by?:instant"},
    {"Dispute",
     "id:id account_id:id payment_id:id gateway:string reference:string status:opened|won|lost amount:Money "
     "counted:Money held:Money fee:Money reason:string respond_by:instant? opened_at:instant closed_at:instant?"},
    {"InvoiceExplanation",
     "invoice_id:id lines:[LineExplanation] tax_groups:[TaxGroup] net:Money tax:Money total:Money "
     "settlement:[Settling] credit_notes:[CreditNoteExplanation] balance:Money autopay_attempts:[AutopayAttempt] "
     "next:InvoiceNext"},
    {"LineExplanation",
     "line_id:id kind:string description:string in_total:boolean derivation:object? unit_price:Money quantity:integer "
     "listed:Money tax_contained:string? taxable:Money tax_group:integer net:Money tax:Money total:Money "
     "steps:[ExplanationStep] sentence:string"},
    {"ExplanationStep", "name:string formula:string result:Money"},
    {"TaxGroup",
     "rule:string place:string category:string rate:string inclusive:boolean taxable:Money tax:Money formula:string"},
    {"Settling",
     "entry_id:id kind:string source_id:id? explanation:string booked_on:date amount:Money balance_after:Money "
     "allocations:[DerivedAllocation]"},
    {"DerivedAllocation", "payment_id:id? amount:Money derivation:object? formula:string"},
    {"CreditNoteExplanation", "credit_note_id:id number:string lines:[CreditNoteLineExplanation] total:Money"},
    {"CreditNoteLineExplanation", "line_id:id derivation:object? formula:string net:Money tax:Money total:Money"},
    {"InvoiceNext",
     "held_until:date? charge_on:date? charge_derivation:object? charges_made:integer collection:NextCollection?"},
    {"NextCollection", "action:string on:date days_after_due:integer"},
    {"NewHold", "invoice_id?:id service_id?:id until:date reason:string"},
    {"Hold",
     "id:id account_id:id invoice_id:id? service_id:id? status:active|ended origin:staff|customer reason:string "
     "starts_on:date until:date created_at:instant created_by:id? ended_at:instant? ended_by:string?"},
    {"PaymentMethod",
     "id:id account_id:id gateway:string label:string expires_on:date? position:integer created_at:instant"},
    {"NewPaymentMethod",
     "gateway:string token?:string label?:string expires_on?:date return_url?:string cancel_url?:string"},
    {"PaymentMethodSetup",
     "id:id account_id:id gateway:string status:pending|requires_action|succeeded|failed|unknown|expired "
     "payment_method:id? next_action:NextAction? decline_code:string? decline_text:string? created_at:instant "
     "settled_at:instant? expires_at:instant?"},
    {"PaymentMethodPatch", "label?:string position?:integer"},
    {"Autopay", "enabled:boolean methods:[PaymentMethod]"},
    {"AutopaySetting", "enabled:boolean methods?:[id]"},
    {"Gateway",
     "instance:string display_name:string stored_methods:boolean setups:boolean refunds:boolean "
     "partial_refunds:boolean "
     "staff_confirms:boolean currencies:[string] limits:[GatewayLimit]"},
    {"GatewayLimit", "minimum:Money maximum:Money?"},

    {"Balance", "credit:[Money] owed:[Money]"},
    {"LedgerEntry",
     "id:id kind:string source_id:id? booked_at:instant booked_on:date description:string explanation:string "
     "postings:[Posting]"},
    {"Posting", "ledger_account:string invoice_id:id? amount:Money explanation:string"},

    {"WebhookRequest",
     "id:id instance:string status:received|waiting|done error:string method:string path:string remote_address:string "
     "received_at:instant processed_at:instant? size:integer events?:[WebhookEvent] headers?:object body?:string?"},
    {"WebhookEvent",
     "event_id:string kind:string status:waiting|applied|ignored|suspense note:string created_at:instant"},
    {"WebhookRefusal", "instance:string count:integer last_at:instant last_address:string last_reason:string"},
    {"SuspenseItem",
     "id:id gateway:string reference:string amount:Money note:string status:open|assigned|returned payment_id:id? "
     "received_at:instant closed_at:instant?"},
    {"SuspenseAssignment", "account_id:id invoice_id?:id"},
    {"SuspenseReturn", "reason:string"},

    {"StaffTask",
     "id:id kind:string account_id:id? object_id:id? title:string detail:string status:open|done|dismissed "
     "created_at:instant closed_at:instant?"},
    {"TaskCompletion", "received?:Money reference?:string"},
    {"Notification",
     "id:id account_id:id? channel:string recipient:string template:string subject:string body:string "
     "status:waiting|sent|failed|unknown created_at:instant sent_at:instant?"},
    {"Job", "name:string cron:string timezone:string catch_up:boolean next_at:instant? last_run:Run? held_run:Run?"},
    {"Run",
     "id:id job:string scheduled_at:instant date:date status:waiting|running|held|done|failed|skipped catch_up:boolean "
     "step:string error:string started_at:instant? finished_at:instant? steps:[RunStep] "
     "checks:[RunCheck]"},
    {"RunCheck",
     "step:string kind:string objects:string reach:integer bound:integer? "
     "verdict:passed|held|approved|rejected|lapsed reason:string? checked_at:instant decided_at:instant? "
     "decided_by:id? "
     "decision_reason:string?"},
    {"RunApproval", "run_id:id decision:approve|reject reason:string"},
    {"RunStep",
     "name:string done:boolean counts:object chunks:integer parked:integer started_at:instant finished_at:instant?"},
    {"NewRun", "at?:instant"},
    {"NewPreview", "at:instant job?:string"},
    {"Preview",
     "at:instant runs:[Run] invoices:[Invoice] charges:[PreviewCharge] mails:[PreviewMail] "
     "suspensions:[PreviewService] "
     "terminations:[PreviewService] changes:[PreviewService] cancelled_orders:[PreviewOrder] "
     "truncated:boolean"},
    {"PreviewCharge", "account_id:id invoice_id:id? gateway:string amount:Money"},
    {"PreviewMail", "account_id:id? template:string recipient:string subject:string"},
    {"PreviewOrder", "order_id:id account_id:id"},
    {"PreviewService", "service_id:id account_id:id"},
    {"Plugin",
     "instance:string plugin:string state:loaded|disabled|unhealthy cause:string cure:string id:string name:string "
     "version:string abi:string interfaces:[string] capabilities:[string]"},
    {"PluginDetail",
     "instance:string plugin:string state:loaded|disabled|unhealthy cause:string cure:string id:string name:string "
     "version:string abi:string interfaces:[string] capabilities:[string] place:string settings:[PluginSetting]"},
    {"PluginSetting",
     "key:string type:string|secret|boolean|integer|money|duration|url|choice|list label:string help:string "
     "required:boolean advanced:boolean default:string example:string prefix:string minimum:integer? maximum:integer? "
     "choices:[PluginChoice] deprecated_by:string written:boolean value:string?"},
    {"PluginChoice", "value:string label:string"},
    {"PluginTest", "supported:boolean ok:boolean detail:string"},
    {"AuditEvent",
     "id:id at:instant actor:user|staff|job|cli user_id:id? account_id:id? action:string object_id:string "
     "detail:object? "
     "address:string request_id:string"},
    {"TestClock", "now:instant"},
};

constexpr Schema any_object{"Object", ""};

std::string_view next_word(std::string_view& text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

bool is_text_type(std::string_view type) {
  return type == "string" || type == "id" || type == "date" || type == "instant";
}

std::string text_difference(const Json& value, std::string_view type) {
  if (value.kind() != Json::Kind::string) return " is not a string";
  if (type == "date" && !CivilDate::parse(value.text()).ok()) return " is not a date";
  if (type == "instant" && !Instant::parse(value.text()).ok()) return " is not an instant";
  if (type == "id" && value.text().find('_') == std::string::npos) return " is not an id";
  return "";
}

std::string object_difference(const Json& value, const Schema& schema) {
  const std::vector<SchemaField> fields = fields_of(schema);
  for (const SchemaField& field : fields) {
    const Json* member = value.find(field.name);
    if (member == nullptr) {
      if (!field.optional) return "/" + field.name + " is missing";
      continue;
    }
    if (member->is_null() && field.nullable) continue;
    if (const std::string found = difference(*member, field.type); !found.empty()) return "/" + field.name + found;
  }
  for (const std::string& key : value.keys()) {
    const bool known = std::any_of(fields.begin(), fields.end(), [&](const auto& f) { return f.name == key; });
    if (!known) return "/" + key + " is not in the schema";
  }
  return "";
}
}  // namespace

std::span<const Schema> schemas() { return all_schemas; }

const Schema* find_schema(std::string_view name) {
  if (name == any_object.name) return &any_object;
  const auto* at =
      std::find_if(std::begin(all_schemas), std::end(all_schemas), [&](const Schema& s) { return s.name == name; });
  return at == std::end(all_schemas) ? nullptr : at;
}

std::vector<SchemaField> fields_of(const Schema& schema) {
  std::vector<SchemaField> out;
  std::string_view rest = schema.fields;
  for (std::string_view word = next_word(rest); !word.empty(); word = next_word(rest)) {
    const std::size_t colon = word.find(':');
    SchemaField field{.name = std::string(word.substr(0, colon)), .type = std::string(word.substr(colon + 1))};
    if (field.name.back() == '?') {
      field.optional = true;
      field.name.pop_back();
    }
    if (field.type.back() == '?') {
      field.nullable = true;
      field.type.pop_back();
    }
    out.push_back(std::move(field));
  }
  return out;
}

std::string difference(const Json& value, std::string_view type) {
  if (type.front() == '[') {
    if (value.kind() != Json::Kind::array) return " is not an array";
    for (std::size_t i = 0; i < value.items().size(); ++i) {
      const std::string found = difference(value.items()[i], type.substr(1, type.size() - 2));
      if (!found.empty()) return "/" + std::to_string(i) + found;
    }
    return "";
  }
  if (is_text_type(type)) return text_difference(value, type);
  if (type == "integer") return value.kind() == Json::Kind::integer ? "" : " is not a whole number";
  if (type == "boolean") return value.kind() == Json::Kind::boolean ? "" : " is not a boolean";
  if (const Schema* schema = find_schema(type); schema != nullptr || type == "object") {
    if (value.kind() != Json::Kind::object) return " is not an object";
    return schema == nullptr || schema == &any_object ? "" : object_difference(value, *schema);
  }
  if (value.kind() != Json::Kind::string) return " is not a string";
  for (std::string_view words = type; !words.empty();) {
    const std::string_view word = words.substr(0, words.find('|'));
    if (word == value.text()) return "";
    words.remove_prefix(std::min(words.size(), word.size() + 1));
  }
  return " is none of " + std::string(type);
}

}  // namespace bursar::http
