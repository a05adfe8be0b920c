// Goal: the events of one payment end in the gateway's book in whatever order they come and however often each does.
// Method: all orders of five of them, each sent twice; then random sets of events, each sent one to three times in a
// random order while time passes. seeds.hpp says how many, and how to run them from a fresh seed.
#include <algorithm>
#include <array>
#include <random>

#include "inbox_fixture.hpp"
#include "seeds.hpp"

namespace bursar::test {
namespace {

class EventOrdersTest : public InboxTest {
 protected:
  // What the gateway did with one payment of 10.00, by its own book.
  struct Done {
    std::int64_t received = 0, refunded = 0, disputed = 0;
    std::string dispute = {};  // its status in the end; empty: there is none
  };

  EventOrdersTest() { books_agree = false; }  // refunds and disputes were made in the gateway's own pages

  Payment begin() {
    invoice = issue("10.00");
    const Payment payment = waiting_payment();
    gateways.cards.complete_waiting();
    return payment;
  }
  std::string know(WebhookEvent event) {
    const std::string body = event.event_id;
    webhooks.cards.know(body, std::move(event));
    return body;
  }
  std::string pending(const Payment& payment) {
    return know(event("pending " + id_of(payment), id_of(payment), GatewayAnswer{.outcome = GatewayOutcome::pending}));
  }
  std::string succeeded(const Payment& payment) {
    return know(event("paid " + id_of(payment), id_of(payment), success("10.00", id_of(payment) + "-tx")));
  }
  std::string refunded(const Payment& payment, std::int64_t minor, int number = 1) {
    const std::string reference = "re_" + std::to_string(number) + "_" + id_of(payment);
    WebhookEvent out = event(reference, id_of(payment), GatewayAnswer{.outcome = GatewayOutcome::succeeded});
    out.payment->processed = usd_minor(minor);
    out.payment->reference = reference;
    out.kind = WebhookEventKind::refund;
    return know(std::move(out));
  }
  std::string disputed(const Payment& payment, WebhookEventKind kind, std::int64_t minor) {
    WebhookEvent out =
        event("dispute " + std::to_string(static_cast<int>(kind)) + " " + id_of(payment), id_of(payment), std::nullopt);
    out.kind = kind;
    out.dispute = {.id = "dp_" + id_of(payment), .amount = usd_minor(minor), .reason = "fraudulent"};
    return know(std::move(out));
  }
  // Time passes until what waits has been tried again after all that it may wait for.
  void come_to_rest() {
    for (int i = 0; i < 4; ++i) {
      clock.advance(hours(7));
      both.drain();
    }
  }
  void expect_end(const Payment& payment, const Done& done) {
    const Payment found = stored(payment.id);
    EXPECT_EQ(found.received, usd_minor(done.received));
    EXPECT_EQ(found.refunded, usd_minor(done.refunded));
    EXPECT_EQ(found.disputed, usd_minor(done.dispute == "won" ? 0 : done.disputed));
    EXPECT_EQ(db->read([&](Connection& c) {
      auto rows = c.query("SELECT status FROM disputes WHERE payment_id = $1", payment.id);
      return rows.next() ? rows.string(0) : "";
    }),
              done.dispute);
    const std::int64_t held = done.received - done.refunded - (done.dispute == "won" ? 0 : done.disputed);
    EXPECT_EQ(number("SELECT COALESCE(SUM(amount), 0) FROM postings WHERE ledger_account = 'clearing/cards'") - before_,
              held);
    EXPECT_EQ(number("SELECT COUNT(*) FROM webhook_events WHERE status = 'waiting'"), 0);
    EXPECT_EQ(number("SELECT COUNT(*) FROM staff_tasks WHERE status = 'open' AND kind IN ('inbox_event', "
                     "'refund_elsewhere', 'refund_unclear', 'payment_unclear')"),
              0);
    before_ += held;
  }

