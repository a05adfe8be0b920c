// provisioning::Panel over bursar.panel/1.
#include "plugin_host/answer_reader.hpp"
#include "plugin_host/ports.hpp"

namespace bursar::plugin_host {
namespace {

using provisioning::PanelAnswer;
using provisioning::PanelOutcome;
using provisioning::PanelRequest;
using provisioning::PanelState;
using Function = bursar_status (*)(bursar_plugin*, bursar_call*, const bursar_panel_request*, bursar_panel_result*);

PanelAnswer only(PanelOutcome outcome, std::string error) {
  PanelAnswer answer;
  answer.outcome = outcome;
  answer.error = std::move(error);
  return answer;
}

struct Frame {
  explicit Frame(const PanelRequest& from) : request(from), abi(sized<bursar_panel_request>()) {
    abi.service_id = lend(request.service_id);
    abi.account_id = lend(request.account_id);
    abi.customer_email = lend(request.customer_email);
    abi.product_code = lend(request.product_code);
    abi.label = lend(request.label);
    abi.options = lend(request.options);
    abi.reference = lend(request.reference);
    abi.previous_product_code = lend(request.previous_product_code);
  }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
  const PanelRequest request;
  bursar_panel_request abi;
  bursar_panel_result result = sized<bursar_panel_result>();
};

PanelOutcome outcome_of(bursar_panel_outcome outcome, AnswerReader& reader) {
  switch (outcome) {
    case BURSAR_PANEL_UNKNOWN:
      return PanelOutcome::unknown;
    case BURSAR_PANEL_DONE:
      return PanelOutcome::done;
    case BURSAR_PANEL_PENDING:
      return PanelOutcome::pending;
    case BURSAR_PANEL_REFUSED:
      return PanelOutcome::refused;
    case BURSAR_PANEL_NOT_ATTEMPTED:
      return PanelOutcome::not_attempted;
    default:
      reader.fault("the outcome " + std::to_string(outcome) + " does not exist");
      return PanelOutcome::unknown;
  }
}

PanelState state_of(bursar_panel_state state, AnswerReader& reader) {
  switch (state) {
    case BURSAR_PANEL_STATE_UNKNOWN:
      return PanelState::unknown;
    case BURSAR_PANEL_STATE_ABSENT:
      return PanelState::absent;
    case BURSAR_PANEL_STATE_ACTIVE:
      return PanelState::active;
    case BURSAR_PANEL_STATE_SUSPENDED:
      return PanelState::suspended;
    default:
      reader.fault("the state " + std::to_string(state) + " does not exist");
      return PanelState::unknown;
  }
}

class PluginPanel final : public provisioning::Panel {
 public:
  explicit PluginPanel(std::shared_ptr<Instance> instance) : instance_(std::move(instance)) {}

  [[nodiscard]] int concurrency() const override { return instance_->concurrency(); }

  PanelAnswer create(const PanelRequest& request) override {
    return perform("create", BURSAR_OFFERS(table(), create) ? table()->create : nullptr, request);
  }
  PanelAnswer suspend(const PanelRequest& request) override {
    return perform("suspend", BURSAR_OFFERS(table(), suspend) ? table()->suspend : nullptr, request);
  }
  PanelAnswer unsuspend(const PanelRequest& request) override {
    return perform("unsuspend", BURSAR_OFFERS(table(), unsuspend) ? table()->unsuspend : nullptr, request);
  }
  PanelAnswer terminate(const PanelRequest& request) override {
    return perform("terminate", BURSAR_OFFERS(table(), terminate) ? table()->terminate : nullptr, request);
  }
  PanelAnswer change_plan(const PanelRequest& request) override {
    return perform("change_plan", BURSAR_OFFERS(table(), change_plan) ? table()->change_plan : nullptr, request);
  }
  PanelAnswer inspect(const PanelRequest& request) override {
    auto answer = perform("inspect", BURSAR_OFFERS(table(), inspect) ? table()->inspect : nullptr, request);
    // A question that was not put says nothing about the account.
    if (answer.outcome == PanelOutcome::not_attempted) answer.outcome = PanelOutcome::unknown;
    return answer;
  }

 private:
  [[nodiscard]] const bursar_panel_v1* table() const { return instance_->tables().panel; }

  PanelAnswer perform(const char* operation, Function function, const PanelRequest& request) {
    if (function == nullptr) {
      return only(PanelOutcome::refused, instance_->title() + " can't " + operation + "; it has to be done by hand.");
    }
    const auto frame = std::make_shared<Frame>(request);
    const auto end = instance_->call(operation, request.idempotency_key,
                                     [frame, function](bursar_plugin* plugin, bursar_call* call) {
                                       return function(plugin, call, &frame->abi, &frame->result);
                                     });
    switch (end.how) {
      case CallEnd::How::never:
        return only(PanelOutcome::not_attempted, end.error);
      case CallEnd::How::failed:
      case CallEnd::How::abandoned:
        return only(PanelOutcome::unknown, end.error);
      case CallEnd::How::answered:
        break;
    }
    AnswerReader reader;
    PanelAnswer answer;
    answer.outcome = outcome_of(frame->result.outcome, reader);
    answer.state = state_of(frame->result.state, reader);
    answer.reference = reader.text(frame->result.reference, "the reference", AnswerReader::reference_max);
    answer.staff_task = reader.text(frame->result.staff_task, "the staff task");
    if (!reader.faults().empty()) {
      instance_->misbehaved(operation, reader.faults());
      return only(PanelOutcome::unknown,
                  instance_->title() + " gave an answer that can't be: " + reader.faults() + ".");
    }
    if (answer.outcome != PanelOutcome::done) answer.error = instance_->scrubber().scrub(end.call->errors());
    return answer;
  }

  std::shared_ptr<Instance> instance_;
};

}  // namespace

std::unique_ptr<provisioning::Panel> make_panel(std::shared_ptr<Instance> instance) {
  return std::make_unique<PluginPanel>(std::move(instance));
}

}  // namespace bursar::plugin_host
