// The shapes of bodies and answers, one line each, in a small notation that the OpenAPI document and the tests of
// answers read: "id:id total:Money due_on:date paid_at:instant? lines:[InvoiceLine] status:draft|open|paid".
//
// Types: string, integer, boolean, id, date, instant, object (any), a name (another schema), [type], or words a|b.
// After a type, "?" allows null; after a field name, "?" lets the field be left out.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/json.hpp"

namespace bursar::http {

struct Schema {
  std::string_view name;
  std::string_view fields;
};
std::span<const Schema> schemas();
const Schema* find_schema(std::string_view name);  // "Object" is known, and is any object

struct SchemaField {
  std::string name;
  bool optional = false;
  std::string type;
  bool nullable = false;
};
std::vector<SchemaField> fields_of(const Schema& schema);

// Where and how `value` differs from a type; empty: it does not. Unknown fields differ.
std::string difference(const Json& value, std::string_view type);

}  // namespace bursar::http
