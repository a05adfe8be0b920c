// The command line of `bursar`: which command, with which options. Each command is a function of commands.hpp.
#pragma once

namespace bursar::cli {

// Exit codes: 0 done, 1 failed, 2 wrong usage or a configuration that is not right.
int run(int argc, char** argv);

}  // namespace bursar::cli
