#include "settings/document.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <memory>
#include <optional>
#include <sstream>

namespace bursar::settings {
namespace {

struct Fault {
  Place place;
  std::string what;
};
// Ends the reading at once: going on would cost more than the file is worth, or make no sense.
class StopReading : public std::runtime_error {
 public:
  StopReading(Place place, const std::string& what) : std::runtime_error(what), place_(place) {}
  [[nodiscard]] Place place() const { return place_; }

 private:
  Place place_;
};

Place place_of(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

std::size_t count_nodes(const Node& node) {
  std::size_t count = 1;
  for (const Node& item : node.items) count += count_nodes(item);
  for (const auto& entry : node.entries) count += count_nodes(entry.value);
  return count;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const DocumentLimits& limits, std::vector<Fault>& faults) : limits_(limits), faults_(faults) {}

  Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add({.kind = Node::Kind::empty, .place = place_of(mark), .text = {}, .items = {}, .entries = {}}, anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    add({.kind = Node::Kind::scalar,
         .place = place_of(mark),
         .text = value,
         .quoted = tag == "!",
         .items = {},
         .entries = {}},
        anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw StopReading(place_of(mark), "this alias stands inside of what it names");
    count(place_of(mark), count_nodes(found->second));
    Node copy = found->second;
    copy.place = place_of(mark);
    place(std::move(copy));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::list);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::map);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    YAML::anchor_t anchor = 0;
    std::optional<std::pair<std::string, Place>> key;  // of the value to come
  };

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    faults_.push_back({place_of(mark), "a YAML tag (\"!...\") means nothing here; leave it out"});
  }

  void count(Place where, std::size_t nodes) {
    nodes_ += nodes;
    if (nodes_ > limits_.nodes)
      throw StopReading(where, "the file has more than " + std::to_string(limits_.nodes) +
                                   " values, aliases counted as what they stand for");
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node::Kind kind) {
    refuse_tag(mark, tag);
    if (static_cast<int>(stack_.size()) >= limits_.depth)
      throw StopReading(place_of(mark), "nested more than " + std::to_string(limits_.depth) + " deep");
    if (!stack_.empty() && stack_.back().node.kind == Node::Kind::map && !stack_.back().key)
      throw StopReading(place_of(mark), "a key must be plain text, not a list or a section");
    count(place_of(mark), 1);
    Open opened;
    opened.node.kind = kind;
    opened.node.place = place_of(mark);
    opened.anchor = anchor;
    stack_.push_back(std::move(opened));
  }
  void close() {
    Open done = std::move(stack_.back());
    stack_.pop_back();
    if (done.anchor != 0) anchors_[done.anchor] = done.node;
    place(std::move(done.node));
  }
  void add(Node node, YAML::anchor_t anchor) {
    count(node.place, 1);
    if (anchor != 0) anchors_[anchor] = node;
    place(std::move(node));
  }

  void place(Node node) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = stack_.back();
    if (parent.node.kind == Node::Kind::list) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      parent.key.emplace(key_text(node), node.place);
    } else {
      put_entry(parent, std::move(node));
    }
  }
  static std::string key_text(const Node& node) {
    if (node.kind == Node::Kind::scalar) return node.text;
    if (node.kind == Node::Kind::empty) return "";
    throw StopReading(node.place, "a key must be plain text, not a list or a section");
  }
  void put_entry(Open& parent, Node node) {
    auto [key, key_place] = std::move(*parent.key);
    parent.key.reset();
    for (const auto& entry : parent.node.entries) {
      if (entry.key != key) continue;
      faults_.push_back({key_place, "\"" + key + "\" stands here a second time, first in line " +
                                        std::to_string(entry.place.line) + "; keep one of them"});
      return;
    }
    parent.node.entries.push_back({std::move(key), key_place, std::move(node)});
  }

  DocumentLimits limits_;
  std::vector<Fault>& faults_;
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, Node> anchors_;
  std::size_t nodes_ = 0;
  Node root_;
};

// The length of the UTF-8 sequence at `at`, or 0 where there is none. RFC 3629: no overlong forms, no surrogates.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned lead = byte(at);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                             : (lead & 0xF0U) == 0xE0       ? 3
                             : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                            : 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(at + i) & 0xC0U) != 0x80) return 0;
  const unsigned second = byte(at + 1);
  if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) || (lead == 0xF0 && second < 0x90) ||
      (lead == 0xF4 && second > 0x8F))
    return 0;
  return length;
}

// What yaml-cpp would pass over or explain badly: control characters, broken UTF-8, tabs where spaces are meant.
std::optional<Fault> check_characters(std::string_view text) {
  Place place;
  bool indentation = true;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const bool line_end = c == '\n' || c == '\r';
    if (c == '\t' && indentation) return Fault{place, "a tab in the indentation; indent with spaces"};
    if (c == '\0') return Fault{place, "a NUL byte; the file is damaged or not text"};
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t' && !line_end) || c == 0x7F)
      return Fault{place, "a control character; remove it, or write it as an escape in double quotes"};
    const std::size_t length = utf8_length(text, i);
    if (length == 0) return Fault{place, "a byte that is not UTF-8; save the file as UTF-8"};
    i += length;
    if (c == '\n') {
      ++place.line;
      place.column = 1;
      indentation = true;
    } else {
      ++place.column;
      if (c != ' ' && c != '-') indentation = false;
    }
  }
  return std::nullopt;
}

std::string in_our_words(const std::string& message) {
  if (message.find("end of map") != std::string::npos || message.find("illegal map value") != std::string::npos)
    return "not YAML here: " + message + " (check the indentation and the colon of this line and the one before)";
  if (message.find("end of sequence flow") != std::string::npos || message.find("end of map flow") != std::string::npos)
    return "not YAML here: " + message + " (a bracket is not closed)";
  return "not YAML here: " + message;
}

void parse_into(std::string_view text, TreeBuilder& builder, std::vector<Fault>& faults) {
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return;
    std::vector<Fault> ignored;
    TreeBuilder second(DocumentLimits{}, ignored);
    if (parser.HandleNextDocument(second)) faults.push_back({{}, "more than one YAML document; keep one"});
  } catch (const StopReading& stop) {
    faults.push_back({stop.place(), stop.what()});
  } catch (const YAML::Exception& bad) {
    faults.push_back({place_of(bad.mark), in_our_words(bad.msg)});
  }
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (const Entry& entry : entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

std::string place_text(const std::string& file, Place place) {
  return file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

Result<Node> read_document(std::string_view text, const std::string& file, const DocumentLimits& limits) {
  std::vector<Fault> faults;
  Node root;
  if (text.size() > limits.bytes) {
    faults.push_back(
        {{}, "the file is larger than " + std::to_string(limits.bytes) + " bytes; is it a configuration?"});
  } else if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    faults.push_back({{}, "the file is UTF-16; save it as UTF-8"});
  } else {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (auto fault = check_characters(text)) {
      faults.push_back(std::move(*fault));
    } else {
      TreeBuilder builder(limits, faults);
      parse_into(text, builder, faults);
      root = builder.take();
    }
  }
  if (faults.empty()) return root;
  Error error = invalid("configuration_unreadable", file + " can't be read");
  for (const Fault& fault : faults) error.fields.push_back({place_text(file, fault.place), fault.what});
  return error;
}

}  // namespace bursar::settings
