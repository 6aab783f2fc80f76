#include "src/cli/utf8.hpp"

#include <algorithm>

#include <boost/json.hpp>

namespace treehold::cli {

std::string as_utf8(std::string text) {
  namespace json = boost::json;
  json::error_code invalid;
  (void)json::parse(json::serialize(json::string(text)), invalid);
  if (invalid) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; },
        '?');
  }
  return text;
}

}  // namespace treehold::cli
