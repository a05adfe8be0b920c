// Which process this is, and whether another one has ended. The name of a process says where to look for it, so rows
// that carry one need no heartbeat beside them: any process of the same machine can judge them.
#pragma once

#include <string>
#include <string_view>

namespace bursar {

// "PLACE.PID.START.RANDOM": unlike the name of any other process that ever ran anywhere. Holds no '/', so that the name
// of something within the process may follow after one.
const std::string& this_process();

// Whether the process of this name (what follows a '/' is left out of account) has certainly ended. False while it
// lives, stopped or not, and also where that can't be seen from here: on another machine, in another container.
bool has_ended(std::string_view process);

}  // namespace bursar
