// Idempotency-Key: one stored answer for each (scope, route, key), in the table idempotency_keys.
//
// Acts of the database alone run in the very transaction that stores the answer: there is never an act without its
// answer. Acts that go on outside (a charge) are split: the transaction that claims the key also records the act's
// object (a payment), and whoever comes later with the key goes on with that object instead of making a second one.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"
#include "http/message.hpp"
#include "storage/database.hpp"

namespace bursar::http {

struct IdempotencyKey {
  std::string scope;  // "a42", "u7"
  std::string route;  // "POST /invoices/{invoice}/payments"
  std::string key;
  std::string body_hash;  // of path and canonical body
};

// The key of a header value, raw or quoted. Errors: malformed "bad_idempotency_key".
Result<std::string> parse_idempotency_key(std::string_view header);

// Runs `act` and stores its answer in one transaction, or answers what is stored. An act that fails leaves no key
// behind. Errors besides the act's: invalid "idempotency_key_reused" (another body), conflict
// "idempotency_key_in_flight".
Result<Answer> answer_once(storage::Database& db, const char* what, const IdempotencyKey& key, Instant now,
                           const std::function<Result<Answer>(storage::Transaction&)>& act);

// An act that goes on outside the database.
struct OutsideAct {
  // Records the act's object and answers its number, in the transaction that takes the key.
  std::function<Result<std::int64_t>(storage::Transaction&)> claim;
  // Goes on with it outside any transaction; must be able to take up an object that an earlier, dead request left half
  // done. May run `settling` in the transaction that ends the act: it stores the answer there.
  std::function<Status(std::int64_t object, const std::function<void(storage::Transaction&)>& settling)> perform;
  std::function<Answer(storage::Connection&, std::int64_t object)> render;
};

// The answer is stored with the act's end or else after it. A failure of `perform` is answered and not stored; the
// object stays claimed by the key.
Result<Answer> answer_once_outside(storage::Database& db, const char* what, const IdempotencyKey& key, Instant now,
                                   const OutsideAct& act);

// Forgets keys older than two days. Answers how many.
std::int64_t expire_idempotency_keys(storage::Transaction& tx, Instant now);

}  // namespace bursar::http
