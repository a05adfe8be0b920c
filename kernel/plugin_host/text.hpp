// Small work on text that comes from plugins and configuration.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bursar::plugin_host {

// Well-formed UTF-8: no overlong form, no surrogate, nothing above U+10FFFF.
bool is_utf8(std::string_view text);
std::size_t utf8_length(std::string_view text);  // code points of valid UTF-8
std::string_view trim(std::string_view text);    // ASCII space and tab
// Levenshtein's. For keys and words, not for pages.
std::size_t edit_distance(std::string_view a, std::string_view b);
// Foreign text made fit for a log or an error: what is not valid UTF-8 or is a control character becomes '?', at most
// `limit` bytes.
std::string presentable(std::string_view text, std::size_t limit = 500);

}  // namespace bursar::plugin_host
