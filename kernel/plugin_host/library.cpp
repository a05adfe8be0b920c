#include "plugin_host/library.hpp"

// library_info.hpp uses these without including them when it works on std::filesystem.
#include <fstream>
#include <string>
#include <vector>

#define BOOST_DLL_USE_STD_FS
#include <boost/dll/library_info.hpp>
#include <boost/dll/shared_library.hpp>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "plugin_host/host_services.hpp"
#include "plugin_host/text.hpp"

namespace bursar::plugin_host {
namespace {

constexpr std::uint64_t list_max = 200;

std::string text_of(const bursar_str& text, std::size_t limit = 2000) { return presentable(peek(text, limit), limit); }

bool is_well_formed(const bursar_str& text, std::size_t limit) {
  return (text.data != nullptr || text.size == 0) && text.size <= limit && is_utf8(peek(text, limit)) &&
         peek(text, limit).find('\0') == std::string_view::npos;
}

std::vector<std::string> list_of(const bursar_strs& list) {
  std::vector<std::string> out;
  for (std::uint64_t i = 0; list.items != nullptr && i < std::min(list.count, list_max); ++i) {
    out.push_back(text_of(list.items[i], 100));
  }
  return out;
}

bool is_id(std::string_view id) {
  return !id.empty() && id.size() <= 100 && id.find('.') != std::string_view::npos && id.front() != '.' &&
         id.back() != '.' && std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
         });
}

bool is_version(std::string_view version) {
  int numbers = 1;
  bool digit = false;
  for (std::size_t i = 0; i < version.size(); ++i) {
    const char c = version[i];
    if (c >= '0' && c <= '9') {
      digit = true;
    } else if (c == '.' && digit && numbers < 3) {
      ++numbers;
      digit = false;
    } else {
      return numbers == 3 && digit && (c == '-' || c == '+') && i + 1 < version.size() && version.size() <= 60;
    }
  }
  return numbers == 3 && digit;
}

std::string version_text(unsigned major, unsigned minor) { return std::to_string(major) + "." + std::to_string(minor); }

Refusal broken(const std::string& path, const std::string& what) {
  return {path + " is not a sound plugin: " + what + ".",
          "Ask its author for a corrected build; bursar-plugin-check shows the fault."};
}

// Looks at the names the file exports without running anything of it.
std::optional<Refusal> check_symbol(const std::string& path) {
  std::vector<std::string> symbols;
  try {
    symbols = boost::dll::library_info(path).symbols();
  } catch (const std::exception&) {
    return Refusal{path + " can't be read as a shared library; it may be cut off.",
                   "Copy the plugin's file there again."};
  }
  for (const auto& symbol : symbols) {
    if (symbol == BURSAR_ENTRY_SYMBOL) return std::nullopt;
  }
  for (const auto& symbol : symbols) {
    if (symbol.starts_with("bursar_plugin_v")) {
      return Refusal{path + " was built for another generation of the plugin interface (it offers " +
                         presentable(symbol, 60) + ", this Bursar looks for " BURSAR_ENTRY_SYMBOL ").",
                     "Rebuild the plugin with SDK " BURSAR_SDK_VERSION ", or run the Bursar it was made for."};
    }
  }
  return Refusal{path + " is a shared library but no Bursar plugin: it does not export " BURSAR_ENTRY_SYMBOL ".",
                 "Install the right file; a plugin is built with bursar_add_plugin()."};
}

// Kept until the process ends: code of a library may run, or be pointed at, at any time, so none is ever unloaded.
boost::dll::shared_library& keep(boost::dll::shared_library library) {
  static auto& kept = *std::make_unique<std::deque<boost::dll::shared_library>>().release();
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  kept.push_back(std::move(library));
  return kept.back();
}

