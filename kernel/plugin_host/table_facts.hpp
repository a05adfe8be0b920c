// The constant data beside the functions of a plugin's tables: checked and copied once, at open.
#pragma once

#include <string>

#include "plugin_host/opened_plugin.hpp"

namespace bursar::plugin_host {

// Fills `facts` (its interfaces are there already). Answers what is wrong, as the end of a sentence, or empty.
std::string read_facts(const Tables& tables, const Library& library, Facts& facts);

}  // namespace bursar::plugin_host
