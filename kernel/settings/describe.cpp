#include "settings/describe.hpp"

#include <nlohmann/json.hpp>

namespace bursar::settings {
namespace {

using Json = nlohmann::ordered_json;

Json section_schema(const TableDescription& table);

// Any value may come from outside as a whole or in part.
Json or_reference(Json schema) {
  if (schema.contains("type") && schema["type"] == "string" && !schema.contains("pattern")) return schema;
  if (schema.contains("type") && (schema["type"] == "object" || schema["type"] == "array")) return schema;
  return {{"anyOf",
           Json::array({std::move(schema), Json{{"type", "string"}, {"pattern", "\\$\\{(env|file|cred):[^}]+\\}"}}})}};
}

Json default_json(const std::string& text) {
  const Json parsed = Json::parse(text, nullptr, false);
  return parsed.is_discarded() ? Json(text) : parsed;
}

Json key_schema(const KeyDescription& key) {
  switch (key.shape) {
    case KeyDescription::Shape::section:
      return section_schema(*key.table);
    case KeyDescription::Shape::list:
      return {{"type", "array"}, {"items", section_schema(*key.table)}};
    case KeyDescription::Shape::named:
      return {{"type", "object"},
              {"propertyNames", {{"pattern", "^[a-z][a-z0-9_-]{0,39}$"}}},
              {"additionalProperties", section_schema(*key.table)}};
    case KeyDescription::Shape::value:
      break;
  }
  Json schema = or_reference(Json::parse(key.json_schema));
  if (!key.default_text.empty()) schema["default"] = default_json(key.default_text);
  return schema;
}

bool has_required(const TableDescription& table) {
  for (const auto& key : table.keys)
    if (key.required) return true;
  return false;
}

Json section_schema(const TableDescription& table) {
  Json properties = Json::object();
  Json required = Json::array();
  for (const auto& key : table.keys) {
    Json schema = key_schema(key);
    schema["description"] = key.help;
    properties[key.name] = std::move(schema);
    // A section stands for itself: it is required where the configuration as a whole can't do without it.
    const bool needed = key.required || (table.name == "configuration" && key.shape == KeyDescription::Shape::section &&
                                         has_required(*key.table));
    if (needed) required.push_back(key.name);
  }
  Json schema = {{"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

void write_section(std::string& page, const std::string& path, const TableDescription& table) {
  std::string rows;
  for (const auto& key : table.keys) {
    if (key.shape != KeyDescription::Shape::value) continue;
    const std::string otherwise = key.required               ? "**required**"
                                  : key.default_text.empty() ? ""
                                                             : "`" + key.default_text + "`";
    rows += "| `" + key.name + "` | " + cell(key.type) + " | " + cell(otherwise) + " | " + cell(key.help) + " |\n";
  }
  page += "\n## " + path + "\n\n" + table.help + "\n";
  if (!rows.empty()) page += "\n| key | value | default | what |\n| --- | --- | --- | --- |\n" + rows;
  for (const auto& key : table.keys) {
    const std::string inner = path + "." + key.name;
    if (key.shape == KeyDescription::Shape::section) write_section(page, inner, *key.table);
    if (key.shape == KeyDescription::Shape::list) write_section(page, inner + "[]", *key.table);
    if (key.shape == KeyDescription::Shape::named) write_section(page, inner + ".NAME", *key.table);
  }
}

constexpr const char* page_head = R"(# Configuration

One YAML file, named with `--config FILE`. Every key Bursar knows stands below; this page and `bursar config schema` (a JSON
Schema, for completion in your editor) are made from the tables that also read the file, and a test compares them.

- `bursar config check --config FILE` reads and checks without starting anything, and tells all errors at once, each with
  file, line, column, key and cure. Exit code 0: good; 2: not.
- An unknown or repeated key, a wrong type and a value out of range are errors.
- Text that another YAML reader would take for something else (`NO`, `on`, `0123`, `1e3`, `12:30`) must stand in quotes. Money
  and percentages are text: `"1.00"`.
- `${env:NAME}`, `${file:PATH}` and `${cred:NAME}` (systemd's `LoadCredential`) bring in secrets, also within a text:
  `"postgresql://bursar:${env:PGPASSWORD}@db/bursar"`. A secret file that every user of the machine may read is refused. `$${`
  is a plain `${`. Secrets never appear in a message.
- Durations bear their unit: `30s`, `5m`, `2h`, `7d`.
- Limits: 1 MiB, 32 levels, 20,000 values (aliases counted as what they stand for).
)";

}  // namespace

std::string json_schema() {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", "Bursar configuration"}};
  schema.update(section_schema(configuration_description()));
  return schema.dump(2) + "\n";
}

std::string reference_page() {
  std::string page = page_head;
  const TableDescription& root = configuration_description();
  page += "\n## (top level)\n\n| key | value | default | what |\n| --- | --- | --- | --- |\n";
  for (const auto& key : root.keys) {
    if (key.shape != KeyDescription::Shape::value) continue;
    page += "| `" + key.name + "` | " + cell(key.type) + " | `" + key.default_text + "` | " + cell(key.help) + " |\n";
  }
  for (const auto& key : root.keys) {
    if (key.shape == KeyDescription::Shape::section) write_section(page, key.name, *key.table);
    if (key.shape == KeyDescription::Shape::list) write_section(page, key.name + "[]", *key.table);
  }
  return page;
}

}  // namespace bursar::settings
