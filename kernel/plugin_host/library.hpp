// A plugin's file in this process: loaded, its entry and descriptor checked and copied. Nothing of it is opened yet.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "plugin_host/abi.hpp"
#include "plugin_host/file_check.hpp"
#include "plugin_host/settings_table.hpp"

namespace bursar::plugin_host {

// Told before each step that runs foreign code, so that whoever watches from outside can say where it ended.
using StageNote = std::function<void(std::string_view stage)>;

struct Library {
  std::string path;
  const bursar_entry* entry = nullptr;  // static in the library, which is never unloaded
  std::string id;
  std::string version;
  std::string name;
  std::string abi;
  bool concurrent = false;
  std::vector<std::string> interfaces;
  SettingsTable settings;
};

// Steps 1 to 6 of bursar/abi/entry.h. `path` has passed check_file().
std::variant<Library, Refusal> load_library(const std::string& path, const StageNote& note);

}  // namespace bursar::plugin_host
