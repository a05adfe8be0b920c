// A customer who ordered products by the month and paid for them by card: what refunds, requests and disputes are
// about.
#pragma once

#include "catalog/products.hpp"
#include "catalog/promotions.hpp"
#include "fixture.hpp"
#include "invoicing/change.hpp"
#include "invoicing/orders.hpp"
#include "invoicing/steps.hpp"
#include "payments/disputes.hpp"
#include "payments/refund_requests.hpp"
#include "services/services.hpp"

namespace bursar::test {

using payments::RefundDestination;

// 19 % on top of every price: cents that do not divide.
inline settings::Config taxed_config() {
  settings::Config config = payment_config();
  settings::TaxRule vat;
  vat.country = "US";
  vat.name = "VAT";
  vat.rate = parse_percent("19").value();
  config.tax_rules.push_back(vat);
  return config;
}

class RefundFixture : public PaymentFixture {
 protected:
  using PaymentFixture::PaymentFixture;

  ProductId product(std::string code, std::string_view price) {
    return db->write("product", [&](Transaction& tx) {
      return catalog::create_product(tx,
                                     {.code = code,
                                      .name = "Product " + code,
                                      .prices = {{BillingCycle::months(1), usd(price), usd("0.00")}}},
                                     clock.now())
          .value();
    });
  }
  ProductId monthly_or_annual(std::string code, std::string_view monthly, std::string_view annually) {
    return db->write("product", [&](Transaction& tx) {
      return catalog::create_product(tx,
                                     {.code = code,
                                      .name = "Product " + code,
                                      .prices = {{BillingCycle::months(1), usd(monthly), usd("0.00")},
                                                 {BillingCycle::months(12), usd(annually), usd("0.00")}}},
                                     clock.now())
          .value();
    });
  }
  // Ordered and paid at once; `credit_first`: that much of it with account credit.
  struct Bought {
    std::vector<ServiceId> services;
    InvoiceId invoice;
    PaymentId payment;
  };
  Bought buy(const std::vector<ProductId>& products, std::string promotion = "") {
    invoicing::OrderRequest order{.account = account, .items = {}, .promotion_code = std::move(promotion)};
    for (const auto one : products) order.items.push_back({.product = one, .cycle = BillingCycle::months(1)});
    const auto placed = db->write("order", [&](Transaction& tx) {
      return invoicing::place_order(tx, rules, order, customer, clock.now()).value();
    });
    const auto paid = payments.pay({.invoice = placed.invoice, .gateway = "cards"}, customer);
    EXPECT_TRUE(paid.ok()) << (paid.ok() ? "" : paid.error().detail);
    return {placed.services, placed.invoice, paid->id};
  }
  // The bought service begins a year today; paid at once.
  Bought change_to_a_year(const Bought& bought) {
    const auto change = db->write("change", [&](Transaction& tx) {
      return invoicing::request_change(
                 tx, rules, {.service = bought.services[0], .product = {}, .cycle = BillingCycle::months(12)}, customer,
                 clock.now())
          .value();
    });
    const auto paid = payments.pay({.invoice = change.invoice, .gateway = "cards"}, customer);
    EXPECT_TRUE(paid.ok()) << (paid.ok() ? "" : paid.error().detail);
    return {bought.services, change.invoice, paid->id};
  }
  std::vector<invoicing::Line> lines(InvoiceId id) {
    return db->read([&](Connection& c) { return invoicing::lines_of(c, *invoicing::find_invoice(c, id)); });
  }
  services::Service service(ServiceId id) {
    return db->read([&](Connection& c) { return services::find_service(c, id).value(); });
  }
  void daily_run() {
    for (const auto& step : invoicing::steps(rules)) run(*step);
  }

  Result<RefundId> refund(payments::NewRefund asked) {
    if (asked.reason.empty()) asked.reason = "unhappy";
    return db->write("refund",
                     [&](Transaction& tx) { return payments::record_refund(tx, context, asked, staff, clock.now()); });
  }
  payments::Refund stored_refund(RefundId id) {
    return db->read([&](Connection& c) { return payments::find_refund(c, id).value(); });
  }
  Result<RefundRequestId> request(payments::NewRefundRequest asked) {
    if (asked.reason.empty()) asked.reason = "changed my mind";
    return db->write("request", [&](Transaction& tx) {
      return payments::request_refund(tx, context, asked, customer, clock.now());
    });
  }
  payments::StoredRefundRequest stored_request(RefundRequestId id) {
    return db->read([&](Connection& c) { return payments::find_refund_request(c, id).value(); });
  }
  Status decide(RefundRequestId id, const payments::RefundDecision& decision) {
    return db->write("decide", [&](Transaction& tx) {
      return payments::decide_refund_request(tx, context, id, decision, staff, clock.now());
    });
  }
  Result<DisputeId> dispute(const payments::DisputeEvent& event) {
    books_agree = false;  // the gateway double has no book of disputes
    return db->write("dispute",
                     [&](Transaction& tx) { return payments::book_dispute(tx, context, event, staff, clock.now()); });
  }
  payments::Dispute stored_dispute(DisputeId id) {
    return db->read([&](Connection& c) { return payments::find_dispute(c, id).value(); });
  }
  Money balance(std::string_view ledger_account) { return balance(ledger_account, dollar); }
  Money balance(std::string_view ledger_account, Currency currency) {
    return db->read([&](Connection& c) {
      Money sum = Money::zero(currency);
      for (const auto& one : ledger::trial_balance(c)) {
        if (one.ledger_account == ledger_account && one.amount.currency() == currency) sum += one.amount;
      }
      return sum;
    });
  }
};

}  // namespace bursar::test
