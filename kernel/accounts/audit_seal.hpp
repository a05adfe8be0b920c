// Seals over the audit trail: its events are hashed into a chain, so that whoever changes or removes an event that was
// sealed, or a seal, is found by `bursar db verify`. Somebody who may write the store can still forge the whole chain:
// each seal's digest is therefore logged too, for a log that is kept elsewhere.
#pragma once

#include <cstdint>

#include "base/time.hpp"
#include "storage/database.hpp"

namespace bursar::accounts {

// Seals up to `most` events that bear no seal yet, by id. Answers how many; less than `most`: none is left.
//
// The digest of a seal (base/digest.hpp) is over the digest of the seal before ("" for the first) and the events in the
// order of their ids, each as its id, at, actor, user_id, account_id, action, object, detail, address and request_id.
std::int64_t seal_audit(storage::Transaction& tx, Instant now, std::int64_t most);

}  // namespace bursar::accounts
