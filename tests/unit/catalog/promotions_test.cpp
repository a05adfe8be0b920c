// Goal: codes work within their bounds, and a last use is given once.
#include "catalog/promotions.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "catalog/products.hpp"
#include "support/database.hpp"

namespace bursar::catalog {
namespace {

using storage::Transaction;

const Currency usd = Currency::parse("USD").value();
const Instant noon = Instant::parse("2027-01-15T12:00:00Z").value();
const CivilDate today(2027, 1, 15);

TEST(PromotionDiscount, is_half_up_and_never_more_than_the_price) {
  const Promotion half{.percent = parse_percent("50").value()};
  EXPECT_EQ(half.discount(Money(25, usd)), Money(13, usd));
  const Promotion fixed{.amount = Money(500, usd)};
  EXPECT_EQ(fixed.discount(Money(300, usd)), Money(300, usd));
  EXPECT_EQ(fixed.discount(Money(900, usd)), Money(500, usd));
}

class Promotions : public ::testing::TestWithParam<storage::Backend> {
 protected:
  PromotionId create(const NewPromotion& promotion) {
    return db->write("create", [&](Transaction& tx) { return create_promotion(tx, promotion, noon); }).value();
  }
  std::string refusal(std::string_view code, CivilDate day) {
    const auto found = db->read([&](storage::Connection& c) { return usable_promotion(c, code, day); });
    return found.ok() ? "" : found.error().code;
  }
  test::TestDatabase db = test::fresh_database(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Backends, Promotions, test::backends());

TEST_P(Promotions, are_found_in_any_case_and_only_while_valid) {
  create({.code = "Spring",
          .percent = parse_percent("10").value(),
          .valid_from = today,
          .valid_until = today.plus_days(2)});
  EXPECT_EQ(refusal("sPRING", today), "");
  EXPECT_EQ(refusal("SPRING", today.plus_days(2)), "");
  EXPECT_EQ(refusal("SPRING", today.plus_days(3)), "no_such_promotion");
  EXPECT_EQ(refusal("SPRING", today.plus_days(-1)), "no_such_promotion");
  EXPECT_EQ(refusal("AUTUMN", today), "no_such_promotion");
}

TEST_P(Promotions, bad_fields_are_told_all_at_once) {
  const auto bad = db->write("create", [](Transaction& tx) {
    return create_promotion(tx, {.code = "with space", .percent = Ratio{0, 100'000'000}, .periods = -1}, noon);
  });
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().fields.size(), 3u);
}

TEST_P(Promotions, one_use_among_many_at_once_is_given_once) {
  const auto id = create({.code = "ONCE", .percent = parse_percent("10").value(), .max_uses = 1});
  std::atomic<int> given = 0;
  std::vector<std::thread> customers;
  for (int i = 0; i < 8; ++i) {
    customers.emplace_back([&] {
      if (db->write("use", [&](Transaction& tx) { return use_promotion(tx, id); }).ok()) ++given;
    });
  }
  for (auto& customer : customers) customer.join();
  EXPECT_EQ(given, 1);
  EXPECT_EQ(refusal("ONCE", today), "promotion_used_up");
}

TEST_P(Promotions, stock_is_never_sold_twice) {
  const auto product = db->write("create", [](Transaction& tx) {
                           return create_product(tx, {.code = "ded-1", .name = "Dedicated", .stock = 3}, noon);
                         }).value();
  std::atomic<int> sold = 0;
  std::vector<std::thread> customers;
  for (int i = 0; i < 8; ++i) {
    customers.emplace_back([&] {
      if (db->write("take", [&](Transaction& tx) { return take_stock(tx, product, 1); }).ok()) ++sold;
    });
  }
  for (auto& customer : customers) customer.join();
  EXPECT_EQ(sold, 3);
}

TEST_P(Promotions, a_product_code_is_taken_once_and_prices_come_back_in_order) {
  const NewProduct product{.code = "vps-s",
                           .name = "VPS S",
                           .prices = {{BillingCycle::months(12), Money(10000, usd), Money::zero(usd)},
                                      {BillingCycle::months(1), Money(1000, usd), Money(500, usd)}}};
  const auto create = [&](Transaction& tx) { return create_product(tx, product, noon); };
  const auto id = db->write("create", create).value();
  EXPECT_EQ(db->write("create", create).error().code, "product_code_taken");
  const auto stored = db->read([&](storage::Connection& c) { return find_product(c, id); });
  ASSERT_TRUE(stored);
  ASSERT_EQ(stored->prices.size(), 2u);
  EXPECT_EQ(stored->prices[0].cycle, BillingCycle::months(1));
  ASSERT_NE(stored->price(usd, BillingCycle::months(12)), nullptr);
  EXPECT_EQ(stored->price(usd, BillingCycle::months(3)), nullptr);
}

TEST_P(Promotions, an_amount_is_stored_with_its_currency) {
  const Money amount(250, Currency::parse("USD").value());
  const auto id = create({.code = "SAVE", .amount = amount});
  const auto stored = db->read([&](storage::Connection& c) { return find_promotion(c, id); });
  ASSERT_TRUE(stored.has_value());
  EXPECT_EQ(stored->amount, amount);
}

}  // namespace
}  // namespace bursar::catalog
