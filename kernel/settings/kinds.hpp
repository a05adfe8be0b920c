// Kinds of values: for each, how it is read from YAML, how it is shown, and its JSON Schema. A table (table.hpp) names
// one kind for each key, and parsing, messages, `bursar config schema` and the documentation all come from it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "settings/reader.hpp"

namespace bursar::settings {

template <class T>
struct Kind {
  std::string name;         // for people: "whole number, 1 to 256"
  std::string json_schema;  // {"type":"integer","minimum":1,"maximum":256}
  std::function<std::optional<T>(Reader&, const Node&)> read;
  std::function<std::string(const T&)> show;  // as it would stand in YAML
};

namespace kind {

Kind<bool> boolean();
Kind<std::int64_t> whole_number(std::int64_t min, std::int64_t max);
Kind<std::string> text(std::size_t max_length = 200);        // one line
Kind<std::string> long_text(std::size_t max_length = 4000);  // several lines
Kind<Secret> secret();
Kind<Duration> duration(Duration min, Duration max);  // "30s", "5m", "2h", "7d"
Kind<Zone> zone();
Kind<Currency> currency();
Kind<std::string> country();  // ISO 3166-1 alpha-2
Kind<Ratio> percent();        // "8.25"
Kind<std::string> cron();
Kind<std::string> url();  // http or https, without a slash at the end
Kind<std::string> email();
// Words of our own; matched exactly.
Kind<std::string> one_of(std::vector<std::string> words);

// `checked(kind, check)`: check answers what is wrong and the cure, or nothing.
using Complaint = std::optional<std::pair<std::string, std::string>>;
template <class T>
Kind<T> checked(Kind<T> base, std::string name, std::function<Complaint(const T&)> check) {
  base.name = std::move(name);
  base.read = [read = std::move(base.read), check = std::move(check)](Reader& reader, const Node& node) {
    std::optional<T> value = read(reader, node);
    if (!value) return value;
    if (auto complaint = check(*value)) {
      reader.error(node.place, complaint->first, complaint->second);
      value.reset();
    }
    return value;
  };
  return base;
}

// The same value as another C++ type that can hold it.
template <class To, class From>
Kind<To> as(Kind<From> from) {
  return {.name = from.name,
          .json_schema = from.json_schema,
          .read = [read = from.read](Reader& reader, const Node& node) -> std::optional<To> {
            auto value = read(reader, node);
            if (!value) return std::nullopt;
            return static_cast<To>(*value);
          },
          .show = [show = from.show](const To& value) { return show(static_cast<From>(value)); }};
}
template <class Integer>
Kind<Integer> number(std::int64_t min, std::int64_t max) {
  return as<Integer>(whole_number(min, max));
}

template <class E>
Kind<E> choice(std::vector<std::pair<std::string, E>> words) {
  std::vector<std::string> names;
  for (const auto& [name, value] : words) names.push_back(name);
  Kind<std::string> base = one_of(std::move(names));
  return {.name = base.name,
          .json_schema = base.json_schema,
          .read = [read = base.read, words](Reader& reader, const Node& node) -> std::optional<E> {
            auto word = read(reader, node);
            if (!word) return std::nullopt;
            for (const auto& [name, value] : words)
              if (name == *word) return value;
            return std::nullopt;
          },
          .show =
              [words](const E& wanted) {
                for (const auto& [name, value] : words)
                  if (value == wanted) return name;
                return std::string();
              }};
}

// A value or the word "never".
template <class T>
Kind<std::optional<T>> or_never(Kind<T> base) {
  return {.name = base.name + ", or never",
          .json_schema = R"({"anyOf":[)" + base.json_schema + R"(,{"const":"never"}]})",
          .read = [read = base.read](Reader& reader, const Node& node) -> std::optional<std::optional<T>> {
            std::optional<std::optional<T>> out;
            if (node.kind == Node::Kind::scalar && node.text == "never") {
              out.emplace(std::nullopt);
            } else if (auto value = read(reader, node)) {
              out.emplace(std::in_place, std::move(*value));
            }
            return out;
          },
          .show = [show = base.show](const std::optional<T>& value) { return value ? show(*value) : "never"; }};
}

template <class T>
Kind<std::vector<T>> list_of(Kind<T> item, std::size_t min_items, std::size_t max_items) {
  return {.name = "list of: " + item.name,
          .json_schema = R"({"type":"array","minItems":)" + std::to_string(min_items) + R"(,"maxItems":)" +
                         std::to_string(max_items) + R"(,"items":)" + item.json_schema + "}",
          .read = [read = item.read, min_items, max_items](Reader& reader,
                                                           const Node& node) -> std::optional<std::vector<T>> {
            if (node.kind != Node::Kind::list) {
              reader.error(node.place, "a list is meant", "write [first, second]");
              return std::nullopt;
            }
            if (node.items.size() < min_items || node.items.size() > max_items) {
              reader.error(node.place, "a list of " + std::to_string(min_items) + " to " + std::to_string(max_items) +
                                           " values is meant");
              return std::nullopt;
            }
            std::vector<T> out;
            bool good = true;
            for (std::size_t i = 0; i < node.items.size(); ++i) {
              Reader::Within within(reader, "[" + std::to_string(i) + "]");
              auto value = read(reader, node.items[i]);
              good = good && value.has_value();
              if (value) out.push_back(std::move(*value));
            }
            if (!good) return std::nullopt;
            return out;
          },
          .show =
              [show = item.show](const std::vector<T>& values) {
                std::string out = "[";
                for (const T& value : values) out += (out.size() == 1 ? "" : ", ") + show(value);
                return out + "]";
              }};
}

}  // namespace kind
}  // namespace bursar::settings
