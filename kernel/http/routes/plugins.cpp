#include "http/call.hpp"
#include "http/routes/routes.hpp"
#include "plugin_host/host.hpp"

namespace bursar::http {

namespace {
using accounts::Action;

void write_facts(JsonWriter& w, const plugin_host::Record& r) {
  w.field("instance", r.instance).field("plugin", r.plugin).field("state", plugin_host::to_string(r.state));
  w.field("cause", r.cause)
      .field("cure", r.cure)
      .field("id", r.id)
      .field("name", r.name)
      .field("version", r.version)
      .field("abi", r.abi);
  w.field("interfaces", r.interfaces).field("capabilities", r.capabilities);
}

void write_plugin(JsonWriter& w, const plugin_host::Record& r) {
  w.begin_object();
  write_facts(w, r);
  w.end_object();
}

// All that a form needs. Secrets have no value, only whether they are written.
void write_field(JsonWriter& w, const plugin_host::FormField& field) {
  const auto& s = field.setting;
  w.begin_object().field("key", s.key).field("type", plugin_host::to_string(s.type));
  w.field("label", s.label).field("help", s.help).field("required", s.required).field("advanced", s.advanced);
  w.field("default", s.default_text).field("example", s.example).field("prefix", s.prefix);
  w.field("minimum", s.limited() ? std::optional(s.minimum) : std::nullopt);
  w.field("maximum", s.limited() ? std::optional(s.maximum) : std::nullopt);
  w.key("choices").begin_array();
  for (const auto& choice : s.choices)
    w.begin_object().field("value", choice.value).field("label", choice.label).end_object();
  w.end_array();
  w.field("deprecated_by", s.deprecated_by).field("written", field.written).field("value", field.value).end_object();
}

Result<plugin_host::Record> find(const Call& call) {
  for (auto& record : call.app.plugins->records()) {
    if (record.instance == call.parameter("instance")) return record;
  }
  return not_found("no_such_object", "No plugin instance has this name.");
}

Result<Answer> list_plugins(Call& call) {
  BURSAR_TRY(page, call.page());
  return call.list_whole(call.app.plugins->records(), page, write_plugin);
}

Result<Answer> read_plugin(Call& call) {
  BURSAR_TRY(record, find(call));
  JsonWriter w;
  w.begin_object();
  write_facts(w, record);
  w.field("place", record.place).key("settings").begin_array();
  for (const auto& field : record.form) write_field(w, field);
  w.end_array().end_object();
  return call.answer(std::move(w));
}

Result<Answer> test_plugin(Call& call) {
  BURSAR_TRY(record, find(call));
  const plugin_host::ConnectionTest test = call.app.plugins->test_connection(record.instance);
  JsonWriter w;
  w.begin_object().field("supported", test.supported).field("ok", test.ok).field("detail", test.detail).end_object();
  return call.answer(std::move(w));
}
}  // namespace

void add_plugin_routes(RouteTable& routes) {
  routes.add({.path = "/plugins",
              .summary = "Plugin instances: loaded, disabled, and why",
              .action = Action::plugins_read,
              .response = "Plugin",
              .list = true,
              .handler = list_plugins});
  routes.add({.path = "/plugins/{instance}",
              .summary = "A plugin instance, with its settings as a form shows them",
              .action = Action::plugins_read,
              .response = "PluginDetail",
              .handler = read_plugin});
  routes.add({.verb = Verb::post,
              .path = "/plugins/{instance}",
              .summary = "Ask the plugin whether its other side is reachable",
              .action = Action::plugins_test,
              .response = "PluginTest",
              .handler = test_plugin});
}

}  // namespace bursar::http
