#include "settings/tables.hpp"

namespace bursar::settings {
namespace {

constexpr const char* name_pattern = "small letters, digits, \"-\" and \"_\", at most 40, a letter first";

bool is_name(const std::string& name) {
  if (name.empty() || name.size() > 40 || name[0] < 'a' || name[0] > 'z') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string::npos;
}

Kind<std::string> plugin_name() {
  return kind::checked<std::string>(kind::text(40), "name", [](const std::string& name) -> kind::Complaint {
    if (is_name(name)) return std::nullopt;
    return std::pair(std::string("not a plugin's name"), std::string("write ") + name_pattern);
  });
}

Kind<std::optional<std::string>> sha256() {
  const Kind<std::string> text = kind::text(64);
  return {.name = "64 hexadecimal digits",
          .json_schema = R"({"type":"string","pattern":"^[0-9a-f]{64}$"})",
          .read = [text](Reader& reader, const Node& node) -> std::optional<std::optional<std::string>> {
            auto value = text.read(reader, node);
            if (!value) return std::nullopt;
            if (value->size() == 64 && value->find_first_not_of("0123456789abcdef") == std::string::npos)
              return std::optional<std::string>(*value);
            reader.error(node.place, "not a SHA-256 sum",
                         "write the 64 small hexadecimal digits that sha256sum prints");
            return std::nullopt;
          },
          .show = [](const std::optional<std::string>&) { return std::string(); }};
}

using Settings = std::map<std::string, PluginInstance::Value>;

void read_list(Reader& reader, const Node& node, PluginInstance::Value& value) {
  value.kind = PluginInstance::Value::Kind::list;
  value.quoted = true;
  for (const Node& item : node.items) {
    auto scalar = reader.scalar(item);
    if (!scalar) continue;
    value.items.push_back(std::move(scalar->text));
    value.quoted = value.quoted && scalar->quoted;
    value.from_secret = value.from_secret || scalar->from_secret;
  }
}

// What the plugin's own table says of these keys is checked when the plugin is opened.
Kind<Settings> plugin_settings() {
  return {.name = "the plugin's own settings",
          .json_schema = R"({"type":"object","additionalProperties":{"type":["string","number","boolean","array"]}})",
          .read = [](Reader& reader, const Node& node) -> std::optional<Settings> {
            if (node.kind == Node::Kind::empty) return Settings{};
            if (node.kind != Node::Kind::map) {
              reader.error(node.place, "a section is meant", "write the plugin's settings, one a line");
              return std::nullopt;
            }
            Settings out;
            for (const auto& entry : node.entries) {
              Reader::Within within(reader, entry.key);
              PluginInstance::Value value;
              value.place = reader.place_of(entry.value);
              if (entry.value.kind == Node::Kind::list) {
                read_list(reader, entry.value, value);
              } else if (auto scalar = reader.scalar(entry.value)) {
                value.text = std::move(scalar->text);
                value.quoted = scalar->quoted;
                value.from_secret = scalar->from_secret;
              }
              out.emplace(entry.key, std::move(value));
            }
            return out;
          },
          .show = [](const Settings&) { return std::string(); }};
}

Kind<std::optional<int>> number_or_the_plugins_own() {
  const Kind<int> number = kind::number<int>(1, 256);
  return {.name = number.name,
          .json_schema = number.json_schema,
          .read = [number](Reader& reader, const Node& node) -> std::optional<std::optional<int>> {
            const auto value = number.read(reader, node);
            return value ? std::optional(value) : std::nullopt;
          },
          .show = [](const std::optional<int>& value) { return value ? std::to_string(*value) : std::string(); }};
}

const Table<PluginInstance>& instance_table() {
  static const Table<PluginInstance> table = [] {
    Table<PluginInstance> t("instance",
                            "One configured instance of a plugin. A plugin may have several, each with its own name.");
    t.required("plugin", &PluginInstance::plugin, plugin_name(),
               "Which plugin: NAME is the file NAME.so in plugins.directory.");
    t.key("isolation", &PluginInstance::process_isolation,
          kind::choice<bool>({{"in_process", false}, {"process", true}}),
          "process: in a supervised child process, so that a crash or a hang stays there.");
    t.key("sha256", &PluginInstance::sha256, sha256(),
          "The file must have this sum; another is refused before any of its code runs.");
    t.key("deadline", &PluginInstance::deadline, kind::duration(seconds(1), minutes(4)),
          "A call that takes longer counts as unanswered: its outcome is unknown, and is asked for later.");
    t.key("concurrency", &PluginInstance::concurrency, number_or_the_plugins_own(),
          "Calls at the same time, at most. Default: what the plugin proposes, else 4; a serial plugin takes one.");
    t.key("config", &PluginInstance::settings, plugin_settings(),
          "The plugin's own settings; `bursar plugin list` names them.");
    return t;
  }();
  return table;
}

}  // namespace

const Table<PluginSection>& plugins_table() {
  static const Table<PluginSection> table = [] {
    Table<PluginSection> t("plugins", "Gateways, panels, channels and frontends.");
    t.key("directory", &PluginSection::directory, kind::text(4000),
          "Where the files are. A relative path is looked for in the working directory, then beside the program.");
    t.named<PluginInstance>(
        "instances", &PluginSection::instances, instance_table(),
        [](Reader& reader, const Node::Entry& entry, PluginInstance& instance) {
          instance.name = entry.key;
          instance.place = reader.place_of({.place = entry.place, .text = {}, .items = {}, .entries = {}});
          if (!is_name(entry.key))
            reader.error(entry.place, "not a name for an instance", std::string("write ") + name_pattern);
        },
        "Instances by name. The name is part of addresses and of the ledger: keep it.");
    return t;
  }();
  return table;
}

}  // namespace bursar::settings
