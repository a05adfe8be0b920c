// Goal: whatever customers, staff and the daily run do in whatever order, no invariant of the books is broken.
#include <random>

#include "invoicing/change.hpp"
#include "unit/invoicing/fixture.hpp"

namespace bursar::invoicing {
namespace {

class Property : public InvoicingTest {
 protected:
  void one_act() {
    switch (pick(12)) {
      case 0:
      case 1:
        order(any(accounts_), {any(products_), any(products_)}, pick(3) == 0 ? promotion_ : "");
        break;
      case 2:
      case 3:
      case 4:
        pay_something();
        break;
      case 5:
        cancel_something();
        break;
      case 6:
        correct_something();
        break;
      case 7:
        deposit();
        break;
      case 8:
      case 9:
        change_something();
        break;
      default:
        today = today.plus_days(1 + pick(9));
        run(today, 1 + pick(4));
        break;
    }
  }

  void set_up(std::uint32_t seed) {
    random_.seed(seed);
    auto chosen = config();
    if (seed % 2 == 1) chosen.billing.invoice_becomes_legal = settings::InvoiceBecomesLegal::at_payment;
    if (seed % 2 == 0) chosen.billing.downgrade_credit = settings::DowngradeCredit::credit;
    chosen.billing.apply_credit_to_open_invoices = seed % 3 == 0;
    use(chosen);
    for (int i = 0; i < 5; ++i) accounts_.push_back(account(i % 2 == 0 ? "DE" : "US"));
    for (const std::int64_t price : {0, 1, 333, 1999}) {
      products_.push_back(
          product("p" + std::to_string(seed) + "-" + std::to_string(price), dollars(price), dollars(price / 3)));
    }
    promotion_ = "PART" + std::to_string(seed);
    promotion({.code = promotion_, .percent = parse_percent("33.3").value(), .periods = 2});
  }

 private:
  int pick(int below) { return static_cast<int>(random_() % static_cast<std::uint32_t>(below)); }
  template <class T>
  const T& any(const std::vector<T>& of) {
    return of[static_cast<std::size_t>(pick(static_cast<int>(of.size())))];
  }
  InvoiceId any_invoice() {
    const auto all = invoices(any(accounts_));
    return all.empty() ? InvoiceId() : any(all).id;
  }
  void pay_something() {
    const auto id = any_invoice();
    if (!id) return;
    const auto balance = invoice(id).balance.minor();
    pay(id, dollars(1 + (pick(2) == 0 ? balance : pick(3000))));
  }
  void cancel_something() {
    const auto services = read([&](auto& c) { return services::list_services(c, any(accounts_), ServiceId(), 100); });
    if (services.empty()) return;
    const auto& chosen = any(services);
    if (chosen.ended()) return;
    if (chosen.cancel_on) {
      ASSERT_TRUE(write([&](auto& tx) { return services::withdraw_cancellation(tx, chosen.id, {}, now()); }).ok());
    } else {
      cancel(chosen.id,
             pick(2) == 0 ? services::CancellationKind::immediate : services::CancellationKind::end_of_period);
    }
  }
  // Refusals are fine; the books are asked afterwards.
  void change_something() {
    const auto services = read([&](auto& c) { return services::list_services(c, any(accounts_), ServiceId(), 100); });
    if (services.empty()) return;
    const ChangeRequest request{.service = any(services).id, .product = any(products_)};
    write([&](auto& tx) {
      if (request_change(tx, *rules, request, {}, now()).ok()) return;
      if (pick(3) == 0) static_cast<void>(withdraw_change(tx, *rules, request.service, {}, now()).ok());
    });
  }
  void correct_something() {
    const auto id = any_invoice();
    if (!id) return;
    const int what = pick(4);
    write([&](auto& tx) {
      if (what == 0) return void_invoice(tx, *rules, id, "test", now()).ok();
      if (what == 1) return write_off(tx, *rules, id, "test", now()).ok();
      if (what == 2) return credit_amount(tx, *rules, id, dollars(1 + pick(500)), "test", now()).ok();
      return apply_credit(tx, *rules, id, dollars(1 + pick(500)), now()).ok();
    });
  }
  void deposit() {
    const auto made =
        write([&](auto& tx) { return issue_deposit(tx, *rules, any(accounts_), dollars(1 + pick(5000)), now()); });
    if (pick(2) == 0) pay(*made, invoice(*made).balance);
  }

  std::mt19937 random_;
  std::string promotion_;
  std::vector<AccountId> accounts_;
  std::vector<ProductId> products_;
};
INSTANTIATE_TEST_SUITE_P(Backends, Property, test::backends());

// Each seed goes on with the same store, under its own configuration.
TEST_P(Property, the_books_hold_after_any_order_of_acts) {
  for (std::uint32_t seed = 1; seed <= 6 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    set_up(seed);
    for (int act = 0; act < 120 && !HasFailure(); ++act) one_act();
    expect_clean();
  }
}

}  // namespace
}  // namespace bursar::invoicing
