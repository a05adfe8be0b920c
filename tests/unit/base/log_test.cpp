// Goal: one line a record, always valid JSON, whatever the values are.
#include "base/log.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "base/json_text.hpp"

namespace bursar {
namespace {

using namespace std::string_literals;

class LogTest : public ::testing::Test {
 protected:
  LogTest() : file_(std::filesystem::temp_directory_path() / ("bursar-log-" + std::to_string(::getpid()))) {
    log::configure({.level = log::Level::info, .format = log::Format::json, .file = file_.string()});
  }
  ~LogTest() override {
    log::configure({});
    std::filesystem::remove(file_);
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    std::ifstream in(file_);
    std::vector<std::string> out;
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
  }

 private:
  std::filesystem::path file_;
};

TEST_F(LogTest, writes_fields_and_the_request_id) {
  {
    const log::RequestScope outer("req_1");
    {
      const log::RequestScope inner("req_2");
      log::info("thing_done", {{"text", "a \"b\""}, {"number", 42}, {"yes", true}});
    }
    log::warning("after");
  }
  log::debug("unseen");
  const auto all = lines();
  ASSERT_EQ(all.size(), 2u);
  const auto first = nlohmann::json::parse(all[0]);
  EXPECT_EQ(first["event"], "thing_done");
  EXPECT_EQ(first["level"], "info");
  EXPECT_EQ(first["request_id"], "req_2");
  EXPECT_EQ(first["text"], "a \"b\"");
  EXPECT_EQ(first["number"], 42);
  EXPECT_EQ(first["yes"], true);
  EXPECT_EQ(nlohmann::json::parse(all[1])["request_id"], "req_1");
}

TEST_F(LogTest, input_cannot_forge_a_line) {
  const std::string hostile = "a\nb\r\x00\x1b[31m\x7f\xc2\x85\xe2\x80\xa8\xe2\x80\xae\xff\xed\xa0\x80\xc0\xaf\xf5"s;
  log::info("x", {{"value", hostile}});
  const auto all = lines();
  ASSERT_EQ(all.size(), 1u);
  for (char c : all[0]) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
  EXPECT_FALSE(nlohmann::json::parse(all[0], nullptr, false).is_discarded());
}

TEST_F(LogTest, threads_do_not_mix_their_lines) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 200; ++i) log::info("line", {{"thread", t}, {"padding", std::string(300, 'x')}});
    });
  }
  for (auto& thread : threads) thread.join();
  const auto all = lines();
  ASSERT_EQ(all.size(), 1600u);
  for (const auto& line : all) ASSERT_FALSE(nlohmann::json::parse(line, nullptr, false).is_discarded());
}

TEST(JsonText, replaces_what_is_not_utf_8) {
  EXPECT_EQ(json_string("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"), "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"");
  EXPECT_EQ(json_string("\xff"), "\"\xef\xbf\xbd\"");
  EXPECT_EQ(json_string("\xc3"), "\"\xef\xbf\xbd\"");
  EXPECT_EQ(json_string("\xe2\x80\xae"), "\"\\u202e\"");
  EXPECT_EQ(json_string("\t\"\\"), "\"\\t\\\"\\\\\"");
}

}  // namespace
}  // namespace bursar
