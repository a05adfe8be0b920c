// Money that goes back: refunds, disputes, and the limits of credit.
#include <algorithm>

#include "settings/tables.hpp"

namespace bursar::settings {
namespace {

Kind<RefundedService> refunded_service() {
  return kind::choice<RefundedService>({{"keep", RefundedService::keep},
                                        {"cancel", RefundedService::cancel},
                                        {"terminate_now", RefundedService::terminate_now}});
}

const Table<RefundRule>& refund_rule_table() {
  static const Table<RefundRule> table = [] {
    Table<RefundRule> t("rule",
                        "Whether what was paid may be refunded. The rule of a product stands under its code; a key it "
                        "leaves out is as in `default`.");
    t.key("refundable", &RefundRule::refundable, kind::boolean(),
          "false: never by rule; staff may still, with a reason.");
    t.key("window_days", &RefundRule::window_days, kind::or_never(kind::number<int>(0, 3650)),
          "Days from the first day of the period (of what has no period: from the payment) in which a refund may be "
          "asked for; never: the window does not close.");
    t.key("first_term_only", &RefundRule::first_term_only, kind::boolean(), "Only the first period of a service.");
    t.key("new_customers_only", &RefundRule::new_customers_only, kind::boolean(),
          "Only the first order that an account ever paid for.");
    t.key("promotional", &RefundRule::promotional,
          kind::choice<PromotionalRefund>({{"allow", PromotionalRefund::allow},
                                           {"credit_only", PromotionalRefund::credit_only},
                                           {"refuse", PromotionalRefund::refuse}}),
          "What a promotion lowered: refunded as anything else, as credit only, or not at all.");
    t.key("credit_only", &RefundRule::credit_only, kind::boolean(), "The money becomes credit, whatever paid it.");
    t.key("credit_only_gateways", &RefundRule::credit_only_gateways, kind::list_of(kind::text(40), 0, 50),
          "Plugin instances whose payments become credit only, as those of cryptocurrencies. A gateway that can't send "
          "money back needs no mention.");
    t.key(
        "approve_up_to", &RefundRule::approve_up_to, amounts(),
        "A request the rule allows is approved at once while the payment's refunds stay within this amount. Without it "
        "staff decide each.");
    t.key("service", &RefundRule::service, refunded_service(),
          "The service whose whole period was refunded: kept; cancelled by the next daily run, which may be withdrawn "
          "until then; or terminated at once.");
    t.key("owed_again", &RefundRule::owed_again, kind::boolean(),
          "A kept service: its next due date goes back to the refunded period, which is invoiced again. false: the "
          "period is a gift.");
    return t;
  }();
  return table;
}

template <class V>
void inherit(const Node& node, const char* key, V RefundRule::*member, RefundRule& rule, const RefundRule& from) {
  if (node.find(key) == nullptr) rule.*member = from.*member;
}

void check_refunds(Reader&, const Node& node, Refunds& refunds) {
  const Node* products = node.find("products");
  for (RefundRule& rule : refunds.products) {
    const Node& own = *products->find(rule.product);
    inherit(own, "refundable", &RefundRule::refundable, rule, refunds.rule);
    inherit(own, "window_days", &RefundRule::window_days, rule, refunds.rule);
    inherit(own, "first_term_only", &RefundRule::first_term_only, rule, refunds.rule);
    inherit(own, "new_customers_only", &RefundRule::new_customers_only, rule, refunds.rule);
    inherit(own, "promotional", &RefundRule::promotional, rule, refunds.rule);
    inherit(own, "credit_only", &RefundRule::credit_only, rule, refunds.rule);
    inherit(own, "credit_only_gateways", &RefundRule::credit_only_gateways, rule, refunds.rule);
    inherit(own, "approve_up_to", &RefundRule::approve_up_to, rule, refunds.rule);
    inherit(own, "service", &RefundRule::service, rule, refunds.rule);
    inherit(own, "owed_again", &RefundRule::owed_again, rule, refunds.rule);
  }
}

void check_deposits(Reader& reader, const Node& node, Deposits& deposits) {
  const auto place = [&](const char* key, const std::string& currency) {
    const Node* amounts = node.find(key);
    const Node* one = amounts->find(currency);
    return one != nullptr ? one->place : amounts->place;
  };
  const auto not_below = [&](const char* key, const std::map<std::string, Money>& upper) {
    for (const auto& [currency, least] : deposits.minimum) {
      const auto most = upper.find(currency);
      if (most != upper.end() && most->second < least)
        reader.error(place(key, currency),
                     most->second.to_string() + " is less than deposits.minimum, " + least.to_string(),
                     "nobody could add credit in " + currency + ": raise it, or lower the minimum");
    }
  };
  not_below("maximum", deposits.maximum);
  not_below("maximum_balance", deposits.maximum_balance);
}

void check_gateways(Reader& reader, const Node& rule, const std::vector<std::string>& named, const Config& config) {
  for (std::size_t i = 0; i < named.size(); ++i) {
    const bool known =
        std::any_of(config.plugins.begin(), config.plugins.end(), [&](const auto& p) { return p.name == named[i]; });
    if (known) continue;
    std::vector<std::string> names;
    for (const PluginInstance& plugin : config.plugins) names.push_back(plugin.name);
    const std::string near = nearest(named[i], names);
    reader.error(rule.find("credit_only_gateways")->items[i].place,
                 "there is no plugin instance \"" + named[i] + "\" under plugins.instances",
                 near.empty() ? "name one of plugins.instances" : "did you mean \"" + near + "\"?");
  }
}

}  // namespace

const Table<Refunds>& refunds_table() {
  static const Table<Refunds> table = [] {
    Table<Refunds> t("refunds", "When money goes back, and what follows. docs/provider/refunds.md has examples.");
    t.key("self_service", &Refunds::self_service, kind::boolean(),
          "Customers may ask for a refund themselves. false: by staff only.");
    t.key("deposits", &Refunds::deposits, kind::boolean(),
          "What was paid for credit may be refunded by rule, as far as the credit is still there.");
    t.section("default", &Refunds::rule, refund_rule_table(), "For every product without a rule of its own.");
    t.named<RefundRule>(
        "products", &Refunds::products, refund_rule_table(),
        [](Reader&, const Node::Entry& entry, RefundRule& rule) { rule.product = entry.key; },
        "Rules by product code.");
    t.check(check_refunds);
    return t;
  }();
  return table;
}

const Table<Disputes>& disputes_table() {
  static const Table<Disputes> table = [] {
    Table<Disputes> t("disputes", "What happens when a customer disputes a payment at their bank.");
    t.key("on_opened", &Disputes::on_opened,
          kind::choice<DisputedService>({{"keep", DisputedService::keep}, {"suspend", DisputedService::suspend}}),
          "The services it paid for, until it is decided; won, they come back by themselves.");
    t.key("on_lost", &Disputes::on_lost,
          kind::choice<DisputedService>({{"keep", DisputedService::keep},
                                         {"suspend", DisputedService::suspend},
                                         {"terminate", DisputedService::terminate}}),
          "The same services when the money is gone. A suspended one comes back when its invoice is paid again.");
    t.key("reopen_invoices", &Disputes::reopen_invoices, kind::boolean(),
          "What a lost dispute took is owed again on the invoices it had paid. false: it is booked as a loss.");
    return t;
  }();
  return table;
}

const Table<Deposits>& deposits_table() {
  static const Table<Deposits> table = [] {
    Table<Deposits> t("deposits", "Limits for adding credit.");
    t.key("minimum", &Deposits::minimum, amounts(), "The least that can be added at a time.");
    t.key("maximum", &Deposits::maximum, amounts(), "The most that can be added at a time.");
    t.key("maximum_balance", &Deposits::maximum_balance, amounts(),
          "Credit that an account may not exceed by adding, deposits under way included. Surplus and refunds may.");
    t.key("require_active_service", &Deposits::require_active_service, kind::boolean(),
          "Only an account with a running service may add credit: a guard against stolen cards.");
    t.check(check_deposits);
    return t;
  }();
  return table;
}

void check_configuration(Reader& reader, const Node& node, Config& config) {
  const Node* billing = node.find("billing");
  const Node* refunds = billing == nullptr ? nullptr : billing->find("refunds");
  if (refunds == nullptr) return;
  const Reader::Within within(reader, "billing.refunds");
  const Node* rule = refunds->find("default");
  if (rule != nullptr && rule->find("credit_only_gateways") != nullptr)
    check_gateways(reader, *rule, config.billing.refunds.rule.credit_only_gateways, config);
  for (const RefundRule& product : config.billing.refunds.products) {
    const Node* own = refunds->find("products")->find(product.product);
    if (own->find("credit_only_gateways") != nullptr)
      check_gateways(reader, *own, product.credit_only_gateways, config);
  }
}

}  // namespace bursar::settings
