// Goal: a person is told of a cause once a channel, told of everything, and a channel in trouble loses nothing and
// holds up nobody. Method: an outbox with two channel doubles, the effect workers and a clock moved by hand.
#include "notices/outbox.hpp"

#include <mutex>

#include "effects/effects.hpp"
#include "support/clock.hpp"
#include "unit/invoicing/fixture.hpp"

namespace bursar::notices {
namespace {

using invoicing::dollars;

class FakeChannel final : public Channel {
 public:
  [[nodiscard]] int concurrency() const override { return 4; }
  DeliveryAnswer send(const Message& message) override {
    const std::lock_guard lock(mutex_);
    tried.push_back(message);
    return {.outcome = outcome, .provider_id = "id", .error = outcome == DeliveryOutcome::sent ? "" : "told so"};
  }
  std::vector<Message> tried;
  DeliveryOutcome outcome = DeliveryOutcome::sent;

 private:
  std::mutex mutex_;
};

class FakeChannels final : public Channels {
 public:
  [[nodiscard]] std::vector<std::string> list() const override { return {"mail", "chat"}; }
  [[nodiscard]] Channel* find(std::string_view name) override {
    if (name == "mail") return &mail;
    return name == "chat" ? &chat : nullptr;
  }
  FakeChannel mail, chat;
};

class OutboxTest : public invoicing::InvoicingTest {
 protected:
  OutboxTest() {
    clock.set(now());
    use(untaxed());
    customer = account();
    other = account();
  }
  static settings::Config untaxed() {
    settings::Config out = invoicing::config();
    out.tax_rules.clear();
    return out;
  }

  Notice notice(std::string cause, AccountId to) {
    return {.cause = std::move(cause),
            .account = to,
            .name = Template::suspended,
            .values = {{"service", "VPS"}, {"invoice_number", "INV-1"}}};
  }
  void tell(const std::vector<Notice>& notices) {
    write([&](auto& tx) { outbox.enqueue(tx, notices, clock.now()); });
  }
  std::vector<MessageRow> messages(MessageFilter filter = {}) {
    filter.limit = 10'000;
    return read([&](auto& c) { return list_messages(c, filter); });
  }
  std::int64_t spans() {
    return read([&](auto& c) {
      auto rows = c.query("SELECT COUNT(*) FROM notice_spans");
      rows.next();
      return rows.integer(0);
    });
  }
  void work_for(Duration time) {
    const Instant end = clock.now() + time;
    while (clock.now() < end) {
      clock.advance(hours(1));
      workers.drain();
    }
  }
  std::set<std::string> states() {
    std::set<std::string> out;
    for (const auto& message : messages()) out.insert(message.channel + " " + message.status);
    return out;
  }

