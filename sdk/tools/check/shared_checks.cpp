// What holds for plugins of every kind: older hosts, several instances, several threads, frontends and health.
#include <filesystem>
#include <optional>
#include <thread>

#include "payment_calls.hpp"

namespace check {
namespace {

using bursar::detail::borrow;
using bursar::testing::TestCall;

// A request as an older host makes it: it ends early, and what follows in memory is somebody else's.
template <class Request>
class Shortened {
 public:
  Shortened() {
    std::memset(bytes_, 0xAB, sizeof bytes_);
    const Request empty{};
    std::memcpy(bytes_, &empty, sizeof empty);
  }
  Request* operator->() { return reinterpret_cast<Request*>(bytes_); }
  // Everything from `size` on is gone.
  const Request* cut(std::size_t size) {
    reinterpret_cast<Request*>(bytes_)->struct_size = static_cast<std::uint32_t>(size);
    std::memset(bytes_ + size, 0xAB, sizeof bytes_ - size);
    return reinterpret_cast<const Request*>(bytes_);
  }

 private:
  alignas(Request) unsigned char bytes_[sizeof(Request) + 64];
};

void negotiation_small_request(const Options& options) {
  const Opened opened(options);
  TestCall call("key-small", opened.host.now_ms + 30'000);
  bool any = false;
  if (const auto* table = opened.instance.table<bursar_payment_v1>(BURSAR_PAYMENT_ID); table != nullptr) {
    any = true;
    Shortened<bursar_charge> charge;
    charge->payment_id = borrow("pay_small");
    charge->amount = money(opened, 1234);
    bursar_payment_result result{};
    result.struct_size = sizeof result;
    (void)(table->begin != nullptr ? table->begin : table->charge)(
        opened.instance.get(), call.get(), charge.cut(offsetof(bursar_charge, return_url)), &result);
  }
  if (const auto* table = opened.instance.table<bursar_panel_v1>(BURSAR_PANEL_ID); table != nullptr) {
    any = true;
    Shortened<bursar_panel_request> request;
    request->service_id = borrow("svc_small");
    bursar_panel_result result{};
    result.struct_size = sizeof result;
    (void)table->create(opened.instance.get(), call.get(), request.cut(offsetof(bursar_panel_request, customer_name)),
                        &result);
  }
  if (const auto* table = opened.instance.table<bursar_notify_v1>(BURSAR_NOTIFY_ID); table != nullptr) {
    any = true;
    Shortened<bursar_message> message;
    message->message_id = borrow("msg_small");
    message->recipient = borrow("erika@example.com");
    bursar_delivery result{};
    result.struct_size = sizeof result;
    (void)table->send(opened.instance.get(), call.get(), message.cut(offsetof(bursar_message, template_name)), &result);
  }
  if (!any) skip("takes no request that could be shorter");
}

// Two accounts at one provider are two instances: what one did is not known to the other.
void lifecycle_nothing_shared(const Options& options) {
  const Opened first(options, "first");
  const Opened second(options, "second");
  const Answer paid = pay(first, "pay_mine", "key-mine", money(first, 1234));
  if (paid.outcome() != BURSAR_PAYMENT_SUCCEEDED) skip("nothing succeeds without its provider");
  require(look_up(second, BURSAR_LOOKUP_ANY, "pay_mine", money(second, 1234)).outcome() != BURSAR_PAYMENT_SUCCEEDED,
          "another instance knows of a payment of this one: there are mutable globals");
}

constexpr int threads_at_once = 16;
constexpr int rounds = 25;

// Runs `work(thread, round)` on sixteen threads; the first thing one of them found wrong fails the check.
void side_by_side(const std::function<void(int, int)>& work) {
  std::mutex mutex;
  std::optional<Result> wrong;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < threads_at_once; ++thread) {
    threads.emplace_back([&, thread] {
      try {
        for (int round = 0; round < rounds; ++round) work(thread, round);
      } catch (const Ended& ended) {
        const std::lock_guard lock(mutex);
        wrong = ended.result;
      } catch (const std::exception& error) {
        const std::lock_guard lock(mutex);
        wrong = Result{Verdict::fail, error.what()};
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (wrong) throw Ended{*wrong};
}

void hygiene_concurrent(const Options& options) {
  const Opened opened(options);
  if ((opened.library.descriptor().flags & BURSAR_DESCRIPTOR_CONCURRENT) == 0) skip("is serial");
  if (opened.instance.table<bursar_payment_v1>(BURSAR_PAYMENT_ID) == nullptr) skip("is no gateway");
  std::mutex mutex;
  std::map<std::string, std::string> owners;
  side_by_side([&](int thread, int round) {
    const std::string id = "pay_" + std::to_string(thread) + "_" + std::to_string(round);
    const Answer answer = pay(opened, id, "key-" + id, money(opened, 1000 + thread));
    if (answer.outcome() != BURSAR_PAYMENT_SUCCEEDED) return;
    const std::lock_guard lock(mutex);
    const auto [owner, fresh] = owners.emplace(answer.reference, id);
    require(fresh, "with " + std::to_string(threads_at_once) + " calls side by side, " + id + " got the reference of " +
                       owner->second);
  });
}

void frontend_folder(const Options& options) {
  namespace fs = std::filesystem;
  const Opened opened(options);
  const auto* table = opened.instance.table<bursar_frontend_v1>(BURSAR_FRONTEND_ID);
  if (table == nullptr) skip("is no frontend");
  const std::string mount = text(table->mount_path);
  require(mount.starts_with('/') && mount.ends_with('/'),
          "the mount path \"" + mount + "\" does not begin and end with /");
  for (const char* taken : {"/api/", "/v1/", "/webhooks/"})
    require(!mount.starts_with(taken), "the mount path lies below " + std::string(taken) + ", which is the kernel's");
  std::error_code error;
  const fs::path home = fs::canonical(options.file, error).parent_path();
  const fs::path folder = fs::canonical(home / text(table->folder), error);
  require(!error && fs::is_directory(folder),
          "the folder \"" + text(table->folder) + "\" is not beside the plugin's file");
  require(folder != home && std::mismatch(home.begin(), home.end(), folder.begin(), folder.end()).first == home.end(),
          "the folder \"" + text(table->folder) + "\" is not one below the plugin's own");
  const std::string index = table->index.size == 0 ? "index.html" : text(table->index);
  require(fs::is_regular_file(folder / index), "there is no " + index + " in the folder");
  if (table->fallback.size != 0)
    require(fs::is_regular_file(folder / text(table->fallback)), "there is no " + text(table->fallback));
  bool policy = false;
  for (std::uint64_t i = 0; i < table->headers.count; ++i)
    policy = policy || text(table->headers.items[i].key) == "content-security-policy";
  if (!policy) warn("sets no content-security-policy");
}

void health_check(const Options& options) {
  const Opened opened(options);
  const auto* table = opened.instance.table<bursar_health_v1>(BURSAR_HEALTH_ID);
  if (table == nullptr) skip("does not tell its health");
  TestCall call("", opened.host.now_ms + 30'000);
  bursar_health_result result{};
  result.struct_size = sizeof result;
  if (table->check(opened.instance.get(), call.get(), &result) != BURSAR_OK) return;
  require(result.state >= BURSAR_HEALTH_UNKNOWN && result.state <= BURSAR_HEALTH_DOWN, "unknown state");
  require(is_utf8(bursar::detail::read(result.text)), "the text is no UTF-8");
  require(opened.host.exchanges.empty() || result.state != BURSAR_HEALTH_GOOD,
          "the provider refuses the connection, and its health is good");
}

}  // namespace

const std::vector<Check>& shared_checks() {
  static const std::vector<Check> checks = {
      {"negotiation.small_request", "an older host's shorter request is respected", &negotiation_small_request},
      {"lifecycle.nothing_shared", "what one instance did is unknown to another", &lifecycle_nothing_shared},
      {"hygiene.concurrent", "sixteen calls side by side do not mix", &hygiene_concurrent},
      {"frontend.folder", "mount path, folder and index are there", &frontend_folder},
      {"health.check", "health keeps the rules, and is not good without the provider", &health_check},
  };
  return checks;
}

}  // namespace check
