// Reads the fields of a request body and collects every fault with its JSON pointer, so that a caller learns all at
// once. A required field that is missing or wrong notes the fault and answers an empty value; use what was read only
// after finish() is ok. finish() also refuses keys nobody asked for.
//
//   ObjectReader in(body, ids);
//   const std::string name = in.text("name", {.max = 200});
//   const std::optional<Money> amount = in.optional_money("amount");
//   for (ObjectReader* line : in.objects("lines", {.min = 1, .max = 100})) { line->text("description"); ... }
//   BURSAR_CHECK(in.finish());
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "base/money.hpp"
#include "base/time.hpp"
#include "http/json.hpp"

namespace bursar::http {

struct Length {
  std::size_t min = 1;  // characters (code points), or items of an array
  std::size_t max = 200;
  bool lines = false;  // text of several lines: line feeds and tabs are taken, other control characters never
};

class ObjectReader {
 public:
  // `body` and `ids` must outlive the reader. A body that is not an object is a fault at pointer "".
  ObjectReader(const Json& body, const IdCodec& ids);
  ObjectReader(const ObjectReader&) = delete;
  ObjectReader& operator=(const ObjectReader&) = delete;

  [[nodiscard]] bool has(std::string_view key);  // present, null included; counts as asked for
  [[nodiscard]] bool is_null(std::string_view key);

  // Absent and null are the same for optional_...; has() and is_null() tell them apart where it matters.
  std::string text(std::string_view key, Length length = {});
  std::optional<std::string> optional_text(std::string_view key, Length length = {.min = 0});
  std::int64_t integer(std::string_view key, std::int64_t min, std::int64_t max);
  std::optional<std::int64_t> optional_integer(std::string_view key, std::int64_t min, std::int64_t max);
  bool boolean(std::string_view key);
  std::optional<bool> optional_boolean(std::string_view key);
  std::optional<Money> money(std::string_view key);  // empty only when a fault was noted
  std::optional<Money> optional_money(std::string_view key);
  std::vector<Money> money_list(std::string_view key, Length items);
  std::optional<Currency> currency(std::string_view key);
  std::optional<Currency> optional_currency(std::string_view key);
  CivilDate date(std::string_view key);
  std::optional<CivilDate> optional_date(std::string_view key);
  Instant instant(std::string_view key);
  std::optional<Instant> optional_instant(std::string_view key);
  // One of a fixed list of words.
  std::string choice(std::string_view key, std::initializer_list<std::string_view> words);
  std::optional<std::string> optional_choice(std::string_view key, std::initializer_list<std::string_view> words);
  template <class IdType>
  IdType id(std::string_view key) {
    return IdType(id_value(key, prefix_of(IdType()), true));
  }
  template <class IdType>
  std::optional<IdType> optional_id(std::string_view key) {
    const std::int64_t value = id_value(key, prefix_of(IdType()), false);
    return value == 0 ? std::nullopt : std::optional(IdType(value));
  }
  template <class IdType>
  std::vector<IdType> id_list(std::string_view key, Length items) {
    std::vector<IdType> out;
    for (const std::int64_t value : id_values(key, prefix_of(IdType()), items)) out.emplace_back(value);
    return out;
  }
  std::vector<std::string> texts(std::string_view key, Length items, Length each);

  // A nested object; the reader lives as long as this one and shares its faults.
  ObjectReader& object(std::string_view key);
  ObjectReader* optional_object(std::string_view key);  // null: absent
  std::vector<ObjectReader*> objects(std::string_view key, Length items);
  std::vector<ObjectReader*> optional_objects(std::string_view key, Length items);
  // An object as it stands, for settings that another part checks; canonical JSON text.
  std::optional<std::string> optional_document(std::string_view key);

  // Notes a fault of the caller's own finding.
  void fault(std::string_view key, std::string detail);
  // Of the outermost reader: ok, or "invalid_fields" with every fault of this and all nested readers.
  Status finish();

 private:
  using Faults = std::vector<FieldError>;

  ObjectReader(const Json& body, const IdCodec& ids, std::string pointer, std::shared_ptr<Faults> faults);

  template <class Tag>
  static constexpr std::string_view prefix_of(Id<Tag> /*of*/) {
    return Tag::prefix;
  }
  std::int64_t id_value(std::string_view key, std::string_view prefix, bool required);  // 0: none
  std::vector<std::int64_t> id_values(std::string_view key, std::string_view prefix, Length items);
  template <class T>
  std::optional<T> parsed(std::string_view key, bool required, Result<T> (*parse)(std::string_view));
  std::optional<std::string> checked_text(std::string_view key, Length length, bool required);
  std::optional<std::int64_t> checked_integer(std::string_view key, std::int64_t min, std::int64_t max, bool required);
  std::optional<Money> checked_money(std::string_view key, bool required);
  std::optional<Money> itself_as_money();
  std::optional<std::string> checked_choice(std::string_view key, std::initializer_list<std::string_view> words,
                                            bool required);
  std::vector<ObjectReader*> checked_objects(std::string_view key, Length items, bool required);
  ObjectReader& nest(const Json& value, std::string pointer);
  const Json* ask(std::string_view key);
  const Json* typed(std::string_view key, Json::Kind kind, bool required);
  std::string pointer_to(std::string_view key) const;
  void note_unknown_keys();

  const Json& body_;
  const IdCodec& ids_;
  std::string pointer_;
  std::shared_ptr<Faults> faults_;
  std::vector<std::string> asked_;
  std::vector<std::unique_ptr<ObjectReader>> nested_;
};

}  // namespace bursar::http
