// Where the money of a refund is taken from. Internal to payments.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "invoicing/corrections.hpp"
#include "invoicing/invoices.hpp"
#include "payments/refunds.hpp"

namespace bursar::payments {

// What a payment's money stands for now. A deposit's is credit, whatever its invoice says.
struct Standing {
  struct OnInvoice {
    invoicing::Invoice invoice;
    Money amount;
  };
  std::vector<OnInvoice> invoices;  // what it paid last comes first
  Money allocated;                  // on those invoices
  Money free;                       // received, and neither on an invoice nor gone: customer credit, if not spent
};
Standing standing_of(storage::Connection& c, const Payment& payment);

// What is taken back of one invoice.
struct TakenBack {
  invoicing::Invoice invoice;
  Money amount;                 // in whole where `whole`
  std::vector<LineId> lines;    // none: over all of them
  bool whole = false;           // the lines go as they are
  std::string derivation = {};  // of the amount, where no lines were named
};
struct RefundPlan {
  Money amount;    // of the payment
  Money credited;  // beside it: lines cost more than this payment has left to give
  std::vector<TakenBack> taken_back;
};

// Checks what is asked of the payment and plans it. Errors: those of record_refund() about amounts and lines.
Result<RefundPlan> plan_refund(storage::Connection& c, const Payment& payment, const NewRefund& refund);

// The named lines and what lowered them, which goes with them: a promotion, and the days left of the old terms where
// the line is a change's.
std::vector<LineId> with_discounts(const std::vector<invoicing::LineLeft>& left, const std::vector<LineId>& named);

}  // namespace bursar::payments
