#include "accounts/fields.hpp"

#include <algorithm>

#include "settings/countries.hpp"

namespace bursar::accounts {

namespace {

// How many bytes the sequence that starts with `lead` has; 0: not a lead byte.
std::size_t sequence_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

// The second byte's range excludes overlong forms, surrogates and what lies beyond U+10FFFF.
bool second_byte_fits(unsigned char lead, unsigned char second) {
  const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  return second >= low && second <= high;
}

bool is_domain_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool is_domain(std::string_view domain) {
  if (domain.empty() || domain.front() == '.' || domain.back() == '.' || domain.find("..") != std::string_view::npos) {
    return false;
  }
  return std::all_of(domain.begin(), domain.end(), is_domain_character) && domain.find('.') != std::string_view::npos;
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t length = sequence_length(lead);
    if (length == 0 || at + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      const auto byte = static_cast<unsigned char>(text[at + k]);
      if ((byte & 0xC0) != 0x80 || (k == 1 && !second_byte_fits(lead, byte))) return false;
    }
    at += length;
  }
  return true;
}

void check_text(std::string_view pointer, std::string_view text, std::size_t minimum, std::size_t maximum, Lines lines,
                std::vector<FieldError>& errors) {
  if (text.size() < minimum) {
    errors.push_back({std::string(pointer),
                      minimum == 1 ? "must not be empty" : "must have at least " + std::to_string(minimum) + " bytes"});
    return;
  }
  if (text.size() > maximum) {
    errors.push_back({std::string(pointer), "must have at most " + std::to_string(maximum) + " bytes"});
    return;
  }
  const auto is_control = [lines](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && !(lines == Lines::several && c == '\n')) || c == 0x7F;
  };
  if (std::any_of(text.begin(), text.end(), is_control)) {
    errors.push_back({std::string(pointer), "must not contain control characters"});
  } else if (!is_valid_utf8(text)) {
    errors.push_back({std::string(pointer), "must be valid UTF-8"});
  }
}

void check_email(std::string_view pointer, std::string_view email, std::vector<FieldError>& errors) {
  const auto at = email.rfind('@');
  const bool local_is_plain = at != std::string_view::npos && at > 0 && at <= 64 &&
                              std::none_of(email.begin(), email.begin() + static_cast<std::ptrdiff_t>(at), [](char c) {
                                return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F || c == '@' || c == '<' ||
                                       c == '>' || c == ',' || c == ';' || c == '"';
                              });
  if (email.size() > 254 || !local_is_plain || !is_domain(email.substr(at + 1)) || !is_valid_utf8(email)) {
    errors.push_back({std::string(pointer), "must be an email address such as name@example.com"});
  }
}

void check_country(std::string_view pointer, std::string_view country, std::vector<FieldError>& errors) {
  if (!settings::is_country(country)) {
    errors.push_back({std::string(pointer), "must be an ISO 3166-1 country code of two capital letters, such as US"});
  }
}

void check_language(std::string_view pointer, std::string_view language, std::vector<FieldError>& errors) {
  const bool fits =
      language.size() >= 2 && language.size() <= 35 && std::all_of(language.begin(), language.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
      });
  if (!fits) errors.push_back({std::string(pointer), "must be a language tag such as en or pt-BR"});
}

std::string normal_email(std::string_view email) {
  while (!email.empty() && email.front() == ' ') email.remove_prefix(1);
  while (!email.empty() && email.back() == ' ') email.remove_suffix(1);
  std::string out(email);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

}  // namespace bursar::accounts
