#include "book.hpp"

#include <charconv>

namespace sandbox {
namespace {

constexpr std::string_view state_names[] = {"charged", "pending", "action", "declined", "abandoned", "approval"};

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw std::runtime_error("the sandbox's book holds a damaged number");
  return value;
}

std::string write(const Entry& entry) {
  std::string out = "key=" + entry.key + "\nstate=" + std::string(state_names[static_cast<std::size_t>(entry.state)]) +
                    "\nminor=" + std::to_string(entry.minor) + "\ncurrency=" + entry.currency + "\n";
  if (!entry.decline.empty()) out += "decline=" + entry.decline + "\n";
  if (entry.settles_at != 0) out += "settles_at=" + std::to_string(entry.settles_at) + "\n";
  if (entry.form) out += "form=1\n";
  if (entry.saves) out += "saves=1\n";
  if (entry.loses) out += "loses=1\n";
  for (const RefundEntry& refund : entry.refunds)
    out += "refund=" + refund.id + " " + refund.key + " " + std::to_string(refund.minor) + "\n";
  if (entry.dispute) {
    out += "dispute=" + std::to_string(entry.dispute->opens_at) + " " + std::to_string(entry.dispute->ends_at) +
           (entry.dispute->won ? " won" : " lost") + "\n";
  }
  return out;
}

DisputeEntry read_dispute(std::string_view text) {
  const std::size_t first = text.find(' ');
  const std::size_t last = text.rfind(' ');
  if (first == std::string_view::npos || first == last)
    throw std::runtime_error("the sandbox's book holds a damaged dispute");
  return {.opens_at = number(text.substr(0, first)),
          .ends_at = number(text.substr(first + 1, last - first - 1)),
          .won = text.substr(last + 1) == "won"};
}

RefundEntry read_refund(std::string_view text) {
  const std::size_t key = text.find(' ');
  const std::size_t minor = text.rfind(' ');
  if (key == std::string_view::npos || minor == key)
    throw std::runtime_error("the sandbox's book holds a damaged refund");
  return {std::string(text.substr(0, key)), std::string(text.substr(key + 1, minor - key - 1)),
          number(text.substr(minor + 1))};
}

State read_state(std::string_view text) {
  for (std::size_t i = 0; i < std::size(state_names); ++i) {
    if (state_names[i] == text) return static_cast<State>(i);
  }
  throw std::runtime_error("the sandbox's book holds an unknown state");
}

Entry read(std::string_view payment_id, std::string_view text) {
  Entry entry;
  entry.payment_id = payment_id;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = std::min(line.find('='), line.size());
    const std::string_view name = line.substr(0, equals);
    const std::string_view value = line.substr(std::min(equals + 1, line.size()));
    if (name == "key") entry.key = value;
    if (name == "state") entry.state = read_state(value);
    if (name == "minor") entry.minor = number(value);
    if (name == "currency") entry.currency = value;
    if (name == "decline") entry.decline = value;
    if (name == "settles_at") entry.settles_at = number(value);
    if (name == "form") entry.form = true;
    if (name == "saves") entry.saves = true;
    if (name == "loses") entry.loses = true;
    if (name == "refund") entry.refunds.push_back(read_refund(value));
    if (name == "dispute") entry.dispute = read_dispute(value);
  }
  return entry;
}

std::string payment_key(std::string_view id) { return "payment/" + std::string(id); }
std::string refund_key(std::string_view id) { return "refund/" + std::string(id); }
std::string setup_key(std::string_view id) { return "setup/" + std::string(id); }

}  // namespace

std::int64_t Entry::refunded() const {
  std::int64_t sum = 0;
  for (const RefundEntry& refund : refunds) sum += refund.minor;
  return sum;
}

std::optional<Book::Found> Book::find(bursar::Call& call, std::string_view payment_id) const {
  std::optional<std::string> stored = shelf_.get(call, payment_key(payment_id));
  if (!stored) return std::nullopt;
  Entry entry = read(payment_id, *stored);
  return Found{std::move(entry), std::move(*stored)};
}

std::optional<Book::Found> Book::find_by_refund(bursar::Call& call, std::string_view refund_id) const {
  const std::optional<std::string> payment_id = shelf_.get(call, refund_key(refund_id));
  return payment_id ? find(call, *payment_id) : std::nullopt;
}

bool Book::add(bursar::Call& call, const Entry& entry) const {
  return shelf_.swap(call, payment_key(entry.payment_id), std::nullopt, write(entry));
}

bool Book::replace(bursar::Call& call, const Found& before, const Entry& after) const {
  return shelf_.swap(call, payment_key(after.payment_id), before.stored, write(after));
}

std::optional<SetupEntry> Book::find_setup(bursar::Call& call, std::string_view setup_id) const {
  const std::optional<std::string> stored = shelf_.get(call, setup_key(setup_id));
  if (!stored) return std::nullopt;
  // An entry of an older version has no word.
  const std::size_t space = stored->find(' ');
  if (space == std::string::npos) return SetupEntry{.settles_at = number(*stored)};
  return SetupEntry{.behaviour = behaviour_named(std::string_view(*stored).substr(0, space)),
                    .settles_at = number(std::string_view(*stored).substr(space + 1))};
}

SetupEntry Book::add_setup(bursar::Call& call, std::string_view setup_id, const SetupEntry& entry) const {
  const std::string text = std::string(name_of(entry.behaviour)) + " " + std::to_string(entry.settles_at);
  if (shelf_.swap(call, setup_key(setup_id), std::nullopt, text)) return entry;
  note_again(call, "setup", setup_id);
  return find_setup(call, setup_id).value_or(entry);
}

void Book::name_refund(bursar::Call& call, std::string_view refund_id, std::string_view payment_id) const {
  shelf_.put(call, refund_key(refund_id), payment_id);
}

}  // namespace sandbox
