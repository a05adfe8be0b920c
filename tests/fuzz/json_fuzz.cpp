// Strict JSON: what is accepted has one canonical form, which reads back as itself.
#include "http/json.hpp"

#include "fuzz/fuzz.hpp"

using namespace bursar;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = http::parse_json(as_text(data, size), {.depth = 16, .values = 1000, .bytes = 64 * 1024});
  if (!document.ok()) {
    FUZZ_CHECK(document.error().kind == ErrorKind::malformed && !document.error().detail.empty());
    return 0;
  }
  const std::string form = document->canonical();
  const auto again = http::parse_json(form, {.depth = 16, .values = 1000, .bytes = 1024 * 1024});
  FUZZ_CHECK(again.ok());
  FUZZ_CHECK(again->canonical() == form);
  return 0;
}
