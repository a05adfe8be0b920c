#include <cstdio>

#include "base/json_text.hpp"
#include "cli/support.hpp"
#include "inbox/inbox.hpp"
#include "storage/installation.hpp"

namespace bursar::cli {
namespace {

void print_request(const inbox::StoredRequest& request, const IdCodec& codec, bool json) {
  const std::string id = codec.text(request.id);
  const std::string at = request.request.received_at.value_or(Instant()).to_string();
  if (json) {
    std::printf("{\"id\": %s, \"instance\": %s, \"received_at\": %s, \"status\": %s, \"size\": %zu, \"error\": %s}\n",
                json_string(id).c_str(), json_string(request.instance).c_str(), json_string(at).c_str(),
                json_string(request.status).c_str(), request.request.body.size(), json_string(request.error).c_str());
    return;
  }
  std::printf("%s  %s  %-16s %-9s %7zu bytes%s%s\n", id.c_str(), at.c_str(), request.instance.c_str(),
              request.status.c_str(), request.request.body.size(), request.error.empty() ? "" : "  ",
              request.error.c_str());
}

void print_whole(const inbox::StoredRequest& request, const IdCodec& codec) {
  print_request(request, codec, false);
  for (const auto& event : request.events) {
    std::printf("  event %s: %s, %s%s%s\n", event.event_id.c_str(), event.kind.c_str(), event.status.c_str(),
                event.note.empty() ? "" : ": ", event.note.c_str());
  }
  std::printf("%s %s%s%s\n", request.request.method.c_str(),
              request.request.path.empty() ? "/" : request.request.path.c_str(),
              request.request.query.empty() ? "" : "?", request.request.query.c_str());
  for (const auto& [name, value] : request.request.headers) {
    std::printf("%s: %s\n", name.c_str(), inbox::is_secret_header(name) ? "[secret]" : value.c_str());
  }
  std::printf("\n%s\n", request.request.body.c_str());
}

Result<ReadStore> open_inbox(const Common& common) {
  BURSAR_TRY(config, read_config(common));
  return open_to_read(config);
}

}  // namespace

int inbox_list(const Common& common, const InboxFilter& filter) {
  const auto store = open_inbox(common);
  if (!store.ok()) return fail(store.error());
  const IdCodec codec(storage::load_id_key(*store->db));
  const auto requests = store->db->read([&](storage::Connection& c) {
    return inbox::list_requests(
        c, store->vault,
        {.instance = filter.instance, .status = filter.open ? "open" : "", .before = {}, .limit = filter.limit});
  });
  for (const auto& request : requests) print_request(request, codec, common.json);
  if (common.json) return done;
  for (const auto& refusals : store->db->read([](storage::Connection& c) { return inbox::list_refusals(c); })) {
    std::printf("%s: %lld requests were not genuine, the last at %s from %s: %s\n", refusals.instance.c_str(),
                static_cast<long long>(refusals.count), refusals.last_at.to_string().c_str(),
                refusals.last_address.c_str(), refusals.last_reason.c_str());
  }
  return done;
}

int inbox_show(const Common& common, const std::string& id) {
  const auto store = open_inbox(common);
  if (!store.ok()) return fail(store.error());
  const IdCodec codec(storage::load_id_key(*store->db));
  const auto parsed = codec.parse<WebhookRequestIdTag>(id);
  if (!parsed.ok()) return fail(parsed.error(), wrong_usage);
  const auto request =
      store->db->read([&](storage::Connection& c) { return inbox::find_request(c, store->vault, *parsed); });
  if (!request) return fail(not_found("no_such_request", "There is no request " + id + "."));
  print_whole(*request, codec);
  return done;
}

int inbox_replay(const Common& common, const std::string& id) {
  int code = done;
  const auto app = open_app(common, code);
  if (!app) return code;
  const auto parsed = app->codec().parse<WebhookRequestIdTag>(id);
  if (!parsed.ok()) return fail(parsed.error(), wrong_usage);
  if (const Status replayed = app->inbox().replay(*parsed); !replayed.ok()) return fail(replayed.error());
  app->drain();
  const auto request =
      app->database().read([&](storage::Connection& c) { return inbox::find_request(c, app->vault(), *parsed); });
  if (!request) {
    std::printf("%s is not genuine; it was dropped\n", id.c_str());
    return failed;
  }
  print_whole(*request, app->codec());
  return request->status == "done" ? done : failed;
}

}  // namespace bursar::cli
