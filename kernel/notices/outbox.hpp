// Messages to customers. A message is a row with a natural key (cause, recipient, channel) before it is sent, so that
// nobody is told twice; sending it is an effect of kind "message".
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "base/time.hpp"
#include "effects/effects.hpp"
#include "notices/channel.hpp"
#include "notices/templates.hpp"
#include "settings/config.hpp"
#include "storage/database.hpp"

namespace bursar::notices {

struct Notice {
  std::string cause;  // "reminder:<invoice>:3"
  AccountId account;  // none: for the provider's own staff, at provider.email
  Template name = Template::invoice_created;
  Values values;  // customer_name, provider_name and portal_url are added; of several items those of the first, too
  Items items = {};
};

class Outbox {
 public:
  // `channels`: the plugin instances every message goes to; without any, nothing is written.
  Outbox(const settings::Config& config, std::vector<std::string> channels);

  // Writes what is new of `notices` for the address of each account, and the effects that send it, in the transaction
  // that decided on it. A fixed number of statements plus one short one a message.
  void enqueue(storage::Transaction& tx, std::span<const Notice> notices, Instant now) const;

  // "change_applied" and the like about a change of a service, recorded by invoicing as an effect of kind "notice"
  // (notice_handler.hpp).
  void enqueue_change(storage::Transaction& tx, Template name, std::int64_t change, Instant now) const;

  // "Tell the customer of these invoices": one row however many, spread later. `first` and `last` are invoice ids that
  // one reservation gave.
  static void enqueue_span(storage::Transaction& tx, Template name, std::int64_t first, std::int64_t last, Instant now);

  // Writes the messages of all waiting spans, one for each account however many of its invoices they hold, in batches
  // of their own transactions. Answers how many were written.
  std::int64_t spread(storage::Database& db, Instant now) const;
  // The same within one transaction, for a preview.
  std::int64_t spread(storage::Transaction& tx, Instant now) const;

 private:
  void enqueue_invoices(storage::Transaction& tx, Template name, std::span<const std::int64_t> invoices,
                        Instant now) const;
  void enqueue_recorded_notices(storage::Transaction& tx, Instant now) const;
  std::string provider_name_;
  std::string provider_email_;
  std::string portal_url_;
  std::vector<std::string> channels_;
};

// Sends the messages. `unknown` is sent once more with the same message id and then left to a person: a mail may come
// twice, recognisable as one, but is not lost.
class MessageHandler final : public effects::Handler {
 public:
  MessageHandler(storage::Database& db, Channels& channels, const IdCodec& codec)
      : db_(db), channels_(channels), codec_(codec) {}
  [[nodiscard]] std::string_view kind() const override { return "message"; }
  [[nodiscard]] int concurrency(std::string_view instance) const override;
  effects::Outcome perform(const effects::Effect& effect) override;
  effects::Outcome inspect(const effects::Effect& effect) override;
  void settle(storage::Transaction& tx, const effects::Effect& effect, effects::Outcome& outcome, Instant now) override;

 private:
  storage::Database& db_;
  Channels& channels_;
  const IdCodec& codec_;
};

// For staff: what was sent, waits or failed.
struct MessageRow {
  MessageId id;
  AccountId account;
  std::string channel, recipient, template_name, subject, body, status;
  Instant created_at;
  std::optional<Instant> sent_at;
};
struct MessageFilter {
  AccountId account;   // none: every account's
  std::string status;  // empty: any
  MessageId before;    // older than this one
  int limit = 50;
};
std::vector<MessageRow> list_messages(storage::Connection& c, const MessageFilter& filter);  // newest first
// Puts a failed or unknown message into the queue again.
Status resend(storage::Transaction& tx, MessageId message, Instant now);

}  // namespace bursar::notices