 private:
  std::int64_t before_ = 0;  // in the clearing account
};
INSTANTIATE_TEST_SUITE_P(Backends, EventOrdersTest, backends());

TEST_P(EventOrdersTest, all_orders_of_five_events_that_come_twice_end_in_the_same_book) {
  std::array<int, 5> order{0, 1, 2, 3, 4};
  int tried = 0;
  const int every = GetParam() == storage::Backend::sqlite ? 1 : 10;
  do {
    if (tried++ % every != 0) continue;
    const Payment payment = begin();
    const std::array bodies{pending(payment), succeeded(payment), refunded(payment, 400),
                            disputed(payment, WebhookEventKind::dispute_opened, 600),
                            disputed(payment, WebhookEventKind::dispute_won, 600)};
    std::string told;
    for (const int which : order) {
      for (int twice = 0; twice < 2; ++twice) EXPECT_EQ(send(bodies[static_cast<std::size_t>(which)]), 200);
      told += std::to_string(which);
    }
    come_to_rest();
    SCOPED_TRACE("order " + told);
    expect_end(payment, {.received = 1000, .refunded = 400, .disputed = 600, .dispute = "won"});
    if (HasFailure()) return;
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(tried, 120);
}

TEST_P(EventOrdersTest, random_events_in_random_order_end_in_the_gateways_book) {
  const unsigned first = first_seed(), count = sequence_count(GetParam() == storage::Backend::sqlite ? 300 : 20);
  for (unsigned n = 0; n < count; ++n) {
    std::mt19937 random(first + n);
    const auto pick = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
    const Payment payment = begin();
    Done done{.received = 1000};
    std::vector<std::string> bodies{succeeded(payment)};
    if (pick(2) == 0) bodies.push_back(pending(payment));
    if (pick(3) == 0) bodies.push_back(know(event("look " + id_of(payment), id_of(payment), std::nullopt)));
    if (pick(3) == 0) {
      bodies.push_back(know(event("no " + id_of(payment), id_of(payment),
                                  GatewayAnswer{.outcome = GatewayOutcome::declined, .decline_code = "declined"})));
    }
    for (unsigned refunds = pick(4); refunds > 0; --refunds) {
      const std::int64_t amount = 2 + 2 * pick(150);
      bodies.push_back(refunded(payment, amount, static_cast<int>(refunds)));
      done.refunded += amount;
    }
    if (pick(2) == 0) {
      // Odd, as refunds are even: a refund over as much as was lost may be the same loss, which staff decide.
      done.disputed = 1 + 2 * pick(static_cast<unsigned>((done.received - done.refunded) / 2));
      done.dispute = std::array{"opened", "won", "lost"}[pick(3)];
      if (done.dispute == "opened" || pick(4) != 0) {
        bodies.push_back(disputed(payment, WebhookEventKind::dispute_opened, done.disputed));
      }
      if (done.dispute != "opened") {
        const auto end = done.dispute == "won" ? WebhookEventKind::dispute_won : WebhookEventKind::dispute_lost;
        bodies.push_back(disputed(payment, end, done.disputed));
      }
    }
    const std::size_t different = bodies.size();
    for (std::size_t i = 0; i < different; ++i) {
      for (unsigned more = pick(3); more > 0; --more) bodies.push_back(bodies[i]);
    }
    std::shuffle(bodies.begin(), bodies.end(), random);
    std::string told;
    for (const auto& body : bodies) {
      EXPECT_EQ(send(body), 200);
      told += "\n  " + body;
      if (pick(4) != 0) continue;
      clock.advance(minutes(1 + static_cast<int>(pick(90))));
      both.drain();
    }
    come_to_rest();
    SCOPED_TRACE("BURSAR_SEED=" + std::to_string(first + n) + told);
    expect_end(payment, done);
    if (HasFailure()) return;
  }
  std::printf("%u sequences from seed %u\n", count, first);
}

}  // namespace
}  // namespace bursar::test
