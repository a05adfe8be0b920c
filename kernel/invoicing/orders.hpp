// Orders: from product ids to services and an invoice. The server prices everything itself; a request names things
// only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "accounts/actor.hpp"
#include "base/cycle.hpp"
#include "base/id.hpp"
#include "base/money.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "invoicing/kinds.hpp"
#include "invoicing/rules.hpp"
#include "storage/database.hpp"

namespace bursar::invoicing {

struct OrderItem {
  ProductId product;
  BillingCycle cycle = BillingCycle::one_time();
  std::int64_t quantity = 1;  // 1 to 100; each becomes a service
  std::string label = {};     // the customer's name for it, such as a host name
};
struct OrderRequest {
  AccountId account;
  std::vector<OrderItem> items;  // 1 to 50
  std::string promotion_code = {};
};

struct QuotedLine {
  LineKind kind;
  std::string description;
  Money net;
  Money tax;
  std::string explanation;  // how net and tax came to be
};
struct Amounts {
  Money net;
  Money tax;
  Money total;
};
struct RecurringQuote {
  BillingCycle cycle;
  Amounts amounts;  // each period, once promotions with an end are over
};
struct Quote {
  std::vector<QuotedLine> lines;  // of the first invoice
  Amounts now;
  std::vector<RecurringQuote> recurring;  // by cycle
  CivilDate due_on;
};

// What an order would cost; nothing is stored. Errors as place_order().
Result<Quote> quote(storage::Connection& c, const Rules& rules, const OrderRequest& request, Instant now);

struct Placed {
  OrderId order;
  InvoiceId invoice;
  std::vector<ServiceId> services;
};
// Order, pending services, invoice and journal entry in one transaction. When nothing is to pay (free, or covered by
// credit) the services start at once. 404 no_such_account; 422 invalid_order with every bad item (/items/0/product,
// .../cycle,
// .../quantity), no_such_promotion, promotion_used_up, promotion_not_applicable; 409 out_of_stock.
Result<Placed> place_order(storage::Transaction& tx, const Rules& rules, const OrderRequest& request,
                           const accounts::Actor& actor, Instant now);

}  // namespace bursar::invoicing
