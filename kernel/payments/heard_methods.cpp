// What a gateway tells by itself about saved methods.
#include "effects/effects.hpp"
#include "payments/heard.hpp"
#include "payments/methods.hpp"
#include "payments/setups.hpp"

namespace bursar::payments {

using What = Heard::What;

Heard hear_of_method(storage::Transaction& tx, const Context& context, const std::string& gateway,
                     const GatewayMethod& method, std::optional<Instant> told_at, Instant now) {
  if (renew_methods(tx, context.vault, gateway, method, told_at, now) == 0)
    return {What::ignored, "no saved method of ours"};
  return {What::applied};
}

Heard hear_of_setup(storage::Transaction& tx, const Context& context, const Hearsay& hearsay, Instant now) {
  MethodSetupId id;
  if (!hearsay.id.empty()) {
    const auto parsed = context.codec.parse<MethodSetupIdTag>(hearsay.id);
    if (!parsed.ok()) return {What::ignored, "it names no setup of ours"};
    id = *parsed;
  }
  const auto setup = find_setup_of(tx, hearsay.gateway, id, hearsay.reference);
  if (!setup) return {What::unknown, "no setup of ours is known by this name"};
  if (setup->status == SetupStatus::succeeded) return {What::ignored, "the method is saved"};
  const std::string key = setup_key(setup->id);
  const bool saved = hearsay.answer && hearsay.answer->outcome == GatewayOutcome::succeeded && hearsay.answer->method;
  const bool declined = hearsay.answer && hearsay.answer->outcome == GatewayOutcome::declined;
  // What is not final may be older than what we know: the gateway's own present word counts.
  if (!saved && !declined) {
    effects::ask_again(tx, key, now);
    return {What::applied, "the gateway is asked"};
  }
  const Settlement settled = settle_setup(tx, context, setup->id, *hearsay.answer, now);
  effects::conclude(tx, key, settled.verdict, settled.error, now);
  return {What::applied};
}

}  // namespace bursar::payments
