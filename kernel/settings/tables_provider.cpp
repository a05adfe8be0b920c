#include "settings/tables.hpp"

namespace bursar::settings {
namespace {

// "INV-{year}-{seq:06}": plain characters, at most one {year}, exactly one {seq} or {seq:0N}.
kind::Complaint check_number_pattern(const std::string& pattern) {
  const auto wrong = [](const std::string& what) {
    return std::pair(what,
                     std::string("write it like \"INV-{year}-{seq:06}\": {seq} or {seq:06} once, {year} at most once"));
  };
  int sequences = 0;
  int years = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c < 0x21 || c > 0x7E) return wrong("a number may hold printable ASCII without spaces only");
    if (c == '}') return wrong("a \"}\" without its \"{\"");
    if (c != '{') continue;
    const std::size_t end = pattern.find('}', i);
    if (end == std::string::npos) return wrong("a \"{\" without its \"}\"");
    const std::string field = pattern.substr(i + 1, end - i - 1);
    const bool padded = field.size() == 6 && field.starts_with("seq:0") && field[5] >= '1' && field[5] <= '9';
    if (field == "year") {
      ++years;
    } else if (field == "seq" || padded) {
      ++sequences;
    } else {
      return wrong("there is no {" + field + "}");
    }
    i = end;
  }
  if (sequences != 1) return wrong("{seq} must stand in it once");
  if (years > 1) return wrong("{year} may stand in it once only");
  return std::nullopt;
}

Kind<std::string> number_pattern() {
  auto pattern = kind::checked<std::string>(kind::text(64), "number pattern", check_number_pattern);
  pattern.json_schema = R"({"type":"string","pattern":"\\{seq(:0[1-9])?\\}","maxLength":64})";
  return pattern;
}

// The street is one line or a list of lines.
Kind<std::vector<std::string>> street() {
  const Kind<std::string> line = kind::text(100);
  const auto lines = kind::list_of(line, 1, 4);
  return {.name = "text, or a list of lines",
          .json_schema = R"({"anyOf":[)" + line.json_schema + "," + lines.json_schema + "]}",
          .read = [line, lines](Reader& reader, const Node& node) -> std::optional<std::vector<std::string>> {
            if (node.kind == Node::Kind::list) return lines.read(reader, node);
            auto one = line.read(reader, node);
            if (!one) return std::nullopt;
            return std::vector{std::move(*one)};
          },
          .show = [](const std::vector<std::string>&) { return std::string(); }};
}

const Table<Address>& address_table() {
  static const Table<Address> table = [] {
    Table<Address> t("address", "The provider's postal address, printed on invoices.");
    t.key("street", &Address::street, street(), "Street and number.");
    t.key("city", &Address::city, kind::text(100), "City.");
    t.key("postal_code", &Address::postal_code, kind::text(20), "Postal code; in quotes where it is digits alone.");
    t.key("region", &Address::region, kind::text(10),
          "ISO 3166-2 subdivision without the country, as CA; tax rules look at it.");
    return t;
  }();
  return table;
}

void check_provider(Reader& reader, const Node& node, Provider& provider) {
  if (provider.legal_name.empty()) provider.legal_name = provider.name;
  for (std::size_t i = 0; i < provider.currencies.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (provider.currencies[i] == provider.currencies[j])
        return reader.error(
            node.find("currencies")->items[i].place,
            "provider.currencies: " + std::string(provider.currencies[i].code()) + " stands there twice",
            "keep one of them");
  reader.currencies = provider.currencies;
}

}  // namespace

const Table<Provider>& provider_table() {
  static const Table<Provider> table = [] {
    Table<Provider> t("provider", "Who bills: printed on invoices, and the calendar they are dated by.");
    t.required("name", &Provider::name, kind::text(), "Trading name.");
    t.key("legal_name", &Provider::legal_name, kind::text(), "Name of the company as registered. Default: name.");
    t.set<std::string>(
        "country", kind::country(), [](Provider& p, std::string code) { p.address.country = std::move(code); }, "",
        true, "Where the provider is established (ISO 3166-1).");
    t.section("address", &Provider::address, address_table(), "Postal address.");
    t.key("tax_id", &Provider::tax_id, kind::text(40), "Tax or VAT number.");
    t.key("email", &Provider::email, kind::email(), "Where customers write to.");
    t.key("bank_details", &Provider::bank_details, kind::long_text(),
          "Printed on invoices for those who pay by transfer.");
    t.required("timezone", &Provider::timezone, kind::zone(), "Zone of the civil dates on invoices and of due dates.");
    t.required("currencies", &Provider::currencies, kind::list_of(kind::currency(), 1, 50),
               "Currencies billed in; the first is the default.");
    t.key("invoice_number", &Provider::invoice_number, number_pattern(),
          "Pattern of invoice numbers. {year} is the year of issue and starts the sequence anew; {seq:06} pads with "
          "zeros.");
    t.key("credit_note_number", &Provider::credit_note_number, number_pattern(), "Pattern of credit note numbers.");
    t.check(check_provider);
    return t;
  }();
  return table;
}

}  // namespace bursar::settings
