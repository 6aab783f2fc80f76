// treehold's own log: events go to the sink that the host has set, if any.
#pragma once

#include <spdlog/spdlog.h>

#include <utility>

#include <treehold/log.hpp>

namespace treehold::inline v0 {

/// The library's logger; not in spdlog's registry, which is the host's.
[[nodiscard]] spdlog::logger& logger() noexcept;

/// Logs one event. Costs one relaxed load while the log is silent; never throws.
template <class... Arguments>
void log_event(LogLevel level, fmt::format_string<Arguments...> format,
               Arguments&&... arguments) noexcept {
  constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info,
                                                  spdlog::level::warn, spdlog::level::err};
  const auto native = levels[static_cast<int>(level)];
  if (logger().should_log(native)) {
    logger().log(native, format, std::forward<Arguments>(arguments)...);
  }
}

}  // namespace treehold::inline v0
