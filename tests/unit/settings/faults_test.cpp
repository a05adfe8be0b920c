// What a wrong file is told: place, key, fault and cure; all of them at once; never a secret.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "unit/settings/configuration.hpp"

namespace bursar::settings {
namespace {

using testing::errors;
using testing::options;
using testing::smallest;

void expect_error(const std::string& yaml, const std::string& expected) {
  const std::string found = errors(yaml);
  EXPECT_NE(found.find(expected), std::string::npos) << "wanted: " << expected << "\nfound:\n" << found;
}
void expect_error_in(const std::string& more, const std::string& expected) { expect_error(smallest + more, expected); }

TEST(Faults, TellsAllErrorsAtOnceInTheOrderOfTheFile) {
  const std::string found = errors(
      "provider:\n"
      "  name: no\n"
      "  country: XX\n"
      "  timezone: America/Los_Angles\n"
      "  currencies: [USD, XXX]\n"
      "databse: {url: x}\n"
      "billing: {group_by: due-date, suspend_after_days: 0}\n");
  std::size_t lines = 0;
  for (const char* place : {"bursar.yaml:1:1: database.url: is required",
                            "bursar.yaml:2:9: provider.name: ", "bursar.yaml:3:12: provider.country: ",
                            "bursar.yaml:4:13: provider.timezone: ", "bursar.yaml:5:21: provider.currencies[1]: ",
                            "bursar.yaml:6:1: there is no setting \"databse\" here; did you mean \"database\"?",
                            "bursar.yaml:7:21: billing.group_by: ", "bursar.yaml:7:51: billing.suspend_after_days: "}) {
    EXPECT_NE(found.find(place), std::string::npos) << place << "\nfound:\n" << found;
    ++lines;
  }
  EXPECT_EQ(static_cast<std::size_t>(std::count(found.begin(), found.end(), '\n')), lines) << found;
}

TEST(Faults, NamesTheNearestKey) {
  expect_error_in("billing: {generate_day_before_due: 3}\n",
                  "bursar.yaml:8:11: billing: there is no setting \"generate_day_before_due\" here; did you mean "
                  "\"generate_days_before_due\"?");
}

TEST(Faults, RefusesAnEmptyFileByWhatItLacks) {
  expect_error("", "provider.name: is required and missing");
  expect_error("", "database.url: is required and missing");
  expect_error("just text\n", "a section is meant");
}

TEST(Faults, RefusesPlainTextThatOtherReadersTakeForSomethingElse) {
  for (const char* plain : {"no", "on", "Yes", "0123", "1e3", "12:30", "0x1F", "1_000", "2027-01-31", ".5", "true"})
    expect_error("provider: {name: " + std::string(plain) + "}\n",
                 std::string("write \"") + plain + "\" with the quotes");
  for (const char* plain : {"~", "null", ""})
    expect_error("provider:\n  name: " + std::string(plain) + "\n", "there is no value");
  EXPECT_EQ(errors("provider: {name: \"no\", country: \"NO\", timezone: Europe/Oslo, currencies: [NOK]}\ndatabase: "
                   "{url: sqlite:x}\n"),
            "");
}

TEST(Faults, RefusesNumbersThatAreNotPlainWholeOnes) {
  for (const char* text : {"1e3", "0123", "1.0", "\"5\"", "+5", "-0", "five", "99999999999999999999", "12:30"})
    expect_error_in("billing: {suspend_after_days: " + std::string(text) + "}\n",
                    "is not a whole number; write 1 to 365");
  expect_error_in("billing: {suspend_after_days: 366}\n", "\"366\" is out of range; write 1 to 365");
}

TEST(Faults, RefusesTruthValuesButTheTwoWords) {
  for (const char* text : {"yes", "on", "1", "True", "\"true\""})
    expect_error_in("scheduler: {daily: {catch_up: " + std::string(text) + "}}\n", "is not true or false");
}

TEST(Faults, RefusesOtherShapesThanMeant) {
  expect_error_in("billing: [1]\n", "bursar.yaml:8:10: billing: a section is meant");
  expect_error_in("server: {listen: [a]}\n", "a list where one value is meant");
  expect_error_in("server: {listen: {a: b}}\n", "a section where one value is meant");
  expect_error_in("tax: {country: DE}\n", "a list of sections is meant");
  expect_error_in("plugins: {instances: [a]}\n", "a section of named sections is meant");
}

TEST(Faults, RefusesBadMoneyAndPercentages) {
  for (const char* percent : {"\"101\"", "\"-1\"", "\"5%\"", "\"1e1\"", "\"1.1234567\"", "5"})
    expect_error_in("billing: {late_fee: {after_days: 5, percent: " + std::string(percent) + "}}\n",
                    "billing.late_fee.percent: ");
  for (const char* amount : {"\"1.001\"", "\"1,00\"", "\"-1.00\"", "1.00", "\"1\""})
    expect_error_in("billing: {late_fee: {after_days: 5, minimum: " + std::string(amount) + "}}\n",
                    "billing.late_fee.minimum: ");
  expect_error_in("billing: {late_fee: {after_days: 5, minimum: {GBP: \"1.00\"}}}\n",
                  "there is no setting \"GBP\" here");
}

TEST(Faults, RefusesBadNumberPatterns) {
  for (const char* pattern : {"INV", "INV-{seq}-{seq}", "{year}{year}{seq}", "INV-{seq:6}", "INV {seq}",
                              "{month}-{seq}", "INV-{seq", "é{seq}"})
    expect_error("provider: {invoice_number: \"" + std::string(pattern) + "\"}\n", "provider.invoice_number: ");
}

TEST(Faults, RefusesAddressesAndDatabasesItCantUse) {
  for (const char* listen :
       {"\"8080\"", "\"127.0.0.1\"", "\":8080\"", "\"127.0.0.1:65536\"", "\"host:80x\"", "\"a b:80\""})
    expect_error_in("server: {listen: " + std::string(listen) + "}\n", "server.listen: not an address with a port");
  for (const char* url : {"ftp://x", "https://", "https://x/", "\"https://x y\""})
    expect_error_in("server: {public_url: " + std::string(url) + "}\n", "server.public_url: ");
  for (const char* url : {"mysql://x", "\"sqlite:\"", "\"sqlite::memory:\"", "bursar.db"})
    expect_error("database:\n  url: " + std::string(url) + "\n", "database.url: ");
}

TEST(Faults, RefusesWhatIsNoEncryptionKeyWithoutRepeatingIt) {
  const std::string good(64, 'a'), bad = "0123456789abcdef";
  EXPECT_EQ(errors(smallest + "  encryption_keys: [" + good + ", \"" + std::string(64, '7') + "\"]\n"), "");
  EXPECT_EQ(errors(smallest + "  encryption_keys: []\n"), "");
  const std::string found = errors(smallest + "  encryption_keys: [" + good + ", \"" + bad + "\"]\n");
  EXPECT_NE(found.find("bursar.yaml:8:87: database.encryption_keys[1]: not an encryption key"), std::string::npos)
      << found;
  EXPECT_NE(found.find("bursar db new-key"), std::string::npos) << found;
  EXPECT_EQ(found.find(bad), std::string::npos) << found;
}

TEST(Faults, ComparesTheDaysOfBilling) {
  expect_error_in("billing: {generate_days_before_due: 3, reminders: {before_due: [5]}}\n",
                  "would come before the invoice");
  expect_error_in(
      "billing: {generate_days_before_due: 3, reminders: {before_due: []}, autopay: {days_before_due: 4}}\n",
      "a charge before the invoice exists");
  expect_error_in("billing: {suspend_after_days: 10, terminate_after_days: 10}\n", "before or with their suspension");
  expect_error_in("billing: {reminders: {after_due: [7, 3]}}\n", "must be ascending");
}

TEST(Faults, RefusesTaxRulesThatContradictThemselves) {
  expect_error_in("tax: [{country: US, name: T, rate: \"0\"}]\n", "category S (standard) needs a rate above 0");
  expect_error_in("tax: [{country: DE, name: T, rate: \"19\", category: E, exemption_reason: x}]\n", "means no tax");
  expect_error_in("tax: [{country: DE, name: T, rate: \"0\", category: E}]\n", "needs an exemption_reason");
  expect_error_in("tax: [{country: EU, region: X, name: T, rate: \"1\"}]\n", "a region needs one country");
}

TEST(Faults, AsksTheSchedulerAboutCron) {
  LoadOptions with = options();
  with.check_cron = [](std::string_view text) -> std::optional<std::string> {
    if (text == "0 19 * * *") return std::nullopt;
    return "hour 25 is out of range";
  };
  EXPECT_NE(errors(smallest + "scheduler: {daily: {cron: \"0 25 * * *\"}}\n", with)
                .find("scheduler.daily.cron: hour 25 is out of range; write five fields"),
            std::string::npos);
  EXPECT_EQ(errors(smallest, with), "");
}

TEST(Faults, RefusesNamesOfInstancesThatCantStandInAnAddress) {
  expect_error_in("plugins: {instances: {\"Cards 1\": {plugin: sandbox}}}\n", "not a name for an instance");
  expect_error_in("plugins: {instances: {cards: {plugin: ../x}}}\n", "not a plugin's name");
  expect_error_in("plugins: {instances: {cards: {}}}\n", "plugins.instances.cards.plugin: is required");
  expect_error_in("plugins: {instances: {cards: {plugin: x, sha256: \"12\"}}}\n", "not a SHA-256 sum");
}

TEST(Faults, NamesAMissingVariable) {
  expect_error("database: {url: \"${env:NOWHERE}\"}\n",
               "bursar.yaml:1:17: database.url: ${env:NOWHERE}: the environment has no NOWHERE; set NOWHERE");
  expect_error("database: {url: \"${vault:x}\"}\n", "there is no such kind of reference");
  expect_error("database: {url: \"${env\"}\n", "without \"kind:name}\"");
}

class SecretFile : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/bursar-settings-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    std::ofstream(folder_ + "/token") << "tok_123\n";
  }
  void TearDown() override {
    ::unlink((folder_ + "/token").c_str());
    ::rmdir(folder_.c_str());
  }
  std::string yaml() {
    return smallest + "plugins: {instances: {web: {plugin: manual, config: {token: \"${file:token}\"}}}}\n";
  }
  Result<Config> load() { return load_text(yaml(), folder_ + "/bursar.yaml", options()); }
  std::string folder_;
};

