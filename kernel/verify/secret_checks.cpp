#include "verify/checks.hpp"

namespace bursar::verify {

std::span<const SecretColumn> secret_columns() {
  static constexpr SecretColumn columns[] = {
      {"payment_methods.token", PaymentMethodIdTag::prefix,
       "SELECT CAST(id AS TEXT), token, id FROM payment_methods WHERE token <> '' ORDER BY 3"},
      {"webhook_requests.path", WebhookRequestIdTag::prefix,
       "SELECT CAST(id AS TEXT), path, id FROM webhook_requests WHERE path <> '' ORDER BY 3"},
      {"webhook_requests.query", WebhookRequestIdTag::prefix,
       "SELECT CAST(id AS TEXT), query, id FROM webhook_requests WHERE query <> '' ORDER BY 3"},
      {"webhook_requests.headers", WebhookRequestIdTag::prefix,
       "SELECT CAST(id AS TEXT), headers, id FROM webhook_requests WHERE headers <> '' ORDER BY 3"},
      {"webhook_requests.body", WebhookRequestIdTag::prefix,
       "SELECT CAST(id AS TEXT), body, id FROM webhook_requests WHERE body <> '' ORDER BY 3"},
      {"webhook_events.event", "", "SELECT CAST(id AS TEXT), event, id FROM webhook_events ORDER BY 3"},
      {"plugin_store.value", "",
       "SELECT instance || '/' || key, value, 0 FROM plugin_store WHERE value <> '' ORDER BY instance, key"},
  };
  return columns;
}

}  // namespace bursar::verify
