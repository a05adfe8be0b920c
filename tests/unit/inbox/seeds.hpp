// How the tests with random sequences are told what to run.
//
//   BURSAR_SEQUENCES=10000   how many; the default takes some seconds
//   BURSAR_SEED=1            of the first one; "fresh": a new one each time, which is printed and named by a failure
#pragma once

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>

namespace bursar::test {

inline unsigned number_of(std::string_view text) {
  unsigned value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    throw std::invalid_argument("'" + std::string(text) + "' is no number");
  }
  return value;
}

inline unsigned sequence_count(unsigned otherwise) {
  const char* text = std::getenv("BURSAR_SEQUENCES");
  return text == nullptr ? otherwise : number_of(text);
}

inline unsigned first_seed() {
  const char* text = std::getenv("BURSAR_SEED");
  if (text == nullptr) return 20270301;
  if (std::string_view(text) != "fresh") return number_of(text);
  const unsigned fresh = std::random_device()() % 1'000'000'000;
  std::printf("BURSAR_SEED=%u\n", fresh);
  std::fflush(stdout);
  return fresh;
}

}  // namespace bursar::test
