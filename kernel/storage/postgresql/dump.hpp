// pg_dump and pg_restore, run without the password on their command line.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace bursar::storage::postgresql {

// Runs one of PostgreSQL's programs with the connection given by PG* variables of its environment.
Status run_program(const std::string& program, const std::vector<std::string>& arguments, const std::string& conninfo);

}  // namespace bursar::storage::postgresql
