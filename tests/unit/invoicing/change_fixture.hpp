// A customer who changes what they have.
#pragma once

#include <optional>
#include <string>

#include "invoicing/change.hpp"
#include "unit/invoicing/fixture.hpp"

namespace bursar::invoicing {

class Change : public InvoicingTest {
 protected:
  auto change(ServiceId id, ProductId to) {
    return write([&](auto& tx) { return request_change(tx, *rules, {.service = id, .product = to}, {}, now()); });
  }
  std::string refusal(ServiceId id, ProductId to) { return refuse({.service = id, .product = to}); }
  std::string refuse(const ChangeRequest& request) {
    const auto refused = write([&](auto& tx) { return request_change(tx, *rules, request, {}, now()); });
    return refused.ok() ? "" : refused.error().code;
  }
  ServiceChange ask(const ChangeRequest& request) {
    auto asked = write([&](auto& tx) { return request_change(tx, *rules, request, {}, now()); });
    EXPECT_TRUE(asked.ok()) << (asked.ok() ? "" : asked.error().code + ": " + asked.error().detail);
    return *asked;
  }
  void use_downgrade_credit() {
    auto generous = config();
    generous.billing.downgrade_credit = settings::DowngradeCredit::credit;
    use(generous);
  }
  // Sold monthly, quarterly and annually.
  ProductId product_by_cycles(std::string code, std::int64_t monthly, std::int64_t quarterly, std::int64_t annually) {
    const Money no_fee = dollars(0);
    return write([&](auto& tx) {
             return catalog::create_product(tx,
                                            {.code = code,
                                             .name = "Product " + code,
                                             .prices = {{BillingCycle::months(1), dollars(monthly), no_fee},
                                                        {BillingCycle::months(3), dollars(quarterly), no_fee},
                                                        {BillingCycle::months(12), dollars(annually), no_fee}}},
                                            now());
           })
        .value();
  }
  void grant(AccountId account, Money amount) {
    write([&](auto& tx) { grant_credit(tx, *rules, account, amount, ++grants_, "welcome", now()); });
  }
  ServiceId running(AccountId account, ProductId product, const std::string& promotion = "") {
    const auto placed = order(account, {product}, promotion);
    const auto owed = invoice(placed.invoice).balance;
    if (owed.is_positive()) pay(placed.invoice, owed);
    return placed.services[0];
  }
  std::optional<ServiceChange> pending(ServiceId id) {
    const std::int64_t key = id.value();
    const auto found = read([&](auto& c) { return pending_changes(c, {&key, 1}); });
    return found.empty() ? std::nullopt : std::optional(found.begin()->second);
  }

 private:
  std::int64_t grants_ = 900'000;
};

}  // namespace bursar::invoicing
