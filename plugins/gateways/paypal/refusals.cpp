#include "refusals.hpp"

namespace paypal {
namespace {

using bursar::Decline;
using bursar::Payment;

struct Row {
  std::string_view issue;
  Refusal kind;
  Decline decline = Decline::unknown;
  std::string_view code{};
};

constexpr Row issues[] = {
    {"PAYER_ACTION_REQUIRED", Refusal::approve},
    {"ORDER_NOT_APPROVED", Refusal::approve},
    {"ORDER_IS_PENDING_APPROVAL", Refusal::approve},
    {"INSTRUMENT_DECLINED", Refusal::approve, Decline::soft, "issuer_unavailable"},
    {"REDIRECT_PAYER_FOR_ALTERNATE_FUNDING", Refusal::approve, Decline::soft, "issuer_unavailable"},

    {"ORDER_ALREADY_CAPTURED", Refusal::captured},
    {"ORDER_ALREADY_COMPLETED", Refusal::captured},
    {"ORDER_COMPLETION_IN_PROGRESS", Refusal::under_way},
    {"PREVIOUS_REQUEST_IN_PROGRESS", Refusal::under_way},
    {"RESOURCE_CONFLICT", Refusal::under_way},
    {"DUPLICATE_INVOICE_ID", Refusal::doubled},
    {"RESOURCE_NOT_FOUND", Refusal::lapsed},
    {"INVALID_RESOURCE_ID", Refusal::lapsed},
    {"ORDER_EXPIRED", Refusal::lapsed},

    {"AGREEMENT_ALREADY_CANCELLED", Refusal::decline, Decline::final, "method_revoked"},
    {"BILLING_AGREEMENT_NOT_FOUND", Refusal::decline, Decline::final, "method_revoked"},
    {"TOKEN_ID_NOT_FOUND", Refusal::decline, Decline::final, "method_revoked"},
    {"IDENTIFIER_NOT_FOUND", Refusal::decline, Decline::final, "method_revoked"},
    {"TOKEN_EXPIRED", Refusal::decline, Decline::final, "expired"},
    {"MISMATCHED_VAULT_ID_TO_PAYMENT_SOURCE", Refusal::decline, Decline::final, "wrong_details"},
    {"PAYER_ACCOUNT_LOCKED_OR_CLOSED", Refusal::decline, Decline::final, "method_revoked"},
    {"CARD_EXPIRED", Refusal::decline, Decline::final, "expired"},
    {"REFERENCED_CARD_EXPIRED", Refusal::decline, Decline::final, "expired"},
    {"PAYER_ACCOUNT_RESTRICTED", Refusal::decline, Decline::soft, "limit_reached"},
    {"PAYER_CANNOT_PAY", Refusal::decline, Decline::soft, "other"},
    {"TRANSACTION_REFUSED", Refusal::decline, Decline::soft, "suspected_fraud"},
    {"TRANSACTION_BLOCKED_BY_PAYEE", Refusal::decline, Decline::soft, "suspected_fraud"},
    {"PAYEE_BLOCKED_TRANSACTION", Refusal::decline, Decline::soft, "suspected_fraud"},
    {"DECLINED_DUE_TO_RELATED_TXN", Refusal::decline, Decline::soft, "suspected_fraud"},
    {"COMPLIANCE_VIOLATION", Refusal::decline, Decline::soft, "other"},
    {"TRANSACTION_LIMIT_EXCEEDED", Refusal::decline, Decline::soft, "limit_reached"},
    {"TRANSACTION_RECEIVING_LIMIT_EXCEEDED", Refusal::decline, Decline::soft, "limit_reached"},
    {"MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED", Refusal::decline, Decline::soft, "limit_reached"},
    {"MAX_VALUE_EXCEEDED", Refusal::decline, Decline::soft, "amount_out_of_range"},
    {"INVALID_CURRENCY_CODE", Refusal::decline, Decline::soft, "currency_unsupported"},

    {"CAPTURE_FULLY_REFUNDED", Refusal::decline, Decline::final, "amount_out_of_range"},
    {"REFUND_AMOUNT_EXCEEDED", Refusal::decline, Decline::final, "amount_out_of_range"},
    {"REFUND_AMOUNT_TOO_LOW", Refusal::decline, Decline::final, "amount_out_of_range"},
    {"REFUND_FAILED_INSUFFICIENT_FUNDS", Refusal::decline, Decline::soft, "insufficient_funds"},

    {"PERMISSION_DENIED", Refusal::config},
    {"NOT_AUTHORIZED", Refusal::config},
    {"CONSENT_NEEDED", Refusal::config},
    {"PAYEE_ACCOUNT_INVALID", Refusal::config},
    {"PAYEE_ACCOUNT_LOCKED_OR_CLOSED", Refusal::config},
    {"PAYEE_ACCOUNT_RESTRICTED", Refusal::config},
    {"PAYEE_ACCOUNT_NOT_VERIFIED", Refusal::config},
    {"NOT_ENABLED_TO_VAULT_PAYMENT_SOURCE", Refusal::config},
    {"AUTH_CAPTURE_NOT_ENABLED", Refusal::config},
};

// Processor response codes that say more than "declined".
constexpr Row responses[] = {
    {"5120", Refusal::decline, Decline::soft, "insufficient_funds"},
    {"5200", Refusal::decline, Decline::soft, "limit_reached"},
    {"5400", Refusal::decline, Decline::final, "expired"},
    {"5100", Refusal::decline, Decline::soft, "other"},
    {"5130", Refusal::decline, Decline::final, "wrong_details"},
    {"5150", Refusal::decline, Decline::final, "wrong_details"},
    {"5180", Refusal::decline, Decline::final, "wrong_details"},
    {"5650", Refusal::decline, Decline::soft, "authentication_failed"},
    {"5700", Refusal::decline, Decline::soft, "suspected_fraud"},
    {"5800", Refusal::decline, Decline::final, "method_revoked"},
    {"5930", Refusal::decline, Decline::final, "method_revoked"},
    {"9100", Refusal::decline, Decline::soft, "issuer_unavailable"},
    {"9500", Refusal::decline, Decline::soft, "suspected_fraud"},
    {"9510", Refusal::decline, Decline::soft, "suspected_fraud"},
    {"9520", Refusal::decline, Decline::final, "stolen_or_lost"},
    {"9530", Refusal::decline, Decline::final, "stolen_or_lost"},
    {"PPCE", Refusal::decline, Decline::final, "expired"},
};

template <std::size_t count>
const Row* find(const Row (&rows)[count], std::string_view issue) {
  for (const Row& row : rows) {
    if (row.issue == issue) return &row;
  }
  return nullptr;
}

}  // namespace

Refusal kind_of(const Answer& answer) {
  if (const Row* row = find(issues, answer.issue())) return row->kind;
  if (answer.status == 401 || answer.status == 403) return Refusal::config;
  if (answer.status == 404) return Refusal::lapsed;
  if (answer.status == 409) return Refusal::under_way;
  // A request that PayPal cannot read is a fault of ours, or of the account; the next attempt would fare no better, and
  // nobody's payment method is to blame.
  if (answer.status == 400) return Refusal::config;
  return Refusal::decline;
}

Payment not_done(bursar::Call& call, const Answer& answer) {
  const bool busy = answer.status == 429;
  call.report(BURSAR_SEVERITY_ERROR, busy ? "busy" : "refused", answer.words(), {},
              busy ? bursar::Retry::later : bursar::Retry::after_fix);
  Payment payment = Payment::not_attempted();
  payment.poll_after = answer.wait;
  return payment;
}

bool untouched(const Answer& answer) { return answer.status == 401 || answer.status == 429; }

std::optional<Payment> refused_before(bursar::Call& call, const Answer& answer) {
  if (untouched(answer)) return not_done(call, answer);
  if (!answer.refused()) return std::nullopt;
  const Refusal kind = kind_of(answer);
  if (kind == Refusal::decline) return declined(answer);
  // Some order with this payment's invoice id was paid.
  if (kind == Refusal::doubled) throw bursar::OutcomeUnknown(answer.words());
  return not_done(call, answer);
}

Payment declined(const Answer& answer) {
  const Row* row = find(issues, answer.issue());
  const bool known = row != nullptr && !row->code.empty();
  return Payment::declined(known ? row->decline : Decline::soft, known ? std::string(row->code) : "other",
                           answer.words());
}

Payment declined_by_processor(const Json& capture) {
  const std::string code = text(capture, "processor_response", "response_code");
  const std::string advice = text(capture, "processor_response", "payment_advice_code");
  const Row* row = find(responses, code);
  Payment out =
      Payment::declined(row == nullptr ? Decline::soft : row->decline,
                        row == nullptr ? "other" : std::string(row->code), "PayPal: the payment was declined");
  if (!code.empty()) out.decline_text += ", processor response " + line(code, 20);
  const std::string why = text(capture, "status_details", "reason");
  if (!why.empty()) out.decline_text += ", " + line(why, 64);
  // 01: new account data are needed; 03: do not try again; 21: the recurring payment was cancelled.
  if (advice == "01" || advice == "03" || advice == "21") {
    out.decline_class = Decline::final;
    if (out.decline_code == "other") out.decline_code = "method_revoked";
  }
  return out;
}

}  // namespace paypal