TEST_F(SecretFile, IsReadBesideTheConfigurationWithoutItsLineEnd) {
  ASSERT_EQ(::chmod((folder_ + "/token").c_str(), 0600), 0);
  const auto config = load();
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->plugins[0].settings.at("token").text, "tok_123");
  EXPECT_TRUE(config->plugins[0].settings.at("token").from_secret);
}

TEST_F(SecretFile, IsRefusedWhereEveryUserMayReadIt) {
  ASSERT_EQ(::chmod((folder_ + "/token").c_str(), 0644), 0);
  const auto config = load();
  ASSERT_FALSE(config.ok());
  ASSERT_EQ(config.error().fields.size(), 1U);
  EXPECT_NE(config.error().fields[0].detail.find("can be read by every user"), std::string::npos);
  EXPECT_EQ(config.error().fields[0].detail.find("tok_123"), std::string::npos);
}

TEST_F(SecretFile, IsNamedWhereItIsMissing) {
  ::unlink((folder_ + "/token").c_str());
  const auto config = load();
  ASSERT_FALSE(config.ok());
  EXPECT_NE(config.error().fields[0].detail.find("${file:token} can't be read: No such file"), std::string::npos);
}

TEST(Faults, NeverShowASecret) {
  const std::string canary = "canary-5f1c";
  const auto with = options({{"S", canary}, {"URL", "mysql://" + canary}});
  for (const std::string& part :
       {std::string("server: {worker_threads: \"${env:S}\"}"), std::string("server: {listen: \"${env:S}\"}"),
        std::string("clock: \"${env:S}\""), std::string("server: {idle_timeout: \"${env:S}\"}"),
        std::string("server: {public_url: \"${env:S}\"}"), std::string("log: {level: \"${env:S}\"}"),
        std::string("billing: {late_fee: {after_days: 1, percent: \"${env:S}\", minimum: \"${env:S}\"}}"),
        std::string("scheduler: {daily: {catch_up: \"${env:S}\", timezone: \"${env:S}\"}}")}) {
    const std::string found = errors(smallest + part + "\n", with);
    EXPECT_NE(found, "") << part;
    EXPECT_EQ(found.find(canary), std::string::npos) << found;
  }
  EXPECT_EQ(errors("database: {url: \"${env:URL}\"}\n", with).find(canary), std::string::npos);
  EXPECT_EQ(errors("database: {url: \"mysql://u:" + canary + "@h\"}\n").find(canary), std::string::npos);
}

