#include "platform/windows/wide_text.hpp"

#include <algorithm>

#include <treehold/error.hpp>

#include "platform/windows/system.hpp"

namespace treehold::inline v0::platform {

std::wstring to_wide(std::string_view text, const char* setting) {
  if (text.empty()) {
    return {};
  }
  const auto size = static_cast<int>(text.size());
  const int length =
      ::MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text.data(), size, nullptr, 0);
  if (length <= 0) {
    throw InvalidSetting(setting, "is not UTF-8");
  }
  std::wstring wide(static_cast<std::size_t>(length), L'\0');
  ::MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text.data(), size, wide.data(), length);
  return wide;
}

std::string to_utf8(std::wstring_view text) {
  if (text.empty()) {
    return {};
  }
  const auto size = static_cast<int>(text.size());
  const int length =
      ::WideCharToMultiByte(CP_UTF8, 0, text.data(), size, nullptr, 0, nullptr, nullptr);
  std::string utf8(static_cast<std::size_t>(std::max(length, 0)), '\0');
  ::WideCharToMultiByte(CP_UTF8, 0, text.data(), size, utf8.data(), length, nullptr, nullptr);
  return utf8;
}

std::wstring to_wide_path(std::string_view path, const char* setting) {
  std::wstring wide = to_wide(path, setting);
  constexpr std::size_t longest_without_prefix = 247;  // that of a directory, less than a file's
  if (wide.size() <= longest_without_prefix || wide.compare(0, 4, LR"(\\?\)") == 0) {
    return wide;
  }
  // Behind the prefix nothing is interpreted: neither '/' nor "..".
  const DWORD size = ::GetFullPathNameW(wide.c_str(), 0, nullptr, nullptr);
  std::wstring full(size, L'\0');
  full.resize(::GetFullPathNameW(wide.c_str(), size, full.data(), nullptr));
  if (full.empty()) {
    return wide;
  }
  if (full.compare(0, 2, LR"(\\)") == 0) {
    return LR"(\\?\UNC\)" + full.substr(2);
  }
  return LR"(\\?\)" + full;
}

}  // namespace treehold::inline v0::platform
