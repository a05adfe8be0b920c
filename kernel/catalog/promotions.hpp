// Promotion codes: a percentage or a fixed amount off the price of an order line, for a number of billing periods.
// Set-up fees are not lowered.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "base/money.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "storage/database.hpp"

namespace bursar::catalog {

struct Promotion {
  PromotionId id = {};
  std::string code = {};                        // upper case
  std::optional<Ratio> percent = std::nullopt;  // of {units, 100'000'000}, or
  std::optional<Money> amount = std::nullopt;   // a period of an order line
  ProductId product = {};                       // none: every product
  std::int64_t periods = 1;                     // how many billing periods it lowers; 0: all
  std::optional<std::int64_t> max_uses = std::nullopt;
  std::int64_t uses = 0;
  std::optional<CivilDate> valid_from = std::nullopt;
  std::optional<CivilDate> valid_until = std::nullopt;  // the last day

  [[nodiscard]] bool applies_to(ProductId sold, Currency currency) const {
    return (!product || product == sold) && (!amount || amount->currency() == currency);
  }
  // What it takes off a price: never more than the price. Half up, so that 50 % of 0.25 is 0.13.
  [[nodiscard]] Money discount(Money price) const;
};

struct NewPromotion {
  std::string code;
  std::optional<Ratio> percent = std::nullopt;
  std::optional<Money> amount = std::nullopt;
  ProductId product = {};
  std::int64_t periods = 1;
  std::optional<std::int64_t> max_uses = std::nullopt;
  std::optional<CivilDate> valid_from = std::nullopt;
  std::optional<CivilDate> valid_until = std::nullopt;
};

Result<PromotionId> create_promotion(storage::Transaction& tx, const NewPromotion& promotion, Instant now);
std::optional<Promotion> find_promotion(storage::Connection& c, PromotionId id);
std::vector<Promotion> list_promotions(storage::Connection& c, PromotionId after, int limit);

// The promotion of a code as a customer types it, when it can be used on `today`. 422 no_such_promotion (also for one
// not yet or no longer valid: codes are not to be guessed), promotion_used_up.
Result<Promotion> usable_promotion(storage::Connection& c, std::string_view code, CivilDate today);

// Counts one use. 422 promotion_used_up. Race-safe: one statement.
Status use_promotion(storage::Transaction& tx, PromotionId id);

}  // namespace bursar::catalog
