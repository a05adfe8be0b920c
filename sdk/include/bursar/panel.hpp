// bursar.panel/1 for plugin authors; the rules are in abi/panel.h.
//
// Methods, each `Panel NAME(Call&, const PanelRequest&)`: create and inspect (both needed), suspend, unsuspend,
// terminate, change_plan, change_password, usage, sign_on; and `void test_connection(Call&)`, which throws when the
// panel cannot be reached.
#pragma once

#include "abi/panel.h"
#include "settings.hpp"

BURSAR_SDK_BEGIN

struct PanelRequest {
  std::string_view service_id, account_id, customer_name, customer_email, product_code, label;
  std::string_view options;  // a JSON object, or empty
  std::string_view reference, username, password, previous_product_code, reason;
};

enum class PanelOutcome : bursar_panel_outcome {
  unknown = BURSAR_PANEL_UNKNOWN,
  done = BURSAR_PANEL_DONE,
  pending = BURSAR_PANEL_PENDING,
  refused = BURSAR_PANEL_REFUSED,
  not_attempted = BURSAR_PANEL_NOT_ATTEMPTED,
};

enum class PanelState : bursar_panel_state {
  unknown = BURSAR_PANEL_STATE_UNKNOWN,
  absent = BURSAR_PANEL_STATE_ABSENT,
  active = BURSAR_PANEL_STATE_ACTIVE,
  suspended = BURSAR_PANEL_STATE_SUSPENDED,
};

struct Usage {
  std::string name{}, unit{};
  std::int64_t used = 0, limit = 0;
};

struct Panel {
  PanelOutcome outcome = PanelOutcome::unknown;
  PanelState state = PanelState::unknown;
  std::string reference{}, staff_task{}, username{}, password{}, url{};
  std::optional<Time> expires_at{};
  Milliseconds poll_after{0};
  Pairs details{};
  std::vector<Usage> usage{};

  static Panel done(std::string reference = {}) { return make(PanelOutcome::done, std::move(reference)); }
  static Panel pending(std::string reference, Milliseconds poll_after = Milliseconds(0)) {
    Panel out = make(PanelOutcome::pending, std::move(reference));
    out.poll_after = poll_after;
    return out;
  }
  // A person has to do `task`; the kernel keeps it and settles the operation when staff close it.
  static Panel by_hand(std::string task) {
    Panel out = make(PanelOutcome::pending, {});
    out.staff_task = std::move(task);
    return out;
  }
  // For inspect.
  static Panel found(PanelState state, std::string reference = {}) {
    Panel out = make(PanelOutcome::done, std::move(reference));
    out.state = state;
    return out;
  }
  static Panel refused() { return make(PanelOutcome::refused, {}); }
  static Panel not_attempted() { return make(PanelOutcome::not_attempted, {}); }
  static Panel unknown() { return {}; }

 private:
  static Panel make(PanelOutcome outcome, std::string reference) {
    Panel out;
    out.outcome = outcome;
    out.reference = std::move(reference);
    return out;
  }
};

