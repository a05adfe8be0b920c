// One row for each thing that can be asked: from this table requests are routed and authorised, and the OpenAPI
// document is written, so that none of the three can say something else than the others.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/authorization.hpp"
#include "base/result.hpp"
#include "http/message.hpp"

namespace bursar::storage {
class Connection;
}

namespace bursar::http {

class Call;
using Handler = std::function<Result<Answer>(Call&)>;
// Reads a few rows by key and does nothing else; in the snapshot in which the caller was authorised.
using Reader = std::function<Result<Answer>(Call&, storage::Connection&)>;

enum class Verb { get, post, put, patch, delete_ };
std::string_view to_text(Verb verb);

// Who may call a route, before its action is looked at.
enum class Access {
  open,    // anyone, also without a login
  login,   // any user; the route is about the caller
  action,  // whoever accounts::decide() allows Route::action
};

// What the first placeholder of the path names, and so whose account it is that `action` is decided for.
enum class Subject {
  none,
  account,
  service,
  invoice,
  payment,
  mass_payment,
  payment_method,
  refund_request,
  hold,
  message
};

struct QueryParameter {
  std::string_view name;
  std::string_view type;  // as in schemas.hpp: string, date, id, or words a|b
  std::string_view description;
  std::string_view id_prefix = "";  // of an id
};

struct Route {
  Verb verb = Verb::get;
  std::string_view path;  // below the base path: "/invoices/{invoice}/payments"
  std::string_view summary;
  Access access = Access::action;
  std::optional<accounts::Action> action = std::nullopt;
  Subject subject = Subject::none;
  std::string_view request = "";      // schema of the body; empty: takes none
  std::string_view response = "";     // schema of the answer, or "Text"; empty: 204
  std::string_view or_response = "";  // another schema the answer may have, as what was asked goes
  bool list = false;                  // answers {data, next_cursor} of `response`; takes limit and cursor
  bool keyed = false;                 // requires Idempotency-Key
  bool from_providers = false;        // called by machines of providers, many at once: a rate of its own
  int success = 200;
  std::vector<QueryParameter> query = {};
  Handler handler = {};
  Reader reader = {};  // instead of `handler`: quick enough for an event loop
};

struct PathParameter {
  std::string_view name;
  std::string value;
};

// Finds the route of a path. Patterns are matched segment by segment; a literal segment wins over a placeholder.
class RouteTable {
 public:
  static constexpr std::string_view base_path = "/api/v1";

  void add(Route route);
  struct Match {
    const Route* route = nullptr;
    std::vector<PathParameter> parameters = {};
    std::string allowed = {};  // the methods of this path, for 405; empty: no such path
  };
  // `path` without the base path; HEAD is answered by the GET route.
  [[nodiscard]] Match find(std::string_view method, std::string_view path) const;
  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }
  // The place of a route that find() answered in routes().
  [[nodiscard]] std::size_t index(const Route& route) const {
    return static_cast<std::size_t>(&route - routes_.data());
  }

 private:
  std::vector<Route> routes_;
  std::vector<std::vector<std::string_view>> segments_;  // of each route's path
  // Each path begins with a literal.
  std::map<std::string_view, std::vector<std::size_t>, std::less<>> by_first_segment_;
};

}  // namespace bursar::http
