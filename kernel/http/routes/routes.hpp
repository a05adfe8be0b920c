// The rows of the route table, by area. Handlers parse, call the domain and render; what the row says of permission has
// been decided before.
#pragma once

#include "base/id.hpp"
#include "http/api.hpp"
#include "http/route.hpp"

namespace bursar::invoicing {
struct ChangeRequest;
}

namespace bursar::http {

class ObjectReader;

// Of the lists that go over every account.
inline constexpr QueryParameter account_filter{"account", "id", "Of this account", AccountIdTag::prefix};

void add_session_routes(RouteTable& routes);  // registrations, sessions, me
void add_account_routes(RouteTable& routes);  // accounts, members, audit events
void add_catalog_routes(RouteTable& routes);  // products, promotions
void add_order_routes(RouteTable& routes);    // quotes, orders
void add_service_routes(RouteTable& routes);  // services, cancellation, operations
void add_service_change_routes(RouteTable& routes);
void add_invoice_routes(RouteTable& routes);  // invoices, credit notes, credit
void add_explanation_routes(RouteTable& routes);
void add_ledger_routes(RouteTable& routes);   // balance, ledger
void add_payment_routes(RouteTable& routes);  // payments, refunds, deposits, gateways
void add_mass_payment_routes(RouteTable& routes);
void add_refund_routes(RouteTable& routes);          // refunds, requests for them, disputes
void add_hold_routes(RouteTable& routes);            // holds on collection
void add_payment_method_routes(RouteTable& routes);  // methods, autopay
void add_staff_routes(RouteTable& routes);           // tasks, notifications
void add_scheduler_routes(RouteTable& routes);       // jobs, runs, preview
void add_inbox_routes(RouteTable& routes);           // webhooks, money in suspense
void add_plugin_routes(RouteTable& routes);
void add_test_clock_routes(RouteTable& routes);

// Of a change, as a request and a quote have it.
void read_new_terms(ObjectReader& in, invoicing::ChangeRequest& request);

// All of them, without those whose part is not there.
void add_all_routes(RouteTable& routes, const Dependencies& app);

}  // namespace bursar::http
