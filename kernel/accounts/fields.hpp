// Checks of text fields that people type in. Each adds its complaint to `errors` under the API's name of the field, so
// that all bad fields are told at once.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace bursar::accounts {

bool is_valid_utf8(std::string_view text);

enum class Lines { one, several };
// `minimum` and `maximum` are bytes. Control characters are refused (a line feed only where several lines may stand):
// they have no place in names and are what forged headers and log lines are made of.
void check_text(std::string_view pointer, std::string_view text, std::size_t minimum, std::size_t maximum, Lines lines,
                std::vector<FieldError>& errors);
void check_email(std::string_view pointer, std::string_view email, std::vector<FieldError>& errors);
void check_country(std::string_view pointer, std::string_view country, std::vector<FieldError>& errors);
void check_language(std::string_view pointer, std::string_view language, std::vector<FieldError>& errors);

// Without surrounding spaces and with A-Z lowered: how emails are stored and compared.
std::string normal_email(std::string_view email);

}  // namespace bursar::accounts
