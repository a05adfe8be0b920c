// What is sold, and at what price in which currency and cycle.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cycle.hpp"
#include "base/id.hpp"
#include "base/money.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "storage/database.hpp"

namespace bursar::catalog {

struct Price {
  BillingCycle cycle = BillingCycle::one_time();
  Money amount;     // a period, as listed (with tax where the tax rule is inclusive)
  Money setup_fee;  // once, with the first period
};

struct Product {
  ProductId id;
  std::string code;  // "vps-s"
  std::string name;
  std::string description;
  std::string group;
  bool retired = false;  // existing services stay; no new orders
  std::string panel;     // plugin instance that provisions it; empty: nothing to provision
  std::string panel_options = "{}";
  std::string tax_class = "standard";
  std::string unit_code = "C62";
  std::optional<std::int64_t> stock;  // none: unlimited
  Instant created_at;
  std::int64_t version = 1;
  std::vector<Price> prices;  // by currency, then cycle

  // nullptr: not sold so.
  [[nodiscard]] const Price* price(Currency currency, BillingCycle cycle) const;
};

struct NewProduct {
  std::string code;
  std::string name;
  std::string description = {};
  std::string group = {};
  std::string panel = {};
  std::string panel_options = "{}";
  std::string tax_class = "standard";
  std::string unit_code = "C62";
  std::optional<std::int64_t> stock = std::nullopt;
  std::vector<Price> prices = {};
};
// Fields that are to change.
struct ProductPatch {
  std::optional<std::string> name = std::nullopt;
  std::optional<std::string> description = std::nullopt;
  std::optional<std::string> group = std::nullopt;
  std::optional<bool> retired = std::nullopt;
  std::optional<std::string> panel = std::nullopt;
  std::optional<std::string> panel_options = std::nullopt;
  std::optional<std::string> tax_class = std::nullopt;
  std::optional<std::optional<std::int64_t>> stock = std::nullopt;
  std::optional<std::vector<Price>> prices = std::nullopt;  // the whole list; services keep what they agreed
};

std::optional<Product> find_product(storage::Connection& c, ProductId id);
std::optional<Product> find_product_by_code(storage::Connection& c, std::string_view code);
// By id. `with_retired`: staff.
std::vector<Product> list_products(storage::Connection& c, bool with_retired, ProductId after, int limit);

// 409 product_code_taken; 422 with every bad field.
Result<ProductId> create_product(storage::Transaction& tx, const NewProduct& product, Instant now);
Result<Product> update_product(storage::Transaction& tx, ProductId id, const ProductPatch& patch,
                               std::optional<std::int64_t> expected_version);

// Takes `count` off the stock of a product that has one. 409 out_of_stock. Race-safe: one statement.
Status take_stock(storage::Transaction& tx, ProductId product, std::int64_t count);
// One that was taken is to be had again.
void return_stock(storage::Transaction& tx, ProductId product);

}  // namespace bursar::catalog
