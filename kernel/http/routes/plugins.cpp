#include "http/call.hpp"
#include "http/routes/routes.hpp"
#include "plugin_host/host.hpp"

namespace bursar::http {

namespace {
using accounts::Action;

void write_plugin(JsonWriter& w, const plugin_host::Record& r) {
  w.begin_object()
      .field("instance", r.instance)
      .field("plugin", r.plugin)
      .field("state", plugin_host::to_string(r.state));
  w.field("cause", r.cause)
      .field("cure", r.cure)
      .field("id", r.id)
      .field("name", r.name)
      .field("version", r.version)
      .field("abi", r.abi);
  w.field("interfaces", r.interfaces).field("capabilities", r.capabilities).end_object();
}

Result<plugin_host::Record> find(const Call& call) {
  for (auto& record : call.app.plugins->records()) {
    if (record.instance == call.parameter("instance")) return record;
  }
  return not_found("no_such_object", "No plugin instance has this name.");
}

Result<Answer> list_plugins(Call& call) {
  JsonWriter w;
  w.begin_object().key("data").begin_array();
  for (const auto& record : call.app.plugins->records()) write_plugin(w, record);
  w.end_array().key("next_cursor").null().end_object();
  return call.answer(std::move(w));
}

Result<Answer> read_plugin(Call& call) {
  BURSAR_TRY(record, find(call));
  JsonWriter w;
  write_plugin(w, record);
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
              .response = "Plugins",
              .handler = list_plugins});
  routes.add({.path = "/plugins/{instance}",
              .summary = "A plugin instance",
              .action = Action::plugins_read,
              .response = "Plugin",
              .handler = read_plugin});
  routes.add({.verb = Verb::post,
              .path = "/plugins/{instance}/test",
              .summary = "Ask the plugin whether its other side is reachable",
              .action = Action::plugins_test,
              .response = "PluginTest",
              .handler = test_plugin});
}

}  // namespace bursar::http
