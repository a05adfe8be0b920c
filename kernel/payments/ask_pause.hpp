// Lets through one question in some seconds about each object, so that readers who reload do not become questions to a
// gateway. Thread-safe.
#pragma once

#include <map>
#include <mutex>

#include "base/time.hpp"

namespace bursar::payments {

template <class IdType>
class AskPause {
 public:
  bool may_ask(IdType id, Instant now) {
    const std::lock_guard lock(mutex_);
    std::erase_if(asked_, [&](const auto& asked) { return now - asked.second >= interval; });
    return asked_.emplace(id, now).second;
  }

 private:
  static constexpr Duration interval = seconds(5);
  std::mutex mutex_;
  std::map<IdType, Instant> asked_;
};

}  // namespace bursar::payments
