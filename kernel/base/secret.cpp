#include "base/secret.hpp"

#include <sodium/utils.h>

namespace bursar {

Secret& Secret::operator=(const Secret& other) {
  if (this == &other) return *this;
  wipe();
  text_ = other.text_;
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  wipe();
  text_ = std::move(other.text_);
  other.wipe();
  return *this;
}

void Secret::wipe() noexcept {
  text_.resize(text_.capacity());  // a longer text may have stood here before
  sodium_memzero(text_.data(), text_.size());
  text_.clear();
}

}  // namespace bursar
