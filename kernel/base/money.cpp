#include "base/money.hpp"

#include <algorithm>
#include <numeric>

namespace bursar {
namespace {

__extension__ using Wide = __int128;

// Every quotient of the product comes through here. `den` > 0.
Wide divide(Wide num, Wide den, Rounding rounding) {
  const Wide magnitude = num < 0 ? -num : num;
  Wide quotient = magnitude / den;
  const Wide rest = magnitude % den;
  const Wide other_rest = den - rest;
  bool away = false;
  switch (rounding) {
    case Rounding::half_even:
      away = rest > other_rest || (rest == other_rest && quotient % 2 != 0);
      break;
    case Rounding::half_up:
      away = rest >= other_rest;
      break;
    case Rounding::down:
      away = false;
      break;
    case Rounding::up:
      away = rest != 0;
      break;
  }
  if (away) ++quotient;
  return num < 0 ? -quotient : quotient;
}

std::int64_t narrow(Wide value) {
  if (value > Money::max_minor || value < -Wide{Money::max_minor}) throw MoneyError("an amount is out of range");
  return static_cast<std::int64_t>(value);
}

void same_currency(Currency a, Currency b) {
  if (a == b) return;
  throw MoneyError("amounts in " + std::string(a.code()) + " and " + std::string(b.code()) + " meet");
}

Error bad_amount(std::string code, std::string detail) {
  return invalid("amount_" + std::move(code), std::move(detail));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Names the first character that has no place in an amount; the text itself is not repeated, it may be anything.
Error bad_character(std::string_view text, std::size_t at) {
  const auto c = static_cast<unsigned char>(text[at]);
  const std::string where = " at character " + std::to_string(at + 1) + ".";
  if (c >= 0x80)
    return bad_amount("is_not_ascii", "An amount is written in ASCII digits; found something else" + where);
  if (c == '+') return bad_amount("has_a_plus_sign", "An amount has no plus sign; found one" + where);
  if (c == '-') return bad_amount("has_a_misplaced_sign", "A minus sign stands first or not at all; found one" + where);
  if (c == ' ' || (c >= '\t' && c <= '\r'))
    return bad_amount("has_a_space", "An amount has no space; found one" + where);
  if (c == ',' || c == '\'' || c == '_') {
    return bad_amount("has_a_separator",
                      "An amount has no separators and a point before its decimals; found a separator" + where);
  }
  if ((c == 'e' || c == 'E') && at > 0) {
    return bad_amount("has_an_exponent", "An amount is written out, without an exponent; found one" + where);
  }
  return bad_amount("has_a_bad_character",
                    "An amount is digits, a point and perhaps a minus sign; found something else" + where);
}

// The digits of strict decimal text with at most one point.
struct Decimal {
  bool negative = false;
  std::string_view whole;
  std::string_view fraction;
  bool has_point = false;
};

Result<Decimal> split_decimal(std::string_view text) {
  if (text.empty()) return bad_amount("is_empty", "An amount is missing.");
  Decimal out;
  out.negative = text.front() == '-';
  const std::size_t begin = out.negative ? 1 : 0;
  std::size_t point = std::string_view::npos;
  for (std::size_t i = begin; i < text.size(); ++i) {
    if (text[i] == '.' && point == std::string_view::npos) {
      point = i;
    } else if (text[i] == '.') {
      return bad_amount("has_two_points",
                        "An amount has one decimal point; found another at character " + std::to_string(i + 1) + ".");
    } else if (!is_digit(text[i])) {
      return bad_character(text, i);
    }
  }
  out.has_point = point != std::string_view::npos;
  out.whole = text.substr(begin, out.has_point ? point - begin : std::string_view::npos);
  out.fraction = out.has_point ? text.substr(point + 1) : std::string_view();
  if (out.whole.empty())
    return bad_amount("has_no_whole_part", "An amount has at least one digit before its point, such as 0.50.");
  if (out.whole.size() > 1 && out.whole.front() == '0') {
    return bad_amount("has_leading_zeros", "An amount has no needless zeros in front.");
  }
  return out;
}

bool all_zero(std::string_view digits) {
  return std::all_of(digits.begin(), digits.end(), [](char c) { return c == '0'; });
}

// The digits as one number; the caller has bounded their count to what fits.
std::int64_t number(std::string_view whole, std::string_view fraction) {
  std::int64_t value = 0;
  for (std::string_view part : {whole, fraction}) {
    for (char c : part) value = value * 10 + (c - '0');
  }
  return value;
}

constexpr int percent_decimals = 6;
constexpr std::int64_t percent_units = 1'000'000;            // 1 %
constexpr std::int64_t percent_whole = 100 * percent_units;  // 100 %

}  // namespace

Money::Money(std::int64_t minor, Currency currency) : minor_(narrow(minor)), currency_(currency) {}

Result<Money> Money::parse(std::string_view text, Currency currency) {
  BURSAR_TRY(decimal, split_decimal(text));
  const auto wanted = static_cast<std::size_t>(currency.exponent());
  const std::string rule = wanted == 0
                               ? std::string(currency.code()) + " has no decimals."
                               : std::string(currency.code()) + " has exactly " + std::to_string(wanted) + " decimals.";
  if (decimal.fraction.size() > wanted || (wanted == 0 && decimal.has_point))
    return bad_amount("has_too_many_digits", "Too many decimals: " + rule);
  if (decimal.fraction.size() < wanted) return bad_amount("has_too_few_digits", "Too few decimals: " + rule);
  if (decimal.negative && all_zero(decimal.whole) && all_zero(decimal.fraction)) {
    return bad_amount("is_negative_zero", "Zero has no minus sign.");
  }
  constexpr std::size_t most_digits = 17;  // those of max_minor
  if (decimal.whole.size() + decimal.fraction.size() > most_digits)
    return bad_amount("is_too_large", "The amount is too large.");
  const std::int64_t minor = number(decimal.whole, decimal.fraction);
  if (minor > max_minor) return bad_amount("is_too_large", "The amount is too large.");
  return Money(decimal.negative ? -minor : minor, currency);
}

std::string Money::to_decimal() const {
  const auto decimals = static_cast<std::size_t>(currency_.exponent());
  std::string digits = std::to_string(minor_ < 0 ? -minor_ : minor_);
  if (digits.size() <= decimals) digits.insert(0, decimals + 1 - digits.size(), '0');
  if (decimals > 0) digits.insert(digits.size() - decimals, 1, '.');
  if (minor_ < 0) digits.insert(0, 1, '-');
  return digits;
}

std::string Money::to_string() const { return to_decimal() + ' ' + std::string(currency_.code()); }

Money Money::operator-() const { return {-minor_, currency_}; }

Money& Money::operator+=(Money other) {
  same_currency(currency_, other.currency_);
  minor_ = narrow(Wide{minor_} + other.minor_);
  return *this;
}

Money& Money::operator-=(Money other) {
  same_currency(currency_, other.currency_);
  minor_ = narrow(Wide{minor_} - other.minor_);
  return *this;
}

std::strong_ordering Money::operator<=>(const Money& other) const {
  same_currency(currency_, other.currency_);
  return minor_ <=> other.minor_;
}

Money Money::multiply(Ratio ratio, Rounding rounding) const {
  BURSAR_ASSERT(ratio.den > 0);
  return {narrow(divide(Wide{minor_} * ratio.num, ratio.den, rounding)), currency_};
}

std::vector<Money> allocate(Money amount, std::span<const std::int64_t> weights) {
  Wide sum = 0;
  for (std::int64_t weight : weights) {
    BURSAR_ASSERT(weight >= 0);
    sum += weight;
  }
  BURSAR_ASSERT(sum > 0);
  const Wide magnitude = amount.is_negative() ? -Wide{amount.minor()} : Wide{amount.minor()};
  std::vector<std::int64_t> parts(weights.size());
  std::vector<Wide> remainders(weights.size());
  Wide left = magnitude;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const Wide share = magnitude * weights[i];
    parts[i] = static_cast<std::int64_t>(share / sum);
    remainders[i] = share % sum;
    left -= parts[i];
  }
  std::vector<std::size_t> order(weights.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return remainders[a] > remainders[b]; });
  for (std::size_t i = 0; left > 0; ++i, --left) ++parts[order[i]];

