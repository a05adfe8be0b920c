#include "base/assert.hpp"

namespace bursar {

void invariant_broken(const char* expression, const char* file, int line) {
  throw InvariantBroken(std::string(file) + ":" + std::to_string(line) + ": broken invariant: " + expression);
}

}  // namespace bursar