namespace detail {

inline PanelRequest read(const bursar_panel_request& in) {
  const bursar_panel_request* r = &in;
  return {BURSAR_READ(r, service_id),
          BURSAR_READ(r, account_id),
          BURSAR_READ(r, customer_name),
          BURSAR_READ(r, customer_email),
          BURSAR_READ(r, product_code),
          BURSAR_READ(r, label),
          BURSAR_READ(r, options),
          BURSAR_READ(r, reference),
          BURSAR_READ(r, username),
          BURSAR_READ(r, password),
          BURSAR_READ(r, previous_product_code),
          BURSAR_READ(r, reason)};
}

inline void write(Call& call, const Panel& in, bursar_panel_result* out) {
  BURSAR_WRITE(out, state, static_cast<bursar_panel_state>(in.state));
  BURSAR_WRITE(out, reference, call.keep(in.reference));
  BURSAR_WRITE(out, staff_task, call.keep(in.staff_task));
  BURSAR_WRITE(out, username, call.keep(in.username));
  BURSAR_WRITE(out, password, call.keep(in.password));
  BURSAR_WRITE(out, url, call.keep(in.url));
  BURSAR_WRITE(out, expires_at, to_abi(in.expires_at));
  BURSAR_WRITE(out, poll_after_ms, in.poll_after.count());
  BURSAR_WRITE(out, details, call.keep(in.details));
  if (!in.usage.empty() && BURSAR_HAS(out, usage_count)) {
    bursar_usage* items = call.array<bursar_usage>(in.usage.size());
    for (std::size_t i = 0; i < in.usage.size(); ++i) {
      items[i] = {call.keep(in.usage[i].name), call.keep(in.usage[i].unit), in.usage[i].used, in.usage[i].limit};
    }
    out->usage = items;
    out->usage_count = in.usage.size();
  }
  BURSAR_WRITE(out, outcome, static_cast<bursar_panel_outcome>(in.outcome));
}

#define BURSAR_PANEL_CONCEPT(Name, method)                          \
  template <class T>                                                \
  concept Name = requires(T & t, Call & c, const PanelRequest& q) { \
    { t.method(c, q) } -> std::same_as<Panel>;                      \
  }
BURSAR_PANEL_CONCEPT(HasCreate, create);
BURSAR_PANEL_CONCEPT(HasSuspend, suspend);
BURSAR_PANEL_CONCEPT(HasUnsuspend, unsuspend);
BURSAR_PANEL_CONCEPT(HasTerminate, terminate);
BURSAR_PANEL_CONCEPT(HasChangePlan, change_plan);
BURSAR_PANEL_CONCEPT(HasChangePassword, change_password);
BURSAR_PANEL_CONCEPT(HasUsage, usage);
BURSAR_PANEL_CONCEPT(HasSignOn, sign_on);
BURSAR_PANEL_CONCEPT(HasInspect, inspect);
#undef BURSAR_PANEL_CONCEPT
template <class T>
concept HasTestConnection = requires(T& t, Call& c) {
  t.test_connection(c);
};
template <class T>
concept OffersPanel = HasCreate<T> && HasInspect<T>;

struct PanelTable {
  bursar_panel_v1 table{};

  template <class T, T& (*self)(bursar_plugin*)>
  void fill(const T&) {
    table.struct_size = sizeof table;
#define BURSAR_PANEL_THUNK(Concept, method, effect)                                                \
  if constexpr (Concept<T>) {                                                                      \
    table.method = [](bursar_plugin* p, bursar_call* c, const bursar_panel_request* q,             \
                      bursar_panel_result* r) noexcept {                                           \
      return guarded_outcome(c, r, Effect::effect, BURSAR_PANEL_NOT_ATTEMPTED,                     \
                             [&](Call& call) { write(call, self(p).method(call, read(*q)), r); }); \
    };                                                                                             \
  }
    BURSAR_PANEL_THUNK(HasCreate, create, acts)
    BURSAR_PANEL_THUNK(HasSuspend, suspend, acts)
    BURSAR_PANEL_THUNK(HasUnsuspend, unsuspend, acts)
    BURSAR_PANEL_THUNK(HasTerminate, terminate, acts)
    BURSAR_PANEL_THUNK(HasChangePlan, change_plan, acts)
    BURSAR_PANEL_THUNK(HasChangePassword, change_password, acts)
    BURSAR_PANEL_THUNK(HasUsage, usage, reads)
    BURSAR_PANEL_THUNK(HasSignOn, sign_on, acts)
    BURSAR_PANEL_THUNK(HasInspect, inspect, reads)
#undef BURSAR_PANEL_THUNK
    if constexpr (HasTestConnection<T>) {
      table.test_connection = [](bursar_plugin* p, bursar_call* c) noexcept {
        return guarded(c, [&] {
          Call call(c);
          self(p).test_connection(call);
        });
      };
    }
  }
};

}  // namespace detail
BURSAR_SDK_END
