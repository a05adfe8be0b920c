#include "base/process.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

namespace bursar {
namespace {

// The name with another part in place of the one at `index` (0: place, 1: process id, 2: start).
std::string with_part(const std::string& name, int index, const std::string& part) {
  std::size_t begin = 0;
  for (int i = 0; i < index; ++i) begin = name.find('.', begin) + 1;
  return name.substr(0, begin) + part + name.substr(name.find('.', begin));
}

// A child that waits for its end.
class Child {
 public:
  Child() : pid_(::fork()) {
    if (pid_ == 0) {
      for (;;) ::pause();
    }
  }
  ~Child() { end(); }
  void signal(int number) const { ::kill(pid_, number); }
  void await_zombie() const {
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }
  void end() {
    if (reaped_) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    reaped_ = true;
  }
  [[nodiscard]] std::string pid() const { return std::to_string(pid_); }

 private:
  pid_t pid_;
  bool reaped_ = false;
};

std::string start_of(const std::string& pid) {
  FILE* pipe = ::popen(("cut -d' ' -f22 /proc/" + pid + "/stat").c_str(), "r");
  std::string text;
  for (int c = std::fgetc(pipe); c >= '0' && c <= '9'; c = std::fgetc(pipe)) text += static_cast<char>(c);
  ::pclose(pipe);
  return text;
}

std::string name_of(const Child& child) {
  return with_part(with_part(this_process(), 1, child.pid()), 2, start_of(child.pid()));
}

TEST(Process, this_one_has_one_name_and_has_not_ended) {
  EXPECT_EQ(this_process(), this_process());
  EXPECT_FALSE(has_ended(this_process()));
  EXPECT_FALSE(has_ended(this_process() + "/3"));
}

TEST(Process, one_that_lives_or_is_stopped_has_not_ended_and_one_that_was_killed_has) {
  Child child;
  const std::string name = name_of(child);
  EXPECT_FALSE(has_ended(name));
  child.signal(SIGSTOP);
  EXPECT_FALSE(has_ended(name + "/0"));
  child.signal(SIGKILL);
  child.await_zombie();
  EXPECT_TRUE(has_ended(name)) << "nobody has asked for its exit status yet";
  child.end();
  EXPECT_TRUE(has_ended(name + "/0"));
}

TEST(Process, one_whose_number_has_gone_to_another_has_ended) {
  EXPECT_TRUE(has_ended(with_part(this_process(), 2, "1")));
}

TEST(Process, nothing_is_said_of_another_machine_or_of_a_name_of_another_form) {
  Child child;
  const std::string name = name_of(child);
  child.end();
  EXPECT_FALSE(has_ended(with_part(name, 0, "another-boot_1_1")));
  for (const char* text : {"", "/", "dead-0", "a.b", "a.b.c.d", "...", ".1.1.1", "0123456789abcdef-7"}) {
    EXPECT_FALSE(has_ended(text)) << text;
  }
  EXPECT_FALSE(has_ended(with_part(name, 1, "-1")));
  EXPECT_FALSE(has_ended(with_part(name, 1, "0")));
  EXPECT_FALSE(has_ended(with_part(name, 1, "99999999999999999999")));
}

}  // namespace
}  // namespace bursar
