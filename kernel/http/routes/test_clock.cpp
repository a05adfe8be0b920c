#include "http/call.hpp"
#include "http/routes/routes.hpp"

namespace bursar::http {

namespace {
using accounts::Action;

Result<Answer> read_clock(Call& call) {
  JsonWriter w;
  w.begin_object().field("now", call.app.clock.now()).end_object();
  return call.answer(std::move(w));
}

Result<Answer> set_clock(Call& call) {
  ObjectReader in(call.body, call.app.ids);
  const Instant now = in.instant("now");
  BURSAR_CHECK(in.finish());
  BURSAR_TRY(before, read_clock(call));
  BURSAR_CHECK(call.if_match_content(before));
  BURSAR_CHECK(call.app.set_test_clock(now));
  return read_clock(call);
}
}  // namespace

void add_test_clock_routes(RouteTable& routes) {
  routes.add({.path = "/test-clock",
              .summary = "The time this installation lives in",
              .action = Action::test_clock_read,
              .response = "TestClock",
              .handler = read_clock});
  routes.add({.verb = Verb::put,
              .path = "/test-clock",
              .summary = "Move the time on; answers when all work up to then is done",
              .action = Action::test_clock_set,
              .request = "TestClock",
              .response = "TestClock",
              .handler = set_clock});
}

}  // namespace bursar::http
