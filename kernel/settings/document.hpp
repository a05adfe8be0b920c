// A YAML document as a tree that remembers where everything stands. yaml-cpp reads the syntax; this tree adds what its
// own nodes leave out: duplicate keys are errors, anchors can't blow up, and a scalar knows whether it was quoted.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace bursar::settings {

// Lines and columns count from 1.
struct Place {
  int line = 1;
  int column = 1;
  auto operator<=>(const Place&) const = default;
};

struct Node {
  enum class Kind { empty, scalar, list, map } kind = Kind::empty;
  struct Entry;
  Place place;
  std::string text;            // scalar
  bool quoted = false;         // scalar: 'x', "x" or a block; never read as anything but text
  std::vector<Node> items;     // list
  std::vector<Entry> entries;  // map, in the order of the file, keys distinct

  [[nodiscard]] const Node* find(std::string_view key) const;  // nullptr: no such key, or no map
};
struct Node::Entry {
  std::string key;
  Place place;  // of the key
  Node value;
};

struct DocumentLimits {
  std::size_t bytes = 1024 * 1024;
  int depth = 32;
  std::size_t nodes = 20'000;  // an alias counts as what it stands for
};

// Reads one document. The error holds each fault found as a FieldError with "file:line:column" for a pointer; a fault
// of syntax ends the reading, so it stands alone or last. A UTF-8 byte order mark and CRLF line ends are accepted.
Result<Node> read_document(std::string_view text, const std::string& file, const DocumentLimits& limits = {});

std::string place_text(const std::string& file, Place place);  // "bursar.yaml:12:5"

}  // namespace bursar::settings
