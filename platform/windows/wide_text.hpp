// Text is UTF-8 in treehold and UTF-16 at the system.
#pragma once

#include <string>
#include <string_view>

namespace treehold::inline v0::platform {

/// Throws `InvalidSetting` that names `setting` when `text` is not UTF-8: nothing else can be told
/// to the system.
[[nodiscard]] std::wstring to_wide(std::string_view text, const char* setting);

/// Of what the system may hold besides UTF-16 (lone halves of a pair) U+FFFD is made.
[[nodiscard]] std::string to_utf8(std::wstring_view text);

/// A path as the system takes it also when it is long: an absolute one of more than 247 characters
/// gets the prefix that lifts the bound of 260 ("Maximum Path Length Limitation").
[[nodiscard]] std::wstring to_wide_path(std::string_view path, const char* setting);

}  // namespace treehold::inline v0::platform
