// load, descriptor, negotiation, lifecycle.
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "check.hpp"

namespace check {
namespace {

using bursar::testing::FakeHost;
using bursar::testing::Instance;
using bursar::testing::Library;
using bursar::testing::TestCall;

void load_exports(const Options& options) {
  bool entry = false;
  for (const Symbol& symbol : exported_symbols(options.file)) {
    if (symbol.name == BURSAR_ENTRY_SYMBOL) {
      entry = true;
      continue;
    }
    if (symbol.unique)
      fail("GNU-unique symbol " + symbol.name +
           ": build with -fno-gnu-unique and hidden visibility (bursar_add_plugin does)");
    // The sanitizers' own symbols come and go with them.
    if (symbol.name.starts_with("__asan") || symbol.name.starts_with("__tsan") || symbol.name.starts_with("__odr_asan"))
      continue;
    fail("exports " + symbol.name +
         " beside " BURSAR_ENTRY_SYMBOL ": two plugins with such a name would share it (use bursar_add_plugin)");
  }
  require(entry, "does not export " BURSAR_ENTRY_SYMBOL);
}

std::size_t threads() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) ++count;
  return count;
}

void load_quiet(const Options& options) {
  int ends[2];
  require(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0, "no pipe");
  const int out = ::dup(1);
  const int err = ::dup(2);
  ::dup2(ends[1], 1);
  ::dup2(ends[1], 2);
  const std::size_t before = threads();
  std::string problem;
  try {
    const Library library(options.file);
    std::fflush(nullptr);
  } catch (const std::exception& error) {
    problem = error.what();
  }
  ::dup2(out, 1);
  ::dup2(err, 2);
  char byte = 0;
  const bool noisy = ::read(ends[0], &byte, 1) > 0;
  require(problem.empty(), problem);
  require(!noisy, "writes to stdout or stderr while it is loaded; use the log service");
  require(threads() == before, "starts a thread while it is loaded; start it in open");
}

void load_twice(const Options& options) {
  const Library first(options.file);
  const Library second(options.file);
  require(&first.entry() == &second.entry(), BURSAR_ENTRY_SYMBOL " answers something else each time");
}

bool only(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}

void descriptor_identity(const Options& options) {
  const Library library(options.file);
  const bursar_descriptor& d = library.descriptor();
  require(BURSAR_HAS(&d, settings_count), "the descriptor's struct_size is too short");
  const std::string id = text(d.id);
  require(!id.empty() && id.find('.') != std::string::npos && only(id, "abcdefghijklmnopqrstuvwxyz0123456789.-"),
          "the id is no reverse domain of [a-z0-9.-]: \"" + id + "\"");
  const std::string version = text(d.version);
  require(std::count(version.begin(), version.end(), '.') >= 2 && version.find_first_of("0123456789") == 0,
          "the version is not semantic (1.2.3): \"" + version + "\"");
  require(d.interfaces.count != 0, "the descriptor names no interface");
  for (const bursar_str field : {d.id, d.version, d.name, d.summary, d.vendor, d.url, d.license}) {
    require(is_utf8(bursar::detail::read(field)), "a text of the descriptor is no UTF-8");
  }
  if (d.name.size == 0 || d.summary.size == 0) warn("name and summary are empty; staff see them");
}

void descriptor_settings(const Options& options) {
  const Library library(options.file);
  std::set<std::string> keys;
  std::string without_help;
  for (const bursar_setting* row : rows_of(library.descriptor())) {
    const std::string key = text(row->key);
    require(!key.empty() && key.size() <= 40 && only(key, "abcdefghijklmnopqrstuvwxyz0123456789_") && key[0] >= 'a',
            "bad settings key \"" + key + "\"");
    require(keys.insert(key).second, "the key " + key + " is there twice");
    require(row->type >= BURSAR_SETTING_STRING && row->type <= BURSAR_SETTING_LIST, key + ": unknown type");
    require((row->flags & BURSAR_SETTING_REQUIRED) == 0 || row->default_value.size == 0,
            key + ": required, and has a default");
    require(row->type != BURSAR_SETTING_CHOICE || row->choices_count != 0, key + ": a choice without choices");
    require(row->minimum == 0 || row->maximum == 0 || row->minimum <= row->maximum, key + ": minimum above maximum");
    for (const char* word : {"secret", "password", "token", "private_key", "api_key"}) {
      require(key.find(word) == std::string::npos || row->type == BURSAR_SETTING_SECRET,
              key + ": looks like a secret and is not typed so");
    }
    if (row->help.size == 0) without_help += " " + key;
  }
  const bursar::testing::SettingValues values(library.descriptor(),
                                              settings_for(library.descriptor(), options.settings));
  if (!without_help.empty()) warn("no help for:" + without_help);
}

