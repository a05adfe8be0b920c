#include "invoicing/derivation.hpp"

#include <nlohmann/json.hpp>

#include "base/json_text.hpp"

namespace bursar::invoicing {
namespace {

std::string of_product(std::string_view from, std::string_view code, BillingCycle cycle, Money price) {
  return derive(from, {{"product", std::string(code)}, {"cycle", cycle.to_string()}, {"price", price.to_decimal()}});
}

using Amounts = std::initializer_list<std::pair<std::string_view, Money>>;

std::string of_amounts(std::string_view from, Amounts amounts) {
  std::string out = derive(from, {});
  out.pop_back();
  for (const auto& [name, amount] : amounts) {
    out += ',';
    append_json_string(out, name);
    out += ':';
    append_json_string(out, amount.to_decimal());
  }
  return out + '}';
}

// The stored inputs, each as it is spoken of.
class Inputs {
 public:
  Inputs(const nlohmann::json& json, Currency currency) : json_(json), currency_(currency) {}
  [[nodiscard]] std::string text(const char* name) const {
    const auto found = json_.find(name);
    return found == json_.end() || !found->is_string() ? "" : found->get<std::string>();
  }
  [[nodiscard]] bool has(const char* name) const { return json_.contains(name); }
  [[nodiscard]] std::string money(const char* name) const { return text(name) + " " + std::string(currency_.code()); }
  [[nodiscard]] const nlohmann::json& json() const { return json_; }

