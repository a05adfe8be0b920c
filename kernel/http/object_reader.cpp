#include "http/object_reader.hpp"

#include <algorithm>

#include "http/message.hpp"

namespace bursar::http {

namespace {
const Json& empty_object() {
  static const Json empty = Json::make_object();
  return empty;
}

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// A text of ours is printed in mails, logs and documents line by line.
bool has_control(std::string_view text, bool lines) {
  return std::any_of(text.begin(), text.end(), [lines](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && !(lines && (c == '\n' || c == '\t'))) || byte == 0x7F;
  });
}

std::string escape_pointer(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}
}  // namespace

ObjectReader::ObjectReader(const Json& body, const IdCodec& ids)
    : ObjectReader(body, ids, "", std::make_shared<Faults>()) {}

ObjectReader::ObjectReader(const Json& body, const IdCodec& ids, std::string pointer, std::shared_ptr<Faults> faults)
    : body_(body.kind() == Json::Kind::object ? body : empty_object()),
      ids_(ids),
      pointer_(std::move(pointer)),
      faults_(std::move(faults)) {
  if (body.kind() != Json::Kind::object) {
    faults_->push_back({pointer_, "must be an object, not " + std::string(name_of(body.kind()))});
  }
}

std::string ObjectReader::pointer_to(std::string_view key) const { return pointer_ + "/" + escape_pointer(key); }

void ObjectReader::fault(std::string_view key, std::string detail) {
  faults_->push_back({pointer_to(key), std::move(detail)});
}

const Json* ObjectReader::ask(std::string_view key) {
  if (std::find(asked_.begin(), asked_.end(), key) == asked_.end()) asked_.emplace_back(key);
  return body_.find(key);
}

// The value of that kind; null when it is absent or of another kind (noted where that is a fault).
const Json* ObjectReader::typed(std::string_view key, Json::Kind kind, bool required) {
  const Json* value = ask(key);
  if (value == nullptr) {
    if (required) fault(key, "is required");
    return nullptr;
  }
  if (value->is_null() && !required) return nullptr;
  if (value->kind() != kind) {
    fault(key, "must be " + std::string(name_of(kind)) + ", not " + std::string(name_of(value->kind())));
    return nullptr;
  }
  return value;
}

bool ObjectReader::has(std::string_view key) { return ask(key) != nullptr; }

bool ObjectReader::is_null(std::string_view key) {
  const Json* value = ask(key);
  return value != nullptr && value->is_null();
}

std::optional<std::string> ObjectReader::checked_text(std::string_view key, Length length, bool required) {
  const Json* value = typed(key, Json::Kind::string, required);
  if (value == nullptr) return std::nullopt;
  const std::size_t size = code_points(value->text());
  if (size < length.min) {
    fault(key,
          length.min == 1 ? "must not be empty" : "must have at least " + std::to_string(length.min) + " characters");
  } else if (size > length.max) {
    fault(key, "must have at most " + std::to_string(length.max) + " characters");
  } else if (has_control(value->text(), length.lines)) {
    fault(key, length.lines ? "must not contain control characters" : "must be one line without control characters");
  }
  return value->text();
}

std::string ObjectReader::text(std::string_view key, Length length) {
  return checked_text(key, length, true).value_or("");
}
std::optional<std::string> ObjectReader::optional_text(std::string_view key, Length length) {
  return checked_text(key, length, false);
}

std::optional<std::int64_t> ObjectReader::checked_integer(std::string_view key, std::int64_t min, std::int64_t max,
                                                          bool required) {
  const Json* value = typed(key, Json::Kind::integer, required);
  if (value == nullptr) return std::nullopt;
  if (value->integer() < min || value->integer() > max) {
    fault(key, "must be from " + std::to_string(min) + " to " + std::to_string(max));
  }
  return value->integer();
}

std::int64_t ObjectReader::integer(std::string_view key, std::int64_t min, std::int64_t max) {
  return checked_integer(key, min, max, true).value_or(0);
}
std::optional<std::int64_t> ObjectReader::optional_integer(std::string_view key, std::int64_t min, std::int64_t max) {
  return checked_integer(key, min, max, false);
}

