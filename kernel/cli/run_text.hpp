// A run of a job as the commands print it.
#pragma once

#include <string>

#include "scheduler/scheduler.hpp"

namespace bursar::cli {

// As text, or as one line of JSON with the members of `further` (", \"name\": value") at its end.
void print_run(const scheduler::RunStatus& run, bool json, const std::string& further = "");

}  // namespace bursar::cli
