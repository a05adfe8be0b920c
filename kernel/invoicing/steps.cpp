#include "invoicing/steps.hpp"

#include <charconv>

#include "base/assert.hpp"
#include "invoicing/step_support.hpp"

namespace bursar::invoicing {

std::vector<std::string> split_cursor(const std::string& cursor) {
  std::vector<std::string> fields;
  std::size_t begin = 0;
  while (begin < cursor.size()) {
    const auto end = std::min(cursor.find(' ', begin), cursor.size());
    fields.push_back(cursor.substr(begin, end - begin));
    begin = end + 1;
  }
  return fields;
}

std::int64_t cursor_number(const std::string& field) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(field.data(), field.data() + field.size(), value);
  BURSAR_ASSERT(parsed.ec == std::errc() && parsed.ptr == field.data() + field.size());
  return value;
}

std::vector<std::unique_ptr<scheduler::Step>> steps(const Rules& rules) {
  std::vector<std::unique_ptr<scheduler::Step>> all;
  all.push_back(cancellation_step(rules));
  all.push_back(change_step(rules));
  all.push_back(renewal_step(rules));
  all.push_back(credit_step(rules));
  all.push_back(unpaid_order_step(rules));
  return all;
}

}  // namespace bursar::invoicing
