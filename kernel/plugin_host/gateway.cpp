// payments::Gateway over bursar.payment/1. What the plugin did is believed only from a whole, sound answer; everything
// else is unknown, except that a plugin which was certainly never entered attempted nothing.
#include "plugin_host/answer_reader.hpp"
#include "plugin_host/ports.hpp"

namespace bursar::plugin_host {
namespace {

using payments::ChargeRequest;
using payments::CompleteRequest;
using payments::DetachRequest;
using payments::GatewayAnswer;
using payments::GatewayInfo;
using payments::GatewayOutcome;
using payments::RefundRequest;
using payments::SetupRequest;
using payments::VoidRequest;

GatewayAnswer without_money(GatewayOutcome outcome, std::string error) {
  GatewayAnswer answer;
  answer.outcome = outcome;
  answer.error = std::move(error);
  return answer;
}

// Fields that bursar_charge and bursar_setup share.
template <class Abi>
void lend_visit(Abi& abi, const payments::Visit& visit) {
  abi.return_url = lend(visit.return_url);
  abi.cancel_url = lend(visit.cancel_url);
  abi.webhook_url = lend(visit.webhook_url);
  abi.customer_name = lend(visit.customer_name);
  abi.customer_email = lend(visit.customer_email);
  abi.customer_country = lend(visit.customer_country);
  abi.locale = lend(visit.locale);
}

struct ChargeFrame {
  explicit ChargeFrame(const ChargeRequest& from) : request(from), abi(sized<bursar_charge>()) {
    abi.payment_id = lend(request.payment_id);
    abi.account_id = lend(request.account_id);
    abi.invoice_number = lend(request.invoice_number);
    abi.description = lend(request.description);
    abi.amount = to_abi(request.amount);
    abi.method_token = lend(request.method_token);
    lend_visit(abi, request.visit);
    if (request.save_method) abi.flags |= BURSAR_CHARGE_SAVE_METHOD;
    for (const std::string& id : request.invoice_ids) invoice_ids.push_back(lend(id));
    abi.invoice_ids = {invoice_ids.data(), invoice_ids.size()};
  }
  ChargeFrame(const ChargeFrame&) = delete;
  ChargeFrame& operator=(const ChargeFrame&) = delete;
  const ChargeRequest request;
  std::vector<bursar_str> invoice_ids;
  bursar_charge abi;
  bursar_payment_result result = sized<bursar_payment_result>();
};

struct CompleteFrame {
  explicit CompleteFrame(const CompleteRequest& from) : request(from), abi(sized<bursar_capture>()) {
    abi.payment_id = lend(request.payment_id);
    abi.gateway_reference = lend(request.gateway_reference);
    abi.amount = to_abi(request.amount);
  }
  CompleteFrame(const CompleteFrame&) = delete;
  CompleteFrame& operator=(const CompleteFrame&) = delete;
  const CompleteRequest request;
  bursar_capture abi;
  bursar_payment_result result = sized<bursar_payment_result>();
};

struct RefundFrame {
  explicit RefundFrame(const RefundRequest& from) : request(from), abi(sized<bursar_refund>()) {
    abi.refund_id = lend(request.refund_id);
    abi.payment_id = lend(request.payment_id);
    abi.gateway_reference = lend(request.gateway_reference);
    abi.amount = to_abi(request.amount);
    abi.captured = abi.amount;
  }
  RefundFrame(const RefundFrame&) = delete;
  RefundFrame& operator=(const RefundFrame&) = delete;
  const RefundRequest request;
  bursar_refund abi;
  bursar_payment_result result = sized<bursar_payment_result>();
};

struct SetupFrame {
  explicit SetupFrame(const SetupRequest& from) : request(from), abi(sized<bursar_setup>()) {
    abi.setup_id = lend(request.setup_id);
    abi.account_id = lend(request.account_id);
    abi.currency = lend(request.currency);
    lend_visit(abi, request.visit);
  }
  SetupFrame(const SetupFrame&) = delete;
  SetupFrame& operator=(const SetupFrame&) = delete;
  const SetupRequest request;
  bursar_setup abi;
  bursar_payment_result result = sized<bursar_payment_result>();
};

struct DetachFrame {
  explicit DetachFrame(const DetachRequest& from) : request(from), abi(sized<bursar_detach>()) {
    abi.account_id = lend(request.account_id);
    abi.method_token = lend(request.method_token);
  }
  DetachFrame(const DetachFrame&) = delete;
  DetachFrame& operator=(const DetachFrame&) = delete;
  const DetachRequest request;
  bursar_detach abi;
};

struct LookupFrame {
  LookupFrame(bursar_lookup_kind kind, std::string id_, std::string reference_)
      : id(std::move(id_)), reference(std::move(reference_)), abi(sized<bursar_lookup>()) {
    abi.kind = kind;
    abi.id = lend(id);
    abi.gateway_reference = lend(reference);
  }
  LookupFrame(const LookupFrame&) = delete;
  LookupFrame& operator=(const LookupFrame&) = delete;
  const std::string id;
  const std::string reference;
  bursar_lookup abi;
  bursar_payment_result result = sized<bursar_payment_result>();
};

class PluginGateway final : public payments::Gateway {
 public:
  explicit PluginGateway(std::shared_ptr<Instance> instance) : instance_(std::move(instance)) {
    const auto& facts = instance_->facts();
    const auto has = [&](std::uint64_t bit) { return (facts.payment_capabilities & bit) != 0; };
    info_.instance = instance_->name();
    info_.display_name = facts.display_name;
    info_.stored_methods = has(BURSAR_PAYMENT_CAN_STORE_METHODS) && BURSAR_OFFERS(table(), charge);
    info_.setups = BURSAR_OFFERS(table(), setup);
    info_.voids = BURSAR_OFFERS(table(), void_payment);
    info_.refunds = BURSAR_OFFERS(table(), refund);
    info_.partial_refunds = info_.refunds && has(BURSAR_PAYMENT_CAN_REFUND_PARTLY);
    info_.staff_confirms = has(BURSAR_PAYMENT_STAFF_CONFIRMS);
    info_.currencies = facts.currencies;
    for (const auto& limit : facts.limits) info_.limits.push_back({limit.currency, limit.minimum, limit.maximum});
    info_.concurrency = instance_->concurrency();
    crypto_ = has(BURSAR_PAYMENT_CRYPTO);
  }

