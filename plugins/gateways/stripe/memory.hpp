// What the plugin remembers in the host's store, so that a payment can be found again when no answer ever came:
//  - "sent/ID": that an operation of ours was, or was about to be, sent. Written before the first request that acts,
//    and once more when Stripe has told its id. Without such an entry nothing was ever sent from here.
//  - "asked/ID": since when an operation without an entry is being asked for.
//  - "customer/ACCOUNT": Stripe's customer for an account.
#pragma once

#include <bursar/host.hpp>

namespace stripe {

// What was sent, which decides where to look for it.
enum class Sent { intent, session, refund, setup };

struct Entry {
  Sent kind = Sent::intent;
  std::string customer{};   // intent: whose payments to look through
  std::string payment{};    // refund: the PaymentIntent it gives back from
  std::string reference{};  // Stripe's id; empty: no answer came
  bursar::Time since{};     // when it was sent last
  std::int64_t broken = 0;  // how many of its idempotency keys Stripe answers with a server's error
};

class Memory {
 public:
  explicit Memory(bursar::Host host) : host_(host) {}

  [[nodiscard]] std::optional<Entry> find(bursar::Call& call, std::string_view id) const;
  void put(bursar::Call& call, std::string_view id, const Entry& entry) const;

  // Since when `id` is asked for; begins now if it was not asked for before.
  [[nodiscard]] bursar::Time asked_since(bursar::Call& call, std::string_view id) const;

  [[nodiscard]] std::optional<std::string> customer(bursar::Call& call, std::string_view account) const;
  void put_customer(bursar::Call& call, std::string_view account, std::string_view customer) const;

 private:
  bursar::Host host_;
};

}  // namespace stripe