bool ObjectReader::boolean(std::string_view key) {
  const Json* value = typed(key, Json::Kind::boolean, true);
  return value != nullptr && value->boolean();
}
std::optional<bool> ObjectReader::optional_boolean(std::string_view key) {
  const Json* value = typed(key, Json::Kind::boolean, false);
  return value == nullptr ? std::nullopt : std::optional(value->boolean());
}

template <class T>
std::optional<T> ObjectReader::parsed(std::string_view key, bool required, Result<T> (*parse)(std::string_view)) {
  const Json* value = typed(key, Json::Kind::string, required);
  if (value == nullptr) return std::nullopt;
  Result<T> result = parse(value->text());
  if (result.ok()) return *std::move(result);
  fault(key, result.error().detail);
  return std::nullopt;
}

std::optional<Currency> ObjectReader::currency(std::string_view key) { return parsed(key, true, &Currency::parse); }
std::optional<Currency> ObjectReader::optional_currency(std::string_view key) {
  return parsed(key, false, &Currency::parse);
}
CivilDate ObjectReader::date(std::string_view key) {
  return parsed(key, true, &CivilDate::parse).value_or(CivilDate());
}
std::optional<CivilDate> ObjectReader::optional_date(std::string_view key) {
  return parsed(key, false, &CivilDate::parse);
}
Instant ObjectReader::instant(std::string_view key) { return parsed(key, true, &Instant::parse).value_or(Instant()); }
std::optional<Instant> ObjectReader::optional_instant(std::string_view key) {
  return parsed(key, false, &Instant::parse);
}

std::optional<Money> ObjectReader::checked_money(std::string_view key, bool required) {
  const Json* value = typed(key, Json::Kind::object, required);
  if (value == nullptr) return std::nullopt;
  return nest(*value, pointer_to(key)).itself_as_money();
}

std::optional<Money> ObjectReader::itself_as_money() {
  const std::optional<Currency> of = currency("currency");
  const Json* amount = typed("amount", Json::Kind::string, true);
  if (!of || amount == nullptr) return std::nullopt;
  Result<Money> money = Money::parse(amount->text(), *of);
  if (money.ok()) return *money;
  fault("amount", money.error().detail);
  return std::nullopt;
}

std::vector<Money> ObjectReader::money_list(std::string_view key, Length items) {
  std::vector<Money> out;
  for (ObjectReader* item : objects(key, items)) {
    if (const auto money = item->itself_as_money()) out.push_back(*money);
  }
  return out;
}

std::optional<Money> ObjectReader::money(std::string_view key) { return checked_money(key, true); }
std::optional<Money> ObjectReader::optional_money(std::string_view key) { return checked_money(key, false); }

std::optional<std::string> ObjectReader::checked_choice(std::string_view key,
                                                        std::initializer_list<std::string_view> words, bool required) {
  const Json* value = typed(key, Json::Kind::string, required);
  if (value == nullptr) return std::nullopt;
  if (std::find(words.begin(), words.end(), value->text()) == words.end()) {
    std::string all;
    for (const std::string_view word : words) all += (all.empty() ? "" : ", ") + std::string(word);
    fault(key, "must be one of " + all);
  }
  return value->text();
}

std::string ObjectReader::choice(std::string_view key, std::initializer_list<std::string_view> words) {
  return checked_choice(key, words, true).value_or("");
}
std::optional<std::string> ObjectReader::optional_choice(std::string_view key,
                                                         std::initializer_list<std::string_view> words) {
  return checked_choice(key, words, false);
}

std::int64_t ObjectReader::id_value(std::string_view key, std::string_view prefix, bool required) {
  const Json* value = typed(key, Json::Kind::string, required);
  if (value == nullptr) return 0;
  const Result<std::int64_t> id = ids_.decode(prefix, value->text());
  if (id.ok()) return *id;
  fault(key, "names nothing we know");
  return 0;
}

