#include "payments/setups.hpp"

#include <array>
#include <utility>

#include "accounts/accounts.hpp"
#include "accounts/audit.hpp"
#include "accounts/fields.hpp"
#include "payments/answer_text.hpp"
#include "payments/methods.hpp"
#include "payments/recording.hpp"
#include "payments/visit.hpp"
#include "storage/failpoints.hpp"

namespace bursar::payments {

namespace {

using effects::Verdict;

// How long the workers leave a setup to the thread that recorded it.
constexpr Duration grace = seconds(30);
// When a gateway does not say how long its page stands: longer than a bank takes to prove an account by small deposits.
constexpr Duration lives = days(14);
// A gateway's clock may be behind ours.
constexpr Duration slack = hours(1);
constexpr std::int64_t most_open = 10;

constexpr std::array<std::pair<SetupStatus, std::string_view>, 6> status_names{{
    {SetupStatus::pending, "pending"},
    {SetupStatus::requires_action, "requires_action"},
    {SetupStatus::succeeded, "succeeded"},
    {SetupStatus::failed, "failed"},
    {SetupStatus::unknown, "unknown"},
    {SetupStatus::expired, "expired"},
}};

SetupStatus status_of(std::string_view stored) {
  for (const auto& [status, name] : status_names) {
    if (name == stored) return status;
  }
  invariant_broken("a stored status that this version does not know", __FILE__, __LINE__);
}

// In the order in which read_row() takes them.
#define SETUP_COLUMNS                                                                                              \
  "id, account_id, gateway, status, label, return_url, cancel_url, coalesce(gateway_reference, ''), next_action, " \
  "decline_code, decline_text, method_id, created_at, settled_at, expires_at, version"

MethodSetup read_row(storage::Rows& rows) {
  return {.id = rows.id<MethodSetupId>(0),
          .account = rows.id<AccountId>(1),
          .gateway = rows.string(2),
          .status = status_of(rows.text(3)),
          .label = rows.string(4),
          .checkout = {.return_url = rows.string(5), .cancel_url = rows.string(6)},
          .reference = rows.string(7),
          .next_action = rows.string(8),
          .decline_code = rows.string(9),
          .decline_text = rows.string(10),
          .method = rows.id<PaymentMethodId>(11),
          .created_at = rows.instant(12),
          .settled_at = rows.optional_instant(13),
          .expires_at = rows.optional_instant(14),
          .version = rows.integer(15)};
}

std::optional<MethodSetup> first(storage::Rows rows) {
  return rows.next() ? std::optional(read_row(rows)) : std::nullopt;
}

bool has_lapsed(const MethodSetup& setup, Instant now) {
  return now >= (setup.expires_at ? *setup.expires_at + slack : setup.created_at + lives);
}

void end(storage::Transaction& tx, const MethodSetup& setup, SetupStatus status, const GatewayAnswer& answer,
         Instant now) {
  tx.execute(
      "UPDATE method_setups SET status = $2, next_action = '', decline_code = $3, decline_text = $4, settled_at = $5, "
      "version = version + 1 WHERE id = $1",
      setup.id, to_string(status), answer.decline_code, answer.decline_text, now);
  accounts::append_audit(tx, now,
                         {.account = setup.account,
                          .action = "payment_method.setup_" + std::string(to_string(status)),
                          .object = accounts::audit_object(setup.id)});
}

void succeed(storage::Transaction& tx, const Vault& vault, const MethodSetup& setup, const GatewayAnswer& answer,
             Instant now) {
  const auto method = keep_method(
      tx, vault, {.account = setup.account, .gateway = setup.gateway, .method = *answer.method, .name = setup.label},
      now);
  tx.execute(
      "UPDATE method_setups SET status = 'succeeded', method_id = $2, next_action = '', decline_code = '', "
      "decline_text = '', settled_at = $3, version = version + 1 WHERE id = $1",
      setup.id, method, now);
}

// What is known before it has ended. The reference is kept for lookup, unless another setup has it.
void mark(storage::Transaction& tx, const MethodSetup& setup, SetupStatus status, const GatewayAnswer& answer) {
  const bool keeps_reference =
      !answer.reference.empty() && !tx.query(
                                          "SELECT id FROM method_setups WHERE gateway = $1 AND gateway_reference = $2 "
                                          "AND id <> $3",
                                          setup.gateway, answer.reference, setup.id)
                                        .next();
  tx.execute(
      "UPDATE method_setups SET status = $2, next_action = $3, expires_at = coalesce($4, expires_at), "
      "gateway_reference = coalesce($5, gateway_reference), version = version + 1 WHERE id = $1",
      setup.id, to_string(status), action_text(answer.action), answer.expires_at,
      keeps_reference ? std::optional(answer.reference) : std::nullopt);
}

Settlement still_open(storage::Transaction& tx, const MethodSetup& setup, SetupStatus status,
                      const GatewayAnswer& answer, Instant now) {
  if (has_lapsed(setup, now)) {
    end(tx, setup, SetupStatus::expired, {.decline_text = "Nobody finished it in time."}, now);
    return {Verdict::failed, "nobody finished it in time"};
  }
  if (status == SetupStatus::unknown) {
    // What the customer can do stays, should they be able to do it all the same.
    tx.execute(
        "UPDATE method_setups SET status = 'unknown', version = version + 1 WHERE id = $1 AND status <> 'unknown'",
        setup.id);
    return {Verdict::unknown, answer.error};
  }
  mark(tx, setup, status, answer);
  return {Verdict::waiting};
}

std::optional<MethodSetup> load(const Context& context, const effects::Effect& effect) {
  return context.db.read([&](storage::Connection& c) { return find_setup(c, MethodSetupId(effect.object)); });
}

SetupRequest request_of(const Context& context, const MethodSetup& setup, const effects::Effect& effect) {
  return context.db.read([&](storage::Connection& c) {
    const std::string id = context.codec.text(setup.id);
    const auto account = accounts::find_account(c, setup.account);
    return SetupRequest{
        .idempotency_key = effect.key,
        .setup_id = id,
        .account_id = context.codec.text(setup.account),
        .currency = account ? std::string(account->currency.code()) : std::string(),
        .visit = visit_of(c, context, setup.account, setup.gateway, "/payment-method-setups/" + id, setup.checkout)};
  });
}

}  // namespace

std::string_view to_string(SetupStatus status) {
  for (const auto& [known, name] : status_names) {
    if (known == status) return name;
  }
  invariant_broken("a status without a name", __FILE__, __LINE__);
}

std::string setup_key(MethodSetupId setup) { return "setup:" + std::to_string(setup.value()) + ":1"; }

std::optional<MethodSetup> find_setup(storage::Connection& c, MethodSetupId id) {
  return first(c.query("SELECT " SETUP_COLUMNS " FROM method_setups WHERE id = $1", id));
}

std::vector<MethodSetup> list_setups(storage::Connection& c, AccountId account, MethodSetupId before, int limit) {
  auto rows =
      c.query("SELECT " SETUP_COLUMNS " FROM method_setups WHERE account_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
              account, before ? before.value() : INT64_MAX, limit);
  std::vector<MethodSetup> out;
  while (rows.next()) out.push_back(read_row(rows));
  return out;
}

std::optional<MethodSetup> find_setup_of(storage::Connection& c, const std::string& gateway, MethodSetupId id,
                                         const std::string& reference) {
  if (id) {
    auto setup = find_setup(c, id);
    return setup && setup->gateway == gateway ? std::move(setup) : std::nullopt;
  }
  if (reference.empty()) return std::nullopt;
  return first(c.query("SELECT " SETUP_COLUMNS " FROM method_setups WHERE gateway = $1 AND gateway_reference = $2",
                       gateway, reference));
}

Settlement settle_setup(storage::Transaction& tx, const Context& context, MethodSetupId id, const GatewayAnswer& answer,
                        Instant now) {
  const auto setup = find_setup(tx, id);
  BURSAR_ASSERT(setup.has_value());
  if (setup->status == SetupStatus::succeeded) return {Verdict::done};
  if (answer.outcome == GatewayOutcome::succeeded && answer.method) {
    succeed(tx, context.vault, *setup, answer, now);
    return {Verdict::done};
  }
  if (!setup->open()) return {Verdict::failed};
  switch (answer.outcome) {
    case GatewayOutcome::declined:
      end(tx, *setup, SetupStatus::failed, answer, now);
      return {Verdict::failed, answer.decline_code};
    case GatewayOutcome::not_attempted:
      // The customer is there and can begin again; a page of which nobody knows the address is of no use later.
      end(tx, *setup, SetupStatus::failed,
          {.decline_code = "gateway_unreachable", .decline_text = "The payment service could not be reached."}, now);
      return {Verdict::failed, answer.error};
    case GatewayOutcome::requires_action:
      return still_open(tx, *setup, SetupStatus::requires_action, answer, now);
    case GatewayOutcome::pending:
      return still_open(tx, *setup, SetupStatus::pending, answer, now);
    case GatewayOutcome::succeeded:  // without saying what it saved
    case GatewayOutcome::unknown:
      break;
  }
  return still_open(tx, *setup, SetupStatus::unknown, answer, now);
}

int SetupHandler::concurrency(std::string_view instance) const { return context_.gateways.concurrency(instance); }

effects::Outcome SetupHandler::perform(const effects::Effect& effect) {
  const auto setup = load(context_, effect);
  if (!setup) return {.verdict = Verdict::parked, .error = "the setup is not stored"};
  if (!setup->open()) return {.verdict = Verdict::done};
  Gateway* gateway = context_.gateways.find(effect.instance);
  if (gateway == nullptr) return outcome_of(no_gateway(effect.instance));
  return outcome_of(gateway->setup(request_of(context_, *setup, effect)));
}

effects::Outcome SetupHandler::inspect(const effects::Effect& effect) {
  const auto setup = load(context_, effect);
  if (!setup) return {.verdict = Verdict::parked, .error = "the setup is not stored"};
  Gateway* gateway = context_.gateways.find(effect.instance);
  if (gateway == nullptr) return outcome_of({.error = no_gateway(effect.instance).error});
  return outcome_of(gateway->lookup_setup(context_.codec.text(setup->id), setup->reference));
}

void SetupHandler::settle(storage::Transaction& tx, const effects::Effect& effect, effects::Outcome& outcome,
                          Instant now) {
  if (outcome.data.empty()) return;  // it had been settled before, or is not stored
  const GatewayAnswer answer = answer_of(outcome);
  const Settlement settlement = settle_setup(tx, context_, MethodSetupId(effect.object), answer, now);
  outcome.verdict = settlement.verdict;
  if (!settlement.error.empty()) outcome.error = settlement.error;
}

Result<MethodSetupId> Setups::record(storage::Transaction& tx, const NewSetup& setup, const accounts::Actor& actor,
                                     Instant now) {
  std::vector<FieldError> errors;
  const Gateway* gateway = context_.gateways.find(setup.gateway);
  if (gateway == nullptr || !gateway->info().setups) {
    errors.push_back({"/gateway", "is no gateway that saves methods without a payment"});
  }
  accounts::check_text("/label", setup.label, 0, 100, accounts::Lines::one, errors);
  if (!errors.empty()) return invalid("invalid_fields", "Some fields are not valid.", std::move(errors));
  BURSAR_CHECK(check_room_for_method(tx, setup.account));
  auto open = tx.query(
      "SELECT COUNT(*) FROM method_setups WHERE account_id = $1 AND status IN ('pending', 'requires_action', "
      "'unknown')",
      setup.account);
  if (open.next() && open.integer(0) >= most_open) {
    return conflict("too_many_setups", "Finish a method that you have begun to save, or wait until it expires.");
  }
  const auto id = tx.new_id<MethodSetupId>();
  tx.execute(
      "INSERT INTO method_setups (id, account_id, gateway, status, label, return_url, cancel_url, created_at) "
      "VALUES ($1, $2, $3, 'pending', $4, $5, $6, $7)",
      id, setup.account, setup.gateway, setup.label, setup.checkout.return_url, setup.checkout.cancel_url, now);
  const effects::NewEffect effect{.kind = "setup",
                                  .key = setup_key(id),
                                  .instance = setup.gateway,
                                  .account = setup.account,
                                  .object = id.value(),
                                  .not_before = now + grace};
  effects::record(tx, now, {&effect, 1});
  accounts::append_audit(tx, now,
                         {.actor = actor,
                          .account = setup.account,
                          .action = "payment_method.setup",
                          .object = accounts::audit_object(id)});
  return id;
}

void Setups::perform(MethodSetupId setup, const effects::Settling& settling) {
  storage::failpoints::reached("setup", "recorded");
  context_.perform_now(setup_key(setup), settling);
}

std::optional<MethodSetup> Setups::read(MethodSetupId id) {
  const auto find = [&] { return context_.db.read([&](storage::Connection& c) { return find_setup(c, id); }); };
  auto setup = find();
  // One that is recorded and was never begun is the workers' affair.
  const bool began = setup && setup->open() && context_.db.read([&](storage::Connection& c) {
    return c.query("SELECT 1 FROM effects WHERE key = $1 AND state IN ('unknown', 'waiting')", setup_key(id)).next();
  });
  if (!began || !pause_.may_ask(id, context_.clock.now())) return setup;
  return context_.perform_now(setup_key(id), {}) ? find() : setup;
}

}  // namespace bursar::payments
