#include "plugin_host/scrubber.hpp"

#include <openssl/evp.h>

#include <algorithm>

#include "plugin_host/services/crypto.hpp"

namespace bursar::plugin_host {
namespace {

constexpr std::size_t shortest = 4;
constexpr std::string_view replacement = "[secret]";

std::string base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  while (text.ends_with('=')) text.pop_back();
  return text;
}

std::string percent_encoded(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain) {
      text.push_back(c);
    } else {
      auto hex = to_hex({&c, 1});
      for (char& digit : hex) digit = digit >= 'a' ? static_cast<char>(digit - 'a' + 'A') : digit;
      text += "%" + hex;
    }
  }
  return text;
}

}  // namespace

void Scrubber::add(std::string_view secret) {
  if (secret.size() < shortest) return;
  for (auto form : {std::string(secret), percent_encoded(secret), to_hex(secret), base64(secret)}) {
    const auto known =
        std::any_of(forms_.begin(), forms_.end(), [&](const Secret& other) { return other.reveal() == form; });
    if (!known) forms_.emplace_back(std::move(form));
  }
  std::stable_sort(forms_.begin(), forms_.end(),
                   [](const Secret& a, const Secret& b) { return a.reveal().size() > b.reveal().size(); });
}

std::string Scrubber::scrub(std::string_view text) const {
  std::string out(text);
  for (const auto& form : forms_) {
    for (auto at = out.find(form.reveal()); at != std::string::npos;
         at = out.find(form.reveal(), at + replacement.size())) {
      out.replace(at, form.reveal().size(), replacement);
    }
  }
  return out;
}

}  // namespace bursar::plugin_host
