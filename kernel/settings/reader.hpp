// What all kinds of values share while a configuration is read: the errors found so far, where we are, and how a scalar
// becomes checked text. Errors are gathered, never thrown, so that one run tells all of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/money.hpp"
#include "settings/document.hpp"
#include "settings/load.hpp"

namespace bursar::settings {

struct Scalar {
  std::string text;          // after references
  bool quoted = false;       // in the file, or by coming from a reference
  bool from_secret = false;  // never shown
};

class Reader {
 public:
  Reader(std::string file, const LoadOptions& options);

  // `what` is wrong at `place`; `cure` says what to write instead.
  void error(Place place, const std::string& what, const std::string& cure = {});
  void unknown_key(const Node::Entry& entry, const std::vector<std::string>& known);
  [[nodiscard]] bool failed() const { return !faults_.empty(); }
  [[nodiscard]] std::size_t fault_count() const { return faults_.size(); }
  Error take_error();

  // The scalar of a value, references replaced. Nothing (and an error) for a section, a list or an empty value.
  std::optional<Scalar> scalar(const Node& node);
  // The same where text is meant: refuses what other YAML readers would take for a number, a truth value or a date.
  std::optional<Scalar> text(const Node& node);
  // The value for a message: quoted, shortened, or "(secret)".
  static std::string shown(const Scalar& scalar);

  [[nodiscard]] std::string place_of(const Node& node) const { return place_text(file_, node.place); }
  [[nodiscard]] const LoadOptions& options() const { return options_; }
  [[nodiscard]] const std::string& file() const { return file_; }

  // The provider's currencies, known once that section has been read.
  std::vector<Currency> currencies;

  // Names the part being read for the messages: "billing.late_fee.percent".
  class Within {
   public:
    Within(Reader& reader, const std::string& name);
    ~Within();
    Within(const Within&) = delete;
    Within& operator=(const Within&) = delete;

   private:
    Reader& reader_;
    std::size_t length_before_;
  };

 private:
  struct Fault {
    Place place;
    std::string text;
  };
  std::string file_;
  std::string folder_;
  const LoadOptions& options_;
  std::string path_;
  std::vector<Fault> faults_;
};

// The known name nearest to a mistyped one, or empty where none is near.
std::string nearest(const std::string& mistyped, const std::vector<std::string>& known);

}  // namespace bursar::settings