std::variant<const bursar_entry*, Refusal> entry_of(const std::string& path, const StageNote& note) {
  boost::dll::shared_library library;
  note("loading the file");
  try {
    library.load(path, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
  } catch (const std::exception& error) {
    return Refusal{path + " can't be loaded: " + presentable(error.what()) + ".",
                   "Install what the library needs, or rebuild it for this system."};
  }
  auto& kept = keep(std::move(library));
  note("asking for its entry");
  const auto function = kept.get<const bursar_entry*()>(BURSAR_ENTRY_SYMBOL);
  const bursar_entry* entry = function();
  if (entry == nullptr) return broken(path, "its entry function answers nothing");
  return entry;
}

std::optional<Refusal> check_versions(const std::string& path, const bursar_entry& entry) {
  if (entry.magic != BURSAR_MAGIC) return broken(path, "its entry does not begin with the magic number");
  if (!BURSAR_HAS(&entry, get_interface)) {
    return broken(path, "its entry is " + std::to_string(entry.struct_size) +
                            " bytes long, shorter than the first version of it");
  }
  const auto own = version_text(BURSAR_ABI_MAJOR, BURSAR_ABI_MINOR);
  if (entry.abi_major != BURSAR_ABI_MAJOR) {
    return Refusal{path + " was built for plugin interface " + version_text(entry.abi_major, entry.abi_minor) +
                       ", this Bursar has " + own + ".",
                   "Rebuild the plugin with SDK " BURSAR_SDK_VERSION "."};
  }
  const auto sdk = text_of(entry.sdk_version, 40);
  if (entry.abi_draft != BURSAR_ABI_DRAFT || (BURSAR_ABI_DRAFT != 0 && sdk != BURSAR_SDK_VERSION)) {
    return Refusal{path + " was built with SDK " + sdk + " (draft " + std::to_string(entry.abi_draft) +
                       "), this Bursar has " BURSAR_SDK_VERSION " (draft " + std::to_string(BURSAR_ABI_DRAFT) +
                       "); while the interface is a draft the two must be equal.",
                   "Rebuild the plugin with SDK " BURSAR_SDK_VERSION "."};
  }
  if (entry.abi_minor_needed > BURSAR_ABI_MINOR) {
    return Refusal{path + " needs plugin interface " + version_text(BURSAR_ABI_MAJOR, entry.abi_minor_needed) +
                       ", this Bursar has " + own + ".",
                   "Run a newer Bursar, or rebuild the plugin with SDK " BURSAR_SDK_VERSION "."};
  }
  if (entry.descriptor == nullptr || entry.open == nullptr || entry.close == nullptr ||
      entry.get_interface == nullptr) {
    return broken(path, "its entry lacks its descriptor or one of open, close and get_interface");
  }
  return std::nullopt;
}

std::optional<SettingType> type_of(bursar_setting_type type) {
  switch (type) {
    case BURSAR_SETTING_STRING:
      return SettingType::string;
    case BURSAR_SETTING_SECRET:
      return SettingType::secret;
    case BURSAR_SETTING_BOOL:
      return SettingType::boolean;
    case BURSAR_SETTING_INTEGER:
      return SettingType::integer;
    case BURSAR_SETTING_MONEY:
      return SettingType::money;
    case BURSAR_SETTING_DURATION:
      return SettingType::duration;
    case BURSAR_SETTING_URL:
      return SettingType::url;
    case BURSAR_SETTING_CHOICE:
      return SettingType::choice;
    case BURSAR_SETTING_LIST:
      return SettingType::list;
    default:
      return std::nullopt;
  }
}

std::variant<Setting, std::string> setting_of(const bursar_setting& row) {
  if (!BURSAR_HAS(&row, deprecated_by)) return "a row of its settings table is too short";
  Setting setting;
  setting.key = text_of(row.key, 60);
  const auto type = type_of(row.type);
  if (!type) return "its setting \"" + setting.key + "\" has a type that this Bursar does not know";
  setting.type = *type;
  setting.required = (row.flags & BURSAR_SETTING_REQUIRED) != 0;
  setting.advanced = (row.flags & BURSAR_SETTING_ADVANCED) != 0;
  setting.default_text = text_of(row.default_value);
  setting.example = text_of(row.example);
  setting.minimum = row.minimum;
  setting.maximum = row.maximum;
  setting.prefix = text_of(row.prefix);
  setting.label = text_of(row.label);
  setting.help = text_of(row.help);
  setting.since = text_of(row.since);
  setting.deprecated_by = text_of(row.deprecated_by);
  for (std::uint64_t i = 0; row.choices != nullptr && i < std::min<std::uint64_t>(row.choices_count, list_max); ++i) {
    setting.choices.push_back({text_of(row.choices[i].value), text_of(row.choices[i].label)});
  }
  return setting;
}

// Copies the table into `out`; answers what is wrong with it, or empty.
std::string read_settings(const bursar_descriptor& descriptor, SettingsTable& out) {
  if (descriptor.settings_count == 0) return {};
  if (descriptor.settings == nullptr || descriptor.setting_size < sizeof(std::uint32_t) ||
      descriptor.settings_count > list_max) {
    return "its settings table is missing or has an impossible size";
  }
  const auto* at = reinterpret_cast<const char*>(descriptor.settings);
  for (std::uint64_t i = 0; i < descriptor.settings_count; ++i, at += descriptor.setting_size) {
    auto setting = setting_of(*reinterpret_cast<const bursar_setting*>(at));
    if (const auto* fault = std::get_if<std::string>(&setting)) return *fault;
    out.push_back(std::move(std::get<Setting>(setting)));
  }
  const auto faults = faults_of(out);
  return faults.empty() ? std::string() : faults.front();
}

std::optional<Refusal> read_descriptor(const bursar_descriptor& descriptor, Library& library) {
  if (!BURSAR_HAS(&descriptor, settings_count))
    return broken(library.path, "its descriptor is shorter than the first version of it");
  for (const auto* text :
       {&descriptor.id, &descriptor.version, &descriptor.name, &descriptor.summary, &descriptor.vendor}) {
    if (!is_well_formed(*text, 2000)) return broken(library.path, "its descriptor holds text that is not valid");
  }
  library.id = text_of(descriptor.id);
  library.version = text_of(descriptor.version);
  library.name = text_of(descriptor.name);
  library.concurrent = (descriptor.flags & BURSAR_DESCRIPTOR_CONCURRENT) != 0;
  library.interfaces = list_of(descriptor.interfaces);
  if (!is_id(library.id))
    return broken(library.path, "its id \"" + library.id + "\" is not of the form com.example.name");
  if (!is_version(library.version))
    return broken(library.path, "its version \"" + library.version + "\" is not of the form 1.2.3");
  for (const auto& service : list_of(descriptor.needs)) {
    if (HostServices::table(service) == nullptr) {
      return Refusal{library.path + " needs the host service " + service + ", which this Bursar does not have.",
                     "Run a newer Bursar."};
    }
  }
  if (const auto fault = read_settings(descriptor, library.settings); !fault.empty())
    return broken(library.path, fault);
  return std::nullopt;
}

}  // namespace

std::variant<Library, Refusal> load_library(const std::string& path, const StageNote& note) {
  if (auto refusal = check_symbol(path)) return *refusal;
  auto entry = entry_of(path, note);
  if (auto* refusal = std::get_if<Refusal>(&entry)) return *refusal;
  Library library;
  library.path = path;
  library.entry = std::get<const bursar_entry*>(entry);
  note("reading its description");
  if (auto refusal = check_versions(path, *library.entry)) return *refusal;
  library.abi = version_text(library.entry->abi_major, library.entry->abi_minor);
  if (auto refusal = read_descriptor(*library.entry->descriptor, library)) return *refusal;
  return library;
}

}  // namespace bursar::plugin_host
