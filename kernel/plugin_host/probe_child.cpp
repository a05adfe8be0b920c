#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>

#include "plugin_host/opened_plugin.hpp"
#include "plugin_host/probe.hpp"

namespace bursar::plugin_host {
namespace {

constexpr int report_descriptor = 3;

void write_line(const std::string& line) {
  std::string_view left(line);
  while (!left.empty()) {
    const auto written = write(report_descriptor, left.data(), left.size());
    if (written <= 0) _exit(2);  // nobody listens any more
    left.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string read_all(int descriptor) {
  std::string text;
  std::array<char, 65536> piece{};
  for (auto got = read(descriptor, piece.data(), piece.size()); got > 0;
       got = read(descriptor, piece.data(), piece.size())) {
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  return text;
}

void note_stage(std::string_view stage) { write_line("stage " + std::string(stage) + "\n"); }

// No core file (it would hold secrets), no new rights, no life after the parent.
void confine() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void refuse(Record& record, const Refusal& refusal) {
  record.state = InstanceState::disabled;
  record.cause = refusal.cause;
  record.cure = refusal.cure;
}

void try_open(Library library, const ProbeOrder& order, Record& record) {
  const SystemClock clock;
  auto environment = std::make_shared<Environment>(clock, remembered_key_values(), order.ca_file);
  OpenedPlugin plugin(std::move(library), order.instance, environment,
                      std::chrono::steady_clock::now() + std::chrono::milliseconds(order.timeout_ms));
  plugin.open(&note_stage);
  record.setting_errors = plugin.setting_errors();
  if (plugin.refusal()) {
    refuse(record, *plugin.refusal());
    return;
  }
  record.interfaces = plugin.facts().interfaces;
  record.capabilities = plugin.facts().capabilities;
  record.state = InstanceState::loaded;
  note_stage("closing it");
  plugin.close();
}

ProbeReport examine(const ProbeOrder& order) {
  ProbeReport report;
  auto& record = report.record;
  note_stage("examining the file");
  auto check = check_file(order.directory, order.instance.plugin, order.instance.sha256.value_or(""));
  record.file = check.path;
  if (check.refusal) {
    refuse(record, *check.refusal);
    return report;
  }
  auto loaded = load_library(check.path, &note_stage);
  if (const auto* refusal = std::get_if<Refusal>(&loaded)) {
    refuse(record, *refusal);
    return report;
  }
  auto& library = std::get<Library>(loaded);
  record.id = library.id;
  record.name = library.name;
  record.version = library.version;
  record.abi = library.abi;
  record.interfaces = library.interfaces;
  report.settings = library.settings;
  if (order.describe_only) {
    record.state = InstanceState::loaded;
  } else {
    try_open(std::move(library), order, record);
  }
  return report;
}

}  // namespace

int probe_main() {
  confine();
  const auto order = parse_order(read_all(STDIN_FILENO));
  if (!order.ok()) return 2;
  const auto report = examine(*order);
  write_line("report " + to_json(report) + "\n");
  _exit(0);  // the plugin's own exit handlers have no say any more
}

}  // namespace bursar::plugin_host
