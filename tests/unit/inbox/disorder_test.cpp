// Goal: in whatever order payments, events, refunds and deaths of the process come, the gateway's own book is ours in
// the end. Method: seeded sequences of random acts over a gateway that answers at random; each ends when everything has
// had its last word. BURSAR_SEQUENCES sets how many, BURSAR_SEED the first; a failure names the seed and the acts.
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>

#include "fixture.hpp"
#include "inbox/inbox.hpp"
#include "invoicing/corrections.hpp"
#include "invoicing/settlement.hpp"
#include "payments/mass_payments.hpp"

namespace bursar::test {
namespace {

using inbox::WebhookEvent;
using inbox::WebhookEventKind;
using inbox::WebhookVerdict;
using payments::GatewayAnswer;
using payments::GatewayOutcome;

constexpr unsigned verified_every = 20;  // sequences share a database, and each verification reads all of it

unsigned from_environment(const char* name, unsigned otherwise) {
  const char* text = std::getenv(name);
  if (text == nullptr) return otherwise;
  const char* const end = text + std::char_traits<char>::length(text);
  unsigned value = 0;
  const auto parsed = std::from_chars(text, end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) throw std::invalid_argument(std::string(name) + " is no number");
  return value;
}

// Every body is genuine and stands for the event it was made with.
class Told final : public inbox::Webhook, public inbox::Webhooks {
 public:
  [[nodiscard]] int concurrency() const override { return 4; }
  inbox::WebhookAnswer handle(const inbox::WebhookRequest& request) override {
    return {.verdict = WebhookVerdict::accepted, .events = {events.at(request.body)}, .status = 200};
  }
  [[nodiscard]] std::vector<std::string> list() const override { return {"cards"}; }
  [[nodiscard]] inbox::Webhook* find(std::string_view instance) override {
    return instance == "cards" ? this : nullptr;
  }
  std::map<std::string, WebhookEvent> events;
};

class DisorderTest : public PaymentFixture {
 protected:
  DisorderTest() : own(context), box(own, told), all(*db, clock, {&charges, &refunds, &box}, {.threads = 1}) {
    own.perform_now = [this](std::string_view key) { return all.run_now(key); };
  }

  unsigned pick(unsigned below) { return static_cast<unsigned>(random() % below); }
  Money some(unsigned below) { return usd_minor(1 + pick(below)); }
  InvoiceId any_invoice() { return invoices[pick(static_cast<unsigned>(invoices.size()))]; }
  std::vector<PaymentId> made() {
    return db->read([&](Connection& c) {
      std::vector<PaymentId> ids;
      for (const auto& one : payments::list_payments(c, {.account = account, .before = {}, .limit = 200}))
        ids.push_back(one.id);
      return ids;
    });
  }
  void send(const std::string& body) { EXPECT_EQ(box.receive("cards", {.method = "POST", .body = body})->status, 200); }

  void begin_sequence(unsigned seed) {
    random.seed(seed);
    acts.clear();
    account = db->write("account", [&](Transaction& tx) {
      return accounts::create_account(
                 tx, {.name = "A", .email = "a@example.com", .address = {.country = "US"}, .currency = "USD"},
                 config.provider.currencies, clock.now(), staff)
          .value();
    });
    invoices = {issue("10.00"), issue("7.35"), issue("0.99")};
    method = save_card();
    bodies.clear();
  }

