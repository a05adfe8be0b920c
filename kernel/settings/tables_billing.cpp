#include "settings/countries.hpp"
#include "settings/tables.hpp"

namespace bursar::settings {
namespace {

std::optional<Money> read_money(Reader& reader, const Node& node, Currency currency) {
  auto text = reader.text(node);
  if (!text) return std::nullopt;
  auto money = Money::parse(text->text, currency);
  if (money.ok() && !money->is_negative()) return *money;
  reader.error(node.place, Reader::shown(*text) + (money.ok() ? " is negative" : ": " + money.error().detail),
               "write an amount of " + std::string(currency.code()) + " in quotes, as \"" +
                   Money::zero(currency).to_decimal() + "\"");
  return std::nullopt;
}

}  // namespace

Kind<std::map<std::string, Money>> amounts() {
  return {.name = "amount, in quotes, of the default currency, or a section of amounts by currency",
          .json_schema = R"({"anyOf":[{"type":"string"},{"type":"object","additionalProperties":{"type":"string"}}]})",
          .read = [](Reader& reader, const Node& node) -> std::optional<std::map<std::string, Money>> {
            std::map<std::string, Money> out;
            if (reader.currencies.empty()) return out;  // the provider's section is at fault; that has been said
            if (node.kind != Node::Kind::map) {
              if (auto money = read_money(reader, node, reader.currencies.front()))
                out.emplace(std::string(money->currency().code()), *money);
              return out;
            }
            std::vector<std::string> codes;
            for (const Currency& currency : reader.currencies) codes.emplace_back(currency.code());
            for (const auto& entry : node.entries) {
              const auto found = std::find(codes.begin(), codes.end(), entry.key);
              if (found == codes.end()) {
                reader.unknown_key(entry, codes);
              } else if (auto money = read_money(reader, entry.value,
                                                 reader.currencies[static_cast<std::size_t>(found - codes.begin())])) {
                out.emplace(entry.key, *money);
              }
            }
            return out;
          },
          .show = [](const std::map<std::string, Money>&) { return std::string(); }};
}

namespace {

const Table<PauseWhenDeclined>& pause_table() {
  static const Table<PauseWhenDeclined> table = [] {
    Table<PauseWhenDeclined> t(
        "pause_when_declined",
        "A gateway that declines nearly everything: automatic charges wait a day, and staff are told.");
    t.key("share", &PauseWhenDeclined::share, kind::or_never(kind::percent()), "So much of the latest charges.");
    t.key("of", &PauseWhenDeclined::of, kind::number<int>(5, 10'000), "Of so many, within twelve hours.");
    return t;
  }();
  return table;
}

const Table<Autopay>& autopay_table() {
  static const Table<Autopay> table = [] {
    Table<Autopay> t("autopay", "Charging saved payment methods without the customer.");
    t.key("days_before_due", &Autopay::days_before_due, kind::number<int>(0, 60),
          "First attempt, days before the due date.");
    t.key("retry_after_days", &Autopay::retry_after_days, kind::list_of(kind::number<int>(1, 90), 0, 10),
          "Further attempts when no method could pay, in days after the first; ascending.");
    t.key("confirm_within_days", &Autopay::confirm_within_days, kind::number<int>(1, 60),
          "A charge that the customer has to confirm, and has not after so many days, is taken back and counts as "
          "declined for the time being.");
    t.key("expiry_notice_days", &Autopay::expiry_notice_days, kind::or_never(kind::number<int>(1, 90)),
          "The customer is told of a method that expires within so many days, once; or never.");
    t.section("pause_when_declined", &Autopay::pause_when_declined, pause_table(),
              "When a gateway declines everybody.");
    return t;
  }();
  return table;
}

const Table<Reminders>& reminders_table() {
  static const Table<Reminders> table = [] {
    Table<Reminders> t("reminders", "Mails about an unpaid invoice.");
    t.key("before_due", &Reminders::before_due, kind::list_of(kind::number<int>(0, 60), 0, 10),
          "Days before the due date; none before the invoice exists.");
    t.key("after_due", &Reminders::after_due, kind::list_of(kind::number<int>(1, 365), 0, 20),
          "Days after the due date; ascending.");
    return t;
  }();
  return table;
}

const Table<LateFee>& late_fee_table() {
  static const Table<LateFee> table = [] {
    Table<LateFee> t("late_fee",
                     "A fee for an invoice that stays unpaid, once an invoice. Without this section there is none.");
    t.required("after_days", &LateFee::after_days, kind::number<int>(1, 365), "Days after the due date.");
    t.set<Ratio>(
        "percent", kind::percent(), [](LateFee& fee, Ratio rate) { fee.percent = rate; }, "\"0\"", false,
        "Share of the overdue balance.");
    t.key("minimum", &LateFee::minimum, amounts(), "At least this much.");
    return t;
  }();
  return table;
}

const Table<Holds>& holds_table() {
  static const Table<Holds> table = [] {
    Table<Holds> t("holds", "Resting collection of an invoice, a service or an account until a day.");
    t.key("max_days", &Holds::max_days, kind::number<int>(1, 366), "The longest hold that staff may place, in days.");
    t.key("self_service", &Holds::self_service, kind::boolean(),
          "Customers may place a hold themselves, when nothing of theirs is on hold.");
    t.key("self_service_days", &Holds::self_service_days, kind::number<int>(1, 90),
          "The longest hold of a customer's own, in days.");
    t.key("self_service_per_year", &Holds::self_service_per_year, kind::number<int>(1, 366),
          "So many of them within 365 days.");
    return t;
  }();
  return table;
}

void check_ascending(Reader& reader, const Node& node, const char* section, const char* key,
                     const std::vector<int>& values) {
  for (std::size_t i = 1; i < values.size(); ++i) {
    if (values[i] > values[i - 1]) continue;
    const Node* list = node.find(section)->find(key);
    return reader.error(list->items[i].place, std::string(section) + "." + key + " must be ascending, each day once");
  }
}

void check_billing(Reader& reader, const Node& node, Billing& billing) {
  const auto place = [&](const char* key, const char* inner = nullptr) {
    const Node* found = node.find(key);
    const Node* deeper = found != nullptr && inner != nullptr ? found->find(inner) : nullptr;
    return deeper != nullptr ? deeper->place : found != nullptr ? found->place : node.place;
  };
  const std::string generated =
      "billing.generate_days_before_due is " + std::to_string(billing.generate_days_before_due);
  for (const int day : billing.reminders.before_due)
    if (day > billing.generate_days_before_due)
      reader.error(place("reminders", "before_due"),
                   "a reminder " + std::to_string(day) + " days before the due date would come before the invoice (" +
                       generated + ")",
                   "remind later or invoice earlier");
  if (billing.autopay.days_before_due > billing.generate_days_before_due)
    reader.error(place("autopay", "days_before_due"), "a charge before the invoice exists (" + generated + ")",
                 "charge later or invoice earlier");
  check_ascending(reader, node, "autopay", "retry_after_days", billing.autopay.retry_after_days);
  check_ascending(reader, node, "reminders", "after_due", billing.reminders.after_due);
  if (billing.suspend_after_days && billing.terminate_after_days &&
      *billing.terminate_after_days <= *billing.suspend_after_days)
    reader.error(place("terminate_after_days"),
                 "services would be terminated before or with their suspension (billing.suspend_after_days is " +
                     std::to_string(*billing.suspend_after_days) + ")",
                 "terminate later, or never");
}

std::string upper_country(const TaxRule& rule) { return rule.country + (rule.region.empty() ? "" : "-" + rule.region); }

Kind<std::string> tax_country() {
  const Kind<std::string> country = kind::country();
  return {.name = "country, EU or \"*\"",
          .json_schema = R"({"type":"string","pattern":"^([A-Z]{2}|\\*)$"})",
          .read = [country](Reader& reader, const Node& node) -> std::optional<std::string> {
            if (node.kind == Node::Kind::scalar && (node.text == "EU" || node.text == "*")) return node.text;
            return country.read(reader, node);
          },
          .show = [](const std::string& value) { return value; }};
}

void check_tax_rule(Reader& reader, const Node& node, TaxRule& rule) {
  const bool taxed = rule.rate.num > 0;
  if (!rule.region.empty() && !is_country(rule.country))
    reader.error(node.find("region")->place, "a region needs one country", "name the country, or leave the region out");
  if (taxed && rule.category != "S")
    reader.error(node.find("category")->place,
                 "category " + rule.category + " means no tax, but " + upper_country(rule) + " has a rate",
                 "write S, or a rate of \"0\"");
  if (!taxed && rule.category == "S")
    reader.error(node.find("rate") != nullptr ? node.find("rate")->place : node.place,
                 "category S (standard) needs a rate above 0",
                 "name the category: Z (zero), E (exempt), O (out of scope), G (export)");
  if (rule.category != "S" && rule.category != "Z" && rule.exemption_reason.empty())
    reader.error(node.find("category")->place,
                 "category " + rule.category + " needs an exemption_reason for the invoice",
                 "add exemption_reason: \"...\"");
}

}  // namespace

const Table<Billing>& billing_table() {
  static const Table<Billing> table = [] {
    Table<Billing> t(
        "billing",
        "When invoices are made, charged, and what happens to unpaid ones. Days are civil dates of provider.timezone.");
    t.key("generate_days_before_due", &Billing::generate_days_before_due, kind::number<int>(0, 60),
          "A renewal is invoiced this many days before it is due.");
    t.key("group_by", &Billing::group_by,
          kind::choice<GroupBy>({{"due_date", GroupBy::due_date}, {"service", GroupBy::service}}),
          "due_date: one invoice for all an account owes for one due date; service: one for each service.");
    t.key("invoice_becomes_legal", &Billing::invoice_becomes_legal,
          kind::choice<InvoiceBecomesLegal>(
              {{"at_issue", InvoiceBecomesLegal::at_issue}, {"at_payment", InvoiceBecomesLegal::at_payment}}),
          "When an invoice takes its number and can no longer be adjusted; until then it is pro forma. Ask your tax "
          "adviser.");
    t.key("order_due_days", &Billing::order_due_days, kind::number<int>(0, 60),
          "The first invoice of an order is due this many days after it.");
    t.key("apply_credit_to_new_invoices", &Billing::apply_credit_to_new_invoices, kind::boolean(),
          "Account credit pays new invoices by itself.");
    t.key("apply_credit_to_open_invoices", &Billing::apply_credit_to_open_invoices, kind::boolean(),
          "The daily run applies credit to open invoices, oldest due date first.");
    t.section("autopay", &Billing::autopay, autopay_table(), "Auto-pay.");
    t.section("reminders", &Billing::reminders, reminders_table(), "Reminders.");
    t.optional_section("late_fee", &Billing::late_fee, late_fee_table(), "Late fee.");
    t.key("suspend_after_days", &Billing::suspend_after_days, kind::or_never(kind::number<int>(1, 365)),
          "Services of an unpaid invoice are suspended, days after the due date.");
    t.key("terminate_after_days", &Billing::terminate_after_days, kind::or_never(kind::number<int>(1, 730)),
          "They are terminated, days after the due date.");
    t.key("cancel_unpaid_orders_after_days", &Billing::cancel_unpaid_orders_after_days,
          kind::or_never(kind::number<int>(1, 365)),
          "An order whose invoice stays unpaid is cancelled with its services, days after the due date.");
    t.key(
        "downgrade_credit", &Billing::downgrade_credit,
        kind::choice<DowngradeCredit>({{"none", DowngradeCredit::none}, {"credit", DowngradeCredit::credit}}),
        "none: a cheaper product takes effect when the period ends; credit: at once, and what the days left cost less "
        "becomes account credit.");
    t.key("mass_payment_days", &Billing::mass_payment_days, kind::number<int>(1, 90),
          "One payment over several invoices that was begun and not paid is given up after so many days.");
    t.key("chunk_accounts", &Billing::chunk_accounts, kind::number<int>(1, 5000),
          "Accounts in one transaction of the daily run, at most: while requests wait for it, it takes fewer.");
    t.section("holds", &Billing::holds, holds_table(), "Holds.");
    t.section("refunds", &Billing::refunds, refunds_table(), "Refunds.");
    t.section("disputes", &Billing::disputes, disputes_table(), "Disputes and chargebacks.");
    t.section("deposits", &Billing::deposits, deposits_table(), "Adding credit.");
    t.check(check_billing);
    return t;
  }();
  return table;
}

const Table<TaxRule>& tax_rule_table() {
  static const Table<TaxRule> table = [] {
    Table<TaxRule> t("tax",
                     "Tax rules. The most specific wins: country and region before country before EU before \"*\"; a "
                     "product's own tax class before \"*\".");
    t.required("country", &TaxRule::country, tax_country(),
               "Country of the customer; EU: each member state without a rule of its own; \"*\": everywhere else.");
    t.key("region", &TaxRule::region, kind::text(10), "ISO 3166-2 subdivision without the country, as CA.");
    t.key("tax_class", &TaxRule::tax_class, kind::text(40), "Tax class of the products it is for.");
    t.required("name", &TaxRule::name, kind::text(40), "As printed on the invoice, as VAT.");
    t.set<Ratio>(
        "rate", kind::percent(), [](TaxRule& rule, Ratio rate) { rule.rate = rate; }, "", true, "Rate in percent.");
    t.key("inclusive", &TaxRule::inclusive, kind::boolean(), "Catalog prices contain the tax.");
    t.key("reverse_charge", &TaxRule::reverse_charge, kind::boolean(),
          "A business with a tax id outside of the provider's country accounts for the tax itself.");
    t.key("category", &TaxRule::category, kind::one_of({"S", "Z", "E", "O", "G", "K", "AE"}),
          "EN 16931 tax category: S standard, Z zero, E exempt, O out of scope, G export, K intra-community, AE "
          "reverse charge.");
    t.key("exemption_reason", &TaxRule::exemption_reason, kind::text(),
          "Why no tax is due; required for E, O, G, K and AE.");
    t.check(check_tax_rule);
    return t;
  }();
  return table;
}

}  // namespace bursar::settings
