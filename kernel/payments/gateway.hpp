// The port to payment gateways, in the words of payments. plugin_host implements it over the SDK; tests may implement
// it by hand. Calls happen outside any transaction, on any worker thread, and may take as long as the instance's
// deadline.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/id.hpp"
#include "base/money.hpp"
#include "base/time.hpp"

namespace bursar::payments {

// What happened to the money. `unknown` is the zero value and the answer to every failed, late or garbled call: only
// the gateway's own explicit word may lead to any other.
enum class GatewayOutcome {
  unknown,
  succeeded,
  declined,
  pending,          // the gateway will tell later
  not_attempted,    // certain that the gateway did nothing: a plain retry is safe
  requires_action,  // the customer must do something (3-D Secure, transfer, redirect)
};

// Whether trying a declined charge again may help.
enum class DeclineClass { unspecified, soft, final };

struct GatewayAction {
  std::string type = {};  // "redirect", "form", "qr", "address", "instructions"; empty: none
  std::string url = {};
  std::string text = {};
  // form: what the browser has to post to `url`; else labelled values to show one by one. In order; a name may repeat.
  std::vector<std::pair<std::string, std::string>> fields = {};
};

// A method the customer agreed to keep.
struct GatewayMethod {
  std::string token = {};  // what charge gets as method_token
  std::string type = {};   // "card", "sepa_debit"
  std::string label = {};  // "Visa ending 4242"
  int expiry_year = 0;     // 0: does not expire
  int expiry_month = 0;
};

struct GatewayAnswer {
  GatewayOutcome outcome = GatewayOutcome::unknown;
  std::optional<Money> processed = std::nullopt;  // what was really taken; may differ from what was asked
  std::optional<Money> fee = std::nullopt;        // in whatever currency the gateway counts
  std::string reference = {};                     // the gateway's transaction id
  GatewayAction action = {};
  DeclineClass decline_class = DeclineClass::unspecified;
  std::string decline_code = {};
  std::string decline_text = {};
  bool withdrawn = false;  // declined, by ourselves: the charge's reason was gone before the gateway was asked
  std::optional<Instant> expires_at = std::nullopt;
  std::optional<Duration> poll_after = std::nullopt;
  bool ready = false;      // pending: the customer has approved, and nothing happens before `complete`
  std::string error = {};  // for outcome unknown and not_attempted: why, for staff
  std::optional<GatewayMethod> method = std::nullopt;
};

// Who the customer is and where a page of the gateway's leads them.
struct Visit {
  std::string return_url = {};  // coming back proves nothing
  std::string cancel_url = {};
  std::string webhook_url = {};  // where the instance's webhooks arrive
  std::string customer_name = {};
  std::string customer_email = {};
  std::string customer_country = {};  // ISO 3166-1 alpha-2
  std::string locale = {};            // BCP 47
};

struct ChargeRequest {
  std::string idempotency_key;
  std::string payment_id;  // outside text; the plugin stores it at the gateway so that lookup finds it
  std::string account_id;
  std::string invoice_number;
  std::string description;
  Money amount;
  std::string method_token;  // empty: the customer is present (begin)
  Visit visit = {};
  bool save_method = false;                   // begin: the customer agreed to have the method kept
  std::vector<std::string> invoice_ids = {};  // outside text, of each invoice it pays, in their order
};

// Saves a method without a payment. A success carries `method` and no money.
struct SetupRequest {
  std::string idempotency_key;
  std::string setup_id;  // outside text; the plugin stores it at the gateway so that lookup_setup finds it
  std::string account_id;
  std::string currency = {};  // what it will be charged in; empty: any
  Visit visit = {};
};

struct DetachRequest {
  std::string idempotency_key;
  std::string account_id;
  std::string method_token;
};

struct CompleteRequest {
  std::string idempotency_key;
  std::string payment_id;
  std::string gateway_reference;
  Money amount;
};

// A payment that waits for its customer is let go of.
using VoidRequest = CompleteRequest;

struct RefundRequest {
  std::string idempotency_key;
  std::string refund_id;
  std::string payment_id;
  std::string gateway_reference;
  Money amount;
};

// In minor units; 0: none.
struct AmountLimit {
  Currency currency;
  std::int64_t minimum = 0;
  std::int64_t maximum = 0;
};

struct GatewayInfo {
  std::string instance;
  std::string display_name;
  bool stored_methods = false;  // can charge a saved method off-session
  bool setups = false;          // can save a method without a payment
  bool voids = false;           // can let go of a payment that waits for its customer
  bool refunds = false;
  bool partial_refunds = false;
  bool staff_confirms = false;       // money arrives outside; staff say when (bank transfer)
  std::vector<Currency> currencies;  // empty: all
  std::vector<AmountLimit> limits = {};
  int concurrency = 1;  // calls that may run side by side
};

class Gateway {
 public:
  virtual ~Gateway() = default;
  [[nodiscard]] virtual const GatewayInfo& info() const = 0;
  virtual GatewayAnswer begin(const ChargeRequest& request) = 0;   // the customer is present
  virtual GatewayAnswer charge(const ChargeRequest& request) = 0;  // a saved method, off-session
  virtual GatewayAnswer refund(const RefundRequest& request) = 0;
  virtual GatewayAnswer setup(const SetupRequest& request) = 0;  // the customer is present
  // What the gateway knows of a setup of ours. not_attempted: it has never heard of it.
  virtual GatewayAnswer lookup_setup(const std::string& setup_id, const std::string& reference) = 0;
  // Forgets a saved method at the gateway; answers why it could not, or empty. A method that was gone is forgotten.
  virtual std::string detach(const DetachRequest& request) = 0;
  // Takes the money of a payment whose answer was `ready`. Its own effect, with its own key; after an unknown outcome a
  // lookup that answers `ready` again says that it was not taken. requires_action: the customer must approve anew, and
  // the next complete is another effect. Only where an answer can be ready.
  virtual GatewayAnswer complete(const CompleteRequest& /*request*/) {
    return {.outcome = GatewayOutcome::not_attempted, .error = "this gateway completes nothing"};
  }
  // succeeded: nothing will be taken any more. declined: it can't be let go of, as a lookup will explain.
  virtual GatewayAnswer void_payment(const VoidRequest& /*request*/) {
    return {.outcome = GatewayOutcome::not_attempted, .error = "this gateway lets go of nothing"};
  }
  // What the gateway knows of a payment (or refund) of ours. not_attempted: it has never heard of it.
  virtual GatewayAnswer lookup(const std::string& payment_id, const std::string& reference, Money asked) = 0;
};

// The gateways that are loaded and usable now.
class Gateways {
 public:
  virtual ~Gateways() = default;
  [[nodiscard]] virtual std::vector<GatewayInfo> list() const = 0;
  [[nodiscard]] virtual Gateway* find(std::string_view instance) = 0;  // nullptr: no such usable instance
  // How many calls of the instance may run side by side. One that is not there is asked for one at a time.
  [[nodiscard]] int concurrency(std::string_view instance) {
    const Gateway* gateway = find(instance);
    return gateway == nullptr ? 1 : gateway->info().concurrency;
  }
};

}  // namespace bursar::payments
