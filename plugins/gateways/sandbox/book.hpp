// The sandbox's own book of what it charged and gave back, on a shelf that outlives a restart.
//
// One value per payment, under "payment/ID": lines "name=value", among them one "refund=ID KEY MINOR" per refund.
// "refund/ID" names the payment, "setup/ID" holds what a setup does and when: "action 1767225600000".
#pragma once

#include <bursar/payment.hpp>

#include "magic.hpp"
#include "shelf.hpp"

namespace sandbox {

// abandoned: an action until it lapses, and declined then. approval: an action until the customer is done, and to be
// completed then.
enum class State { charged, pending, action, declined, abandoned, approval };

struct RefundEntry {
  std::string id;
  std::string key;
  std::int64_t minor = 0;
};

// Opens and ends by the passing of time, or ends by evidence.
struct DisputeEntry {
  std::int64_t opens_at = 0;  // the host clock's milliseconds, as the end
  std::int64_t ends_at = 0;   // 0: when there is evidence
  bool won = false;           // at the end

  [[nodiscard]] bool is_open(std::int64_t now) const { return now >= opens_at && (ends_at == 0 || now < ends_at); }
  [[nodiscard]] bool is_over(std::int64_t now) const { return ends_at != 0 && now >= ends_at; }
};

struct Entry {
  std::string payment_id;
  std::string key;  // the idempotency key of the attempt
  State state = State::charged;
  std::string decline;     // "soft", "final" or "unconfirmed" when declined
  std::int64_t minor = 0;  // what is or will be charged
  std::string currency;
  std::int64_t settles_at = 0;  // pending, action, abandoned, approval: the host clock's milliseconds
  bool form = false;            // action: by posting a form, instead of a redirect
  bool saves = false;           // the customer agreed to have the method kept
  bool loses = false;           // approval: the answer to its completion is lost
  std::vector<RefundEntry> refunds;
  std::optional<DisputeEntry> dispute;

  [[nodiscard]] std::int64_t refunded() const;
  [[nodiscard]] std::string reference() const { return "sandbox-" + payment_id; }
};

struct SetupEntry {
  Behaviour behaviour = Behaviour::require_action;
  std::int64_t settles_at = 0;  // the host clock's milliseconds
};

class Book {
 public:
  explicit Book(Shelf shelf) : shelf_(std::move(shelf)) {}

  // The entry, and the stored text that `replace` compares with.
  struct Found {
    Entry entry;
    std::string stored;
  };
  [[nodiscard]] std::optional<Found> find(bursar::Call& call, std::string_view payment_id) const;
  [[nodiscard]] std::optional<Found> find_by_refund(bursar::Call& call, std::string_view refund_id) const;

  // False when somebody else wrote in between: read again.
  [[nodiscard]] bool add(bursar::Call& call, const Entry& entry) const;
  [[nodiscard]] bool replace(bursar::Call& call, const Found& before, const Entry& after) const;
  // What was there first stays.
  [[nodiscard]] std::optional<SetupEntry> find_setup(bursar::Call& call, std::string_view setup_id) const;
  [[nodiscard]] SetupEntry add_setup(bursar::Call& call, std::string_view setup_id, const SetupEntry& entry) const;
  void name_refund(bursar::Call& call, std::string_view refund_id, std::string_view payment_id) const;
  // A call asked for what was done already: "charge", "refund", "complete" or "setup".
  void note_again(const bursar::Call& call, std::string_view what, std::string_view id) const {
    shelf_.note_again(call, what, id);
  }

 private:
  Shelf shelf_;
};

}  // namespace sandbox
