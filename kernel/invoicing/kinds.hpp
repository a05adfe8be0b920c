// The words that invoices are described with, and their stored text.
#pragma once

#include <string_view>

namespace bursar::invoicing {

enum class InvoiceKind { order, renewal, manual, late_fee, deposit };
enum class InvoiceStatus { draft, open, paid, void_, uncollectible, refunded };
enum class LineKind { recurring, one_time, setup, discount, proration, late_fee, deposit, manual };

std::string_view to_string(InvoiceKind kind);
std::string_view to_string(InvoiceStatus status);
std::string_view to_string(LineKind kind);
InvoiceKind invoice_kind(std::string_view stored);  // these throw InvariantBroken for another text
InvoiceStatus invoice_status(std::string_view stored);
LineKind line_kind(std::string_view stored);

}  // namespace bursar::invoicing