  const IdCodec codec{IdCodec::Key{7}};
  test::ManualClock clock;
  FakeChannels channels;
  MessageHandler handler{*db, channels, codec};
  effects::Workers workers{*db, clock, {&handler}, {.threads = 2}};
  const Outbox outbox{untaxed(), {"mail", "chat"}};
  AccountId customer, other;
};
INSTANTIATE_TEST_SUITE_P(Backends, OutboxTest, test::backends());

TEST_P(OutboxTest, a_person_is_told_of_a_cause_once_by_each_channel) {
  tell({notice("suspended:1", customer), notice("suspended:1", customer)});
  tell({notice("suspended:1", customer)});
  tell({notice("suspended:2", customer), notice("suspended:1", other)});
  workers.drain();
  EXPECT_EQ(channels.mail.tried.size(), 3U);
  EXPECT_EQ(channels.chat.tried.size(), 3U);
  EXPECT_EQ(states(), (std::set<std::string>{"mail sent", "chat sent"}));
  std::set<std::string> ids;
  for (const auto& message : channels.mail.tried) ids.insert(message.message_id);
  EXPECT_EQ(ids.size(), 3U);
  expect_clean();
}

TEST_P(OutboxTest, a_message_of_a_transaction_that_failed_is_none) {
  EXPECT_THROW(write([&](auto& tx) {
                 outbox.enqueue(tx, std::vector{notice("suspended:1", customer)}, clock.now());
                 throw std::runtime_error("rolled back");
               }),
               std::runtime_error);
  workers.drain();
  EXPECT_TRUE(messages().empty());
  EXPECT_TRUE(channels.mail.tried.empty());
}

TEST_P(OutboxTest, without_channels_nothing_is_written) {
  const Outbox mute(untaxed(), {});
  write([&](auto& tx) { mute.enqueue(tx, std::vector{notice("suspended:1", customer)}, clock.now()); });
  EXPECT_TRUE(messages().empty());
}

TEST_P(OutboxTest, a_failing_channel_loses_nothing_and_holds_up_no_other) {
  channels.mail.outcome = DeliveryOutcome::not_attempted;
  tell({notice("suspended:1", customer)});
  workers.drain();
  EXPECT_EQ(states(), (std::set<std::string>{"mail waiting", "chat sent"}));
  work_for(hours(6));
  EXPECT_LT(channels.mail.tried.size(), 12U) << "tried with a growing pause";
  channels.mail.outcome = DeliveryOutcome::sent;
  work_for(hours(7));
  EXPECT_EQ(states(), (std::set<std::string>{"mail sent", "chat sent"}));
  EXPECT_EQ(channels.chat.tried.size(), 1U);
}

TEST_P(OutboxTest, an_unclear_delivery_is_tried_once_more_with_the_same_id) {
  channels.mail.outcome = DeliveryOutcome::unknown;
  tell({notice("suspended:1", customer)});
  work_for(hours(48));
  ASSERT_EQ(channels.mail.tried.size(), 2U) << "perhaps twice, but never without end";
  EXPECT_EQ(channels.mail.tried[0].message_id, channels.mail.tried[1].message_id);
  EXPECT_EQ(channels.mail.tried[0].idempotency_key, channels.mail.tried[1].idempotency_key);
  EXPECT_TRUE(states().contains("mail unknown"));
  expect_clean();
}

TEST_P(OutboxTest, a_refused_message_is_not_repeated_until_staff_send_it_again) {
  channels.mail.outcome = DeliveryOutcome::refused;
  tell({notice("suspended:1", customer)});
  work_for(hours(24));
  ASSERT_EQ(channels.mail.tried.size(), 1U);
  EXPECT_TRUE(states().contains("mail failed"));
  channels.mail.outcome = DeliveryOutcome::sent;
  const auto failed = messages({.account = customer, .status = "failed", .before = {}, .limit = 10});
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_TRUE(write([&](auto& tx) { return resend(tx, failed[0].id, clock.now()); }).ok());
  workers.drain();
  EXPECT_EQ(channels.mail.tried.size(), 2U);
  EXPECT_EQ(states(), (std::set<std::string>{"mail sent", "chat sent"}));
  EXPECT_EQ(write([&](auto& tx) { return resend(tx, failed[0].id, clock.now()); }).error().code, "message_not_failed");
}

TEST_P(OutboxTest, names_with_line_breaks_add_no_header) {
  write([&](auto& tx) {
    tx.execute("UPDATE accounts SET name = $2 WHERE id = $1", customer, "Eve\r\nBcc: all@example.com {{7*7}}");
  });
  tell({notice("suspended:1", customer)});
  workers.drain();
  ASSERT_EQ(channels.mail.tried.size(), 1U);
  const Message& sent = channels.mail.tried.front();
  EXPECT_EQ(sent.recipient, "customer1@example.com");
  EXPECT_EQ(sent.recipient_name.find_first_of("\r\n"), std::string::npos);
  EXPECT_EQ(sent.subject.find_first_of("\r\n"), std::string::npos);
  EXPECT_EQ(sent.body.find("\nBcc"), std::string::npos);
  EXPECT_NE(sent.body.find("{{7*7}}"), std::string::npos) << "as text";
}

TEST_P(OutboxTest, new_invoices_are_told_after_the_run_each_account_once) {
  const auto cheap = product("a", dollars(500));
  const auto dear = product("b", dollars(700));
  pay(order(customer, {cheap}).invoice, dollars(500));
  today = today.plus_days(1);
  pay(order(customer, {dear}).invoice, dollars(700));
  pay(order(other, {cheap}).invoice, dollars(500));
  today = invoicing::day("2027-02-27");
  run();
  EXPECT_TRUE(messages().empty()) << "the run only leaves a span";
  ASSERT_EQ(spans(), 1);
  EXPECT_EQ(outbox.spread(*db, clock.now()), 3) << "invoices";
  EXPECT_EQ(spans(), 0);
  EXPECT_EQ(messages({.account = customer, .status = "", .before = {}, .limit = 10}).size(), 2U) << "one a channel";
  EXPECT_EQ(messages({.account = other, .status = "", .before = {}, .limit = 10}).size(), 2U);
  workers.drain();
  std::set<std::string> subjects;
  for (const auto& message : channels.mail.tried) subjects.insert(message.subject);
  EXPECT_TRUE(subjects.contains("2 new invoices"));
  EXPECT_EQ(outbox.spread(*db, clock.now()), 0);
  workers.drain();
  EXPECT_EQ(channels.mail.tried.size(), 2U);
}

TEST_P(OutboxTest, spans_left_by_a_kill_are_told_once) {
  pay(order(customer, {product("a", dollars(500))}).invoice, dollars(500));
  today = invoicing::day("2027-02-27");
  run();
  std::int64_t first = 0, last = 0;
  read([&](auto& c) {
    auto rows = c.query("SELECT first_id, last_id FROM notice_spans");
    rows.next();
    first = rows.integer(0);
    last = rows.integer(1);
  });
  outbox.spread(*db, clock.now());
  // The messages were written, and the process was killed before it could forget the span.
  write([&](auto& tx) { Outbox::enqueue_span(tx, Template::invoice_created, first, last, clock.now()); });
  outbox.spread(*db, clock.now());
  EXPECT_EQ(messages().size(), 2U);
  EXPECT_EQ(spans(), 0);
}

TEST_P(OutboxTest, a_large_span_is_written_in_batches_and_whole) {
  std::vector<AccountId> customers;
  const auto cheap = product("a", dollars(500));
  for (int i = 0; i < 520; ++i) {
    customers.push_back(account());
    pay(order(customers.back(), {cheap}).invoice, dollars(500));
  }
  today = invoicing::day("2027-02-27");
  run();
  EXPECT_EQ(outbox.spread(*db, clock.now()), 520);
  EXPECT_EQ(messages().size(), 1040U);
  EXPECT_EQ(spans(), 0);
}

TEST_P(OutboxTest, a_preview_sees_the_messages_and_leaves_none) {
  pay(order(customer, {product("a", dollars(500))}).invoice, dollars(500));
  today = invoicing::day("2027-02-27");
  run();
  std::int64_t seen = 0;
  db->simulate([&](storage::Transaction& tx) {
    outbox.spread(tx, clock.now());
    seen = std::ssize(list_messages(tx, {.account = {}, .status = "", .before = {}, .limit = 100}));
  });
  EXPECT_EQ(seen, 2);
  EXPECT_TRUE(messages().empty());
  EXPECT_EQ(spans(), 1);
}

}  // namespace
}  // namespace bursar::notices
