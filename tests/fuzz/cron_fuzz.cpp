// Cron expressions: what is accepted always finds its next time, later than the last; what is not says where.
#include "scheduler/cron.hpp"

#include "fuzz/fuzz.hpp"

using namespace bursar;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto cron = scheduler::CronExpression::parse(as_text(data, size));
  if (!cron.ok()) {
    FUZZ_CHECK(cron.error().code == "bad_cron_expression" && !cron.error().detail.empty());
    return 0;
  }
  static const Zone zones[] = {Zone::find("America/Los_Angeles").value(), Zone::find("Australia/Lord_Howe").value()};
  for (const Zone& zone : zones) {
    Instant at = Instant::parse("2027-03-13T00:00:00Z").value();
    for (int i = 0; i < 3; ++i) {
      const auto next = cron->next_after(zone, at);
      FUZZ_CHECK(next.has_value());
      FUZZ_CHECK(next->at > at);
      at = next->at;
    }
  }
  return 0;
}
