// All a plugin includes. One class and one macro make a plugin:
//
//   class AcmePay final {
//    public:
//     static constexpr bursar::Info info{.kind = bursar::Kind::gateway, .name = "Acme Pay", .summary = "Cards through
//     Acme."}; static constexpr bursar::Setting settings[] = {{.key = "api_key", .type = bursar::SettingType::secret,
//     .required = true, .help = "..."}}; static constexpr std::string_view needs[] = {BURSAR_HTTP_ID};
//     AcmePay(bursar::Host host, const bursar::Settings& settings);
//     bursar::Payment charge(bursar::Call& call, const bursar::Charge& charge);
//   };
//   BURSAR_PLUGIN(AcmePay, "com.acme.pay", "1.2.0")
//
// The methods the class has are the interfaces it offers (see payment.hpp, panel.hpp, notify.hpp, webhook.hpp,
// frontend.hpp); leaving one out means that the operation is unsupported. All members but the constructor are optional.
// `static void validate(const bursar::Settings&)` may refuse settings that fit the table but not each other, by
// throwing bursar::BadSetting. Any method may throw; nothing gets past the edge.
#pragma once

#include <array>
#include <memory>

#include "frontend.hpp"
#include "notify.hpp"
#include "panel.hpp"
#include "payment.hpp"
#include "webhook.hpp"

BURSAR_SDK_BEGIN

enum class Kind : bursar_kind {
  unknown = BURSAR_KIND_UNKNOWN,
  gateway = BURSAR_KIND_GATEWAY,
  panel = BURSAR_KIND_PANEL,
  channel = BURSAR_KIND_CHANNEL,
  frontend = BURSAR_KIND_FRONTEND,
};

struct Info {
  Kind kind = Kind::unknown;
  std::string_view name{};
  std::string_view summary{};
  std::string_view vendor{};
  std::string_view url{};
  std::string_view license{};
  bool concurrent = false;  // methods of one instance may run on several threads at once
};

namespace detail {

template <class T>
concept HasInfo = requires {
  { T::info } -> std::convertible_to<const Info&>;
};
template <class T>
concept HasSettings = requires {
  std::span<const Setting>(T::settings);
};
template <class T>
concept HasNeeds = requires {
  std::span<const std::string_view>(T::needs);
};
template <class T>
concept HasValidate = requires(const Settings& s) {
  T::validate(s);
};

struct Nothing {
  template <class T, T& (*self)(bursar_plugin*)>
  void fill(const T&) {}
};

template <class T>
class Instance {
 public:
  Instance(const bursar_host* host, const bursar_settings* settings) : plugin_(Host(host), Settings(settings)) {
    payment_.template fill<T, &self>(plugin_);
    panel_.template fill<T, &self>(plugin_);
    notify_.template fill<T, &self>(plugin_);
    webhook_.template fill<T, &self>(plugin_);
    frontend_.template fill<T, &self>(plugin_);
    health_.template fill<T, &self>(plugin_);
  }

  static T& self(bursar_plugin* plugin) { return reinterpret_cast<Instance*>(plugin)->plugin_; }

  [[nodiscard]] const void* table(std::string_view id) const {
    if constexpr (OffersPayment<T>)
      if (id == BURSAR_PAYMENT_ID) return &payment_.table;
    if constexpr (OffersPanel<T>)
      if (id == BURSAR_PANEL_ID) return &panel_.table;
    if constexpr (OffersNotify<T>)
      if (id == BURSAR_NOTIFY_ID) return &notify_.table;
    if constexpr (OffersWebhook<T>)
      if (id == BURSAR_WEBHOOK_ID) return &webhook_.table;
    if constexpr (OffersFrontend<T>)
      if (id == BURSAR_FRONTEND_ID) return &frontend_.table;
    if constexpr (OffersHealth<T>)
      if (id == BURSAR_HEALTH_ID) return &health_.table;
    return nullptr;
  }

