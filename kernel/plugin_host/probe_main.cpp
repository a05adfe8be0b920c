// bursar-plugin-host: the process in which plugins are opened for trial. docs/design/plugin-isolation.md.
#include "plugin_host/probe.hpp"

int main() { return bursar::plugin_host::probe_main(); }