void negotiation_unknown_ids(const Options& options) {
  const Opened opened(options);
  const bursar_entry& entry = opened.library.entry();
  const bursar_descriptor& d = opened.library.descriptor();
  for (std::uint64_t i = 0; i < d.interfaces.count; ++i) {
    const std::string id = text(d.interfaces.items[i]);
    const bool settings = id == BURSAR_SETTINGS_ID;
    require(entry.get_interface(opened.instance.get(), id.c_str()) != nullptr,
            "does not answer for " + id + ", which its descriptor names");
    require(entry.get_interface(opened.instance.get(), (id + "x").c_str()) == nullptr, "answers for " + id + "x");
    require(settings || entry.get_interface(nullptr, id.c_str()) == nullptr,
            "answers for " + id + " without an instance");
  }
  require(entry.get_interface(opened.instance.get(), "") == nullptr, "answers for the empty interface id");
}

void negotiation_absent_services(const Options& options) {
  const Library library(options.file);
  FakeHost host;
  host.absent = {BURSAR_LOG_ID, BURSAR_CLOCK_ID, BURSAR_HTTP_ID, BURSAR_STORE_ID, BURSAR_RANDOM_ID, BURSAR_CRYPTO_ID};
  try {
    const Instance instance(library, host, settings_for(library.descriptor(), options.settings));
  } catch (const std::runtime_error&) {
    return;  // refusing is as good as opening; only a crash is wrong
  }
}

void negotiation_small_result(const Options& options) {
  const Opened opened(options);
  const auto* payment = opened.instance.table<bursar_payment_v1>(BURSAR_PAYMENT_ID);
  if (payment == nullptr || payment->lookup == nullptr) skip("has no payment lookup");
  bursar_payment_result result;
  std::memset(&result, 0xAB, sizeof result);
  result.struct_size = offsetof(bursar_payment_result, processed);
  result.outcome = BURSAR_PAYMENT_UNKNOWN;
  bursar_lookup lookup{};
  lookup.struct_size = sizeof lookup;
  lookup.id = bursar::detail::borrow("pay_absent");
  TestCall call;
  (void)payment->lookup(opened.instance.get(), call.get(), &lookup, &result);
  const auto* bytes = reinterpret_cast<const unsigned char*>(&result);
  for (std::size_t i = result.struct_size; i < sizeof result; ++i) {
    require(bytes[i] == 0xAB, "writes beyond the struct_size of an older host's result");
  }
}

void lifecycle_open_close(const Options& options) {
  const std::size_t before = threads();
  for (int i = 0; i < 100; ++i) const Opened opened(options);
  require(threads() == before, "leaves a thread behind after close");
}

void lifecycle_two_instances(const Options& options) {
  const Opened first(options, "first");
  {
    const Opened second(options, "second");
    require(first.instance.get() != second.instance.get(), "two opens answer the same instance");
  }
  const bursar_descriptor& d = first.library.descriptor();
  for (std::uint64_t i = 0; i < d.interfaces.count; ++i) {
    require(first.library.entry().get_interface(first.instance.get(), text(d.interfaces.items[i]).c_str()) != nullptr,
            "the first instance is broken after the second was closed");
  }
}

}  // namespace

const std::vector<Check>& basic_checks() {
  static const std::vector<Check> checks = {
      {"load.exports", "the file exports its entry and nothing else", &load_exports},
      {"load.quiet", "loading prints nothing and starts no thread", &load_quiet},
      {"load.twice", "the entry is the same each time", &load_twice},
      {"descriptor.identity", "id, version and names are well-formed", &descriptor_identity},
      {"descriptor.settings", "the settings table is sound and its examples fit it", &descriptor_settings},
      {"negotiation.unknown_ids", "unknown interface ids are answered with null", &negotiation_unknown_ids},
      {"negotiation.absent_services", "a host without services is no crash", &negotiation_absent_services},
      {"negotiation.small_result", "an older host's smaller result is respected", &negotiation_small_result},
      {"lifecycle.open_close", "a hundred instances open and close", &lifecycle_open_close},
      {"lifecycle.two_instances", "two instances live side by side", &lifecycle_two_instances},
  };
  return checks;
}

}  // namespace check