 private:
  T plugin_;
  std::conditional_t<OffersPayment<T>, PaymentTable, Nothing> payment_;
  std::conditional_t<OffersPanel<T>, PanelTable, Nothing> panel_;
  std::conditional_t<OffersNotify<T>, NotifyTable, Nothing> notify_;
  std::conditional_t<OffersWebhook<T>, WebhookTable, Nothing> webhook_;
  std::conditional_t<OffersFrontend<T>, FrontendTable, Nothing> frontend_;
  std::conditional_t<OffersHealth<T>, HealthTable, Nothing> health_;
};

// Everything static about a plugin, built once when the entry is first asked for.
template <class T>
class Static {
 public:
  Static(std::string_view id, std::string_view version) {
    static_assert(
        OffersPayment<T> || OffersPanel<T> || OffersNotify<T> || OffersWebhook<T> || OffersFrontend<T>,
        "the plugin offers no interface: is a method's signature as in payment.hpp, panel.hpp or notify.hpp?");
    if constexpr (HasInfo<T>) describe(T::info);
    if constexpr (HasNeeds<T>) {
      for (std::string_view need : T::needs) needs_.push_back(borrow(need));
    }
    if constexpr (HasSettings<T>) settings(std::span<const Setting>(T::settings));
    if constexpr (OffersPayment<T>) interfaces_.push_back(borrow(BURSAR_PAYMENT_ID));
    if constexpr (OffersPanel<T>) interfaces_.push_back(borrow(BURSAR_PANEL_ID));
    if constexpr (OffersNotify<T>) interfaces_.push_back(borrow(BURSAR_NOTIFY_ID));
    if constexpr (OffersWebhook<T>) interfaces_.push_back(borrow(BURSAR_WEBHOOK_ID));
    if constexpr (OffersFrontend<T>) interfaces_.push_back(borrow(BURSAR_FRONTEND_ID));
    if constexpr (OffersHealth<T>) interfaces_.push_back(borrow(BURSAR_HEALTH_ID));
    if constexpr (HasValidate<T>) interfaces_.push_back(borrow(BURSAR_SETTINGS_ID));
    descriptor_.struct_size = sizeof descriptor_;
    descriptor_.setting_size = sizeof(bursar_setting);
    descriptor_.id = borrow(id);
    descriptor_.version = borrow(version);
    descriptor_.interfaces = {interfaces_.data(), interfaces_.size()};
    descriptor_.needs = {needs_.data(), needs_.size()};
    descriptor_.settings = settings_.data();
    descriptor_.settings_count = settings_.size();
    validate_.struct_size = sizeof validate_;
    validate_.validate = &validate;
    entry_.magic = BURSAR_MAGIC;
    entry_.struct_size = sizeof entry_;
    entry_.abi_major = BURSAR_ABI_MAJOR;
    entry_.abi_minor = BURSAR_ABI_MINOR;
    entry_.abi_minor_needed = BURSAR_ABI_MINOR;
    entry_.abi_draft = BURSAR_ABI_DRAFT;
    entry_.sdk_version = borrow(BURSAR_SDK_VERSION);
    entry_.descriptor = &descriptor_;
    entry_.open = &open;
    entry_.close = &close;
    entry_.get_interface = &get_interface;
  }
  Static(const Static&) = delete;
  Static& operator=(const Static&) = delete;

  [[nodiscard]] const bursar_entry* entry() const {
    the_validate = &validate_;
    return &entry_;
  }

 private:
  static bursar_status open(const bursar_host* host, bursar_call* call, const bursar_settings* settings,
                            bursar_plugin** plugin) noexcept {
    return guarded(call, [&] {
      auto instance = std::make_unique<Instance<T>>(host, settings);
      *plugin = reinterpret_cast<bursar_plugin*>(instance.release());
    });
  }
  static void close(bursar_plugin* plugin) noexcept { delete reinterpret_cast<Instance<T>*>(plugin); }
  static const void* get_interface(bursar_plugin* plugin, const char* id) noexcept {
    if constexpr (HasValidate<T>) {
      if (std::string_view(id) == BURSAR_SETTINGS_ID) return the_validate;
    }
    return plugin == nullptr ? nullptr : reinterpret_cast<Instance<T>*>(plugin)->table(id);
  }
  static bursar_status validate(const bursar_host*, bursar_call* call, const bursar_settings* settings) noexcept {
    return guarded(call, [&] {
      if constexpr (HasValidate<T>) T::validate(Settings(settings));
    });
  }

  void describe(const Info& info) {
    descriptor_.kind = static_cast<bursar_kind>(info.kind);
    descriptor_.flags = info.concurrent ? BURSAR_DESCRIPTOR_CONCURRENT : 0;
    descriptor_.name = borrow(info.name);
    descriptor_.summary = borrow(info.summary);
    descriptor_.vendor = borrow(info.vendor);
    descriptor_.url = borrow(info.url);
    descriptor_.license = borrow(info.license);
  }

  void settings(std::span<const Setting> rows) {
    choices_.reserve(rows.size());
    for (const Setting& row : rows) {
      std::vector<bursar_choice>& choices = choices_.emplace_back();
      for (const Choice& choice : row.choices) choices.push_back({borrow(choice.value), borrow(choice.label)});
      bursar_setting out{};
      out.struct_size = sizeof out;
      out.type = static_cast<bursar_setting_type>(row.type);
      out.flags = (row.required ? BURSAR_SETTING_REQUIRED : 0) | (row.advanced ? BURSAR_SETTING_ADVANCED : 0);
      out.choices_count = static_cast<std::uint32_t>(choices.size());
      out.key = borrow(row.key);
      out.label = borrow(row.label);
      out.help = borrow(row.help);
      out.default_value = borrow(row.default_value);
      out.example = borrow(row.example);
      out.minimum = row.minimum;
      out.maximum = row.maximum;
      out.choices = choices.data();
      out.prefix = borrow(row.prefix);
      out.since = borrow(row.since);
      out.deprecated_by = borrow(row.deprecated_by);
      settings_.push_back(out);
    }
  }

  // get_interface has no other way to it: the ABI passes no context before `open`.
  static inline const bursar_settings_v1* the_validate = nullptr;

  std::vector<bursar_str> interfaces_;
  std::vector<bursar_str> needs_;
  std::vector<std::vector<bursar_choice>> choices_;
  std::vector<bursar_setting> settings_;
  bursar_settings_v1 validate_{};
  bursar_descriptor descriptor_{};
  bursar_entry entry_{};
};

}  // namespace detail
BURSAR_SDK_END

// At file scope, once. `id` and `version` are string literals.
#define BURSAR_PLUGIN(Class, id, version)                                 \
  extern "C" BURSAR_EXPORT const bursar_entry* bursar_plugin_v1(void) {   \
    static const ::bursar::detail::Static<Class> plugin((id), (version)); \
    return plugin.entry();                                                \
  }
