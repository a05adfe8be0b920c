#include "http/idempotency.hpp"

#include <algorithm>
#include <charconv>

namespace bursar::http {

namespace {
constexpr Duration lock_time = minutes(2);  // longer than any plugin's deadline lets a request live

struct Stored {
  std::string body_hash;
  bool done = false;
  Answer answer;
  std::int64_t object = 0;
  Instant locked_until;
};

// The headers column: the content type of a stored answer, or the object of an act under way, and the named headers.
std::string pack_headers(const Answer& answer) {
  std::string out = answer.content_type;
  for (const Header& header : answer.headers) out += "\n" + header.name + ": " + header.value;
  return out;
}

void unpack_headers(std::string_view text, Answer& answer) {
  std::size_t end = text.find('\n');
  answer.content_type = text.substr(0, end);
  while (end != std::string_view::npos) {
    text.remove_prefix(end + 1);
    end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    const std::size_t colon = line.find(": ");
    if (colon != std::string_view::npos)
      answer.set_header(std::string(line.substr(0, colon)), std::string(line.substr(colon + 2)));
  }
}

std::optional<Stored> find(storage::Transaction& tx, const IdempotencyKey& key) {
  auto rows = tx.query(
      "SELECT body_hash, state, status, headers, body, locked_until FROM idempotency_keys"
      " WHERE scope = $1 AND route = $2 AND key = $3",
      key.scope, key.route, key.key);
  if (!rows.next()) return std::nullopt;
  Stored stored{
      .body_hash = rows.string(0), .done = rows.text(1) == "done", .answer = {}, .locked_until = rows.instant(5)};
  if (stored.done) {
    stored.answer.status = static_cast<int>(rows.integer(2));
    unpack_headers(rows.text(3), stored.answer);
    stored.answer.body = rows.string(4);
    stored.answer.set_header("Idempotent-Replayed", "true");
  } else {
    const std::string_view object = rows.text(3);
    std::from_chars(object.data(), object.data() + object.size(), stored.object);
  }
  return stored;
}

bool insert(storage::Transaction& tx, const IdempotencyKey& key, Instant now) {
  return tx.execute(
             "INSERT INTO idempotency_keys (scope, route, key, body_hash, state, created_at, locked_until)"
             " VALUES ($1, $2, $3, $4, 'in_flight', $5, $6) ON CONFLICT DO NOTHING",
             key.scope, key.route, key.key, key.body_hash, now, now + lock_time) == 1;
}

void store(storage::Transaction& tx, const IdempotencyKey& key, const Answer& answer) {
  tx.execute(
      "UPDATE idempotency_keys SET state = 'done', status = $4, headers = $5, body = $6"
      " WHERE scope = $1 AND route = $2 AND key = $3",
      key.scope, key.route, key.key, answer.status, pack_headers(answer), answer.body);
}

Error reused() {
  return invalid("idempotency_key_reused",
                 "This Idempotency-Key was used with another request before; take a new one.");
}
Error in_flight() {
  Error error =
      conflict("idempotency_key_in_flight", "The first request with this Idempotency-Key is still under way.");
  error.retry = Retry::later;
  error.retry_after_seconds = 1;
  return error;
}
}  // namespace

Result<std::string> parse_idempotency_key(std::string_view header) {
  std::string_view key = trim(header);
  if (key.size() >= 2 && key.front() == '"' && key.back() == '"') key = key.substr(1, key.size() - 2);
  const bool printable = std::all_of(key.begin(), key.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
  if (key.empty() || key.size() > 255 || !printable) {
    return Error{.kind = ErrorKind::malformed,
                 .code = "bad_idempotency_key",
                 .detail = "Idempotency-Key must have 1 to 255 printable ASCII characters."};
  }
  return std::string(key);
}

Result<Answer> answer_once(storage::Database& db, const char* what, const IdempotencyKey& key, Instant now,
                           const std::function<Result<Answer>(storage::Transaction&)>& act) {
  return db.write(what, [&](storage::Transaction& tx) -> Result<Answer> {
    if (!insert(tx, key, now)) {
      const auto stored = find(tx, key);
      if (!stored || (!stored->done && stored->body_hash == key.body_hash)) return in_flight();
      if (stored->body_hash != key.body_hash) return reused();
      return stored->answer;
    }
    BURSAR_TRY(answer, act(tx));
    store(tx, key, answer);
    return answer;
  });
}

Result<Answer> answer_once_outside(storage::Database& db, const char* what, const IdempotencyKey& key, Instant now,
                                   const OutsideAct& act) {
  struct Claimed {
    std::int64_t object = 0;
    std::optional<Answer> stored = std::nullopt;
  };
  BURSAR_TRY(claimed, db.write(what, [&](storage::Transaction& tx) -> Result<Claimed> {
    if (insert(tx, key, now)) {
      BURSAR_TRY(object, act.claim(tx));
      tx.execute("UPDATE idempotency_keys SET headers = $4 WHERE scope = $1 AND route = $2 AND key = $3", key.scope,
                 key.route, key.key, std::to_string(object));
      return Claimed{.object = object};
    }
    const auto stored = find(tx, key);
    if (!stored) return in_flight();
    if (stored->body_hash != key.body_hash) return reused();
    if (stored->done) return Claimed{.object = 0, .stored = stored->answer};
    if (stored->locked_until > now) return in_flight();
    // The request that held it is dead: go on with its object.
    tx.execute("UPDATE idempotency_keys SET locked_until = $4 WHERE scope = $1 AND route = $2 AND key = $3", key.scope,
               key.route, key.key, now + lock_time);
    return Claimed{.object = stored->object};
  }));
  if (claimed.stored) return *std::move(claimed.stored);
  std::optional<Answer> kept;
  const auto answer_in = [&](storage::Transaction& tx) {
    const Answer answer = act.render(tx, claimed.object);
    store(tx, key, answer);
    tx.after_commit([&kept, answer] { kept = answer; });
  };
  const Status performed = act.perform(claimed.object, answer_in);
  if (!performed.ok()) {
    db.write("release_idempotency_key", [&](storage::Transaction& tx) {
      tx.execute("UPDATE idempotency_keys SET locked_until = $4 WHERE scope = $1 AND route = $2 AND key = $3",
                 key.scope, key.route, key.key, now);
    });
    return performed.error();
  }
  if (!kept) db.write("store_idempotent_answer", answer_in);
  return *std::move(kept);
}

std::int64_t expire_idempotency_keys(storage::Transaction& tx, Instant now) {
  return tx.execute("DELETE FROM idempotency_keys WHERE created_at < $1", now - days(2));
}

}  // namespace bursar::http