  [[nodiscard]] const GatewayInfo& info() const override { return info_; }

  GatewayAnswer begin(const ChargeRequest& request) override {
    if (!BURSAR_OFFERS(table(), begin)) return unsupported("take a payment from a customer who is present");
    return perform("begin", table()->begin, std::make_shared<ChargeFrame>(request), {request.amount, true});
  }

  GatewayAnswer charge(const ChargeRequest& request) override {
    if (!BURSAR_OFFERS(table(), charge)) return unsupported("charge a saved method");
    return perform("charge", table()->charge, std::make_shared<ChargeFrame>(request), {request.amount, crypto_});
  }

  GatewayAnswer refund(const RefundRequest& request) override {
    if (!BURSAR_OFFERS(table(), refund)) return unsupported("refund");
    return perform("refund", table()->refund, std::make_shared<RefundFrame>(request), {request.amount, false});
  }

  GatewayAnswer complete(const CompleteRequest& request) override {
    if (!BURSAR_OFFERS(table(), complete)) return unsupported("complete payments");
    return perform("complete", table()->complete, std::make_shared<CompleteFrame>(request), {request.amount, false});
  }

  GatewayAnswer void_payment(const VoidRequest& request) override {
    if (!BURSAR_OFFERS(table(), void_payment)) return unsupported("let go of a payment");
    const auto frame = std::make_shared<CompleteFrame>(request);
    return call_acting("void_payment", table()->void_payment, frame, {request.amount, false});
  }

  GatewayAnswer setup(const SetupRequest& request) override {
    if (!BURSAR_OFFERS(table(), setup)) return unsupported("save a method without a payment");
    return call_acting("setup", table()->setup, std::make_shared<SetupFrame>(request), saving);
  }

  GatewayAnswer lookup_setup(const std::string& setup_id, const std::string& reference) override {
    if (!BURSAR_OFFERS(table(), setup)) return unsupported("save a method without a payment");
    return look_up(std::make_shared<LookupFrame>(BURSAR_LOOKUP_SETUP, setup_id, reference), saving);
  }

  std::string detach(const DetachRequest& request) override {
    if (!BURSAR_OFFERS(table(), detach_method)) return {};  // it keeps nothing that could be forgotten
    const auto frame = std::make_shared<DetachFrame>(request);
    const auto function = table()->detach_method;
    const auto end = instance_->call("detach_method", request.idempotency_key,
                                     [frame, function](bursar_plugin* plugin, bursar_call* call) {
                                       Call::of(call).hide(frame->request.method_token);
                                       return function(plugin, call, &frame->abi);
                                     });
    return end.how == CallEnd::How::answered ? std::string() : end.error;
  }

  GatewayAnswer lookup(const std::string& payment_id, const std::string& reference, Money asked) override {
    const auto frame = std::make_shared<LookupFrame>(BURSAR_LOOKUP_ANY, payment_id, reference);
    frame->abi.asked = to_abi(asked);
    return look_up(frame, {asked, true});
  }

