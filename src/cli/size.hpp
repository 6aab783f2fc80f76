// Numbers of bytes as people type and read them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace treehold::cli {

/// "4096", "64K", "512MiB", "1.5G", "1Ti"; units are powers of 1024, as with systemd. Nothing when
/// it is none of these, or more than can be counted.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

/// "512 MiB", "1.5 GiB", "17 B".
[[nodiscard]] std::string format_size(double bytes);

}  // namespace treehold::cli
