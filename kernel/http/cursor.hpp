// Where the next page of a list begins, as text the caller can only hand back: the last key shown and the question it
// belongs to, the key hidden and signed with the installation's key. A cursor that was changed, or that belongs to
// another list or filter, is refused instead of answering a page of something else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/id.hpp"
#include "base/result.hpp"

namespace bursar::http {

class CursorCodec {
 public:
  explicit CursorCodec(const IdCodec::Key& key);
  // `question`: the path and the filters of the list, any text.
  [[nodiscard]] std::string encode(std::int64_t last_key, std::string_view question) const;
  // Errors: malformed "bad_cursor".
  [[nodiscard]] Result<std::int64_t> decode(std::string_view cursor, std::string_view question) const;

 private:
  [[nodiscard]] std::string sign(std::int64_t last_key, std::string_view question) const;
  [[nodiscard]] std::uint64_t mask(std::string_view signature) const;
  [[nodiscard]] std::string digest(const std::string& text) const;  // 32 hexadecimal digits
  std::string key_;
};

}  // namespace bursar::http
