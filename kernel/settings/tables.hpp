// The tables of all sections. Each is built once and lives as long as the process.
#pragma once

#include "settings/table.hpp"

namespace bursar::settings {

const Table<Config>& configuration_table();

const Table<Provider>& provider_table();
const Table<Billing>& billing_table();
const Table<TaxRule>& tax_rule_table();
const Table<Refunds>& refunds_table();
const Table<Disputes>& disputes_table();
const Table<Deposits>& deposits_table();
// "1.00" (the default currency) or {USD: "1.00", EUR: "0.90"}.
Kind<std::map<std::string, Money>> amounts();
// What sections name of one another.
void check_configuration(Reader& reader, const Node& node, Config& config);

struct PluginSection {
  std::string directory = "plugins";
  std::vector<PluginInstance> instances;
};
const Table<PluginSection>& plugins_table();

}  // namespace bursar::settings