TEST(Faults, RefusesWhatIsNoFile) {
  EXPECT_NE(load("/nonexistent/bursar.yaml", options()).error().detail.find("No such file"), std::string::npos);
  EXPECT_NE(load("/tmp", options()).error().detail.find("not a plain file"), std::string::npos);
  EXPECT_FALSE(load("/dev/zero", options()).ok());
}

TEST(Faults, TellsWhatIsWrongWithRefundsDisputesAndDeposits) {
  expect_error_in("billing: {refunds: {default: {window_days: -1}}}\n",
                  "bursar.yaml:8:44: billing.refunds.default.window_days: ");
  expect_error_in(
      "billing: {refunds: {products: {gpu: {refundabel: false}}}}\n",
      "billing.refunds.products.gpu: there is no setting \"refundabel\" here; did you mean \"refundable\"?");
  expect_error_in("billing: {refunds: {default: {service: delete}}}\n",
                  "bursar.yaml:8:40: billing.refunds.default.service: ");
  expect_error_in("billing: {disputes: {on_opened: terminate}}\n", "bursar.yaml:8:33: billing.disputes.on_opened: ");
  expect_error_in("billing: {deposits: {minimum: \"5\"}}\n", "bursar.yaml:8:31: billing.deposits.minimum: ");
  expect_error_in("billing: {deposits: {minimum: \"5.00\", maximum: {USD: \"4.99\"}}}\n",
                  "bursar.yaml:8:54: billing.deposits: 4.99 USD is less than deposits.minimum, 5.00 USD");
  expect_error_in(
      "billing: {refunds: {products: {vps: {credit_only_gateways: [btcc]}}}}\n"
      "plugins: {instances: {btc: {plugin: bitcoin}}}\n",
      "bursar.yaml:8:61: billing.refunds: there is no plugin instance \"btcc\" under plugins.instances; did you mean "
      "\"btc\"?");
}

}  // namespace
}  // namespace bursar::settings
