#include "declines.hpp"

#include <algorithm>
#include <iterator>

namespace stripe {
namespace {

struct Row {
  std::string_view word;
  Decline meaning;
};

// The banks' decline codes first, then Stripe's own error codes for what never reached a bank.
constexpr Row rows[] = {
    {"insufficient_funds", {Refusal::soft, "insufficient_funds"}},
    {"card_velocity_exceeded", {Refusal::soft, "limit_reached"}},
    {"withdrawal_count_limit_exceeded", {Refusal::soft, "limit_reached"}},
    {"issuer_not_available", {Refusal::soft, "issuer_unavailable"}},
    {"processing_error", {Refusal::soft, "issuer_unavailable"}},
    {"reenter_transaction", {Refusal::soft, "issuer_unavailable"}},
    {"try_again_later", {Refusal::soft, "issuer_unavailable"}},
    {"approve_with_id", {Refusal::soft, "issuer_unavailable"}},
    {"call_issuer", {Refusal::soft, "other"}},
    {"do_not_honor", {Refusal::soft, "other"}},
    {"do_not_try_again", {Refusal::final, "other"}},
    {"duplicate_transaction", {Refusal::soft, "other"}},
    {"generic_decline", {Refusal::soft, "other"}},
    {"no_action_taken", {Refusal::soft, "other"}},
    {"authentication_required", {Refusal::act, "authentication_failed"}},
    {"mobile_device_authentication_required", {Refusal::act, "authentication_failed"}},
    {"offline_pin_required", {Refusal::act, "authentication_failed"}},
    {"online_or_offline_pin_required", {Refusal::act, "authentication_failed"}},
    {"lost_card", {Refusal::final, "stolen_or_lost"}},
    {"pickup_card", {Refusal::final, "stolen_or_lost"}},
    {"restricted_card", {Refusal::final, "stolen_or_lost"}},
    {"stolen_card", {Refusal::final, "stolen_or_lost"}},
    {"fraudulent", {Refusal::final, "suspected_fraud"}},
    {"highest_risk_level", {Refusal::final, "suspected_fraud"}},
    {"merchant_blacklist", {Refusal::final, "suspected_fraud"}},
    {"security_violation", {Refusal::final, "suspected_fraud"}},
    {"expired_card", {Refusal::final, "expired"}},
    {"incorrect_address", {Refusal::final, "wrong_details"}},
    {"incorrect_cvc", {Refusal::final, "wrong_details"}},
    {"incorrect_number", {Refusal::final, "wrong_details"}},
    {"incorrect_pin", {Refusal::final, "wrong_details"}},
    {"incorrect_zip", {Refusal::final, "wrong_details"}},
    {"invalid_account", {Refusal::final, "wrong_details"}},
    {"invalid_cvc", {Refusal::final, "wrong_details"}},
    {"invalid_expiry_month", {Refusal::final, "wrong_details"}},
    {"invalid_expiry_year", {Refusal::final, "wrong_details"}},
    {"invalid_number", {Refusal::final, "wrong_details"}},
    {"invalid_pin", {Refusal::final, "wrong_details"}},
    {"new_account_information_available", {Refusal::final, "wrong_details"}},
    {"pin_try_exceeded", {Refusal::final, "limit_reached"}},
    {"card_not_supported", {Refusal::final, "other"}},
    {"not_permitted", {Refusal::final, "other"}},
    {"service_not_allowed", {Refusal::final, "other"}},
    {"testmode_decline", {Refusal::final, "other"}},
    {"live_mode_test_card", {Refusal::final, "other"}},
    {"transaction_not_allowed", {Refusal::final, "other"}},
    {"currency_not_supported", {Refusal::final, "currency_unsupported"}},
    {"invalid_amount", {Refusal::final, "amount_out_of_range"}},
    {"amount_too_large", {Refusal::final, "amount_out_of_range"}},
    {"amount_too_small", {Refusal::final, "amount_out_of_range"}},
    {"invalid_charge_amount_no_decimal_compatible", {Refusal::final, "amount_out_of_range"}},
    {"revocation_of_all_authorizations", {Refusal::final, "method_revoked"}},
    {"revocation_of_authorization", {Refusal::final, "method_revoked"}},
    {"stop_payment_order", {Refusal::final, "method_revoked"}},
    {"account_closed", {Refusal::final, "method_revoked"}},
    {"bank_account_unusable", {Refusal::final, "method_revoked"}},
    {"debit_not_authorized", {Refusal::final, "method_revoked"}},
    {"payment_method_unactivated", {Refusal::final, "method_revoked"}},
    {"payment_intent_authentication_failure", {Refusal::act, "authentication_failed"}},
    {"setup_intent_authentication_failure", {Refusal::act, "authentication_failed"}},
    {"payment_intent_payment_attempt_expired", {Refusal::soft, "authentication_failed"}},
    {"payment_method_provider_timeout", {Refusal::soft, "issuer_unavailable"}},
};

const Row* row_of(std::string_view word) {
  const auto* found =
      std::find_if(std::begin(rows), std::end(rows), [word](const Row& row) { return row.word == word; });
  return found == std::end(rows) ? nullptr : found;
}

}  // namespace

Decline decline_of(std::string_view code, std::string_view decline_code, std::string_view advice_code) {
  const Row* row = row_of(decline_code);
  if (row == nullptr) row = row_of(code);
  Decline decline = row == nullptr ? Decline{Refusal::soft, "other"} : row->meaning;
  // The network's advice is about this very attempt, so it weighs more than the word's usual meaning.
  if (advice_code == "do_not_try_again") decline.refusal = Refusal::final;
  if (advice_code == "try_again_later" && decline.refusal == Refusal::final && decline.code == "other")
    decline.refusal = Refusal::soft;
  return decline;
}

}  // namespace stripe
