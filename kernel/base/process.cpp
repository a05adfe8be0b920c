#include "base/process.hpp"

#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <sstream>

namespace bursar {
namespace {

// What the kernel tells of a process: proc(5), /proc/PID/stat.
struct Stat {
  char state = '?';
  std::string threads;
  std::string start;  // clock ticks since boot
};

std::optional<Stat> read_stat(std::string_view pid) {
  std::ifstream file("/proc/" + std::string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  // The second field, the name of the program, may hold anything; it ends at the last ')'.
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(name_end + 1));
  constexpr int state_field = 3, threads_field = 20, start_field = 22;
  Stat stat;
  std::string text;
  for (int field = state_field; field <= start_field; ++field) {
    if (!(fields >> text)) return std::nullopt;
    if (field == state_field) stat.state = text.front();
    if (field == threads_field) stat.threads = text;
    if (field == start_field) stat.start = text;
  }
  return stat;
}

// One run of one kernel, and in it the numbering of processes and of time that we see. Empty: not to be known.
std::string read_place() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string place;
  if (!std::getline(file, place)) return {};
  for (const char* space : {"/proc/self/ns/pid", "/proc/self/ns/time"}) {
    std::error_code error;
    const std::string link = std::filesystem::read_symlink(space, error).string();
    if (error) return {};
    place += '_';
    for (const char c : link) {
      if (c >= '0' && c <= '9') place += c;
    }
  }
  return place;
}

std::string random_text() {
  std::random_device random;
  std::string out;
  for (int i = 0; i < 4; ++i) {
    const auto bits = random();
    for (unsigned shift = 0; shift < 32; shift += 4) out += "0123456789abcdef"[(bits >> shift) & 15];
  }
  return out;
}

const std::string& this_place() {
  static const std::string place = read_place();
  return place;
}

// PLACE, PID, START.
std::optional<std::array<std::string_view, 3>> parts_of(std::string_view process) {
  std::array<std::string_view, 3> parts;
  for (auto& part : parts) {
    const auto dot = process.find('.');
    if (dot == std::string_view::npos || dot == 0) return std::nullopt;
    part = process.substr(0, dot);
    process.remove_prefix(dot + 1);
  }
  return parts;
}

}  // namespace

const std::string& this_process() {
  static const std::string name = [] {
    const auto stat = read_stat("self");
    return (stat ? this_place() : "") + "." + std::to_string(::getpid()) + "." + (stat ? stat->start : "") + "." +
           random_text();
  }();
  return name;
}

bool has_ended(std::string_view process) {
  process = process.substr(0, process.find('/'));
  const auto parts = parts_of(process);
  if (!parts || process == this_process()) return false;
  const auto& [place, pid_text, start] = *parts;
  if (place != this_place()) return false;
  pid_t pid = 0;
  const auto parsed = std::from_chars(pid_text.data(), pid_text.data() + pid_text.size(), pid);
  if (parsed.ec != std::errc() || pid <= 0) return false;
  // Asked first, since /proc may be mounted so that it hides the processes of others.
  if (::kill(pid, 0) != 0 && errno == ESRCH) return true;
  const auto stat = read_stat(pid_text);
  if (!stat) return false;
  if (stat->start != start) return true;  // the number has gone to another
  return (stat->state == 'Z' || stat->state == 'X') && stat->threads == "1";
}

}  // namespace bursar
