#include "memory.hpp"

#include "plugin_support/json.hpp"

namespace stripe {
namespace {

constexpr std::string_view kinds[] = {"intent", "session", "refund", "setup"};

std::string sent_key(std::string_view id) { return "sent/" + std::string(id); }

bursar::Time time_of(std::int64_t milliseconds) { return bursar::Time(bursar::Milliseconds(milliseconds)); }

Sent kind_of(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kinds); ++i) {
    if (kinds[i] == name) return static_cast<Sent>(i);
  }
  throw bursar::OutcomeUnknown("the plugin's store holds an entry of an unknown kind");
}

}  // namespace

std::optional<Entry> Memory::find(bursar::Call& call, std::string_view id) const {
  const std::optional<std::string> stored = host_.store_get(call, sent_key(id));
  if (!stored) return std::nullopt;
  const plugin_support::Json json = plugin_support::parse_json(*stored, "the plugin's store");
  const plugin_support::Object object(json, "entry");
  return Entry{.kind = kind_of(object.text("kind")),
               .customer = object.optional_text("customer"),
               .payment = object.optional_text("payment"),
               .reference = object.optional_text("reference"),
               .since = time_of(object.integer("since")),
               .broken = object.integer("broken")};
}

void Memory::put(bursar::Call& call, std::string_view id, const Entry& entry) const {
  const plugin_support::Json json = {{"kind", kinds[static_cast<std::size_t>(entry.kind)]},
                                     {"customer", entry.customer},
                                     {"payment", entry.payment},
                                     {"reference", entry.reference},
                                     {"since", entry.since.time_since_epoch().count()},
                                     {"broken", entry.broken}};
  host_.store_put(call, sent_key(id), json.dump());
}

bursar::Time Memory::asked_since(bursar::Call& call, std::string_view id) const {
  const std::string key = "asked/" + std::string(id);
  const bursar::Time now = host_.now();
  const plugin_support::Json mine = {{"since", now.time_since_epoch().count()}};
  if (host_.store_swap(call, key, std::nullopt, mine.dump())) return now;
  const std::optional<std::string> stored = host_.store_get(call, key);
  if (!stored) return now;
  const plugin_support::Json json = plugin_support::parse_json(*stored, "the plugin's store");
  return time_of(plugin_support::Object(json, "entry").integer("since"));
}

std::optional<std::string> Memory::customer(bursar::Call& call, std::string_view account) const {
  return host_.store_get(call, "customer/" + std::string(account));
}

void Memory::put_customer(bursar::Call& call, std::string_view account, std::string_view customer) const {
  host_.store_put(call, "customer/" + std::string(account), customer);
}

}  // namespace stripe
