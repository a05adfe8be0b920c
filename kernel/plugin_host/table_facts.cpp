#include "plugin_host/table_facts.hpp"

#include <filesystem>
#include <system_error>

#include "plugin_host/text.hpp"

namespace bursar::plugin_host {
namespace {

constexpr std::uint64_t list_max = 500;
constexpr std::uint32_t concurrency_max = 256;

std::optional<Currency> currency_of(const bursar_money& money) {
  const std::string_view field(money.currency, sizeof money.currency);
  const auto currency = Currency::parse(field.substr(0, field.find('\0')));
  return currency.ok() ? std::optional(*currency) : std::nullopt;
}

std::string text_of(const bursar_str& text) { return presentable(peek(text, 2000), 2000); }

std::string read_limits(const bursar_payment_v1& table, Facts& facts) {
  for (std::uint64_t i = 0; table.limits != nullptr && i < std::min(table.limits_count, list_max); ++i) {
    const auto& limit = table.limits[i];
    auto currency = currency_of(limit.minimum);
    if (!currency) currency = currency_of(limit.maximum);
    if (!currency || limit.minimum.minor < 0 || limit.maximum.minor < 0)
      return "one of its limits is no amount of money";
    facts.limits.push_back({*currency, limit.minimum.minor, limit.maximum.minor});
  }
  return {};
}

std::string read_payment(const bursar_payment_v1& table, Facts& facts) {
  if (!BURSAR_HAS(&table, limits_count)) return "its payment table is too short";
  const bool begin = BURSAR_OFFERS(&table, begin);
  const bool charge = BURSAR_OFFERS(&table, charge);
  if (!begin && !charge) return "its payment table offers neither begin nor charge";
  facts.payment_capabilities = table.capabilities;
  facts.concurrency = static_cast<int>(std::min<std::uint32_t>(table.concurrency, concurrency_max));
  if (!peek(table.display_name).empty()) facts.display_name = text_of(table.display_name);
  for (std::uint64_t i = 0; table.currencies.items != nullptr && i < std::min(table.currencies.count, list_max); ++i) {
    const auto currency = Currency::parse(peek(table.currencies.items[i], 10));
    if (!currency.ok()) return "it lists \"" + text_of(table.currencies.items[i]) + "\" as a currency";
    facts.currencies.push_back(*currency);
  }
  auto& names = facts.capabilities;
  if (begin) names.emplace_back("payment.begin");
  if (charge) names.emplace_back("payment.charge");
  if (BURSAR_OFFERS(&table, complete)) names.emplace_back("payment.complete");
  if (BURSAR_OFFERS(&table, void_payment)) names.emplace_back("payment.void");
  if (BURSAR_OFFERS(&table, setup)) names.emplace_back("payment.setup");
  if (BURSAR_OFFERS(&table, refund)) names.emplace_back("payment.refund");
  if (BURSAR_OFFERS(&table, lookup)) names.emplace_back("payment.lookup");
  const std::pair<std::uint64_t, const char*> bits[] = {{BURSAR_PAYMENT_CAN_STORE_METHODS, "payment.stored_methods"},
                                                        {BURSAR_PAYMENT_CAN_REFUND_PARTLY, "payment.partial_refund"},
                                                        {BURSAR_PAYMENT_CAN_AUTHORIZE, "payment.authorize"},
                                                        {BURSAR_PAYMENT_CAN_CAPTURE_PARTLY, "payment.partial_capture"},
                                                        {BURSAR_PAYMENT_STAFF_CONFIRMS, "payment.staff_confirms"},
                                                        {BURSAR_PAYMENT_CRYPTO, "payment.crypto"}};
  for (const auto& [bit, name] : bits) {
    if ((table.capabilities & bit) != 0) names.emplace_back(name);
  }
  return read_limits(table, facts);
}

std::string read_panel(const bursar_panel_v1& table, Facts& facts) {
  if (!BURSAR_OFFERS(&table, create) || !BURSAR_OFFERS(&table, inspect))
    return "its panel table lacks create or inspect";
  if (BURSAR_OFFERS(&table, suspend)) facts.capabilities.emplace_back("panel.suspend");
  if (BURSAR_OFFERS(&table, unsuspend)) facts.capabilities.emplace_back("panel.unsuspend");
  if (BURSAR_OFFERS(&table, terminate)) facts.capabilities.emplace_back("panel.terminate");
  if (BURSAR_OFFERS(&table, change_plan)) facts.capabilities.emplace_back("panel.change_plan");
  if (BURSAR_OFFERS(&table, usage)) facts.capabilities.emplace_back("panel.usage");
  if (BURSAR_OFFERS(&table, sign_on)) facts.capabilities.emplace_back("panel.sign_on");
  return {};
}

bool is_header(std::string_view name, std::string_view value) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return !name.empty() && name.find_first_of(": ") == std::string_view::npos &&
         std::none_of(name.begin(), name.end(), control) && std::none_of(value.begin(), value.end(), control);
}

std::string read_frontend(const bursar_frontend_v1& table, const Library& library, Facts& facts) {
  namespace fs = std::filesystem;
  if (!BURSAR_HAS(&table, headers)) return "its frontend table is too short";
  facts.mount_path = text_of(table.mount_path);
  const auto& mount = facts.mount_path;
  if (!mount.starts_with('/') || !mount.ends_with('/') || mount.find("..") != std::string::npos ||
      mount.find("//") != std::string::npos) {
    return "its mount path \"" + mount + "\" does not begin and end with a slash";
  }
  for (const auto* taken : {"/api/", "/v1/", "/webhooks/"}) {
    if (mount.starts_with(taken))
      return "its mount path \"" + mount + "\" lies below " + taken + ", which is the kernel's";
  }
  std::error_code error;
  const fs::path home = fs::path(library.path).parent_path();
  const fs::path folder = fs::canonical(home / text_of(table.folder), error);
  if (error || !fs::is_directory(folder, error)) return "its folder \"" + text_of(table.folder) + "\" is not there";
  const auto [end, rest] = std::mismatch(home.begin(), home.end(), folder.begin(), folder.end());
  if (end != home.end() || folder == home)
    return "its folder \"" + text_of(table.folder) + "\" is not one below the plugin's own";
  facts.folder = folder.string();
  facts.index = peek(table.index).empty() ? "index.html" : text_of(table.index);
  facts.fallback = text_of(table.fallback);
  if (BURSAR_HAS(&table, immutable_prefix)) facts.immutable_prefix = text_of(table.immutable_prefix);
  for (std::uint64_t i = 0; table.headers.items != nullptr && i < std::min<std::uint64_t>(table.headers.count, 50);
       ++i) {
    const auto name = peek(table.headers.items[i].key);
    const auto value = peek(table.headers.items[i].value);
    if (!is_header(name, value)) return "one of its headers could not be sent";
    facts.headers.emplace_back(name, value);
  }
  return {};
}

}  // namespace

std::string read_facts(const Tables& tables, const Library& library, Facts& facts) {
  facts.display_name = library.name;
  if (library.concurrent) facts.capabilities.emplace_back("concurrent");
  if (facts.interfaces.empty()) return "it offers no interface at all";
  std::string fault;
  if (tables.payment != nullptr) fault = read_payment(*tables.payment, facts);
  if (fault.empty() && tables.panel != nullptr) fault = read_panel(*tables.panel, facts);
  if (fault.empty() && tables.frontend != nullptr) fault = read_frontend(*tables.frontend, library, facts);
  if (fault.empty() && tables.notify != nullptr && !BURSAR_OFFERS(tables.notify, send))
    fault = "its notify table lacks send";
  if (fault.empty() && tables.webhook != nullptr && !BURSAR_OFFERS(tables.webhook, receive))
    fault = "its webhook table lacks receive";
  if (fault.empty() && tables.health != nullptr && !BURSAR_OFFERS(tables.health, check))
    fault = "its health table lacks check";
  return fault;
}

}  // namespace bursar::plugin_host
