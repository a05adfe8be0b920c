// Cursors: nothing is accepted but what the codec has written for the same question.
#include "http/cursor.hpp"

#include "fuzz/fuzz.hpp"

using namespace bursar;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const http::CursorCodec codec({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
  const std::string_view text = as_text(data, size);
  if (const auto key = codec.decode(text, "/invoices"); key.ok()) {
    FUZZ_CHECK(codec.encode(*key, "/invoices") == text);
  }
  // The input as a question: another question's cursor never passes.
  const std::string cursor = codec.encode(42, text);
  FUZZ_CHECK(codec.decode(cursor, text).value() == 42);
  FUZZ_CHECK(!codec.decode(cursor, std::string(text) + "x").ok());
  return 0;
}
