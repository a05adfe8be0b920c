#include "cli/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace bursar::cli {

Progress::Progress(std::string what, std::int64_t total)
    : what_(std::move(what)), total_(std::max<std::int64_t>(total, 1)), shown_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (shown_ && done_ > 0) std::fputs("\r\033[K", stderr);
}

void Progress::step(const std::string& label) {
  done_ = std::min(done_ + 1, total_);
  if (!shown_) return;
  constexpr std::int64_t width = 30;
  const auto filled = static_cast<std::size_t>(done_ * width / total_);
  const std::string bar = std::string(filled, '#') + std::string(width - filled, '.');
  std::fprintf(stderr, "\r\033[K%s [%s] %lld/%lld %s", what_.c_str(), bar.c_str(), static_cast<long long>(done_),
               static_cast<long long>(total_), label.c_str());
  std::fflush(stderr);
}

}  // namespace bursar::cli
