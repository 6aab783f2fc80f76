// Text for people: escaped and quoted.
#pragma once

#include <string>
#include <string_view>

namespace treehold::inline v0 {

/// One line: control characters as \\n, \\t, \\x1b.
[[nodiscard]] std::string escaped(std::string_view text);

/// `text` as one word of a POSIX shell.
[[nodiscard]] std::string shell_quoted(std::string_view text);

}  // namespace treehold::inline v0
