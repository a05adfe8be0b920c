// Strings as JSON, for logs and the few documents the kernel writes by hand.
#pragma once

#include <string>
#include <string_view>

namespace bursar {

// Appends `text` as a JSON string with its quotes. The result is always valid UTF-8 on one line: bytes that are not
// UTF-8 (also lone surrogates and overlong forms) become U+FFFD; control characters, line separators and marks that
// turn the writing direction are escaped.
void append_json_string(std::string& out, std::string_view text);
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace bursar
