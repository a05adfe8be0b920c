#include "http/routes/routes.hpp"

namespace bursar::http {

void add_all_routes(RouteTable& routes, const Dependencies& app) {
  add_session_routes(routes);
  add_account_routes(routes);
  add_catalog_routes(routes);
  add_order_routes(routes);
  add_service_routes(routes);
  add_service_change_routes(routes);
  add_invoice_routes(routes);
  add_explanation_routes(routes);
  add_ledger_routes(routes);
  if (app.payments != nullptr) {
    add_payment_routes(routes);
    add_mass_payment_routes(routes);
    add_refund_routes(routes);
    add_hold_routes(routes);
    add_payment_method_routes(routes);
  }
  if (app.inbox != nullptr) add_inbox_routes(routes);
  add_staff_routes(routes);
  if (app.scheduler != nullptr) add_scheduler_routes(routes);
  if (app.plugins != nullptr) add_plugin_routes(routes);
  if (app.set_test_clock) add_test_clock_routes(routes);
}

}  // namespace bursar::http
