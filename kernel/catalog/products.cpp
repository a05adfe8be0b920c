#include "catalog/products.hpp"

#include <algorithm>
#include <set>

namespace bursar::catalog {
namespace {

using storage::Batch;
using storage::Connection;
using storage::Rows;
using storage::Transaction;

bool is_code(std::string_view code) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; };
  return !code.empty() && code.size() <= 64 && std::all_of(code.begin(), code.end(), allowed);
}

void check_prices(const std::vector<Price>& prices, std::vector<FieldError>& errors) {
  std::set<std::pair<Currency, BillingCycle>> seen;
  for (std::size_t i = 0; i < prices.size(); ++i) {
    const Price& price = prices[i];
    const std::string pointer = "/prices/" + std::to_string(i);
    if (price.amount.is_negative()) errors.push_back({pointer + "/amount", "must not be negative"});
    if (price.setup_fee.is_negative()) errors.push_back({pointer + "/setup_fee", "must not be negative"});
    if (price.setup_fee.currency() != price.amount.currency()) {
      errors.push_back({pointer + "/setup_fee", "must be in the currency of the amount"});
    }
    if (!seen.emplace(price.amount.currency(), price.cycle).second) {
      errors.push_back({pointer, "this currency and cycle are there twice"});
    }
  }
}

void write_prices(Transaction& tx, ProductId id, const std::vector<Price>& prices) {
  Batch rows{{"product_id", Batch::integer},
             {"currency", Batch::text},
             {"cycle", Batch::text},
             {"amount", Batch::integer},
             {"setup_fee", Batch::integer}};
  for (const auto& price : prices) {
    rows.add(id, price.amount.currency().code(), price.cycle.to_string(), price.amount.minor(),
             price.setup_fee.minor());
  }
  if (!rows.empty()) tx.insert_many("prices", rows);
}

std::vector<Price> read_prices(Connection& c, ProductId id) {
  std::vector<Price> prices;
  auto rows = c.query("SELECT currency, cycle, amount, setup_fee FROM prices WHERE product_id = $1", id);
  while (rows.next()) {
    const Currency currency = Currency::parse(rows.text(0)).value();
    prices.push_back({.cycle = BillingCycle::parse(rows.text(1)).value(),
                      .amount = Money(rows.integer(2), currency),
                      .setup_fee = Money(rows.integer(3), currency)});
  }
  std::sort(prices.begin(), prices.end(), [](const Price& a, const Price& b) {
    return std::pair(a.amount.currency(), a.cycle) < std::pair(b.amount.currency(), b.cycle);
  });
  return prices;
}

std::vector<Product> read_products(Connection& c, Rows rows) {
  std::vector<Product> products;
  while (rows.next()) {
    Product product;
    product.id = rows.id<ProductId>(0);
    product.code = rows.string(1);
    product.name = rows.string(2);
    product.description = rows.string(3);
    product.group = rows.string(4);
    product.retired = rows.text(5) == "retired";
    product.panel = rows.string(6);
    product.panel_options = rows.string(7);
    product.tax_class = rows.string(8);
    product.unit_code = rows.string(9);
    if (!rows.is_null(10)) product.stock = rows.integer(10);
    product.created_at = rows.instant(11);
    product.version = rows.integer(12);
    products.push_back(std::move(product));
  }
  for (auto& product : products) product.prices = read_prices(c, product.id);
  return products;
}

std::optional<Product> only(std::vector<Product> products) {
  if (products.empty()) return std::nullopt;
  return std::move(products.front());
}

}  // namespace

const Price* Product::price(Currency currency, BillingCycle cycle) const {
  for (const auto& price : prices) {
    if (price.amount.currency() == currency && price.cycle == cycle) return &price;
  }
  return nullptr;
}

std::optional<Product> find_product(Connection& c, ProductId id) {
  return only(read_products(
      c, c.query("SELECT id, code, name, description, product_group, status, panel, panel_options, tax_class,"
                 " unit_code, stock, created_at, version FROM products WHERE id = $1",
                 id)));
}

