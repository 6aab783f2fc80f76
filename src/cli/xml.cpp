#include "src/cli/xml.hpp"

#include "src/cli/utf8.hpp"
#include "src/text.hpp"

namespace treehold::cli {

std::string xml_escaped(std::string_view text) {
  // XML has no way at all to write control characters, U+FFFE and U+FFFF.
  std::string clean = escaped(as_utf8(std::string(text)));
  for (const std::string_view none : {"\xef\xbf\xbe", "\xef\xbf\xbf"}) {
    for (std::size_t at = 0; (at = clean.find(none, at)) != std::string::npos;) {
      clean.replace(at, none.size(), "?");
    }
  }
  std::string result;
  for (const char c : clean) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      default: result += c;
    }
  }
  return result;
}

}  // namespace treehold::cli