  std::vector<Money> out;
  out.reserve(parts.size());
  for (std::int64_t part : parts) out.emplace_back(amount.is_negative() ? -part : part, amount.currency());
  return out;
}

Result<Ratio> parse_percent(std::string_view text) {
  const auto refuse = [](std::string detail) { return invalid("bad_percentage", std::move(detail)); };
  auto decimal = split_decimal(text);
  if (!decimal.ok())
    return refuse("A percentage is written like 8.25, without a percent sign: " + decimal.error().detail);
  if (decimal->negative) return refuse("A percentage is not negative.");
  if (decimal->has_point && decimal->fraction.empty()) return refuse("A percentage has digits after its point.");
  if (decimal->fraction.size() > percent_decimals) return refuse("A percentage has at most six decimals.");
  if (decimal->whole.size() > 3) return refuse("A percentage is at most 100.");
  std::string fraction(decimal->fraction);
  fraction.resize(percent_decimals, '0');
  const std::int64_t units = number(decimal->whole, fraction);
  if (units > percent_whole) return refuse("A percentage is at most 100.");
  return Ratio{units, percent_whole};
}

std::string percent_to_string(Ratio rate) {
  BURSAR_ASSERT(rate.den > 0);
  const Wide units = divide(Wide{rate.num} * percent_whole, rate.den, Rounding::half_even);
  const Wide magnitude = units < 0 ? -units : units;
  std::string out = std::to_string(static_cast<std::int64_t>(magnitude / percent_units));
  std::string fraction = std::to_string(static_cast<std::int64_t>(magnitude % percent_units));
  fraction.insert(0, percent_decimals - fraction.size(), '0');
  fraction.erase(fraction.find_last_not_of('0') + 1);
  if (!fraction.empty()) out += '.' + fraction;
  return units < 0 ? '-' + out : out;
}

}  // namespace bursar