 private:
  const nlohmann::json& json_;
  Currency currency_;
};

std::string discount_in_words(const Inputs& in) {
  const std::string off = in.has("percent") ? in.text("percent") + " % of " + in.money("of") + " off, halves up"
                                            : in.money("amount") + " off";
  return "promotion " + in.text("code") + ": " + off + ", at most the " + in.money("of") + " it is for";
}

std::string proration_in_words(const Inputs& in, Money amount) {
  std::string out = in.text("days") + " of " + in.text("of_days") + " days of " + in.money("price");
  if (in.text("discount").find_first_of("123456789") != std::string::npos) {
    out += " less the promotion's " + in.money("discount");
  }
  const bool given_back = in.text("sign") == "-";
  if (in.text("carried").find_first_of("123456789") != std::string::npos) {
    out += (given_back ? " and " : " less ") + in.text("carried") + "/" + in.text("of_days") +
           " of a minor unit that rounding took before";
  }
  return out + " = " + (given_back ? -amount : amount).to_string() +
         (given_back ? ", rounded down, given back" : ", rounded up");
}

std::string late_fee_in_words(const Inputs& in) {
  return in.text("percent") + " % of the " + in.money("of") + " overdue, halves up, at least " + in.money("minimum");
}

// Of an allocation: "the least of available 12.00 USD and owed 10.00 USD".
std::string least_in_words(const Inputs& in) {
  std::string out;
  for (const auto& [name, value] : in.json().items()) {
    if (name == "from") continue;
    std::string words = name;
    for (char& c : words) c = c == '_' ? ' ' : c;
    out += (out.empty() ? "the least of " : " and ") + words + " " + in.money(name.c_str());
  }
  return out;
}

std::string refund_in_words(const Inputs& in) {
  return "the least of had paid " + in.money("had_paid") + " and the refund of " + in.money("refund") + " less " +
         in.money("was_credit") + " that was credit and " + in.money("of_later_invoices") + " of invoices paid later";
}

std::string share_in_words(const Inputs& in) {
  return "the share of " + in.money("left") + " in " + in.money("credited") + " of the " + in.money("of") +
         " left, rounded down, left-over units to the largest remainders; of it " + in.text("tax_left") + " / " +
         in.text("left") + " is tax, halves up";
}

}  // namespace

std::string derive(std::string_view from, DerivationInputs inputs) {
  std::string out = "{\"from\":";
  out.reserve(96);
  append_json_string(out, from);
  for (const auto& [name, value] : inputs) {
    out += ',';
    append_json_string(out, name);
    out += ':';
    append_json_string(out, value);
  }
  return out + '}';
}

std::string derive_listed(std::string_view product_code, BillingCycle cycle, Money price) {
  return of_product("listed", product_code, cycle, price);
}

std::string derive_agreed(std::string_view product_code, BillingCycle cycle, Money price) {
  return of_product("agreed", product_code, cycle, price);
}

std::string derive_setup_fee(std::string_view product_code, Money price) {
  return derive("setup_fee", {{"product", std::string(product_code)}, {"price", price.to_decimal()}});
}

std::string derive_discount(const catalog::Promotion& promotion, Money price) {
  const std::pair<std::string_view, std::string> off = promotion.percent
                                                           ? std::pair("percent", percent_to_string(*promotion.percent))
                                                           : std::pair("amount", promotion.amount->to_decimal());
  return derive("promotion", {{"code", promotion.code}, off, {"of", price.to_decimal()}});
}

std::string derive_proration(Money price, Money discount, Ratio share, int sign, std::int64_t carried) {
  return derive("proration", {{"sign", sign < 0 ? "-" : "+"},
                              {"price", price.to_decimal()},
                              {"discount", discount.to_decimal()},
                              {"days", std::to_string(share.num)},
                              {"of_days", std::to_string(share.den)},
                              {"carried", std::to_string(carried)}});
}

std::string derive_late_fee(const settings::LateFee& rule, std::string_view invoice_number, Money overdue) {
  const auto minimum = rule.minimum.find(std::string(overdue.currency().code()));
  const Money least = minimum == rule.minimum.end() ? Money::zero(overdue.currency()) : minimum->second;
  return derive("late_fee", {{"invoice", std::string(invoice_number)},
                             {"percent", percent_to_string(rule.percent)},
                             {"of", overdue.to_decimal()},
                             {"minimum", least.to_decimal()}});
}

std::string derive_named(std::string_view by, Money price) { return derive(by, {{"price", price.to_decimal()}}); }

std::string derive_least(std::string_view from, Amounts limits) { return of_amounts(from, limits); }

std::string derive_refund(Money refund, Money was_credit, Money of_later_invoices, Money had_paid) {
  return of_amounts("refund", {{"refund", refund},
                               {"was_credit", was_credit},
                               {"of_later_invoices", of_later_invoices},
                               {"had_paid", had_paid}});
}

std::string derive_share(Money credited, Money of, Money left, Money tax_left) {
  return of_amounts("share", {{"credited", credited}, {"of", of}, {"left", left}, {"tax_left", tax_left}});
}

std::string derive_whole(Money left, Money tax_left) {
  return of_amounts("whole", {{"left", left}, {"tax_left", tax_left}});
}

std::string derivation_in_words(std::string_view derivation, Money amount) {
  const auto json = nlohmann::json::parse(derivation, nullptr, false);
  if (!json.is_object()) return "as it was booked";
  const Inputs in(json, amount.currency());
  const std::string from = in.text("from");
  if (from == "words") return in.text("words");
  if (from == "promotion") return discount_in_words(in);
  if (from == "proration") return proration_in_words(in, amount);
  if (from == "late_fee") return late_fee_in_words(in);
  if (from == "refund" && in.has("refund")) return refund_in_words(in);
  if (from == "share") return share_in_words(in);
  if (from == "whole") return "all " + in.money("left") + " left of the line, of it " + in.money("tax_left") + " tax";
  if (from == "listed") return "listed price of " + in.text("product") + " for " + in.text("cycle");
  if (from == "agreed") return "price agreed for " + in.text("product") + " for " + in.text("cycle");
  if (from == "setup_fee") return "set-up fee of " + in.text("product");
  if (in.has("price")) return "named by " + from;
  return least_in_words(in);
}

}  // namespace bursar::invoicing
