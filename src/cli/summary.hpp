// What a run took, for people.
#pragma once

#include <string>

#include <treehold/output.hpp>

namespace treehold::cli {

/// Several lines; what the kernel does not tell is left out.
[[nodiscard]] std::string summary_of(const Output& output);

/// One line: "exit code 0 after 1.25 s".
[[nodiscard]] std::string headline_of(const Output& output);

}  // namespace treehold::cli
