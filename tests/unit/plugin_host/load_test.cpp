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
                                                                {"new_major", "bursar_plugin_v2"},
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
  PluginHost host(config(fixtures, instances), clock, remembered_key_values(), options());
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
    EXPECT_NE(record.cause.find(bad[i].first + ".so"), std::string::npos) << record.cause;
    EXPECT_EQ((record.cause + record.cure).find('\n'), std::string::npos) << record.instance << ": more than one line";
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

TEST(PluginLoad, RefusalsOfAFileNameItAndAreOneLine) {
  const test::TemporaryFolder folder;
  const auto altered = [&](const std::string& name, std::size_t at, char byte) {
    const auto path = folder.file(name + ".so");
    fs::copy(fixtures + "/good.so", path);
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
  };
  altered("narrow", 4, 1);       // ELFCLASS32
  altered("reversed", 5, 2);     // most significant byte first
  altered("elsewhere", 18, 40);  // ARM
  altered("program", 16, 2);     // ET_EXEC
  std::ofstream(folder.file("text.so")) << "This is a text and no library at all.\n";
  const std::vector<std::pair<std::string, std::string>> expected = {{"narrow", "word size"},
                                                                     {"reversed", "another kind of machine"},
                                                                     {"elsewhere", "another kind of machine"},
                                                                     {"program", "not a shared library"},
                                                                     {"text", "not a shared library"}};
  for (const auto& [name, cause] : expected) {
    const auto record = only(folder.path().string(), instance("a", name));
    EXPECT_EQ(record.state, InstanceState::disabled) << name;
    EXPECT_NE(record.cause.find(name + ".so"), std::string::npos) << record.cause;
    EXPECT_NE(record.cause.find(cause), std::string::npos) << record.cause;
    EXPECT_FALSE(record.cure.empty()) << name;
    EXPECT_EQ((record.cause + record.cure).find('\n'), std::string::npos) << name;
  }
}

TEST(PluginLoad, FilesCutOffAnywhereAreRefused) {
  const test::TemporaryFolder folder;
  const auto whole = fs::file_size(fixtures + "/good.so");
  std::vector<settings::PluginInstance> instances;
  for (std::uintmax_t part = 0; part < 16; ++part) {
    const auto name = "cut" + std::to_string(part);
    fs::copy(fixtures + "/good.so", folder.file(name + ".so"));
    fs::resize_file(folder.file(name + ".so"), whole * part / 16);
    instances.push_back(instance(name, name));
  }
  for (const auto& record : check_plugins(config(folder.path().string(), instances), options())) {
    EXPECT_EQ(record.state, InstanceState::disabled) << record.instance;
    EXPECT_FALSE(record.cause.empty() || record.cure.empty()) << record.instance;
  }
}

TEST(PluginLoad, WhateverHappensInOpenDisablesThatInstanceAlone) {
  const std::vector<std::string> ways = {"exits",      "exits_at_once", "aborts", "terminates",  "overflows",
                                         "calls_pure", "reads_null",    "spins",  "never_closes"};
  std::vector<settings::PluginInstance> instances;
  for (const auto& how : ways) instances.push_back(instance("i-" + how, "fails_in_open", {{"how", how}}));
  instances.push_back(instance("fine", "fails_in_open"));
  auto impatient = options();
  impatient.probe_timeout = seconds(5);
  const SystemClock clock;
  const PluginHost host(config(fixtures, instances), clock, remembered_key_values(), impatient);
  const auto records = host.records();
  for (std::size_t i = 0; i < ways.size(); ++i) {
    EXPECT_EQ(records[i].state, InstanceState::disabled) << ways[i];
    EXPECT_NE(records[i].cause.find("fails_in_open.so"), std::string::npos) << ways[i] << ": " << records[i].cause;
    EXPECT_FALSE(records[i].cure.empty()) << ways[i];
  }
  EXPECT_EQ(records.back().state, InstanceState::loaded) << records.back().cause;
}

TEST(PluginLoad, FormShowsWhatIsWrittenButNoSecret) {
  auto written = instance("a", "breaks_gateway", {{"fault", "none"}, {"secret", "canary-4711"}});
  auto record = only(fixtures, written);
  ASSERT_EQ(record.form.size(), 3U) << record.cause;
  EXPECT_EQ(record.form[0].setting.key, "fault");
  EXPECT_EQ(record.form[0].value, "none");
  EXPECT_EQ(record.form[1].setting.key, "online");
  EXPECT_FALSE(record.form[1].written);
  EXPECT_EQ(record.form[1].setting.default_text, "false");
  EXPECT_TRUE(record.form[2].written);
  EXPECT_FALSE(record.form[2].value) << "typed as a secret";

  written.settings["fault"].from_secret = true;
  EXPECT_FALSE(only(fixtures, written).form[0].value) << "read from a secret file";
  written.settings["nonsense"].text = "canary-4711";
  record = only(fixtures, written);
  EXPECT_EQ(record.state, InstanceState::disabled);
  EXPECT_EQ(record.form.size(), 3U) << "a form that mends the settings needs the table";
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
