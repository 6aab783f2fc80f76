// Paths are UTF-8 wherever treehold holds them as text, whatever the system's own encoding is. On
// POSIX that means their bytes as they are.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace treehold::inline v0 {

[[nodiscard]] inline std::filesystem::path path_of(std::string_view text) {
  return {std::u8string(text.begin(), text.end())};
}

[[nodiscard]] inline std::string text_of(const std::filesystem::path& path) {
  const std::u8string text = path.u8string();
  return {text.begin(), text.end()};
}

}  // namespace treehold::inline v0
