// Killed or failed at a chosen commit, on both backends.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "table.hpp"

namespace bursar::storage::testing {
namespace {

class FailpointsTest : public StorageTest {
 protected:
  // Answers the wait status of a process that commits four times under the failpoint.
  int commit_four_times(const std::string& failpoint) {
    db_.close();
    std::string point = "BURSAR_FAILPOINT=" + failpoint;
    std::string count = "BURSAR_FAILPOINT_COUNT=" + count_file();
    std::string program = STORAGE_COMMITS;
    std::string url = db_.url();
    std::string times = "4";
    char* arguments[] = {program.data(), url.data(), times.data(), nullptr};
    char* environment[] = {point.data(), count.data(), nullptr};
    pid_t child = 0;
    EXPECT_EQ(::posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments, environment), 0);
    int status = 0;
    ::waitpid(child, &status, 0);
    db_.open();
    return status;
  }
  std::string count_file() const { return folder_.file("commits"); }
  int counted() const {
    int number = 0;
    std::ifstream(count_file()) >> number;
    return number;
  }
  test::TemporaryFolder folder_;
};
INSTANTIATE_TEST_SUITE_P(Backends, FailpointsTest, test::backends());

TEST_P(FailpointsTest, before_a_commit_the_killed_process_leaves_the_earlier_ones_only) {
  const int status = commit_four_times("before_commit=kill@3");
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  EXPECT_EQ(counted(), 2);
  EXPECT_EQ(count_things(*db_), 2);
}

TEST_P(FailpointsTest, after_a_commit_the_killed_process_leaves_that_one_too) {
  EXPECT_TRUE(WIFSIGNALED(commit_four_times("after_commit=kill@3")));
  EXPECT_EQ(counted(), 3);
  EXPECT_EQ(count_things(*db_), 3);
}

TEST_P(FailpointsTest, a_commit_that_fails_is_rolled_back_and_the_next_works) {
  const int status = commit_four_times("before_commit=error@2");
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 3);
  EXPECT_EQ(count_things(*db_), 3);
}

TEST_P(FailpointsTest, without_reaching_its_number_a_failpoint_only_counts) {
  const int status = commit_four_times("before_commit=kill@99");
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(counted(), 4);
  EXPECT_EQ(count_things(*db_), 4);
}

}  // namespace
}  // namespace bursar::storage::testing
