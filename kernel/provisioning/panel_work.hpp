// What the handlers of panels share. Internal to provisioning.
#pragma once

#include <string>

#include "effects/effects.hpp"
#include "provisioning/panel.hpp"

namespace bursar::provisioning {

// The number that ends an effect's key.
std::int64_t last_number_of(const std::string& key);

// The panel's reference and the task for a person travel to settle() in one text: reference, newline, task.
effects::Outcome outcome_of(const PanelAnswer& answer);
std::string reference_in(const effects::Outcome& outcome);
std::string task_in(const effects::Outcome& outcome);

effects::Outcome not_loaded(const std::string& panel);

// One open task of the kind for a service; its text is the newest.
void raise_task(storage::Transaction& tx, const effects::Effect& effect, const std::string& task, Instant now);

}  // namespace bursar::provisioning
