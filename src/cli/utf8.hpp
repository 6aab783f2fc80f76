// Text for formats that are UTF-8.
#pragma once

#include <string>

namespace treehold::cli {

/// Names of files are any bytes: in a text that is not UTF-8 each byte beyond ASCII becomes '?'.
[[nodiscard]] std::string as_utf8(std::string text);

}  // namespace treehold::cli
