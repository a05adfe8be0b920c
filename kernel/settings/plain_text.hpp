// The "Norway problem": YAML tools disagree on whether `no`, `0123`, `1e3` or `12:30` is text. Where text is meant,
// such a scalar must be quoted, so that this file means the same in every editor, template engine and language.
#pragma once

#include <string_view>

namespace bursar::settings {

// What another reader may take an unquoted scalar for ("a yes/no value", "a number", "a time or base-60 number",
// "a date"), or nullptr where it is text to all of them.
const char* looks_like_other_than_text(std::string_view plain);

}  // namespace bursar::settings
