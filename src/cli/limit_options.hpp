// The options of `treehold run` that limit what the tree may use.
#pragma once

#include <CLI/App.hpp>

#include <treehold/limits.hpp>

namespace treehold::cli {

/// Adds them to `app`; they fill in `limits`, which must outlive the parsing.
void add_limit_options(CLI::App& app, Limits& limits);

}  // namespace treehold::cli
