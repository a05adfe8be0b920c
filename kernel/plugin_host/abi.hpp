// The SDK's ABI headers and the few conversions both sides need. Included by sources of this folder only, never by its
// public headers.
#pragma once

#include <bursar/abi/entry.h>
#include <bursar/abi/frontend.h>
#include <bursar/abi/health.h>
#include <bursar/abi/notify.h>
#include <bursar/abi/panel.h>
#include <bursar/abi/payment.h>
#include <bursar/abi/webhook.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/money.hpp"

namespace bursar::plugin_host {

// Borrows: the text must outlive what it is handed to.
inline bursar_str lend(std::string_view text) { return {text.data(), text.size()}; }
template <class Text>
requires std::is_same_v<Text, std::string> bursar_str lend(Text&&)
= delete;  // a text that is about to go away

// No more than `limit` bytes of foreign text, whatever size it claims.
inline std::string_view peek(const bursar_str& text, std::size_t limit = 4096) {
  if (text.data == nullptr) return {};
  return {text.data, static_cast<std::size_t>(std::min<std::uint64_t>(text.size, limit))};
}

inline bursar_money to_abi(const Money& money) {
  bursar_money out{money.minor(), {}};
  const Currency currency = money.currency();
  const auto code = currency.code();
  std::copy(code.begin(), code.end(), out.currency);
  return out;
}

// A zeroed struct of the ABI that knows its size.
template <class Struct>
Struct sized() {
  Struct out{};
  out.struct_size = sizeof(Struct);
  return out;
}

// Is the function there, also in a table from an older kit that ends before it?
template <class Table, class Function>
bool offers(const Table* table, Function Table::*function) {
  if (table == nullptr) return false;
  const auto* end = reinterpret_cast<const char*>(&(table->*function) + 1);
  return static_cast<std::size_t>(end - reinterpret_cast<const char*>(table)) <= table->struct_size &&
         table->*function != nullptr;
}
#define BURSAR_OFFERS(table, function) (offers((table), &std::remove_cvref_t<decltype(*(table))>::function))

}  // namespace bursar::plugin_host
