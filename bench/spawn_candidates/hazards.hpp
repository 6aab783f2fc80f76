// What a way to start may do to the host when the group is limited: whether an out-of-memory kill
// of the group takes the host with it, and how long a throttled group holds the starting thread.
#pragma once

#include <string>

#include "ways.hpp"

// Prints both tables. `root` is an empty group of our own. Needs the cpu and memory controllers in
// the unified hierarchy, enables them for `root`, and says so where they are missing.
void show_hazards(Launcher& launcher, const std::string& root);