std::vector<std::int64_t> ObjectReader::id_values(std::string_view key, std::string_view prefix, Length items) {
  std::vector<std::int64_t> out;
  std::size_t position = 0;
  for (const std::string& text : texts(key, items, {})) {
    const Result<std::int64_t> id = ids_.decode(prefix, text);
    if (id.ok()) {
      out.push_back(*id);
    } else {
      faults_->push_back({pointer_to(key) + "/" + std::to_string(position), "names nothing we know"});
    }
    ++position;
  }
  return out;
}

std::vector<std::string> ObjectReader::texts(std::string_view key, Length items, Length each) {
  const Json* value = typed(key, Json::Kind::array, items.min > 0);
  std::vector<std::string> out;
  if (value == nullptr) return out;
  if (value->items().size() < items.min) fault(key, "must have at least " + std::to_string(items.min) + " items");
  if (value->items().size() > items.max) fault(key, "must have at most " + std::to_string(items.max) + " items");
  for (std::size_t i = 0; i < value->items().size() && i < items.max; ++i) {
    const Json& item = value->items()[i];
    const std::string pointer = pointer_to(key) + "/" + std::to_string(i);
    if (item.kind() != Json::Kind::string) {
      faults_->push_back({pointer, "must be a string, not " + std::string(name_of(item.kind()))});
    } else if (code_points(item.text()) < each.min || code_points(item.text()) > each.max) {
      faults_->push_back(
          {pointer, "must have from " + std::to_string(each.min) + " to " + std::to_string(each.max) + " characters"});
    } else if (has_control(item.text(), each.lines)) {
      faults_->push_back({pointer, "must be one line without control characters"});
    }
    out.push_back(item.text());
  }
  return out;
}

ObjectReader& ObjectReader::nest(const Json& value, std::string pointer) {
  nested_.push_back(std::unique_ptr<ObjectReader>(new ObjectReader(value, ids_, std::move(pointer), faults_)));
  return *nested_.back();
}

ObjectReader& ObjectReader::object(std::string_view key) {
  const Json* value = typed(key, Json::Kind::object, true);
  if (value != nullptr) return nest(*value, pointer_to(key));
  // Reading on from an empty object would note every field of it as missing; one fault is enough.
  nested_.push_back(std::unique_ptr<ObjectReader>(
      new ObjectReader(empty_object(), ids_, pointer_to(key), std::make_shared<Faults>())));
  return *nested_.back();
}

ObjectReader* ObjectReader::optional_object(std::string_view key) {
  const Json* value = typed(key, Json::Kind::object, false);
  return value == nullptr ? nullptr : &nest(*value, pointer_to(key));
}

std::vector<ObjectReader*> ObjectReader::checked_objects(std::string_view key, Length items, bool required) {
  const Json* value = typed(key, Json::Kind::array, required);
  std::vector<ObjectReader*> out;
  if (value == nullptr) return out;
  if (value->items().size() < items.min) fault(key, "must have at least " + std::to_string(items.min) + " items");
  if (value->items().size() > items.max) fault(key, "must have at most " + std::to_string(items.max) + " items");
  for (std::size_t i = 0; i < value->items().size() && i < items.max; ++i) {
    out.push_back(&nest(value->items()[i], pointer_to(key) + "/" + std::to_string(i)));
  }
  return out;
}

std::vector<ObjectReader*> ObjectReader::objects(std::string_view key, Length items) {
  return checked_objects(key, items, true);
}
std::vector<ObjectReader*> ObjectReader::optional_objects(std::string_view key, Length items) {
  return checked_objects(key, items, false);
}

std::optional<std::string> ObjectReader::optional_document(std::string_view key) {
  const Json* value = typed(key, Json::Kind::object, false);
  return value == nullptr ? std::nullopt : std::optional(value->canonical());
}

void ObjectReader::note_unknown_keys() {
  for (const std::string& key : body_.keys()) {
    if (std::find(asked_.begin(), asked_.end(), key) == asked_.end()) fault(key, "is not a known field");
  }
  for (const auto& inner : nested_) inner->note_unknown_keys();
}

Status ObjectReader::finish() {
  note_unknown_keys();
  if (faults_->empty()) return {};
  return invalid("invalid_fields", "Some fields of the body are missing or wrong; each is named in errors.", *faults_);
}

}  // namespace bursar::http
