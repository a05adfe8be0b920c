// Settings of plugins: one table, and from it every error at once with its place, the example and the schema.
#include "plugin_host/settings_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace bursar::plugin_host {
namespace {

using Raw = settings::PluginInstance::Value;

Raw scalar(std::string text, std::string place = "bursar.yaml:9:9") {
  Raw value;
  value.text = std::move(text);
  value.place = std::move(place);
  return value;
}
Raw list(std::vector<std::string> items) {
  Raw value;
  value.kind = Raw::Kind::list;
  value.items = std::move(items);
  value.place = "bursar.yaml:9:9";
  return value;
}
Setting setting(std::string key, SettingType type) {
  Setting made;
  made.key = std::move(key);
  made.type = type;
  return made;
}

// The only error of one value under one setting, or "".
std::string fault(const Setting& declared, const Raw& given) {
  const auto outcome = parse_settings({declared}, {{declared.key, given}}, "bursar.yaml:1:1");
  if (outcome.errors.empty()) return {};
  EXPECT_EQ(outcome.errors.size(), 1U);
  EXPECT_EQ(outcome.errors[0].pointer, given.place);
  EXPECT_TRUE(outcome.values.empty());
  return outcome.errors[0].detail;
}
SettingValue value_of(const Setting& declared, const Raw& given) {
  auto outcome = parse_settings({declared}, {{declared.key, given}}, "bursar.yaml:1:1");
  EXPECT_TRUE(outcome.errors.empty()) << (outcome.errors.empty() ? "" : outcome.errors[0].detail);
  return outcome.values.empty() ? SettingValue{} : outcome.values[0];
}

TEST(PluginSettings, ReadsEachType) {
  EXPECT_EQ(value_of(setting("a", SettingType::string), scalar("no")).text, "no") << "YAML's truth words are text here";
  EXPECT_EQ(value_of(setting("a", SettingType::string), scalar("0123")).text, "0123");
  EXPECT_EQ(value_of(setting("a", SettingType::boolean), scalar("true")).number, 1);
  EXPECT_EQ(value_of(setting("a", SettingType::integer), scalar("-42")).number, -42);
  EXPECT_EQ(value_of(setting("a", SettingType::duration), scalar("5m")).number, 300'000);
  EXPECT_EQ(value_of(setting("a", SettingType::duration), scalar("250ms")).number, 250);
  const auto money = value_of(setting("a", SettingType::money), scalar("12.34 USD"));
  EXPECT_EQ(money.number, 1234);
  EXPECT_EQ(money.currency, "USD");
  EXPECT_EQ(value_of(setting("a", SettingType::money), scalar("1.234 KWD")).number, 1234);
  EXPECT_EQ(value_of(setting("a", SettingType::url), scalar("https://mail.example.com:465/x")).text,
            "https://mail.example.com:465/x");
  EXPECT_EQ(value_of(setting("a", SettingType::list), list({"x", "y"})).items, (std::vector<std::string>{"x", "y"}));
}

TEST(PluginSettings, RefusesWhatIsNotOfTheType) {
  for (const auto* bad : {"yes", "True", "1", ""})
    EXPECT_NE(fault(setting("a", SettingType::boolean), scalar(bad)), "") << bad;
  for (const auto* bad : {"1.5", "1e3", "007", "+1", " 1", "-0", "99999999999999999999", "0x10", ""}) {
    EXPECT_NE(fault(setting("a", SettingType::integer), scalar(bad)), "") << bad;
  }
  for (const auto* bad : {"12.3 USD", "12.34", "12.34 usd", "1,00 EUR", "1.5 JPY", "12.34  USD", "12.34 ZZZ"}) {
    EXPECT_NE(fault(setting("a", SettingType::money), scalar(bad)), "") << bad;
  }
  for (const auto* bad : {"5", "5 m", "m", "-5m", "1.5h", "5w", "99999999999999999d"}) {
    EXPECT_NE(fault(setting("a", SettingType::duration), scalar(bad)), "") << bad;
  }
  for (const auto* bad :
       {"example.com", "https://", "https:// example.com", "://x", "https:///x", "HTTPS://x", "ftp://x"}) {
    EXPECT_NE(fault(setting("a", SettingType::url), scalar(bad)), "") << bad;
  }
  EXPECT_NE(fault(setting("a", SettingType::string), scalar("\xC3(")), "");
  EXPECT_NE(fault(setting("a", SettingType::string), scalar(std::string("a\0b", 3))), "");
  EXPECT_NE(fault(setting("a", SettingType::string), list({"x"})), "");
  EXPECT_NE(fault(setting("a", SettingType::list), scalar("x")), "");
}

TEST(PluginSettings, KeepsBoundsPatternsAndChoices) {
  auto port = setting("port", SettingType::integer);
  port.minimum = 1;
  port.maximum = 65535;
  EXPECT_EQ(fault(port, scalar("0")), "\"port\" must be at least 1.");
  EXPECT_NE(fault(port, scalar("65536")), "");
  auto wait = setting("wait", SettingType::duration);
  wait.minimum = 1000;
  wait.maximum = 60'000;
  EXPECT_EQ(fault(wait, scalar("2m")), "\"wait\" must be at most 1m.");
  auto code = setting("code", SettingType::string);
  code.prefix = "sk_";
  code.maximum = 6;
  EXPECT_EQ(fault(code, scalar("sk_abc")), "");
  EXPECT_NE(fault(code, scalar("sk_abcd")), "");
  EXPECT_NE(fault(code, scalar("pk_abc")), "");
  auto mode = setting("mode", SettingType::choice);
  mode.choices = {{"live", "Live"}, {"test", "Test"}};
  EXPECT_EQ(value_of(mode, scalar("test")).text, "test");
  EXPECT_NE(fault(mode, scalar("Test")).find("live, test"), std::string::npos);
}

TEST(PluginSettings, TellsAllErrorsAtOnceWithTheirPlacesAndTheNearestKey) {
  auto key = setting("api_key", SettingType::secret);
  key.required = true;
  key.help = "Dashboard > Developers";
  const SettingsTable table = {key, setting("retries", SettingType::integer)};
  const auto outcome = parse_settings(table,
                                      {{"api_kye", scalar("sk", "bursar.yaml:4:7")},
                                       {"retries", scalar("many", "bursar.yaml:5:7")},
                                       {"zzzzzz", scalar("", "bursar.yaml:6:7")}},
                                      "bursar.yaml:3:5");
  ASSERT_EQ(outcome.errors.size(), 4U);
  EXPECT_EQ(outcome.errors[0],
            (FieldError{"bursar.yaml:4:7", "The plugin knows no setting \"api_kye\". Did you mean \"api_key\"?"}));
  EXPECT_EQ(outcome.errors[1].detail, "The plugin knows no setting \"zzzzzz\". It knows: api_key, retries.");
  EXPECT_EQ(outcome.errors[2], (FieldError{"bursar.yaml:3:5", "\"api_key\" is missing (Dashboard > Developers)."}));
  EXPECT_EQ(outcome.errors[3].pointer, "bursar.yaml:5:7");
}

TEST(PluginSettings, NeverRepeatsASecretInAnError) {
  auto key = setting("api_key", SettingType::secret);
  key.prefix = "sk_";
  EXPECT_EQ(fault(key, scalar("canary-8127")).find("canary"), std::string::npos);
}

TEST(PluginSettings, FillsDefaultsAndLeavesOutWhatIsOptional) {
  auto wait = setting("wait", SettingType::duration);
  wait.default_text = "30s";
  auto words = setting("words", SettingType::list);
  words.default_text = "a, b";
  const auto outcome = parse_settings({wait, words, setting("note", SettingType::string)}, {}, "bursar.yaml:1:1");
  ASSERT_TRUE(outcome.errors.empty());
  ASSERT_EQ(outcome.values.size(), 2U);
  EXPECT_EQ(outcome.values[0].number, 30'000);
  EXPECT_EQ(outcome.values[1].items, (std::vector<std::string>{"a", "b"}));
}

TEST(PluginSettings, AnEmptyRequiredValueIsAsGoodAsNone) {
  auto key = setting("api_key", SettingType::secret);
  key.required = true;
  EXPECT_EQ(fault(key, scalar("")), "\"api_key\" must not be empty.");
}

TEST(PluginSettings, FindsFaultsOfTheTableItself) {
  auto both = setting("a", SettingType::string);
  both.required = true;
  both.default_text = "x";
  auto secret = setting("b", SettingType::secret);
  secret.default_text = "x";
  auto number = setting("c", SettingType::integer);
  number.default_text = "many";
  auto crossed = setting("d", SettingType::integer);
  crossed.minimum = 2;
  crossed.maximum = 1;
  EXPECT_EQ(
      faults_of({both, secret, number, crossed, setting("e", SettingType::choice), setting("f", SettingType::string),
                 setting("f", SettingType::string), setting("Not Snake", SettingType::string)})
          .size(),
      7U);
  EXPECT_TRUE(faults_of({setting("fine", SettingType::string)}).empty());
}

TEST(PluginSettings, PrintsExampleAndSchema) {
  auto key = setting("api_key", SettingType::secret);
  key.required = true;
  key.help = "Dashboard > Developers";
  auto mode = setting("mode", SettingType::choice);
  mode.choices = {{"live", "Live"}, {"test", "Test"}};
  mode.default_text = "live";
  const auto yaml = example_yaml("cards", "acme", {key, mode});
  EXPECT_EQ(yaml,
            "cards:\n  plugin: acme\n  config:\n    # Dashboard > Developers (secret, required)\n    api_key: "
            "\"${env:API_KEY}\"\n"
            "    # mode (choice)\n    # mode: \"live\"\n");
  const auto schema = nlohmann::json::parse(json_schema({key, mode}));
  EXPECT_EQ(schema.at("additionalProperties"), false);
  EXPECT_EQ(schema.at("required"), nlohmann::json::array({"api_key"}));
  EXPECT_EQ(schema.at("properties").at("mode").at("enum"), (nlohmann::json{"live", "test"}));
  EXPECT_EQ(schema.at("properties").at("api_key").at("writeOnly"), true);
}

}  // namespace
}  // namespace bursar::plugin_host
