#include "storage/failpoints.hpp"

#ifdef BURSAR_FAILPOINTS

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/log.hpp"
#include "storage/database.hpp"

namespace bursar::storage::failpoints {
namespace {

constexpr std::string_view before = "before_commit", after = "after_commit";

struct Plan {
  enum class Act { none, kill, error };
  Act act = Act::none;
  std::string point;
  std::int64_t at = 0;
  std::string count_file;
};

Plan read_plan() {
  Plan plan;
  if (const char* file = std::getenv("BURSAR_FAILPOINT_COUNT")) plan.count_file = file;
  const char* variable = std::getenv("BURSAR_FAILPOINT");
  if (variable == nullptr) return plan;
  const std::string_view text = variable;
  const auto equals = text.find('=');
  const auto at = text.find('@');
  const auto point = text.substr(0, equals);
  if (equals != std::string_view::npos && at != std::string_view::npos && at > equals) {
    const auto act = text.substr(equals + 1, at - equals - 1);
    const auto number = text.substr(at + 1);
    const auto parsed = std::from_chars(number.data(), number.data() + number.size(), plan.at);
    plan.point = point;
    if (act == "kill") plan.act = Plan::Act::kill;
    if (act == "error" && point == before) plan.act = Plan::Act::error;
    const bool is_point = point == before || point == after || point.find('.') != std::string_view::npos;
    if (parsed.ec != std::errc() || !is_point) plan.act = Plan::Act::none;
  }
  if (plan.act == Plan::Act::none) log::error("failpoint_not_understood", {{"value", text}});
  return plan;
}

const Plan& plan() {
  static const Plan plan = read_plan();
  return plan;
}

std::atomic<std::int64_t> commits = 0;

void write_count(std::int64_t count) {
  if (plan().count_file.empty()) return;
  const int file = ::open(plan().count_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return;
  const std::string text = std::to_string(count) + "\n";
  if (::write(file, text.data(), text.size()) < 0) log::error("failpoint_count_not_written");
  ::close(file);
}

void act(Plan::Act act) {
  if (act == Plan::Act::kill) ::kill(::getpid(), SIGKILL);
  if (act == Plan::Act::error) throw StorageError("failpoint: this commit fails", true);
}

}  // namespace

void before_commit() {
  const std::int64_t number = commits.fetch_add(1) + 1;
  if (plan().point == before && number == plan().at) act(plan().act);
}

void after_commit() {
  const std::int64_t number = commits.load();
  write_count(number);
  if (plan().point == after && number == plan().at) act(plan().act);
}

void reached(std::string_view subject, std::string_view point) {
  static std::atomic<std::int64_t> times = 0;
  const std::string_view wanted = plan().point;
  const bool is_it = wanted.size() == subject.size() + 1 + point.size() && wanted.starts_with(subject) &&
                     wanted[subject.size()] == '.' && wanted.ends_with(point);
  if (is_it && times.fetch_add(1) + 1 == plan().at) act(plan().act);
}

}  // namespace bursar::storage::failpoints

#else

namespace bursar::storage::failpoints {

void reached(std::string_view /*subject*/, std::string_view /*point*/) {}

}  // namespace bursar::storage::failpoints

#endif
