#include "settings/load.hpp"

#include <gtest/gtest.h>

#include "unit/settings/configuration.hpp"

namespace bursar::settings {
namespace {

using testing::errors;
using testing::options;
using testing::read;
using testing::smallest;

TEST(Load, FillsDefaultsFromTheSmallestFile) {
  const auto config = read(smallest);
  ASSERT_TRUE(config.ok()) << errors(smallest);
  EXPECT_EQ(config->provider.legal_name, "Example Hosting");
  EXPECT_EQ(config->provider.address.country, "US");
  EXPECT_EQ(config->provider.currencies.size(), 2U);
  EXPECT_EQ(config->server.listen_port, 8080);
  EXPECT_EQ(config->database.url.reveal(), "sqlite:bursar.db");
  EXPECT_EQ(config->clock, ClockKind::system);
  EXPECT_EQ(config->billing.generate_days_before_due, 7);
  EXPECT_FALSE(config->billing.late_fee);
  EXPECT_EQ(config->billing.suspend_after_days, 5);
}

TEST(Load, RunsDailyAtSevenPacificUnlessToldOtherwise) {
  const auto config = read(smallest);
  ASSERT_TRUE(config.ok());
  ASSERT_EQ(config->jobs.size(), 1U);
  EXPECT_EQ(config->jobs[0].name, "daily");
  EXPECT_EQ(config->jobs[0].cron, "0 19 * * *");
  EXPECT_EQ(config->jobs[0].timezone.name(), "America/Los_Angeles");
  EXPECT_TRUE(config->jobs[0].catch_up);
}

TEST(Load, ReadsEveryPartOfBilling) {
  const auto config = read(smallest +
                           "billing:\n"
                           "  generate_days_before_due: 14\n"
                           "  group_by: service\n"
                           "  invoice_becomes_legal: at_payment\n"
                           "  autopay: {days_before_due: 2, retry_after_days: [1, 2]}\n"
                           "  reminders: {before_due: [7, 1], after_due: [2, 9]}\n"
                           "  late_fee: {after_days: 6, percent: \"2.5\", minimum: {USD: \"1.00\", EUR: \"0.90\"}}\n"
                           "  suspend_after_days: 8\n"
                           "  terminate_after_days: never\n");
  ASSERT_TRUE(config.ok());
  const Billing& billing = config->billing;
  EXPECT_EQ(billing.group_by, GroupBy::service);
  EXPECT_EQ(billing.invoice_becomes_legal, InvoiceBecomesLegal::at_payment);
  EXPECT_EQ(billing.autopay.retry_after_days, (std::vector{1, 2}));
  EXPECT_EQ(billing.reminders.after_due, (std::vector{2, 9}));
  ASSERT_TRUE(billing.late_fee);
  EXPECT_EQ(percent_to_string(billing.late_fee->percent), "2.5");
  EXPECT_EQ(billing.late_fee->minimum.at("EUR").to_string(), "0.90 EUR");
  EXPECT_FALSE(billing.terminate_after_days);
}

TEST(Load, TakesAPlainMinimumInTheDefaultCurrency) {
  const auto config = read(smallest + "billing: {late_fee: {after_days: 5, minimum: \"1.00\"}}\n");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->billing.late_fee->minimum.at("USD").to_string(), "1.00 USD");
}

TEST(Load, KeepsPluginSettingsWithTheirPlaces) {
  const auto config = read(smallest +
                               "plugins:\n"
                               "  instances:\n"
                               "    cards:\n"
                               "      plugin: sandbox\n"
                               "      isolation: process\n"
                               "      deadline: 20s\n"
                               "      config: {secret_key: \"${env:KEY}\", retries: 3, tags: [a, b]}\n",
                           options({{"KEY", "sk_live_1"}}));
  ASSERT_TRUE(config.ok());
  ASSERT_EQ(config->plugins.size(), 1U);
  const PluginInstance& cards = config->plugins[0];
  EXPECT_EQ(cards.name, "cards");
  EXPECT_TRUE(cards.process_isolation);
  EXPECT_EQ(cards.deadline, seconds(20));
  EXPECT_EQ(cards.place, "bursar.yaml:10:5");
  EXPECT_EQ(cards.settings.at("secret_key").text, "sk_live_1");
  EXPECT_TRUE(cards.settings.at("secret_key").from_secret);
  EXPECT_EQ(cards.settings.at("retries").text, "3");
  EXPECT_FALSE(cards.settings.at("retries").quoted);
  EXPECT_EQ(cards.settings.at("tags").items, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(cards.settings.at("retries").place, "bursar.yaml:14:51");
}

TEST(Load, ReadsTaxRules) {
  const auto config = read(smallest +
                           "tax:\n"
                           "  - {country: DE, name: USt, rate: \"19\", inclusive: true, reverse_charge: true}\n"
                           "  - {country: US, region: CA, name: Sales tax, rate: \"7.25\"}\n"
                           "  - {country: \"*\", name: Export, rate: \"0\", category: G, exemption_reason: Export}\n");
  ASSERT_TRUE(config.ok());
  ASSERT_EQ(config->tax_rules.size(), 3U);
  EXPECT_TRUE(config->tax_rules[0].inclusive);
  EXPECT_EQ(config->tax_rules[1].region, "CA");
  EXPECT_EQ(config->tax_rules[2].country, "*");
}

TEST(Load, SplitsTheListenAddress) {
  const auto config = read(smallest + "server: {listen: \"[::1]:0\"}\n");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->server.listen_host, "::1");
  EXPECT_EQ(config->server.listen_port, 0);
}

TEST(Load, PutsReferencesIntoTexts) {
  const auto config = read(
      "provider: {name: \"$${env:X} costs\", country: US, timezone: Europe/Berlin, currencies: [EUR]}\n"
      "database: {url: \"postgresql://u:${env:PASSWORD}@db/bursar\"}\n"
      "server: {worker_threads: \"${env:THREADS}\"}\n",
      options({{"PASSWORD", "s3cret"}, {"THREADS", "4"}}));
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->provider.name, "${env:X} costs");
  EXPECT_EQ(config->database.url.reveal(), "postgresql://u:s3cret@db/bursar");
  EXPECT_EQ(config->server.worker_threads, 4);
}

