// A table declares the keys of one section once: name, member it fills, kind of value, help. Its default is what the
// struct of config.hpp holds when it is new, so that a default is written down in one place.
//
//   Table<Server> table("server", "Where the API listens.");
//   table.key("worker_threads", &Server::worker_threads, kind::number<int>(1, 256), "Threads for domain work.");
//   table.required("name", ...);
//   table.section("autopay", &Billing::autopay, autopay_table());
//   table.check([](Reader& reader, const Node& node, Server& server) { ... });   // what two keys must agree on
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "settings/describe.hpp"
#include "settings/kinds.hpp"

namespace bursar::settings {

template <class T>
class Table {
 public:
  Table(std::string name, std::string help) {
    description_.name = std::move(name), description_.help = std::move(help);
  }

  template <class V>
  Table& key(const char* name, V T::*member, Kind<V> kind, const char* help) {
    return add(name, kind.name, kind.json_schema, kind.show(T{}.*member), false, help,
               [member, read = kind.read](Reader& reader, const Node& node, T& out) {
                 if (auto value = read(reader, node)) out.*member = std::move(*value);
               });
  }
  template <class V>
  Table& required(const char* name, V T::*member, Kind<V> kind, const char* help) {
    return add(name, kind.name, kind.json_schema, "", true, help,
               [member, read = kind.read](Reader& reader, const Node& node, T& out) {
                 if (auto value = read(reader, node)) out.*member = std::move(*value);
               });
  }
  // A value that fills more than one member. `default_text` is for the documentation.
  template <class V>
  Table& set(const char* name, Kind<V> kind, std::function<void(T&, V)> store, std::string default_text, bool required,
             const char* help) {
    return add(name, kind.name, kind.json_schema, std::move(default_text), required, help,
               [store = std::move(store), read = kind.read](Reader& reader, const Node& node, T& out) {
                 if (auto value = read(reader, node)) store(out, std::move(*value));
               });
  }
  template <class S>
  Table& section(const char* name, S T::*member, const Table<S>& table, const char* help) {
    nested(name, table, KeyDescription::Shape::section, help,
           [member, &table](Reader& reader, const Node& node, T& out) { table.read(reader, node, out.*member); });
    always_.back() = true;
    return *this;
  }
  // A section that switches something on by being there.
  template <class S>
  Table& optional_section(const char* name, std::optional<S> T::*member, const Table<S>& table, const char* help) {
    return nested(name, table, KeyDescription::Shape::section, help,
                  [member, &table](Reader& reader, const Node& node, T& out) {
                    S read_into{};
                    table.read(reader, node, read_into);
                    out.*member = std::move(read_into);
                  });
  }
  // A section that builds something of its own from what it read.
  template <class S>
  Table& built_section(const char* name, const Table<S>& table, std::function<void(T&, S)> store, const char* help) {
    nested(name, table, KeyDescription::Shape::section, help,
           [store = std::move(store), &table](Reader& reader, const Node& node, T& out) {
             S read_into{};
             table.read(reader, node, read_into);
             store(out, std::move(read_into));
           });
    always_.back() = true;
    return *this;
  }
  template <class S>
  Table& list(const char* name, std::vector<S> T::*member, const Table<S>& table, std::size_t max_items,
              const char* help) {
    return nested(name, table, KeyDescription::Shape::list, help,
                  [member, &table, max_items](Reader& reader, const Node& node, T& out) {
                    if (node.kind != Node::Kind::list)
                      return reader.error(node.place, "a list of sections is meant", "begin each with \"- \"");
                    if (node.items.size() > max_items)
                      return reader.error(node.place, "more than " + std::to_string(max_items) + " entries");
                    for (std::size_t i = 0; i < node.items.size(); ++i) {
                      Reader::Within within(reader, "[" + std::to_string(i) + "]");
                      S item{};
                      table.read(reader, node.items[i], item);
                      (out.*member).push_back(std::move(item));
                    }
                  });
  }
  // A section whose keys are names of the reader's choosing.
  template <class S>
  Table& named(const char* name, std::vector<S> T::*member, const Table<S>& table,
               std::function<void(Reader&, const Node::Entry&, S&)> set_name, const char* help) {
    return nested(name, table, KeyDescription::Shape::named, help,
                  [member, &table, set_name = std::move(set_name)](Reader& reader, const Node& node, T& out) {
                    if (node.kind == Node::Kind::empty) return;
                    if (node.kind != Node::Kind::map)
                      return reader.error(node.place, "a section of named sections is meant", "write NAME: {...}");
                    for (const auto& entry : node.entries) {
                      Reader::Within within(reader, entry.key);
                      S item{};
                      set_name(reader, entry, item);
                      table.read(reader, entry.value, item);
                      (out.*member).push_back(std::move(item));
                    }
                  });
  }
  Table& check(std::function<void(Reader&, const Node&, T&)> check) {
    check_ = std::move(check);
    return *this;
  }

  // Reads the keys in the order of the table, whatever their order in the file, so that a check may use what stands
  // above it. An empty section is one without keys.
  void read(Reader& reader, const Node& node, T& out) const {
    if (node.kind != Node::Kind::map && node.kind != Node::Kind::empty)
      return reader.error(node.place, "a section is meant", "write keys with values, one a line");
    std::vector<std::string> names;
    for (const auto& key : description_.keys) names.push_back(key.name);
    for (const auto& entry : node.entries)
      if (std::find(names.begin(), names.end(), entry.key) == names.end()) reader.unknown_key(entry, names);
    const std::size_t faults_before = reader.fault_count();
    for (std::size_t i = 0; i < names.size(); ++i) {
      const Node* value = node.find(names[i]);
      Reader::Within within(reader, names[i]);
      if (value != nullptr)
        readers_[i](reader, *value, out);
      else if (always_[i])  // a section that was left out still has its defaults, its required keys and its checks
        readers_[i](reader, {.place = node.place, .text = {}, .items = {}, .entries = {}}, out);
      else if (description_.keys[i].required)
        reader.error(node.place, "is required and missing",
                     "add \"" + names[i] + ": ...\" (" + description_.keys[i].type + ")");
    }
    if (check_ && reader.fault_count() == faults_before) check_(reader, node, out);
  }
  [[nodiscard]] const TableDescription& description() const { return description_; }

 private:
  using ReadKey = std::function<void(Reader&, const Node&, T&)>;

  Table& add(const char* name, std::string type, std::string schema, std::string default_text, bool required,
             const char* help, ReadKey read) {
    description_.keys.push_back({.name = name,
                                 .type = std::move(type),
                                 .json_schema = std::move(schema),
                                 .default_text = std::move(default_text),
                                 .required = required,
                                 .help = help,
                                 .since = "0.1",
                                 .shape = KeyDescription::Shape::value,
                                 .table = nullptr});
    readers_.push_back(std::move(read));
    always_.push_back(false);
    return *this;
  }
  template <class S>
  Table& nested(const char* name, const Table<S>& table, KeyDescription::Shape shape, const char* help, ReadKey read) {
    add(name, "section", "", "", false, help, std::move(read));
    description_.keys.back().shape = shape;
    description_.keys.back().table = &table.description();
    return *this;
  }

  TableDescription description_;
  std::vector<ReadKey> readers_;
  std::vector<bool> always_;  // read even where the key is missing
  std::function<void(Reader&, const Node&, T&)> check_;
};

}  // namespace bursar::settings
