#include "catalog/products.hpp"
#include "catalog/promotions.hpp"
#include "http/call.hpp"
#include "http/routes/routes.hpp"
#include "http/views.hpp"

namespace bursar::http {

namespace {
using accounts::Action;

bool sees_all(const Call& call) {
  return accounts::decide(call.caller, Action::catalog_change) == accounts::Decision::allow || call.caller.is_staff();
}

std::vector<catalog::Price> read_prices(const std::vector<ObjectReader*>& items) {
  std::vector<catalog::Price> prices;
  for (ObjectReader* item : items) {
    const auto cycle = BillingCycle::parse(item->text("cycle"));
    if (!cycle.ok()) item->fault("cycle", cycle.error().detail);
    const auto amount = item->money("amount");
    const auto setup_fee = item->optional_money("setup_fee");
    if (amount && setup_fee && amount->currency() != setup_fee->currency())
      item->fault("setup_fee", "must be in the currency of the amount");
    if (amount && amount->is_negative()) item->fault("amount", "must not be negative");
    if (setup_fee && setup_fee->is_negative()) item->fault("setup_fee", "must not be negative");
    if (!cycle.ok() || !amount) continue;
    prices.push_back(
        {.cycle = *cycle, .amount = *amount, .setup_fee = setup_fee.value_or(Money::zero(amount->currency()))});
  }
  return prices;
}

Answer render(const Call& call, const catalog::Product& product) {
  JsonWriter w;
  write_product(w, call.app.ids, product, sees_all(call));
  return call.versioned(std::move(w), product.version);
}

Result<Answer> list_products(Call& call) {
  BURSAR_TRY(page, call.page());
  auto products = call.app.db.read([&](storage::Connection& c) {
    return catalog::list_products(c, sees_all(call), ProductId(page.after), page.fetch());
  });
  return call.list(
      std::move(products), page, [](const auto& p) { return p.id.value(); },
      [&](JsonWriter& w, const auto& p) { write_product(w, call.app.ids, p, sees_all(call)); });
}

Result<Answer> read_product(Call& call) {
  BURSAR_TRY(id, call.id<ProductId>("product"));
  const auto product = call.app.db.read([&](storage::Connection& c) { return catalog::find_product(c, id); });
  if (!product || (product->retired && !sees_all(call)))
    return not_found("no_such_object", "There is no such product.");
  return render(call, *product);
}

Result<Answer> create_product(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  catalog::NewProduct product;
  product.code = in.text("code", {.max = 64});
  product.name = in.text("name");
  product.description = in.optional_text("description", {.min = 0, .max = 10'000, .lines = true}).value_or("");
  product.group = in.optional_text("group").value_or("");
  product.panel = in.optional_text("panel").value_or("");
  product.panel_options = in.optional_document("panel_options").value_or("{}");
  product.tax_class = in.optional_text("tax_class", {}).value_or("standard");
  product.unit_code = in.optional_text("unit_code", {.max = 3}).value_or("C62");
  product.stock = in.optional_integer("stock", 0, 1'000'000'000);
  product.prices = read_prices(in.objects("prices", {.min = 0, .max = 200}));
  BURSAR_CHECK(in.finish());
  return call.once("create_product", [&](storage::Transaction& tx) -> Result<Answer> {
    BURSAR_TRY(id, catalog::create_product(tx, product, call.now));
    call.audit(tx, {}, "product.create", accounts::audit_object(id));
    const auto made = catalog::find_product(tx, id);
    BURSAR_ASSERT(made.has_value());
    Answer answer = render(call, *made);
    answer.set_header("Location", std::string(RouteTable::base_path) + "/catalog/products/" + call.app.ids.text(id));
    return answer;
  });
}

Result<Answer> change_product(Call& call, const catalog::ProductPatch& patch, std::string action) {
  BURSAR_TRY(id, call.id<ProductId>("product"));
  BURSAR_TRY(version, call.if_match());
  BURSAR_TRY(product, call.app.db.write("change_product", [&](storage::Transaction& tx) -> Result<catalog::Product> {
    BURSAR_TRY(changed, catalog::update_product(tx, id, patch, version));
    call.audit(tx, {}, action, accounts::audit_object(id));
    return changed;
  }));
  return render(call, product);
}

Result<Answer> patch_product(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  catalog::ProductPatch patch;
  patch.name = in.optional_text("name", {});
  patch.description = in.optional_text("description", {.min = 0, .max = 10'000, .lines = true});
  patch.group = in.optional_text("group");
  if (const auto status = in.optional_choice("status", {"active", "retired"})) patch.retired = *status == "retired";
  patch.panel = in.optional_text("panel");
  patch.panel_options = in.optional_document("panel_options");
  patch.tax_class = in.optional_text("tax_class", {});
  if (in.has("stock")) patch.stock = in.optional_integer("stock", 0, 1'000'000'000);
  if (in.has("prices")) patch.prices = read_prices(in.objects("prices", {.min = 0, .max = 200}));
  BURSAR_CHECK(in.finish());
  return change_product(call, patch, "product.update");
}

Result<Answer> retire_product(Call& call) {
  BURSAR_TRY(answer, change_product(call, {.retired = true}, "product.retire"));
  return Call::no_content();
}

Result<Answer> list_promotions(Call& call) {
  BURSAR_TRY(page, call.page());
  auto promotions = call.app.db.read(
      [&](storage::Connection& c) { return catalog::list_promotions(c, PromotionId(page.after), page.fetch()); });
  return call.list(
      std::move(promotions), page, [](const auto& p) { return p.id.value(); },
      [&](JsonWriter& w, const auto& p) { write_promotion(w, call.app.ids, p); });
}

Result<Answer> create_promotion(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  catalog::NewPromotion promotion;
  promotion.code = in.text("code", {.max = 64});
  if (const auto percent = in.optional_text("percent", {})) {
    const auto ratio = parse_percent(*percent);
    if (ratio.ok()) {
      promotion.percent = *ratio;
    } else {
      in.fault("percent", ratio.error().detail);
    }
  }
  promotion.amount = in.optional_money("amount");
  promotion.product = in.optional_id<ProductId>("product_id").value_or(ProductId());
  promotion.periods = in.optional_integer("periods", 0, 1200).value_or(1);
  promotion.max_uses = in.optional_integer("max_uses", 1, 1'000'000'000);
  promotion.valid_from = in.optional_date("valid_from");
  promotion.valid_until = in.optional_date("valid_until");
  if (promotion.percent.has_value() == promotion.amount.has_value())
    in.fault("percent", "give either percent or amount");
  BURSAR_CHECK(in.finish());
  return call.once("create_promotion", [&](storage::Transaction& tx) -> Result<Answer> {
    BURSAR_TRY(id, catalog::create_promotion(tx, promotion, call.now));
    call.audit(tx, {}, "promotion.create", accounts::audit_object(id));
    const auto made = catalog::find_promotion(tx, id);
    BURSAR_ASSERT(made.has_value());
    JsonWriter w;
    write_promotion(w, call.app.ids, *made);
    return call.answer(std::move(w));
  });
}
}  // namespace

void add_catalog_routes(RouteTable& routes) {
  routes.add({.path = "/catalog/products",
              .summary = "What is sold",
              .action = Action::catalog_read,
              .response = "Product",
              .list = true,
              .handler = list_products});
  routes.add({.path = "/catalog/products/{product}",
              .summary = "A product with its prices",
              .action = Action::catalog_read,
              .response = "Product",
              .handler = read_product});
  routes.add({.verb = Verb::post,
              .path = "/catalog/products",
              .summary = "Offer a product",
              .action = Action::catalog_change,
              .request = "NewProduct",
              .response = "Product",
              .success = 201,
              .handler = create_product});
  routes.add({.verb = Verb::patch,
              .path = "/catalog/products/{product}",
              .summary = "Change a product; services keep what they agreed",
              .action = Action::catalog_change,
              .request = "ProductPatch",
              .response = "Product",
              .handler = patch_product});
  routes.add({.verb = Verb::delete_,
              .path = "/catalog/products/{product}",
              .summary = "Retire a product: no new orders",
              .action = Action::catalog_change,
              .handler = retire_product});
  routes.add({.path = "/promotions",
              .summary = "Promotion codes",
              .action = Action::catalog_change,
              .response = "Promotion",
              .list = true,
              .handler = list_promotions});
  routes.add({.verb = Verb::post,
              .path = "/promotions",
              .summary = "Make a promotion code",
              .action = Action::catalog_change,
              .request = "NewPromotion",
              .response = "Promotion",
              .success = 201,
              .handler = create_promotion});
}

}  // namespace bursar::http
