// Digests of records, to find what was changed behind the product's back: SHA-256 in hexadecimal over fields, each
// written as its length in bytes, a colon and its text, so that no two sequences of fields read alike. Numbers are
// decimal, dates as they are stored; nothing (NULL, an empty optional, the id of nothing) is an empty text.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/id.hpp"
#include "base/time.hpp"

struct evp_md_ctx_st;
struct evp_md_st;

namespace bursar {

class Digest {
 public:
  Digest();

  template <class... Fields>
  Digest& add(const Fields&... fields) {
    (put(fields), ...);
    return *this;
  }
  // 64 digits over what was added since the last call.
  std::string hex();

 private:
  void put(std::string_view text);
  void put(std::integral auto number) { put_number(static_cast<std::int64_t>(number)); }
  void put(CivilDate date) { put(std::string_view(date.to_string())); }
  template <class Tag>
  void put(Id<Tag> id) {
    id ? put_number(id.value()) : put(std::string_view());
  }
  template <class T>
  void put(const std::optional<T>& field) {
    field ? put(*field) : put(std::string_view());
  }
  void put_number(std::int64_t number);

  struct Free {
    void operator()(evp_md_ctx_st* context) const;
    void operator()(evp_md_st* algorithm) const;
  };
  std::unique_ptr<evp_md_st, Free> algorithm_;
  std::unique_ptr<evp_md_ctx_st, Free> context_;
  std::string fields_;
};

}  // namespace bursar
