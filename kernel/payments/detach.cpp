#include "payments/detach.hpp"

#include "payments/method_tokens.hpp"
#include "payments/recording.hpp"

namespace bursar::payments {

namespace {

using effects::Verdict;

// A gateway that does not answer for so long will not: a person decides.
constexpr Duration patience = days(30);

// What the gateway is to forget; empty: nothing, or nothing any more.
std::string token_to_forget(const Context& context, const effects::Effect& effect) {
  return context.db.read([&](storage::Connection& c) -> std::string {
    const PaymentMethodId id(effect.object);
    std::string token;
    {
      auto rows = c.query("SELECT token FROM payment_methods WHERE id = $1 AND status = 'removed'", id);
      if (rows.next()) token = open_token(context.vault, id, rows.text(0));
    }
    if (token.empty()) return token;
    // Saved again meanwhile, or by another account too: it is still wanted.
    return active_methods_with(c, context.vault, effect.instance, token).empty() ? token : std::string();
  });
}

}  // namespace

int DetachHandler::concurrency(std::string_view instance) const { return context_.gateways.concurrency(instance); }

effects::Outcome DetachHandler::perform(const effects::Effect& effect) {
  const std::string token = token_to_forget(context_, effect);
  if (token.empty()) return {.verdict = Verdict::done};
  Gateway* gateway = context_.gateways.find(effect.instance);
  const std::string error = gateway == nullptr ? no_gateway(effect.instance).error
                                               : gateway->detach({.idempotency_key = effect.key,
                                                                  .account_id = context_.codec.text(effect.account),
                                                                  .method_token = token});
  if (error.empty()) return {.verdict = Verdict::done};
  const bool tired = context_.clock.now() - effect.created_at >= patience;
  return {.verdict = tired ? Verdict::parked : Verdict::unknown, .error = error};
}

effects::Outcome DetachHandler::inspect(const effects::Effect& effect) { return perform(effect); }

// The token of what is gone is kept by nobody.
void DetachHandler::settle(storage::Transaction& tx, const effects::Effect& effect, effects::Outcome& outcome,
                           Instant /*now*/) {
  if (outcome.verdict != Verdict::done) return;
  tx.execute("UPDATE payment_methods SET token = '', token_lookup = '' WHERE id = $1 AND status = 'removed'",
             effect.object);
}

}  // namespace bursar::payments
