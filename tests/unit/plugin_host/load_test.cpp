// Loading: whatever is wrong with one plugin disables that instance alone, with cause and cure.
#include <sys/stat.h>

#include "plugin_host/services/crypto.hpp"
#include "plugins.hpp"

namespace bursar::plugin_host {
namespace {

using namespace testing;
namespace fs = std::filesystem;

Record only(const std::string& directory, const settings::PluginInstance& one) {
  const auto records = check_plugins(config(directory, {one}), options());
  EXPECT_EQ(records.size(), 1U);
  return records.at(0);
}

TEST(PluginLoad, EveryMisbehavingFixtureIsDisabledAloneWithCauseAndCure) {
  const std::vector<std::pair<std::string, std::string>> bad = {{"throws_in_constructor", "the constructor threw"},
                                                                {"traps", "crashed"},
                                                                {"wrong_magic", "magic"},
                                                                {"future_minor", "1.99"},
                                                                {"other_draft", "draft"},
                                                                {"old_major", "bursar_plugin_v0"},
                                                                {"missing_symbol", "does not export"},
                                                                {"short_struct", "16 bytes"},
                                                                {"null_entry", "answers nothing"},
                                                                {"null_table", "no interface"},
                                                                {"bad_descriptor", "not sound"},
                                                                {"needs_unknown", "bursar.teleport/1"},
                                                                {"no_such_file", "There is no file"}};
  std::vector<settings::PluginInstance> instances;
  for (const auto& [plugin, _] : bad) instances.push_back(instance("i_" + plugin, plugin));
  instances.push_back(instance("fine", "good"));
  const SystemClock clock;
  PluginHost host(config(fixtures, instances), clock, nullptr, options());
  const auto records = host.records();
  ASSERT_EQ(records.size(), bad.size() + 1);
  for (std::size_t i = 0; i < bad.size(); ++i) {
    const auto& record = records[i];
    EXPECT_EQ(record.instance, "i_" + bad[i].first);
    EXPECT_EQ(record.state, InstanceState::disabled) << record.instance;
    const bool names_cause =
        record.cause.find(bad[i].second) != std::string::npos ||
        (bad[i].first == "bad_descriptor" && record.cause.find("not a sound plugin") != std::string::npos);
    EXPECT_TRUE(names_cause) << record.instance << ": " << record.cause;
    EXPECT_FALSE(record.cure.empty()) << record.instance;
    EXPECT_EQ(record.place, "bursar.yaml:10:5");
    EXPECT_EQ(host.gateways().find(record.instance), nullptr);
  }
  EXPECT_EQ(records.back().state, InstanceState::loaded) << records.back().cause;
  EXPECT_EQ(records.back().id, "fixture.good");
  EXPECT_EQ(records.back().version, "1.0.0");
  ASSERT_NE(host.gateways().find("fine"), nullptr);
  EXPECT_EQ(host.gateways().find("fine")->charge(charge_of(500)).outcome, payments::GatewayOutcome::succeeded);
}

TEST(PluginLoad, CauseOfACrashNamesWhatBursarWasDoing) {
  const auto record = only(fixtures, instance("a", "traps"));
  EXPECT_NE(record.cause.find("opening it"), std::string::npos) << record.cause;
}

TEST(PluginLoad, RefusesNamesThatAreNoFileNames) {
  for (const auto* name : {"../good", "good/../good", "/etc/passwd", "", ".", "..", "-x", "good\n"}) {
    const auto record = only(fixtures, instance("a", name));
    EXPECT_EQ(record.state, InstanceState::disabled);
    EXPECT_NE(record.cause.find("not a plugin's name"), std::string::npos) << name;
  }
}

TEST(PluginLoad, RefusesFilesAndFoldersThatOthersMayWrite) {
  const test::TemporaryFolder folder;
  fs::copy(fixtures + "/good.so", folder.file("good.so"));
  EXPECT_EQ(only(folder.path().string(), instance("a", "good")).state, InstanceState::loaded);
  chmod((folder.file("good.so")).c_str(), 0775);
  auto record = only(folder.path().string(), instance("a", "good"));
  EXPECT_EQ(record.state, InstanceState::disabled);
  EXPECT_NE(record.cure.find("chmod go-w"), std::string::npos);
  chmod((folder.file("good.so")).c_str(), 0755);
  chmod(folder.path().c_str(), 0777);
  record = only(folder.path().string(), instance("a", "good"));
  EXPECT_EQ(record.state, InstanceState::disabled);
  EXPECT_NE(record.cause.find("The directory"), std::string::npos);
}

TEST(PluginLoad, RefusesLinksOutOfTheFolderAndThingsThatAreNoLibraries) {
  const test::TemporaryFolder folder;
  fs::create_symlink(fixtures + "/good.so", folder.file("outside.so"));
  fs::create_symlink("circle.so", folder.file("circle.so"));
  fs::copy(fixtures + "/good.so", folder.file("good.so"));
  fs::create_symlink("good.so", folder.file("inside.so"));
  fs::create_directory(folder.file("folder.so"));
  std::ofstream(folder.file("text.so")) << "This is a text and no library at all.\n";
  fs::copy(fixtures + "/good.so", folder.file("cut.so"));
  fs::resize_file(folder.file("cut.so"), 3000);
  std::ofstream(folder.file("empty.so")).flush();
  for (const auto* name : {"outside", "circle", "folder", "text", "cut", "empty"}) {
    const auto record = only(folder.path().string(), instance("a", name));
    EXPECT_EQ(record.state, InstanceState::disabled) << name;
    EXPECT_FALSE(record.cause.empty());
    EXPECT_FALSE(record.cure.empty());
  }
  EXPECT_EQ(only(folder.path().string(), instance("a", "inside")).state, InstanceState::loaded);
}

TEST(PluginLoad, HoldsTheFileAgainstItsDigest) {
  auto pinned = instance("a", "good");
  pinned.sha256 = file_sha256(fixtures + "/good.so");
  EXPECT_EQ(only(fixtures, pinned).state, InstanceState::loaded);
  pinned.sha256 = std::string(64, '0');
  const auto record = only(fixtures, pinned);
  EXPECT_EQ(record.state, InstanceState::disabled);
  EXPECT_NE(record.cause.find("SHA-256"), std::string::npos);
}

TEST(PluginLoad, WrongSettingsNameTheirPlacesAllAtOnce) {
  auto wrong = instance("a", "good", {{"greting", "hi"}, {"color", "red"}});
  const auto record = only(fixtures, wrong);
  EXPECT_EQ(record.state, InstanceState::disabled);
  ASSERT_EQ(record.setting_errors.size(), 2U);
  EXPECT_EQ(record.setting_errors[1].pointer, "bursar.yaml:11:9");
  EXPECT_NE(record.setting_errors[1].detail.find("Did you mean \"greeting\"?"), std::string::npos);
  EXPECT_NE(record.cause.find("bursar.yaml:12:9"), std::string::npos);
}

TEST(PluginLoad, SettingsThatThePluginItselfRefusesNameTheirPlace) {
  const auto record = only(fixtures, instance("a", "refuses_settings", {{"endpoint", "https://example.com"}}));
  EXPECT_EQ(record.state, InstanceState::disabled);
  ASSERT_EQ(record.setting_errors.size(), 1U) << record.cause;
  EXPECT_EQ(record.setting_errors[0].pointer, "bursar.yaml:11:9");
}

TEST(PluginLoad, ProcessIsolationIsRefusedRatherThanIgnored) {
  auto isolated = instance("a", "good");
  isolated.process_isolation = true;
  const auto record = only(fixtures, isolated);
  EXPECT_EQ(record.state, InstanceState::disabled);
  EXPECT_NE(record.cause.find("isolation"), std::string::npos);
}

TEST(PluginLoad, MissingTrialProgramDisablesEverythingWithACure) {
  auto without = options();
  without.probe_program = "/nonexistent/bursar-plugin-host";
  const auto record = check_plugins(config(fixtures, {instance("a", "good")}), without).at(0);
  EXPECT_EQ(record.state, InstanceState::disabled);
  EXPECT_NE(record.cure.find("bursar-plugin-host"), std::string::npos);
}

TEST(PluginLoad, DescribesAPluginWithoutLoadingItHere) {
  const auto description = describe_plugin(fixtures, "good", options());
  ASSERT_TRUE(description.ok()) << description.error().detail;
  EXPECT_EQ(description->id, "fixture.good");
  ASSERT_EQ(description->settings.size(), 1U);
  EXPECT_EQ(description->settings[0].key, "greeting");
  EXPECT_EQ(description->settings[0].default_text, "hello");
  EXPECT_FALSE(describe_plugin(fixtures, "wrong_magic", options()).ok());
}

TEST(PluginLoad, BundledPluginsLoad) {
  const test::TemporaryFolder folder;
  const auto records = check_plugins(
      config(bundled,
             {instance("bank", "bank-transfer", {{"account_holder", "Example"}, {"iban", "DE02120300000000202051"}}),
              instance("cards", "sandbox"), instance("messages", "log", {{"file", folder.file("messages.jsonl")}}),
              instance("hand", "manual")}),
      options());
  for (const auto& record : records)
    EXPECT_EQ(record.state, InstanceState::loaded) << record.instance << ": " << record.cause;
}

}  // namespace
}  // namespace bursar::plugin_host