 private:
  static inline const PaymentRules saving{.asked = std::nullopt, .saves_method = true};

  [[nodiscard]] const bursar_payment_v1* table() const { return instance_->tables().payment; }

  [[nodiscard]] GatewayAnswer unsupported(const char* what) const {
    return without_money(GatewayOutcome::not_attempted, instance_->title() + " does not " + what + ".");
  }

  // Why the plugin must not even be asked for this amount, or empty.
  [[nodiscard]] std::string refusal_of(const Money& amount) const {
    if (!amount.is_positive()) return "The amount must be positive.";
    const auto& currencies = info_.currencies;
    if (!currencies.empty() && std::find(currencies.begin(), currencies.end(), amount.currency()) == currencies.end()) {
      return instance_->title() + " takes no " + std::string(amount.currency().code()) + ".";
    }
    for (const auto& limit : info_.limits) {
      if (limit.currency != amount.currency()) continue;
      if (limit.minimum > 0 && amount.minor() < limit.minimum) {
        return instance_->title() + " takes at least " + Money(limit.minimum, limit.currency).to_string() + ".";
      }
      if (limit.maximum > 0 && amount.minor() > limit.maximum) {
        return instance_->title() + " takes at most " + Money(limit.maximum, limit.currency).to_string() + ".";
      }
    }
    return {};
  }

  template <class Function, class Frame>
  GatewayAnswer perform(const char* operation, Function function, const std::shared_ptr<Frame>& frame,
                        const PaymentRules& rules) {
    if (auto refusal = refusal_of(frame->request.amount); !refusal.empty()) {
      return without_money(GatewayOutcome::not_attempted, std::move(refusal));
    }
    return call_acting(operation, function, frame, rules);
  }

  template <class Function, class Frame>
  GatewayAnswer call_acting(const char* operation, Function function, const std::shared_ptr<Frame>& frame,
                            const PaymentRules& rules) {
    const auto end = instance_->call(operation, frame->request.idempotency_key,
                                     [frame, function](bursar_plugin* plugin, bursar_call* call) {
                                       if constexpr (requires { frame->request.method_token; })
                                         Call::of(call).hide(frame->request.method_token);
                                       return function(plugin, call, &frame->abi, &frame->result);
                                     });
    switch (end.how) {
      case CallEnd::How::never:
        return without_money(GatewayOutcome::not_attempted, end.error);
      case CallEnd::How::failed:
      case CallEnd::How::abandoned:
        return without_money(GatewayOutcome::unknown, end.error);
      case CallEnd::How::answered:
        break;
    }
    return read(operation, frame->result, rules, end);
  }

  GatewayAnswer look_up(const std::shared_ptr<LookupFrame>& frame, const PaymentRules& rules) {
    if (!BURSAR_OFFERS(table(), lookup)) {
      return without_money(GatewayOutcome::unknown, instance_->title() + " can't look payments up.");
    }
    const auto function = table()->lookup;
    const auto end = instance_->call("lookup", "", [frame, function](bursar_plugin* plugin, bursar_call* call) {
      return function(plugin, call, &frame->abi, &frame->result);
    });
    // Here "never entered" says nothing about what is asked for.
    if (end.how != CallEnd::How::answered) return without_money(GatewayOutcome::unknown, end.error);
    return read("lookup", frame->result, rules, end);
  }

  GatewayAnswer read(const char* operation, const bursar_payment_result& result, const PaymentRules& rules,
                     const CallEnd& end) {
    AnswerReader reader;
    auto answer = read_payment(result, rules, reader);
    if (!reader.faults().empty()) {
      instance_->misbehaved(operation, reader.faults());
      return without_money(GatewayOutcome::unknown,
                           instance_->title() + " gave an answer that can't be: " + reader.faults() + ".");
    }
    answer.decline_text = end.call->without_hidden(answer.decline_text);
    if (answer.outcome == GatewayOutcome::unknown || answer.outcome == GatewayOutcome::not_attempted) {
      answer.error = instance_->scrubber().scrub(end.call->errors());
      if (answer.error.empty() && answer.outcome == GatewayOutcome::unknown)
        answer.error = instance_->title() + " could not tell the outcome.";
    }
    return answer;
  }

  std::shared_ptr<Instance> instance_;
  GatewayInfo info_;
  bool crypto_ = false;
};

}  // namespace

std::unique_ptr<payments::Gateway> make_gateway(std::shared_ptr<Instance> instance) {
  return std::make_unique<PluginGateway>(std::move(instance));
}

}  // namespace bursar::plugin_host
