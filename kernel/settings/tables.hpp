// The tables of all sections. Each is built once and lives as long as the process.
#pragma once

#include "settings/table.hpp"

namespace bursar::settings {

const Table<Config>& configuration_table();

const Table<Provider>& provider_table();
const Table<Billing>& billing_table();
const Table<TaxRule>& tax_rule_table();

struct PluginSection {
  std::string directory = "plugins";
  std::vector<PluginInstance> instances;
};
const Table<PluginSection>& plugins_table();

}  // namespace bursar::settings
