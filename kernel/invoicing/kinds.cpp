#include "invoicing/kinds.hpp"

#include <array>

#include "base/assert.hpp"

namespace bursar::invoicing {
namespace {

// In the order of the enumerators.
constexpr std::array<std::string_view, 5> invoice_kinds{"order", "renewal", "manual", "late_fee", "deposit"};
constexpr std::array<std::string_view, 6> invoice_statuses{"draft", "open",          "paid",
                                                           "void",  "uncollectible", "refunded"};
constexpr std::array<std::string_view, 8> line_kinds{"recurring", "one_time", "setup",   "discount",
                                                     "proration", "late_fee", "deposit", "manual"};

template <class Enum, std::size_t size>
std::string_view name_of(const std::array<std::string_view, size>& names, Enum value) {
  const auto index = static_cast<std::size_t>(value);
  BURSAR_ASSERT(index < size);
  return names[index];
}

template <class Enum, std::size_t size>
Enum value_of(const std::array<std::string_view, size>& names, std::string_view name) {
  for (std::size_t i = 0; i < size; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  invariant_broken("a stored kind or status", __FILE__, __LINE__);
}

}  // namespace

std::string_view to_string(InvoiceKind kind) { return name_of(invoice_kinds, kind); }
std::string_view to_string(InvoiceStatus status) { return name_of(invoice_statuses, status); }
std::string_view to_string(LineKind kind) { return name_of(line_kinds, kind); }
InvoiceKind invoice_kind(std::string_view stored) { return value_of<InvoiceKind>(invoice_kinds, stored); }
InvoiceStatus invoice_status(std::string_view stored) { return value_of<InvoiceStatus>(invoice_statuses, stored); }
LineKind line_kind(std::string_view stored) { return value_of<LineKind>(line_kinds, stored); }

}  // namespace bursar::invoicing
