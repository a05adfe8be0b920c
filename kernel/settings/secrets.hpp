// ${env:NAME}, ${file:PATH} and ${cred:NAME}: how secrets come in without standing in the file.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace bursar::settings {

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

struct Expanded {
  std::string text;
  bool from_secret = false;  // some of it came from outside the file: never to be shown
};

// Replaces each reference; "$${" stands for a plain "${". A relative PATH is looked for beside the configuration file,
// NAME of
// ${cred:} in $CREDENTIALS_DIRECTORY (systemd's LoadCredential). One line end at the end of a secret file is dropped.
// Errors name the reference, never a value: unknown kind, unset variable, unreadable file, a file others may read, not
// text, too large.
Result<Expanded> expand_references(std::string_view text, const std::string& folder, const Environment& environment);

}  // namespace bursar::settings
