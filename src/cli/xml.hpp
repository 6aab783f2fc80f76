// Text in XML.
#pragma once

#include <string>
#include <string_view>

namespace treehold::cli {

/// As the content of an element or of an attribute in double quotes, whatever bytes it has.
[[nodiscard]] std::string xml_escaped(std::string_view text);

}  // namespace treehold::cli
