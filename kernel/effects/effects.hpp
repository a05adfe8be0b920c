// The write-ahead record of acts outside the database (charge, refund, provision, message). It knows no domain.
//
// A domain records an effect in the transaction that decides on it. Workers claim due effects, perform them outside
// any transaction through the domain's Handler, and let it settle the outcome in one transaction with the effect's own
// state. An effect whose worker is gone before that is *unknown*, and is then only ever inspect()ed until the other
// side has told what happened, never performed again before that. See docs/design/effects.md.
//
//   recorded --claim--> in_flight --+--> done | failed           settled, never looked at again
//      ^                   |        +--> waiting                 the other side will tell; inspect() at next_at
//      +-- not_attempted --+        +--> unknown                 inspect() at growing intervals
//                                   +--> parked                  a person must look
//
// What is due is told by the clock handed in, which may be a test clock; leases live by real time (`lease_clock`).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "base/time.hpp"
#include "storage/database.hpp"

namespace bursar::effects {

struct NewEffect {
  std::string kind;      // "charge"
  std::string key;       // natural and unique; the idempotency key that the other side gets
  std::string instance;  // plugin instance
  AccountId account;
  std::int64_t object = 0;
  std::optional<Instant> not_before = std::nullopt;
};

struct Effect {
  EffectId id;
  std::string kind;
  std::string key;
  std::string instance;
  AccountId account;
  std::int64_t object = 0;
  int attempts = 0;  // performs and inspects so far, this one included
  Instant created_at;
};

enum class Verdict { unknown, done, failed, waiting, not_attempted, parked };

struct Outcome {
  Verdict verdict = Verdict::unknown;
  std::string data = {};    // the handler's own, JSON; stored and handed to settle()
  std::string secret = {};  // what of it must not be stored; handed to settle() alone
  std::string error = {};
  std::optional<Duration> next_in = std::nullopt;  // else the worker's back-off
  bool forget = false;                             // settled, and not worth a row: the record itself is removed
};

// Records effects; one that exists by its key is left as it is. Answers how many are new.
std::int64_t record(storage::Transaction& tx, Instant now, std::span<const NewEffect> effects);

// What another path (a webhook, staff) has learnt of the act under this key: it is over. A worker that is at it finds
// its claim gone. Nothing happens to one that is settled, or that does not exist. `verdict`: done, failed or parked.
void conclude(storage::Transaction& tx, std::string_view key, Verdict verdict, std::string_view error, Instant now);
// There is reason to ask the other side about it now, also when it was settled. One that was not begun, or that a
// worker is at, is left to that.
void ask_again(storage::Transaction& tx, std::string_view key, Instant now);

// A domain's side of one kind of effect. perform() and inspect() are called outside transactions, concurrently.
class Handler {
 public:
  virtual ~Handler() = default;
  [[nodiscard]] virtual std::string_view kind() const = 0;
  // The instance's limit of calls at the same time, counted over all kinds of effects.
  [[nodiscard]] virtual int concurrency(std::string_view instance) const = 0;
  virtual Outcome perform(const Effect& effect) = 0;
  virtual Outcome inspect(const Effect& effect) = 0;
  // Stores what the outcome means, in the transaction that stores the effect's new state. May change the outcome
  // (a declined charge with a retry date is `failed` here and a new effect there).
  virtual void settle(storage::Transaction& tx, const Effect& effect, Outcome& outcome, Instant now) = 0;
};

using Settling = std::function<void(storage::Transaction&)>;

struct WorkerOptions {
  // Calls at the same time, over all instances; each instance's own limit holds within it. Threads are made as they are
  // needed. With 1, effects are performed one by one in the order they became due.
  int threads = 64;
  Duration lease = minutes(5);  // longer than any deadline of a plugin call
  Duration first_backoff = seconds(30);
  Duration max_backoff = hours(6);
  // From the discovery that a worker is gone until its effect is inspected: what it had sent may still be on its way.
  Duration takeover_pause = seconds(0);
  const Clock* lease_clock = nullptr;  // default: the system's
};

class Workers {
 public:
  Workers(storage::Database& db, const Clock& clock, std::vector<Handler*> handlers, WorkerOptions options = {});
  ~Workers();
  void start();  // threads that work until stop()
  void stop();   // lets calls under way end
  void wake();   // something was recorded
  enum class Until { own_end, all_end };
  // Works off, on the calling thread and the workers', everything that is due at the clock's now, until nothing due is
  // left or in flight here; with all_end, in no other process either. Effects that a dead process left in flight are
  // due. For `job run`, the test clock and tests.
  void drain(Until until = Until::own_end);
  // The first instant after the clock's now at which an effect is tried or asked about again; those that wait for the
  // other side to tell are left out.
  std::optional<Instant> next_try();
  // Claims the effect under `key` and performs it, or inspects it if it may have happened, on the calling thread,
  // however far off its next_at is; for a caller who waits for the answer. False: there is nothing open under the key,
  // or somebody is at it. `settling` is called after the handler's settle(), in the same transaction, and like it again
  // when that runs again; not when the outcome couldn't be stored.
  bool run_now(std::string_view key, const Settling& settling = {});
  struct Counts {
    std::int64_t recorded = 0, in_flight = 0, unknown = 0, waiting = 0, parked = 0;
  };
  Counts counts();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bursar::effects
