// How many accounts the next chunk of a run takes. SQLite has one writer: whoever writes while a chunk is written waits
// for its end, so a run whose chunks kept a request waiting goes on in smaller ones, and grows back once nobody waits.
#pragma once

#include <algorithm>
#include <cstdint>

namespace bursar::scheduler {

class Pace {
 public:
  // Below this a chunk's own cost, a commit above all, outweighs its accounts.
  static constexpr int least_accounts = 50;

  // `waits` is Database::foreground_waits() at the beginning.
  Pace(int most_accounts, std::uint64_t waits) : most_(most_accounts), accounts_(most_accounts), waits_(waits) {}

  [[nodiscard]] int accounts() const { return accounts_; }
  void after_chunk(std::uint64_t waits) {
    const bool somebody_waited = waits != waits_;
    waits_ = waits;
    if (somebody_waited) {
      accounts_ = std::max(accounts_ / 4, std::min(least_accounts, most_));
    } else {
      accounts_ = std::min(accounts_ * 2, most_);
    }
  }

 private:
  int most_;
  int accounts_;
  std::uint64_t waits_;
};

}  // namespace bursar::scheduler
