#include "requests.hpp"

#include <algorithm>

#include "money.hpp"
#include "states.hpp"

namespace stripe {
namespace {

constexpr std::size_t value_max = 500;  // Stripe's limit for a value of metadata

// Where Stripe has the page in the customer's language; else the browser decides.
std::string page_locale(std::string_view wanted) {
  constexpr std::string_view known[] = {"bg", "cs",  "da", "de",    "el", "en", "en-GB", "es", "es-419", "et",
                                        "fi", "fil", "fr", "fr-CA", "hr", "hu", "id",    "it", "ja",     "ko",
                                        "lt", "lv",  "ms", "mt",    "nb", "nl", "pl",    "pt", "pt-BR",  "ro",
                                        "ru", "sk",  "sl", "sv",    "th", "tr", "vi",    "zh", "zh-HK",  "zh-TW"};
  const std::string_view language = wanted.substr(0, wanted.find('-'));
  for (const std::string_view tried : {wanted, language}) {
    if (std::find(std::begin(known), std::end(known), tried) != std::end(known)) return std::string(tried);
  }
  return "auto";
}

// "inv_a,inv_b"; of more than have room the first, and how many follow: "inv_a,inv_b,+7".
std::string joined(const std::vector<std::string>& ids) {
  constexpr std::size_t room_for_count = 12;
  std::string all;
  for (const std::string& id : ids) all += (all.empty() ? "" : ",") + id;
  if (all.size() <= value_max) return all;
  std::string out;
  std::size_t named = 0;
  while (out.size() + ids[named].size() + room_for_count <= value_max) out += ids[named++] + ",";
  return out + "+" + std::to_string(ids.size() - named);
}

void add_metadata(Form& form, std::initializer_list<std::string_view> at, const bursar::Charge& charge) {
  const auto add = [&](std::string_view name, std::string_view value) {
    if (at.size() == 0) form.add_unless_empty({"metadata", name}, value);
    if (at.size() == 1) form.add_unless_empty({*at.begin(), "metadata", name}, value);
  };
  add(meta_payment, charge.payment_id);
  add(meta_account, charge.account_id);
  add(meta_invoice, charge.invoice_number);
  add(meta_invoice_ids, joined(charge.invoice_ids));
}

void add_ways_back(Form& form, std::string_view return_url, std::string_view cancel_url) {
  form.add("success_url", return_url);
  form.add("cancel_url", cancel_url.empty() ? return_url : cancel_url);
}

}  // namespace

Form customer_form(const Person& person) {
  Form form;
  form.add_unless_empty("name", person.name);
  form.add_unless_empty("email", person.email);
  form.add({"metadata", meta_account}, person.account);
  return form;
}

Form page_form(const bursar::Charge& charge, std::int64_t amount, const std::string& customer,
               const std::string& suffix, bool save) {
  const std::string_view name = charge.description.empty() ? charge.payment_id : charge.description;
  Form form;
  form.add("mode", "payment");
  form.add("customer", customer);
  form.add("client_reference_id", charge.payment_id);
  add_ways_back(form, charge.return_url, charge.cancel_url);
  form.add("locale", page_locale(charge.locale));
  form.add({"line_items", "0", "quantity"}, 1);
  form.add({"line_items", "0", "price_data", "currency"}, small_letters(charge.amount.currency));
  form.add({"line_items", "0", "price_data", "unit_amount"}, amount);
  form.add({"line_items", "0", "price_data", "product_data", "name"}, name);
  // The invoice is in this currency; a page that offers others would bring in another amount.
  form.add({"adaptive_pricing", "enabled"}, "false");
  form.add({"payment_intent_data", "capture_method"}, "automatic");
  form.add_unless_empty({"payment_intent_data", "description"}, charge.description);
  form.add_unless_empty({"payment_intent_data", "statement_descriptor_suffix"}, suffix);
  if (save) form.add({"payment_intent_data", "setup_future_usage"}, "off_session");
  add_metadata(form, {"payment_intent_data"}, charge);
  add_metadata(form, {}, charge);
  return form;
}

Form setup_form(const bursar::MethodSetup& setup, const std::string& currency, const std::string& customer) {
  Form form;
  form.add("mode", "setup");
  form.add("customer", customer);
  form.add("currency", currency);
  form.add("client_reference_id", setup.setup_id);
  add_ways_back(form, setup.return_url, setup.cancel_url);
  form.add("locale", page_locale(setup.locale));
  form.add({"setup_intent_data", "metadata", meta_setup}, setup.setup_id);
  form.add_unless_empty({"setup_intent_data", "metadata", meta_account}, setup.account_id);
  form.add({"metadata", meta_setup}, setup.setup_id);
  return form;
}

Form intent_form(const bursar::Charge& charge, std::int64_t amount, const std::string& suffix) {
  const Token token = Token::parse(charge.method_token);
  Form form;
  form.add("amount", amount);
  form.add("currency", small_letters(charge.amount.currency));
  form.add_unless_empty("customer", token.customer);
  form.add("payment_method", token.method);
  form.add("off_session", "true");
  form.add("confirm", "true");
  // Not the default, which captures in the background: the answer would not have the fee yet.
  form.add("capture_method", "automatic");
  form.add({"automatic_payment_methods", "enabled"}, "true");
  // Some saved methods, wallets above all, may lead through a page of their own, and need to know where it leads back.
  if (charge.return_url.empty()) form.add({"automatic_payment_methods", "allow_redirects"}, "never");
  form.add_unless_empty("return_url", charge.return_url);
  form.add_unless_empty("description", charge.description);
  form.add_unless_empty("statement_descriptor_suffix", suffix);
  add_metadata(form, {}, charge);
  expand_intent(form);
  return form;
}

Form refund_form(const bursar::Refund& refund, std::int64_t amount, const std::string& intent) {
  Form form;
  form.add("payment_intent", intent);
  form.add("amount", amount);
  form.add("reason", "requested_by_customer");
  form.add({"metadata", meta_refund}, refund.refund_id);
  form.add({"metadata", meta_payment}, refund.payment_id);
  form.add_unless_empty({"metadata", "bursar_reason"}, refund.reason.substr(0, value_max));
  return form;
}

}  // namespace stripe
