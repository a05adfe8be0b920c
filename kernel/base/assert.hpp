// Assertions for our own mistakes. Kept in release builds: a broken invariant in money code must stop the act, not
// be carried on into the ledger. The exception ends the request or the job step and is caught at that edge; nothing
// of the act has been committed by then. Never used for anything a user, a plugin or the network can cause.
#pragma once

#include <stdexcept>
#include <string>

namespace bursar {

class InvariantBroken : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void invariant_broken(const char* expression, const char* file, int line);

}  // namespace bursar

#define BURSAR_ASSERT(expression) \
  (static_cast<bool>(expression) ? void(0) : ::bursar::invariant_broken(#expression, __FILE__, __LINE__))
