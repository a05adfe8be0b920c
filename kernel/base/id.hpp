// Identifiers. Inside, an id is a 64-bit number, distinct by kind: an InvoiceId is not an AccountId. Numbers come
// from one sequence for all kinds (storage/ids.hpp). Outside (HTTP, CLI, mail), an id is opaque text such as
// "inv_0r8m6p2w5t1qk": the number under a keyed permutation of this installation, so nobody can count our customers
// or walk to a neighbour's invoice.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace bursar {

template <class Tag>
class Id {
 public:
  constexpr Id() = default;  // no object
  constexpr explicit Id(std::int64_t value) : value_(value) {}
  [[nodiscard]] constexpr std::int64_t value() const { return value_; }
  explicit constexpr operator bool() const { return value_ != 0; }
  constexpr auto operator<=>(const Id&) const = default;

 private:
  std::int64_t value_ = 0;
};

#define BURSAR_ID(Name, text_prefix)                        \
  struct Name##Tag {                                        \
    static constexpr std::string_view prefix = text_prefix; \
  };                                                        \
  using Name = Id<Name##Tag>

BURSAR_ID(AccountId, "acc");
BURSAR_ID(UserId, "usr");
BURSAR_ID(SessionId, "ses");
BURSAR_ID(ProductId, "prd");
BURSAR_ID(PromotionId, "pro");
BURSAR_ID(OrderId, "ord");
BURSAR_ID(ServiceId, "srv");
BURSAR_ID(InvoiceId, "inv");
BURSAR_ID(LineId, "lin");
BURSAR_ID(CreditNoteId, "crn");
BURSAR_ID(PaymentId, "pay");
BURSAR_ID(MassPaymentId, "mas");
BURSAR_ID(PaymentMethodId, "pm");
BURSAR_ID(MethodSetupId, "pms");
BURSAR_ID(RefundId, "ref");
BURSAR_ID(SuspenseId, "sus");
BURSAR_ID(WebhookRequestId, "whr");
BURSAR_ID(RefundRequestId, "rfr");
BURSAR_ID(DisputeId, "dsp");
BURSAR_ID(EntryId, "ent");
BURSAR_ID(EffectId, "eff");
BURSAR_ID(MessageId, "msg");
BURSAR_ID(RunId, "run");
BURSAR_ID(TaskId, "tsk");
BURSAR_ID(AuditEventId, "aud");

// Turns ids into their outside text and back. One per installation, from its 16-byte key.
class IdCodec {
 public:
  using Key = std::array<std::uint8_t, 16>;
  explicit IdCodec(const Key& key) : key_(key) {}

  [[nodiscard]] std::string encode(std::string_view prefix, std::int64_t value) const;
  // The error is ErrorKind::not_found, code "no_such_object": a malformed id is an id of nothing.
  [[nodiscard]] Result<std::int64_t> decode(std::string_view prefix, std::string_view text) const;

  template <class Tag>
  [[nodiscard]] std::string text(Id<Tag> id) const {
    return encode(Tag::prefix, id.value());
  }
  template <class Tag>
  [[nodiscard]] Result<Id<Tag>> parse(std::string_view text) const {
    auto value = decode(Tag::prefix, text);
    if (!value.ok()) return std::move(value).error();
    return Id<Tag>(*value);
  }

 private:
  Key key_;
};

}  // namespace bursar

template <class Tag>
struct std::hash<bursar::Id<Tag>> {
  std::size_t operator()(bursar::Id<Tag> id) const noexcept { return std::hash<std::int64_t>{}(id.value()); }
};
