#include "invoicing/order_pricing.hpp"

#include <algorithm>

#include "invoicing/derivation.hpp"

namespace bursar::invoicing {
namespace {

using storage::Connection;

constexpr std::size_t most_items = 50;
constexpr std::int64_t most_of_one = 100;
constexpr std::size_t longest_label = 200;

const catalog::Product* find_product(Connection& c, PricedOrder& order, ProductId id) {
  for (const auto& product : order.products) {
    if (product.id == id) return &product;
  }
  auto found = catalog::find_product(c, id);
  if (!found || found->retired) return nullptr;
  order.products.push_back(*std::move(found));
  return &order.products.back();
}

void price_item(Connection& c, const Rules& rules, const OrderItem& item, const std::string& pointer,
                PricedOrder& order, std::vector<FieldError>& errors) {
  const bool sane_quantity = item.quantity >= 1 && item.quantity <= most_of_one;
  if (!sane_quantity) errors.push_back({pointer + "/quantity", "must be 1 to 100"});
  if (item.label.size() > longest_label) errors.push_back({pointer + "/label", "must have at most 200 bytes"});
  const auto* product = find_product(c, order, item.product);
  if (product == nullptr) {
    errors.push_back({pointer + "/product", "is not a product that can be ordered"});
    return;
  }
  const auto* price = product->price(order.account.currency, item.cycle);
  if (price == nullptr) {
    errors.push_back({pointer + "/cycle", "the product is not sold " + item.cycle.name() + " in " +
                                              std::string(order.account.currency.code())});
    return;
  }
  if (!sane_quantity) return;
  const auto& account = order.account;
  order.treatments.push_back(rules.tax.treatment({.country = account.address.country,
                                                  .region = account.address.region,
                                                  .tax_id = account.tax_id,
                                                  .exempt = account.tax_exempt},
                                                 product->tax_class));
  const bool promoted = order.promotion && order.promotion->applies_to(product->id, account.currency);
  for (std::int64_t i = 0; i < item.quantity; ++i) {
    order.units.push_back({product, price, item.label, item.cycle, &order.treatments.back(), promoted});
  }
}

}  // namespace

Result<PricedOrder> price_order(Connection& c, const Rules& rules, const OrderRequest& request, CivilDate today) {
  auto account = accounts::find_account(c, request.account);
  if (!account) return not_found("no_such_account", "There is no such account.");
  PricedOrder order{
      .account = *std::move(account), .promotion = std::nullopt, .units = {}, .products = {}, .treatments = {}};
  if (!request.promotion_code.empty()) {
    BURSAR_TRY(promotion, catalog::usable_promotion(c, request.promotion_code, today));
    order.promotion = std::move(promotion);
  }
  std::vector<FieldError> errors;
  if (order.account.status != "active") errors.push_back({"/account", "the account is closed"});
  if (request.items.empty() || request.items.size() > most_items) {
    errors.push_back({"/items", "must have 1 to 50 items"});
  } else {
    for (std::size_t i = 0; i < request.items.size(); ++i) {
      price_item(c, rules, request.items[i], "/items/" + std::to_string(i), order, errors);
    }
  }
  if (!errors.empty()) return invalid("invalid_order", "The order has bad fields.", std::move(errors));
  const bool used = std::any_of(order.units.begin(), order.units.end(), [](const auto& unit) { return unit.promoted; });
  if (order.promotion && !used) {
    return invalid("promotion_not_applicable", "The promotion code does not apply to anything in this order.",
                   {{"/promotion_code", "does not apply to anything in this order"}});
  }
  return order;
}

std::vector<DraftLine> first_lines(const PricedOrder& order, const PricedUnit& unit, ServiceId service,
                                   CivilDate starts_on) {
  const auto& product = *unit.product;
  std::vector<DraftLine> lines;
  DraftLine main{.kind = LineKind::one_time,
                 .service = service,
                 .description = product.name + (unit.label.empty() ? "" : " (" + unit.label + ")"),
                 .unit_code = product.unit_code,
                 .unit_price = unit.price->amount,
                 .treatment = unit.treatment,
                 .derivation = derive_listed(product.code, unit.cycle, unit.price->amount)};
  if (unit.cycle.is_recurring()) {
    main.kind = LineKind::recurring;
    main.period = Period{starts_on, due_date(starts_on, starts_on.day(), unit.cycle, 1)};
    main.description = describe_period(product.name, unit.label, *main.period);
  }
  lines.push_back(main);
  if (unit.promoted) {
    const Money off = order.promotion->discount(unit.price->amount);
    if (off.is_positive()) {
      lines.push_back(discount_line(main, off, order.promotion->code));
      lines.back().derivation = derive_discount(*order.promotion, unit.price->amount);
    }
  }
  if (unit.price->setup_fee.is_positive()) {
    lines.push_back({.kind = LineKind::setup,
                     .service = service,
                     .description = "Set-up: " + product.name,
                     .unit_code = product.unit_code,
                     .unit_price = unit.price->setup_fee,
                     .treatment = unit.treatment,
                     .derivation = derive_setup_fee(product.code, unit.price->setup_fee)});
  }
  return lines;
}

}  // namespace bursar::invoicing
