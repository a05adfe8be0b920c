#include "cli/command_line.hpp"

int main(int argc, char** argv) { return bursar::cli::run(argc, argv); }