std::optional<Product> find_product_by_code(Connection& c, std::string_view code) {
  return only(read_products(
      c, c.query("SELECT id, code, name, description, product_group, status, panel, panel_options, tax_class,"
                 " unit_code, stock, created_at, version FROM products WHERE code = $1",
                 code)));
}

std::vector<Product> list_products(Connection& c, bool with_retired, ProductId after, int limit) {
  return read_products(
      c, c.query("SELECT id, code, name, description, product_group, status, panel, panel_options, tax_class,"
                 " unit_code, stock, created_at, version FROM products"
                 " WHERE id > $1 AND (status = 'active' OR $2 = 1) ORDER BY id LIMIT $3",
                 after.value(), with_retired, limit));
}

Result<ProductId> create_product(Transaction& tx, const NewProduct& product, Instant now) {
  std::vector<FieldError> errors;
  if (!is_code(product.code)) {
    errors.push_back({"/code", "must be 1 to 64 of the characters a to z, 0 to 9, '-' and '.'"});
  }
  if (product.name.empty()) errors.push_back({"/name", "must not be empty"});
  if (product.stock && *product.stock < 0) errors.push_back({"/stock", "must not be negative"});
  check_prices(product.prices, errors);
  if (!errors.empty()) return invalid("invalid_product", "The product has bad fields.", std::move(errors));
  const ProductId id = tx.new_id<ProductId>();
  const auto inserted = tx.execute(
      "INSERT INTO products (id, code, name, description, product_group, panel, panel_options, tax_class, unit_code,"
      " stock, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (code) DO NOTHING",
      id, product.code, product.name, product.description, product.group, product.panel, product.panel_options,
      product.tax_class, product.unit_code, product.stock, now);
  if (inserted == 0) return conflict("product_code_taken", "There is a product with this code.");
  write_prices(tx, id, product.prices);
  return id;
}

Result<Product> update_product(Transaction& tx, ProductId id, const ProductPatch& patch,
                               std::optional<std::int64_t> expected_version) {
  auto product = find_product(tx, id);
  if (!product) return not_found("no_such_product", "There is no such product.");
  if (expected_version && *expected_version != product->version) {
    return Error{.kind = ErrorKind::precondition_failed,
                 .code = "product_has_changed",
                 .detail = "The product has changed since it was read."};
  }
  std::vector<FieldError> errors;
  if (patch.name && patch.name->empty()) errors.push_back({"/name", "must not be empty"});
  if (patch.stock && *patch.stock && **patch.stock < 0) errors.push_back({"/stock", "must not be negative"});
  if (patch.prices) check_prices(*patch.prices, errors);
  if (!errors.empty()) return invalid("invalid_product", "The product has bad fields.", std::move(errors));
  const bool retired = patch.retired.value_or(product->retired);
  tx.execute(
      "UPDATE products SET name = $2, description = $3, product_group = $4, status = $5, panel = $6,"
      " panel_options = $7, tax_class = $8, stock = $9, version = version + 1 WHERE id = $1",
      id, patch.name.value_or(product->name), patch.description.value_or(product->description),
      patch.group.value_or(product->group), retired ? "retired" : "active", patch.panel.value_or(product->panel),
      patch.panel_options.value_or(product->panel_options), patch.tax_class.value_or(product->tax_class),
      patch.stock.value_or(product->stock));
  if (patch.prices) {
    tx.execute("DELETE FROM prices WHERE product_id = $1", id);
    write_prices(tx, id, *patch.prices);
  }
  return *find_product(tx, id);
}

Status take_stock(Transaction& tx, ProductId product, std::int64_t count) {
  const auto taken = tx.execute(
      "UPDATE products SET stock = stock - $2 WHERE id = $1 AND (stock IS NULL OR stock >= $2)", product, count);
  if (taken == 0) return conflict("out_of_stock", "The product is out of stock.");
  return {};
}

void return_stock(Transaction& tx, ProductId product) {
  tx.execute("UPDATE products SET stock = stock + 1 WHERE id = $1 AND stock IS NOT NULL", product);
}

}  // namespace bursar::catalog
