// The tables as data, and what is made from them: the JSON Schema for editors and the reference page.
#pragma once

#include <string>
#include <vector>

namespace bursar::settings {

struct TableDescription;

struct KeyDescription {
  // value; section: one table; list: a list of them; named: a map from names to them.
  enum class Shape { value, section, list, named };
  std::string name;
  std::string type;
  std::string json_schema;   // of a value
  std::string default_text;  // empty: none, or a section
  bool required = false;
  std::string help;
  std::string since;  // the version that brought it
  Shape shape = Shape::value;
  const TableDescription* table = nullptr;  // lives as long as the process
};
struct TableDescription {
  std::string name;
  std::string help;
  std::vector<KeyDescription> keys;
};

// The whole configuration.
const TableDescription& configuration_description();
// JSON Schema, draft 2020-12.
std::string json_schema();
// docs/provider/configuration.md.
std::string reference_page();

}  // namespace bursar::settings
