// One string for all arguments, as Windows has it, from which the child makes the same arguments
// again.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace treehold::inline v0::platform {

/// Quoted by the rules of "Parsing C command-line arguments", which most programs follow; the first
/// one, the program's own name, by its simpler rules: it must not hold a quote.
[[nodiscard]] std::string join_command_line(const std::vector<std::string>& arguments);

/// Whether the file is a script that CreateProcess hands to cmd.exe, which reads the command line
/// by rules of its own.
[[nodiscard]] bool is_batch_file(std::string_view program) noexcept;

/// Whether cmd.exe could take part of the argument for something else than text: no quoting keeps
/// such a one from it ("BatBadBut", CVE-2024-24576).
[[nodiscard]] bool cmd_could_reinterpret(std::string_view argument) noexcept;

}  // namespace treehold::inline v0::platform
