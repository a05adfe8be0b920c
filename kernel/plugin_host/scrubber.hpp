// Takes an instance's secrets out of text that leaves it: log lines, errors, diagnostics.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"

namespace bursar::plugin_host {

class Scrubber {
 public:
  // A secret shorter than four characters is not looked for: it would mangle any text and hide nothing.
  void add(std::string_view secret);
  // Every secret in the text, also in its base64, hexadecimal and percent-encoded forms, becomes "[secret]".
  [[nodiscard]] std::string scrub(std::string_view text) const;

 private:
  std::vector<Secret> forms_;  // longest first
};

}  // namespace bursar::plugin_host
