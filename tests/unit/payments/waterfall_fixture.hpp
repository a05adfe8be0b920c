// The customer of the payments' fixture with three saved methods, at two gateways, and auto-pay.
#pragma once

#include "fixture.hpp"
#include "invoicing/explain_invoice.hpp"
#include "payments/autopay_attempts.hpp"

namespace bursar::test {

class WaterfallTest : public PaymentFixture {
 protected:
  explicit WaterfallTest(settings::Config the_config = payment_config()) : PaymentFixture(std::move(the_config)) {
    visa = save("cards", "Visa 1");
    amex = save("cards", "Amex 2");
    paypal = save("wallet", "PayPal");
    set_autopay(true);
  }

  PaymentMethodId save(const std::string& gateway, const std::string& label) {
    return db->write("method", [&](Transaction& tx) {
      return payments::add_method(tx, gateways, vault, account,
                                  {.gateway = gateway, .token = "tok_" + label, .label = label}, customer, clock.now())
          .value();
    });
  }
  void remove(PaymentMethodId method) {
    db->write("remove", [&](Transaction& tx) {
        return payments::remove_method(tx, method, customer, clock.now());
      }).value();
  }
  scheduler::Counts step() { return run(*step_); }
  void day(int count = 1) {
    clock.advance(days(count));
    step();
    workers.drain();
  }
  // "1 Visa 1 declined_final, 1 Amex 2 charged"
  std::string story() {
    std::string out;
    for (const payments::Attempt& one : db->read([&](Connection& c) { return payments::attempts_of(c, invoice); })) {
      const bool passed = one.outcome == payments::AttemptOutcome::passed_over;
      out += (out.empty() ? "" : ", ") + std::to_string(one.round) + " " + (one.method ? one.label : "none") + " " +
             (passed ? one.reason : std::string(to_string(one.outcome)));
    }
    return out;
  }
  std::string body(std::string_view name) {
    return db->read([&](Connection& c) {
      auto rows = c.query("SELECT body FROM messages WHERE template = $1 ORDER BY id DESC LIMIT 1", name);
      return rows.next() ? rows.string(0) : std::string();
    });
  }
  std::string charge_derivation() {
    return db->read(
        [&](Connection& c) { return invoicing::autopay_derivation(c, *invoicing::find_invoice(c, invoice)); });
  }
  std::int64_t charges_recorded() { return number("SELECT COUNT(*) FROM payments WHERE origin = 'autopay'"); }
  void expire(PaymentMethodId method, CivilDate on) {
    db->write("expire", [&](Transaction& tx) {
      tx.execute("UPDATE payment_methods SET expires_on = $2 WHERE id = $1", method, on);
    });
  }

  std::unique_ptr<scheduler::Step> step_ = payments::autopay_step(context);
  PaymentMethodId visa, amex, paypal;
};

}  // namespace bursar::test
