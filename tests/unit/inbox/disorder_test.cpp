// Goal: in whatever order payments, saved methods, changed plans, events, refunds, corrections and deaths of the
// process come, the gateways' own books are ours in the end. Method: seeded sequences of random acts over gateways that
// answer at random; each ends when what was under way has had its last word. A sequence that fails is shrunk, act by
// act, to the shortest that still does.
//
//   BURSAR_ACTS="pay:7 die:9"  these acts alone, as a failure names them, after the seed's beginning
//
// seeds.hpp says how many sequences there are and how they are chosen.
#include <sstream>

#include "disorder_world.hpp"
#include "seeds.hpp"

namespace bursar::test {
namespace {

struct Step {
  const DisorderWorld::Act* act;
  unsigned seed;
};
struct Sequence {
  unsigned seed;
  std::vector<Step> steps;
};

Sequence random_sequence(unsigned seed) {
  std::mt19937 random(seed);
  std::vector<const DisorderWorld::Act*> choice;
  for (const auto& act : DisorderWorld::acts()) choice.insert(choice.end(), act.weight, &act);
  Sequence sequence{.seed = seed, .steps = {}};
  for (auto length = 10 + random() % 31; length > 0; --length) {
    const auto* act = choice[random() % choice.size()];
    sequence.steps.push_back({act, static_cast<unsigned>(random() % 100000)});
  }
  return sequence;
}

Sequence said(unsigned seed, const std::string& acts) {
  Sequence sequence{.seed = seed, .steps = {}};
  std::istringstream words(acts);
  for (std::string word; words >> word;) {
    const auto colon = word.find(':');
    for (const auto& act : DisorderWorld::acts()) {
      if (act.name == word.substr(0, colon)) sequence.steps.push_back({&act, number_of(word.substr(colon + 1))});
    }
  }
  return sequence;
}

std::string to_text(const Sequence& sequence) {
  std::string text;
  for (const Step& step : sequence.steps) {
    text += (text.empty() ? "" : " ") + std::string(step.act->name) + ":" + std::to_string(step.seed);
  }
  return text;
}

std::vector<std::string> faults_of(storage::Backend backend, const Sequence& sequence) try {
  DisorderWorld world(backend);
  world.begin_sequence(sequence.seed);
  for (const Step& step : sequence.steps) world.act(*step.act, step.seed);
  world.end_sequence();
  return world.faults();
} catch (const std::exception& error) {
  return {error.what()};
}

// Leaves out ever smaller runs of acts as long as something is wrong without them.
Sequence shrunk(storage::Backend backend, Sequence sequence) {
  for (std::size_t chunk = std::max<std::size_t>(sequence.steps.size() / 2, 1); chunk > 0; chunk /= 2) {
    for (std::size_t at = 0; at < sequence.steps.size();) {
      Sequence shorter = sequence;
      const auto begin = shorter.steps.begin() + static_cast<std::ptrdiff_t>(at);
      const auto left = std::min(chunk, shorter.steps.size() - at);
      shorter.steps.erase(begin, begin + static_cast<std::ptrdiff_t>(left));
      if (faults_of(backend, shorter).empty()) {
        at += chunk;
      } else {
        sequence = std::move(shorter);
      }
    }
  }
  return sequence;
}

class DisorderTest : public ::testing::TestWithParam<storage::Backend> {
 protected:
  static void tell_of(const Sequence& sequence) {
    std::string text;
    for (const auto& fault : faults_of(GetParam(), sequence)) text += "\n  " + fault;
    ADD_FAILURE() << "BURSAR_SEED=" << sequence.seed << " BURSAR_ACTS=\"" << to_text(sequence) << "\"" << text;
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, DisorderTest, backends());

TEST_P(DisorderTest, any_order_of_acts_ends_in_the_gateways_book) {
  const unsigned first = first_seed();
  if (const char* acts = std::getenv("BURSAR_ACTS")) {
    const Sequence sequence = said(first, acts);
    if (!faults_of(GetParam(), sequence).empty()) tell_of(sequence);
    return;
  }
  const unsigned count = sequence_count(GetParam() == storage::Backend::sqlite ? 400 : 30);
  for (unsigned n = 0; n < count; ++n) {
    const Sequence sequence = random_sequence(first + n);
    if (!faults_of(GetParam(), sequence).empty()) return tell_of(shrunk(GetParam(), sequence));
  }
  std::printf("%u sequences from seed %u\n", count, first);
}

}  // namespace
}  // namespace bursar::test