TEST(Load, ARefundRuleOfAProductIsTheDefaultWhereItSaysNothing) {
  const auto config = read(smallest +
                           "billing:\n"
                           "  refunds:\n"
                           "    products:\n"
                           "      gpu: {refundable: false}\n"
                           "      addon: {window_days: never, service: keep, approve_up_to: {EUR: \"5.00\"}}\n"
                           "    default: {window_days: 3, new_customers_only: true, credit_only_gateways: [btc]}\n"
                           "plugins: {instances: {btc: {plugin: bitcoin}}}\n");
  ASSERT_TRUE(config.ok()) << config.error().fields.front().detail;
  const Refunds& refunds = config->billing.refunds;
  EXPECT_TRUE(refunds.self_service);
  EXPECT_FALSE(refunds.rule_of("gpu").refundable);
  EXPECT_EQ(refunds.rule_of("gpu").window_days, 3);
  EXPECT_TRUE(refunds.rule_of("addon").new_customers_only);
  EXPECT_EQ(refunds.rule_of("addon").credit_only_gateways, std::vector<std::string>{"btc"});
  EXPECT_EQ(refunds.rule_of("addon").window_days, std::nullopt);
  EXPECT_EQ(refunds.rule_of("addon").service, RefundedService::keep);
  EXPECT_EQ(refunds.rule_of("addon").approve_up_to.at("EUR").minor(), 500);
  EXPECT_EQ(refunds.rule_of("vps").product, "") << "the default";
  EXPECT_EQ(refunds.rule_of("vps").service, RefundedService::cancel);
}

}  // namespace
}  // namespace bursar::settings
