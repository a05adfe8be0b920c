#include "payments/refund_rules.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "catalog/products.hpp"
#include "payments/refund_plan.hpp"
#include "services/services.hpp"

namespace bursar::payments {

namespace {

using invoicing::Invoice;
using invoicing::InvoiceKind;
using invoicing::LineKind;
using invoicing::LineLeft;
using settings::PromotionalRefund;
using settings::RefundRule;

constexpr std::array<std::pair<ConditionVerdict, std::string_view>, 3> verdict_names{{
    {ConditionVerdict::holds, "holds"},
    {ConditionVerdict::fails, "fails"},
    {ConditionVerdict::credit_only, "credit_only"},
}};

std::string days_text(std::int64_t days) { return std::to_string(days) + (days == 1 ? " day" : " days"); }

class Judge {
 public:
  Judge(storage::Connection& c, const Context& context, const Payment& payment, Instant now)
      : c_(c),
        context_(context),
        payment_(payment),
        refunds_(context.rules.billing.refunds),
        today_(context.rules.today(now)),
        paid_on_(context.rules.today(payment.settled_at.value_or(payment.created_at))) {}

  RefundVerdict run(const std::vector<LineId>& named) {
    const Standing standing = standing_of(c_, payment_);
    for (const auto& on : standing.invoices) {
      const auto left = invoicing::lines_left(c_, on.invoice);
      const auto wanted = with_discounts(left, named);
      for (const LineLeft& line : left) {
        const bool is_wanted = named.empty() || std::find(wanted.begin(), wanted.end(), line.line.id) != wanted.end();
        if (is_wanted && !line.line.net.is_negative()) judge_line(on.invoice, left, line.line);
      }
    }
    if (named.empty() && standing.free.is_positive()) judge_credit(standing.free);
    return std::move(verdict_);
  }

 private:
  void judge_line(const Invoice& invoice, const std::vector<LineLeft>& left, const invoicing::Line& line) {
    const auto service = line.service ? services::find_service(c_, line.service) : std::nullopt;
    const auto product = service ? catalog::find_product(c_, service->product) : std::nullopt;
    about_ = {.line = line.id, .product = product ? product->code : "", .rule = {}, .name = {}, .explanation = {}};
    const RefundRule& rule = use_rule(about_.product);
    refundable(rule);
    window(rule, line);
    if (service) first_term(rule, invoice, line, *service);
    if (rule.new_customers_only) new_customer(invoice, service);
    promotion(rule, left, line);
    gateway(rule);
  }

  void judge_credit(Money amount) {
    about_ = {.line = {}, .product = {}, .rule = {}, .name = {}, .explanation = {}};
    const RefundRule& rule = use_rule("");
    const auto invoice = invoicing::find_invoice(c_, payment_.invoice);
    if (invoice && invoice->kind == InvoiceKind::deposit) {
      note("deposit", refunds_.deposits ? ConditionVerdict::holds : ConditionVerdict::fails,
           "The payment added " + amount.to_string() +
               (refunds_.deposits ? " of credit, which may be refunded."
                                  : " of credit, and added credit is not refunded."));
    } else {
      note("surplus", ConditionVerdict::holds, amount.to_string() + " of the payment is on no invoice.");
    }
    gateway(rule);
  }

  // Its limit for doing without a decision counts from now on.
  const RefundRule& use_rule(const std::string& product) {
    const RefundRule& rule = refunds_.rule_of(product);
    about_.rule = rule.product.empty() ? "default" : rule.product;
    const auto limit = rule.approve_up_to.find(std::string(payment_.amount.currency().code()));
    if (limit == rule.approve_up_to.end()) {
      verdict_.approve_up_to.reset();
    } else if (is_first_) {
      verdict_.approve_up_to = limit->second;
    } else if (verdict_.approve_up_to) {
      verdict_.approve_up_to = std::min(*verdict_.approve_up_to, limit->second);
    }
    is_first_ = false;
    return rule;
  }

  void note(std::string name, ConditionVerdict verdict, std::string explanation) {
    RefundCondition condition = about_;
    condition.name = std::move(name);
    condition.verdict = verdict;
    condition.explanation = std::move(explanation);
    if (verdict == ConditionVerdict::fails) verdict_.eligible = false;
    if (verdict == ConditionVerdict::credit_only) verdict_.credit_only = true;
    verdict_.conditions.push_back(std::move(condition));
  }

  void refundable(const RefundRule& rule) {
    if (!rule.refundable) note("refundable", ConditionVerdict::fails, "The rule excludes it from refunds.");
    if (rule.credit_only) note("refundable", ConditionVerdict::credit_only, "The rule makes credit of every refund.");
  }

