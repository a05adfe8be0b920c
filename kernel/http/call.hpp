// One request at its route: what a handler needs, already authorised as the route's row says.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accounts/actor.hpp"
#include "accounts/authorization.hpp"
#include "http/api.hpp"
#include "http/idempotency.hpp"
#include "http/json.hpp"
#include "http/json_writer.hpp"
#include "http/object_reader.hpp"
#include "http/route.hpp"

namespace bursar::http {

struct Page {
  int limit = 50;
  std::int64_t after = 0;                                // the last key of the page before; 0: the first page
  [[nodiscard]] int fetch() const { return limit + 1; }  // one more tells whether a next page is there
};

class Call {
 public:
  Call(const Dependencies& dependencies, const CursorCodec& cursors, const Request& http_request,
       const RouteTable::Match& match);

  const Dependencies& app;
  const Request& request;
  const Route& route;
  const Instant now;
  accounts::Caller caller;  // empty user: nobody is logged in
  AccountId account;        // whose object the path names; empty for routes without a subject
  Json body;                // read already; null where the route takes none

  [[nodiscard]] CivilDate today() const { return app.rules.today(now); }
  [[nodiscard]] std::string_view parameter(std::string_view name) const;
  template <class IdType>
  [[nodiscard]] Result<IdType> id(std::string_view name) const {
    return parse_id(parameter(name), IdType());
  }
  // Query parameters, decoded; nullopt: not given. Names and values were checked against the route's row.
  [[nodiscard]] std::optional<std::string> query(std::string_view name) const;
  template <class IdType>
  [[nodiscard]] std::optional<IdType> query_id(std::string_view name) const {
    const auto text = query(name);
    return text ? std::optional<IdType>(parse_id(*text, IdType()).value()) : std::nullopt;
  }
  [[nodiscard]] std::optional<CivilDate> query_date(std::string_view name) const;
  // Errors: malformed "bad_cursor".
  [[nodiscard]] Result<Page> page() const;

  [[nodiscard]] accounts::Actor actor() const;
  // For acts whose domain function knows no actor; `detail` is JSON.
  void audit(storage::Transaction& tx, AccountId of, std::string action, std::string object,
             std::string detail = "") const;
  // 403 or 404 unless the caller may do this too.
  [[nodiscard]] Status require(accounts::Action action, AccountId of = {}) const;

  // The version that If-Match asks for; nullopt: none asked. Errors: precondition_failed for one that is not ours.
  [[nodiscard]] Result<std::optional<std::int64_t>> if_match() const;
  // For objects without a version, whose ETag is that of their content (Api adds it): `now_stored` is the answer that a
  // GET would give inside the transaction that changes the object. Errors: precondition_failed.
  [[nodiscard]] Status if_match_content(const Answer& now_stored) const;

  // Acts once for the request's Idempotency-Key (idempotency.hpp); without a key on a route that needs none, just acts.
  Result<Answer> once(const char* what, const std::function<Result<Answer>(storage::Transaction&)>& act);
  Result<Answer> once_outside(const char* what, const OutsideAct& act);
  void wake_workers() const {
    if (app.wake_workers) app.wake_workers();
  }

  [[nodiscard]] Answer answer(JsonWriter&& w) const { return {.status = route.success, .body = std::move(w).take()}; }
  [[nodiscard]] Answer versioned(JsonWriter&& w, std::int64_t version) const;
  [[nodiscard]] static Answer no_content() { return {.status = 204}; }

  // A page of {data, next_cursor}. `items` holds up to page.fetch(); `key` answers an item's number, `write` its JSON.
  template <class T, class Key, class Write>
  Answer list(std::vector<T> items, const Page& page, Key key, Write write) const {
    const bool more = static_cast<int>(items.size()) > page.limit;
    if (more) items.erase(items.begin() + page.limit, items.end());
    JsonWriter w;
    w.begin_object().key("data").begin_array();
    for (const T& item : items) write(w, item);
    w.end_array().key("next_cursor");
    if (more) {
      w.value(next_cursor(key(items.back())));
    } else {
      w.null();
    }
    w.end_object();
    return answer(std::move(w));
  }

  // A page of a list that is short and at hand as a whole, in an order that stands.
  template <class T, class Write>
  Answer list_whole(const std::vector<T>& all, const Page& page, Write write) const {
    const auto first = std::min(all.size(), static_cast<std::size_t>(page.after));
    const auto end = std::min(all.size(), first + static_cast<std::size_t>(page.fetch()));
    std::vector<std::size_t> rest;
    for (std::size_t i = first; i < end; ++i) rest.push_back(i);
    return list(
        std::move(rest), page, [](std::size_t i) { return static_cast<std::int64_t>(i + 1); },
        [&](JsonWriter& w, std::size_t i) { write(w, all[i]); });
  }

 private:
  template <class Tag>
  [[nodiscard]] Result<Id<Tag>> parse_id(std::string_view text, Id<Tag> /*of*/) const {
    return app.ids.parse<Tag>(text);
  }
  [[nodiscard]] std::string question() const;  // path and filters, for cursors
  [[nodiscard]] std::string next_cursor(std::int64_t key) const;
  [[nodiscard]] Result<std::optional<IdempotencyKey>> idempotency_key() const;

  friend class Api;
  Status read_query();
  [[nodiscard]] std::string query_fault(std::string_view name, const std::string& value) const;  // empty: none
  [[nodiscard]] bool body_is_named_json() const;
  Status read_body();

  const CursorCodec& cursors_;
  const std::vector<PathParameter>& parameters_;
  std::vector<std::pair<std::string, std::string>> query_;
};

}  // namespace bursar::http
