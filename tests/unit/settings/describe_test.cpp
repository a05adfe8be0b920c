#include "settings/describe.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "unit/settings/configuration.hpp"

namespace bursar::settings {
namespace {

std::string file_text(const std::string& path) {
  std::ifstream file(std::string(BURSAR_SOURCE) + "/" + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Describe, ReferencePageIsUpToDate) {
  EXPECT_TRUE(file_text("docs/provider/configuration.md") == reference_page())
      << "run: bursar config reference > docs/provider/configuration.md";
}

TEST(Describe, SchemaIsAClosedObjectWithTheRequiredSections) {
  const auto schema = nlohmann::json::parse(json_schema());
  EXPECT_EQ(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  EXPECT_EQ(schema["additionalProperties"], false);
  EXPECT_EQ(schema["required"], (nlohmann::json{"provider", "database"}));
  EXPECT_EQ(schema["properties"]["billing"]["properties"]["autopay"]["properties"]["days_before_due"]["default"], 0);
}

void expect_helped(const TableDescription& table) {
  for (const auto& key : table.keys) {
    EXPECT_FALSE(key.help.empty()) << table.name << "." << key.name;
    if (key.table != nullptr) expect_helped(*key.table);
  }
}
TEST(Describe, EveryKeyHasHelp) { expect_helped(configuration_description()); }

TEST(Describe, ExampleFilesLoad) {
  const auto with = testing::options({{"PGPASSWORD", "x"}, {"BURSAR_ENCRYPTION_KEY", std::string(64, 'a')}});
  for (const char* name : {"config/demo.yaml", "config/production.example.yaml"}) {
    const std::string text = file_text(name);
    ASSERT_FALSE(text.empty()) << name;
    EXPECT_EQ(testing::errors(text, with), "") << name;
  }
}

}  // namespace
}  // namespace bursar::settings
