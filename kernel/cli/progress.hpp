// A bar on standard error where a person is looking; nothing anywhere else.
#pragma once

#include <cstdint>
#include <string>

namespace bursar::cli {

class Progress {
 public:
  Progress(std::string what, std::int64_t total);
  ~Progress();  // clears the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void step(const std::string& label);

 private:
  std::string what_;
  std::int64_t total_;
  std::int64_t done_ = 0;
  bool shown_;
};

}  // namespace bursar::cli
