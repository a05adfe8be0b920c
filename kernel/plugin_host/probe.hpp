// Opening an instance in a child process first: a constructor that crashes, hangs or ends the process does so there.
#pragma once

#include "plugin_host/host.hpp"
#include "plugin_host/wire.hpp"

namespace bursar::plugin_host {

// Parent's side. Never fails: what goes wrong is the report's cause. The child gets an almost empty environment, the
// order (secrets included) through a pipe, and is killed at the timeout.
ProbeReport run_probe(const ProbeOrder& order, const HostOptions& options);

// Child's side: reads the order from standard input, writes the steps and the report to descriptor 3. Answers the exit
// code.
int probe_main();

}  // namespace bursar::plugin_host