  void window(const RefundRule& rule, const invoicing::Line& line) {
    const CivilDate from = line.period_start.value_or(paid_on_);
    const std::string began = (line.period_start ? "The period began on " : "It was paid on ") + from.to_string() +
                              ", today is " + today_.to_string();
    if (!rule.window_days) return note("window", ConditionVerdict::holds, began + "; the window does not close.");
    const std::int64_t days = days_between(from, today_);
    const bool holds = days <= *rule.window_days;
    note("window", holds ? ConditionVerdict::holds : ConditionVerdict::fails,
         began + ": " + (days < 0 ? "before its first day" : days_text(days)) + ", of " + days_text(*rule.window_days) +
             ".");
  }

  void first_term(const RefundRule& rule, const Invoice& invoice, const invoicing::Line& line,
                  const services::Service& service) {
    if (!rule.first_term_only) return;
    const bool first =
        line.period_start ? *line.period_start == service.started_on : invoice.kind == InvoiceKind::order;
    note("first_term", first ? ConditionVerdict::holds : ConditionVerdict::fails,
         "The service began on " + service.started_on.to_string() +
             (line.period_start ? ", this period on " + line.period_start->to_string() + "." : "."));
  }

  void new_customer(const Invoice& invoice, const std::optional<services::Service>& service) {
    InvoiceId first = invoice.id;  // the one that began it
    if (service && service->order) {
      auto rows = c_.query("SELECT invoice_id FROM orders WHERE id = $1 AND invoice_id IS NOT NULL", service->order);
      if (rows.next()) first = rows.id<InvoiceId>(0);
    }
    auto rows = c_.query(
        "SELECT coalesce(number, ''), issued_on FROM invoices WHERE account_id = $1 AND id < $2 AND kind <> 'deposit' "
        "AND paid_at IS NOT NULL ORDER BY id LIMIT 1",
        payment_.account, first);
    if (rows.next()) {
      note("new_customer", ConditionVerdict::fails,
           "The account had paid invoice " + rows.string(0) + " of " + rows.string(1) + " before this order.");
    } else {
      note("new_customer", ConditionVerdict::holds, "The account had paid no invoice before this order.");
    }
  }

  void promotion(const RefundRule& rule, const std::vector<LineLeft>& left, const invoicing::Line& line) {
    const auto discount = std::find_if(left.begin(), left.end(), [&](const LineLeft& other) {
      return other.line.kind == LineKind::discount && line.service && other.line.service == line.service &&
             other.line.period_start == line.period_start;
    });
    if (discount == left.end() || rule.promotional == PromotionalRefund::allow) return;
    note("promotion",
         rule.promotional == PromotionalRefund::refuse ? ConditionVerdict::fails : ConditionVerdict::credit_only,
         "A promotion lowered it: " + discount->line.description + ".");
  }

  void gateway(const RefundRule& rule) {
    const auto& named = rule.credit_only_gateways;
    if (std::find(named.begin(), named.end(), payment_.gateway) != named.end()) {
      note("gateway", ConditionVerdict::credit_only, "Payments by " + payment_.gateway + " become credit by rule.");
      return;
    }
    const Gateway* gateway = context_.gateways.find(payment_.gateway);
    const bool sends = gateway != nullptr && gateway->info().refunds;
    note("gateway", sends ? ConditionVerdict::holds : ConditionVerdict::credit_only,
         "The gateway " + payment_.gateway + (sends ? " can send money back." : " can't send money back."));
  }

  storage::Connection& c_;
  const Context& context_;
  const Payment& payment_;
  const settings::Refunds& refunds_;
  CivilDate today_;
  CivilDate paid_on_;
  RefundCondition about_;
  bool is_first_ = true;
  RefundVerdict verdict_;
};

}  // namespace

std::string_view to_string(ConditionVerdict verdict) {
  for (const auto& [known, name] : verdict_names) {
    if (known == verdict) return name;
  }
  invariant_broken("a verdict without a name", __FILE__, __LINE__);
}

ConditionVerdict condition_verdict(std::string_view stored) {
  for (const auto& [known, name] : verdict_names) {
    if (name == stored) return known;
  }
  invariant_broken("a stored verdict that this version does not know", __FILE__, __LINE__);
}

RefundVerdict judge_refund(storage::Connection& c, const Context& context, const Payment& payment,
                           const std::vector<LineId>& lines, Instant now) {
  return Judge(c, context, payment, now).run(lines);
}

}  // namespace bursar::payments
