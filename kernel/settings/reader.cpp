#include "settings/reader.hpp"

#include <algorithm>

#include "settings/plain_text.hpp"
#include "settings/secrets.hpp"

namespace bursar::settings {
namespace {

std::string folder_of(const std::string& file) {
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? "" : slash == 0 ? "/" : file.substr(0, slash);
}

std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

}  // namespace

std::string nearest(const std::string& mistyped, const std::vector<std::string>& known) {
  if (mistyped.size() > 64) return "";
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, mistyped.size() / 3) + 1;
  for (const auto& name : known) {
    const std::size_t distance = edit_distance(mistyped, name);
    if (distance < best_distance && distance < name.size()) {
      best = name;
      best_distance = distance;
    }
  }
  return best;
}

Reader::Reader(std::string file, const LoadOptions& options)
    : file_(std::move(file)), folder_(folder_of(file_)), options_(options) {}

Reader::Within::Within(Reader& reader, const std::string& name) : reader_(reader), length_before_(reader.path_.size()) {
  reader_.path_ += (reader_.path_.empty() || name.starts_with('[') ? "" : ".") + name;
}
Reader::Within::~Within() { reader_.path_.resize(length_before_); }

void Reader::error(Place place, const std::string& what, const std::string& cure) {
  faults_.push_back({place, (path_.empty() ? "" : path_ + ": ") + what + (cure.empty() ? "" : "; " + cure)});
}

void Reader::unknown_key(const Node::Entry& entry, const std::vector<std::string>& known) {
  const std::string near = nearest(entry.key, known);
  const std::string key = entry.key.size() > 64 ? entry.key.substr(0, 64) + "..." : entry.key;
  if (entry.key == "<<") return error(entry.place, "merge keys (\"<<\") are not supported", "write the keys out");
  error(entry.place, "there is no setting \"" + key + "\" here",
        near.empty() ? "known here: " + joined(known) : "did you mean \"" + near + "\"?");
}

Error Reader::take_error() {
  std::stable_sort(faults_.begin(), faults_.end(), [](const Fault& a, const Fault& b) { return a.place < b.place; });
  Error error = invalid("configuration_invalid", file_ + " has " + std::to_string(faults_.size()) +
                                                     (faults_.size() == 1 ? " error" : " errors"));
  for (Fault& fault : faults_) error.fields.push_back({place_text(file_, fault.place), std::move(fault.text)});
  return error;
}

std::optional<Scalar> Reader::scalar(const Node& node) {
  switch (node.kind) {
    case Node::Kind::scalar:
      break;
    case Node::Kind::empty:
      error(node.place, "there is no value", "write one, or remove the key");
      return std::nullopt;
    case Node::Kind::list:
      error(node.place, "a list where one value is meant");
      return std::nullopt;
    case Node::Kind::map:
      error(node.place, "a section where one value is meant");
      return std::nullopt;
  }
  auto expanded = expand_references(node.text, folder_, options_.environment);
  if (!expanded.ok()) {
    error(node.place, expanded.error().detail, expanded.error().cure);
    return std::nullopt;
  }
  return Scalar{.text = std::move(expanded->text),
                .quoted = node.quoted || expanded->from_secret,
                .from_secret = expanded->from_secret};
}

std::optional<Scalar> Reader::text(const Node& node) {
  auto value = scalar(node);
  if (!value) return std::nullopt;
  if (value->quoted) return value;
  if (const char* other = looks_like_other_than_text(value->text)) {
    error(node.place, shown(*value) + " without quotes is " + other + " to some YAML readers, and text is meant",
          "write \"" + value->text + "\" with the quotes");
    return std::nullopt;
  }
  return value;
}

std::string Reader::shown(const Scalar& scalar) {
  if (scalar.from_secret) return "the value";
  std::string out = "\"";
  for (const char c : scalar.text.substr(0, 60)) out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  return out + (scalar.text.size() > 60 ? "...\"" : "\"");
}

}  // namespace bursar::settings
