// `treehold sweep`: ends what hosts have left behind.
#pragma once

#include <treehold/sweep.hpp>

namespace treehold::cli {

/// The exit status of the program: not 0 when something could not be ended.
int sweep(const SweepOptions& options);

}  // namespace treehold::cli
