#include "catalog/promotions.hpp"

#include <algorithm>

namespace bursar::catalog {
namespace {

using storage::Connection;
using storage::Rows;
using storage::Transaction;

constexpr std::int64_t hundred_percent = 100'000'000;

std::string upper(std::string_view code) {
  std::string out(code);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return out;
}

bool is_code(std::string_view code) {
  return !code.empty() && code.size() <= 40 && std::all_of(code.begin(), code.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

Promotion read_promotion(const Rows& rows) {
  Promotion promotion;
  promotion.id = rows.id<PromotionId>(0);
  promotion.code = rows.string(1);
  if (!rows.is_null(2)) promotion.percent = Ratio{rows.integer(2), hundred_percent};
  if (!rows.is_null(3)) promotion.amount = Money(rows.integer(3), Currency::parse(rows.text(4)).value());
  promotion.product = rows.id<ProductId>(5);
  promotion.periods = rows.integer(6);
  if (!rows.is_null(7)) promotion.max_uses = rows.integer(7);
  promotion.uses = rows.integer(8);
  promotion.valid_from = rows.optional_date(9);
  promotion.valid_until = rows.optional_date(10);
  return promotion;
}

Error used_up() { return invalid("promotion_used_up", "This promotion code has been used up."); }

}  // namespace

Money Promotion::discount(Money price) const {
  const Money off = percent ? price.multiply(*percent, Rounding::half_up) : *amount;
  return std::min(off, price);
}

Result<PromotionId> create_promotion(Transaction& tx, const NewPromotion& promotion, Instant now) {
  const std::string code = upper(promotion.code);
  std::vector<FieldError> errors;
  if (!is_code(code)) errors.push_back({"/code", "must be 1 to 40 letters, digits, '-' and '_'"});
  if (promotion.percent.has_value() == promotion.amount.has_value()) {
    errors.push_back({"/percent", "either a percentage or an amount"});
  }
  if (promotion.percent && (promotion.percent->num <= 0 || promotion.percent->num > hundred_percent)) {
    errors.push_back({"/percent", "must be above 0 and at most 100"});
  }
  if (promotion.amount && !promotion.amount->is_positive()) errors.push_back({"/amount", "must be above zero"});
  if (promotion.periods < 0) errors.push_back({"/periods", "must not be negative"});
  if (promotion.max_uses && *promotion.max_uses < 1) errors.push_back({"/max_uses", "must be at least 1"});
  if (promotion.valid_from && promotion.valid_until && *promotion.valid_until < *promotion.valid_from) {
    errors.push_back({"/valid_until", "must not be before valid_from"});
  }
  if (!errors.empty()) return invalid("invalid_promotion", "The promotion has bad fields.", std::move(errors));
  std::optional<std::int64_t> percent, amount;
  std::optional<std::string> currency;
  if (promotion.percent) {
    BURSAR_ASSERT(promotion.percent->den == hundred_percent);
    percent = promotion.percent->num;
  } else {
    amount = promotion.amount->minor();
    currency = promotion.amount->currency().code();
  }
  const PromotionId id = tx.new_id<PromotionId>();
  const auto inserted = tx.execute(
      "INSERT INTO promotions (id, code, percent, amount, currency, product_id, periods, max_uses, valid_from,"
      " valid_until, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (code) DO NOTHING",
      id, code, percent, amount, currency, promotion.product, promotion.periods, promotion.max_uses,
      promotion.valid_from, promotion.valid_until, now);
  if (inserted == 0) return conflict("promotion_code_taken", "There is a promotion with this code.");
  return id;
}

std::optional<Promotion> find_promotion(Connection& c, PromotionId id) {
  auto rows = c.query(
      "SELECT id, code, percent, amount, currency, product_id, periods, max_uses, uses, valid_from, valid_until"
      " FROM promotions WHERE id = $1",
      id);
  if (!rows.next()) return std::nullopt;
  return read_promotion(rows);
}

std::vector<Promotion> list_promotions(Connection& c, PromotionId after, int limit) {
  auto rows = c.query(
      "SELECT id, code, percent, amount, currency, product_id, periods, max_uses, uses, valid_from, valid_until"
      " FROM promotions WHERE id > $1 ORDER BY id LIMIT $2",
      after.value(), limit);
  std::vector<Promotion> promotions;
  while (rows.next()) promotions.push_back(read_promotion(rows));
  return promotions;
}

Result<Promotion> usable_promotion(Connection& c, std::string_view code, CivilDate today) {
  auto rows = c.query(
      "SELECT id, code, percent, amount, currency, product_id, periods, max_uses, uses, valid_from, valid_until"
      " FROM promotions WHERE code = $1",
      upper(code));
  const Error none = invalid("no_such_promotion", "This promotion code is not valid.",
                             {{"/promotion_code", "is not a valid promotion code"}});
  if (!rows.next()) return none;
  Promotion promotion = read_promotion(rows);
  if (promotion.valid_from && today < *promotion.valid_from) return none;
  if (promotion.valid_until && today > *promotion.valid_until) return none;
  if (promotion.max_uses && promotion.uses >= *promotion.max_uses) return used_up();
  return promotion;
}

Status use_promotion(Transaction& tx, PromotionId id) {
  const auto used =
      tx.execute("UPDATE promotions SET uses = uses + 1 WHERE id = $1 AND (max_uses IS NULL OR uses < max_uses)", id);
  if (used == 0) return used_up();
  return {};
}

}  // namespace bursar::catalog
