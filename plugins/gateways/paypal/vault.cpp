#include "vault.hpp"

#include "orders.hpp"
#include "refusals.hpp"

namespace paypal {
namespace {

using bursar::Call;
using bursar::Decline;
using bursar::OutcomeUnknown;
using bursar::Payment;

constexpr const char* tokens_path = "/v3/vault/payment-tokens";
constexpr const char* setups_path = "/v3/vault/setup-tokens";

std::string key_of(std::string_view id) { return "setup/" + std::string(id); }

Payment kept(std::string token, const Json& wallet) {
  Payment payment = Payment::succeeded(token);
  payment.method = method_of(std::move(token), wallet);
  return payment;
}

}  // namespace

std::optional<Vault::Slip> Vault::slip_of(Call& call, std::string_view id) const {
  const auto stored = host_.store_get(call, key_of(id));
  if (!stored) return std::nullopt;
  const Json value = parse(*stored);
  return Slip{.setup_token = text(value, "setup_token"), .payment_token = text(value, "payment_token")};
}

void Vault::write(Call& call, std::string_view id, const Slip& slip) const {
  host_.store_put(call, key_of(id),
                  Json{{"setup_token", slip.setup_token}, {"payment_token", slip.payment_token}}.dump());
}

// What got lost is settled by lookup, which without a slip knows that nobody can have agreed.
Payment Vault::setup(Call& call, const bursar::MethodSetup& setup) {
  Json context = experience(setup.return_url, setup.cancel_url, setup.locale, brand_);
  const Json body{
      {"payment_source",
       {{"paypal",
         {{"usage_type", "MERCHANT"}, {"customer_type", "CONSUMER"}, {"experience_context", std::move(context)}}}}}};
  const Answer made =
      api_.post(call, setups_path, api_.request_id(call, setup.setup_id, "setup"), dump(body), Act::moves);
  if (auto no = refused_before(call, made)) return *no;
  const std::string id = text(made.body, "id");
  std::string url = approval_link(made.body);
  if (!made.good() || !is_id(id) || url.empty()) throw OutcomeUnknown(made.words());
  write(call, setup.setup_id, {.setup_token = id});
  return to_approve(id, std::move(url));
}

// The slip is written once PayPal's page can be shown: without one nobody can have agreed to anything.
Payment Vault::lookup(Call& call, const bursar::Lookup& lookup) {
  const auto slip = slip_of(call, lookup.id);
  if (!slip) return Payment::not_attempted();
  if (!slip->payment_token.empty()) {
    const Answer token = api_.get(call, tokens_path + ("/" + slip->payment_token));
    if (token.good()) return kept(slip->payment_token, member(token.body, "payment_source", "paypal"));
    if (token.status != 404) throw OutcomeUnknown(token.words());
    return Payment::declined(Decline::final, "method_revoked", "The account was removed again at PayPal.");
  }
  const Answer found = api_.get(call, setups_path + ("/" + slip->setup_token));
  if (found.status == 404) {
    return Payment::declined(Decline::soft, "other", "The customer did not agree at PayPal in time.");
  }
  if (!found.good()) throw OutcomeUnknown(found.words());
  const std::string status = text(found.body, "status");
  if (status == "APPROVED") return exchange(call, lookup.id, *slip);
  std::string url = approval_link(found.body);
  if (url.empty()) throw OutcomeUnknown("PayPal's setup token is " + line(status, 64));
  return to_approve(slip->setup_token, std::move(url));
}

// The customer's consent becomes a token that can be charged. Done where it is found, though it is a request that makes
// something: it moves no money, the same setup token gives the same account, and without it the consent would lapse.
Payment Vault::exchange(Call& call, std::string_view id, Slip slip) {
  const Json body{{"payment_source", {{"token", {{"id", slip.setup_token}, {"type", "SETUP_TOKEN"}}}}}};
  const Answer made = api_.post(call, tokens_path, api_.request_id(call, id, "token"), dump(body), Act::prepares);
  const std::string token = text(made.body, "id");
  if (!made.good() || !is_id(token)) throw OutcomeUnknown(made.words());
  slip.payment_token = token;
  write(call, id, slip);
  return kept(token, member(made.body, "payment_source", "paypal"));
}

void Vault::detach_method(Call& call, const bursar::Detach& detach) {
  if (!is_id(detach.method_token)) return;  // never was one of PayPal's
  const Answer answer = api_.remove(call, tokens_path + ("/" + std::string(detach.method_token)));
  if (!answer.good() && answer.status != 404) throw bursar::Error("not_detached", answer.words(), bursar::Retry::later);
}

}  // namespace paypal