  void script_an_answer() {
    static constexpr Act answers[] = {Act::succeed,       Act::succeed,     Act::succeed_without_answer,
                                      Act::vanish,        Act::unreachable, Act::decline_soft,
                                      Act::decline_final, Act::need_action, Act::stay_pending};
    gateways.cards.script({answers[pick(std::size(answers))]});
  }
  payments::NewPayment random_payment() {
    payments::NewPayment asked{.invoice = any_invoice(), .gateway = "cards"};
    if (pick(2) == 0) asked.amount = some(1500);
    if (pick(3) == 0) asked.method = method;
    return asked;
  }
  void pay_one() {
    script_an_answer();
    static_cast<void>(payments.pay(random_payment(), customer));
  }
  void pay_several() {
    script_an_answer();
    const auto started = db->write("mass", [&](Transaction& tx) {
      return payments::start_mass_payment(tx, context, {.account = account, .items = {}, .gateway = "cards"}, customer,
                                          clock.now());
    });
    if (started.ok()) payments.perform(started->payment);
  }
  // The process dies before the gateway is asked, or when it has answered and nothing of that is stored.
  void die() {
    const auto id = db->write(
        "record", [&](Transaction& tx) { return payments.record(tx, random_payment(), customer, clock.now()); });
    if (!id.ok()) return;
    const effects::Effect effect{.id = {},
                                 .kind = "charge",
                                 .key = "charge:" + std::to_string(id->value()) + ":1",
                                 .instance = "cards",
                                 .account = account,
                                 .object = id->value(),
                                 .created_at = clock.now()};
    if (pick(2) == 0) charges.perform(effect);
    db->write("in flight", [&](Transaction& tx) {
      tx.execute("UPDATE effects SET state = 'in_flight', lease_until = $2 WHERE key = $1", effect.key,
                 Instant::parse("2020-01-01T00:00:00Z").value());
    });
  }
  // What the gateway tells is true when it says that money came; a decline or a pending may be old.
  std::string tell(PaymentId id) {
    const std::string name = codec.text(id), body = "e" + std::to_string(++told_so_far);
    WebhookEvent event;
    event.kind = WebhookEventKind::payment;
    event.event_id = body;
    event.payment_id = name;
    const auto book = gateways.cards.book();
    if (const auto taken = book.find(name); taken != book.end() && pick(2) == 0) {
      event.payment = success_of(name, taken->second);
    } else if (const unsigned word = pick(3); word < 2) {
      event.payment = GatewayAnswer{.outcome = word == 0 ? GatewayOutcome::pending : GatewayOutcome::declined,
                                    .decline_code = word == 0 ? "" : "declined"};
    }
    told.events.emplace(body, event);
    return body;
  }
  static GatewayAnswer success_of(const std::string& name, Money amount) {
    return {.outcome = GatewayOutcome::succeeded, .processed = amount, .reference = name + "-tx"};
  }
  void webhook() {
    const auto ids = made();
    if (ids.empty()) return;
    bodies.push_back(tell(ids[pick(static_cast<unsigned>(ids.size()))]));
    if (pick(3) != 0) send(bodies[pick(static_cast<unsigned>(bodies.size()))]);  // else it comes later, or never
    if (pick(3) == 0) send(bodies.front());
  }
  void give_back() {
    const auto ids = made();
    if (ids.empty()) return;
    payments::NewRefund asked{.payment = ids[pick(static_cast<unsigned>(ids.size()))], .reason = "unhappy"};
    if (pick(2) == 0) asked.amount = some(900);
    if (pick(3) == 0) asked.destination = payments::RefundDestination::credit;
    script_an_answer();
    attempt([&](Transaction& tx) { return payments::record_refund(tx, context, asked, staff, clock.now()).ok(); });
    if (pick(2) == 0) all.drain();
  }
  // What is refused is not stored, as a request of the API is not.
  void attempt(const std::function<bool(Transaction&)>& act) {
    struct Refused {};
    try {
      db->write("attempt", [&](Transaction& tx) {
        if (!act(tx)) throw Refused{};
      });
    } catch (const Refused&) {
    }
  }
  void act() {
    const unsigned which = pick(11);
    acts += " " + std::to_string(which);
    switch (which) {
      case 0:
      case 1:
        return pay_one();
      case 2:
        return pay_several();
      case 3:
        return die();
      case 4:
      case 5:
        return webhook();
      case 6:
        return give_back();
      case 7:
        return attempt([&](Transaction& tx) {
          return invoicing::apply_credit(tx, rules, any_invoice(), some(500), clock.now()).ok();
        });
      case 8:
        return attempt([&](Transaction& tx) {
          return invoicing::void_invoice(tx, rules, any_invoice(), "cancelled", clock.now()).ok();
        });
      case 9:
        clock.advance(minutes(1 + static_cast<int>(pick(90))));
        return all.drain();
      default:
        for (const auto id : made()) payments.read(id);
    }
  }

  void end_sequence() {
    for (const auto& body : bodies) send(body);
    for (int i = 0; i < 4; ++i) {
      gateways.cards.complete_waiting();
      clock.advance(hours(7));
      all.drain();
    }
    // A provider tells of every payment at last; some were told to be declined before.
    for (const auto id : made()) {
      const auto book = gateways.cards.book();
      const auto taken = book.find(codec.text(id));
      if (taken == book.end()) continue;
      WebhookEvent event;
      event.kind = WebhookEventKind::payment;
      event.event_id = "last" + taken->first;
      event.payment_id = taken->first;
      event.payment = success_of(taken->first, taken->second);
      told.events.emplace(event.event_id, event);
      send(event.event_id);
    }
    all.drain();
  }
  std::map<std::string, Money> our_book() {
    return db->read([&](Connection& c) {
      std::map<std::string, Money> book;
      auto paid = c.query("SELECT id, received FROM payments WHERE gateway = 'cards' AND received <> 0");
      while (paid.next()) book.emplace(codec.text(paid.id<PaymentId>(0)), usd_minor(paid.integer(1)));
      auto sent = c.query("SELECT id, amount FROM refunds WHERE destination = 'gateway' AND status = 'succeeded'");
      while (sent.next()) book.emplace(codec.text(sent.id<RefundId>(0)), usd_minor(-sent.integer(1)));
      return book;
    });
  }

  std::mt19937 random;
  std::string acts;
  std::vector<InvoiceId> invoices;
  PaymentMethodId method;
  std::vector<std::string> bodies;
  int told_so_far = 0;
  Told told;
  payments::Context own;  // whose workers perform the effects of the inbox too
  inbox::Inbox box;
  effects::Workers all;
};
INSTANTIATE_TEST_SUITE_P(Backends, DisorderTest, backends());

TEST_P(DisorderTest, any_order_of_acts_ends_in_the_gateways_book) {
  const unsigned first = from_environment("BURSAR_SEED", 20270301), count = from_environment("BURSAR_SEQUENCES", 40);
  for (unsigned n = 0; n < count; ++n) {
    begin_sequence(first + n);
    for (unsigned length = 10 + pick(31); length > 0; --length) act();
    end_sequence();
    SCOPED_TRACE("BURSAR_SEED=" + std::to_string(first + n) + " BURSAR_SEQUENCES=1, acts" + acts);
    EXPECT_EQ(our_book(), gateways.cards.book());
    EXPECT_TRUE(gateways.cards.moved_twice().empty());
    EXPECT_EQ(number("SELECT COUNT(*) FROM payments WHERE status = 'unknown'"), 0);
    if (n % verified_every == verified_every - 1) {
      verify::verify(*db, codec, [](const verify::Breach& breach) {
        ADD_FAILURE() << breach.invariant << " " << breach.object << ": " << breach.detail;
      });
    }
    if (HasFailure()) return;
  }
  std::printf("%u sequences from seed %u\n", count, first);
}

}  // namespace
}  // namespace bursar::test
