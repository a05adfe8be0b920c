#include "settings/plain_text.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace bursar::settings {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool is_word(std::string_view text) {
  static constexpr std::array<std::string_view, 10> words = {"y",   "n",    "yes",   "no",   "on",
                                                             "off", "true", "false", "null", "~"};
  return std::find(words.begin(), words.end(), text) != words.end();
}

std::string_view without_sign(std::string_view text) {
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) text.remove_prefix(1);
  return text;
}

// 0x1F, 0o17, 0b1, 1_000, 1.5, .5, 1e3, 1.5e-3: anything some YAML version reads as a number.
bool is_number(std::string_view text) {
  text = without_sign(text);
  if (text == ".inf" || text == ".nan") return true;
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'o' || text[1] == 'b'))
    return text.find_first_not_of("0123456789abcdef_", 2) == std::string_view::npos;
  bool digits = false, dot = false, exponent = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_digit(c)) {
      digits = true;
    } else if (c == '.' && !dot && !exponent) {
      dot = true;
    } else if (c == 'e' && digits && !exponent) {
      exponent = true;
      if (i + 1 < text.size() && (text[i + 1] == '+' || text[i + 1] == '-')) ++i;
    } else if (c != '_' || !digits) {
      return false;
    }
  }
  return digits;
}

bool is_base_60(std::string_view text) {
  text = without_sign(text);
  bool colon = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_digit(text[i]) || (text[i] == '.' && colon)) continue;
    if (text[i] != ':' || i == 0 || i + 1 == text.size()) return false;
    colon = true;
  }
  return colon;
}

bool is_date(std::string_view text) {
  if (text.size() < 8 || !std::all_of(text.begin(), text.begin() + 4, is_digit) || text[4] != '-' || !is_digit(text[5]))
    return false;
  return text.find_first_not_of("0123456789-:.tz+ ", 5) == std::string_view::npos &&
         text.find('-', 5) != std::string_view::npos;
}

}  // namespace

const char* looks_like_other_than_text(std::string_view plain) {
  const std::string text = lowered(plain);
  if (is_word(text)) return "a yes/no or empty value";
  if (is_number(text)) return "a number";
  if (is_base_60(text)) return "a time or base-60 number";
  if (is_date(text)) return "a date";
  return nullptr;
}

}  // namespace bursar::settings
