// Sends treehold's events to an spdlog logger of the host. Header only, so that the host's spdlog
// need not be the one the library was built with.
#pragma once

#include <spdlog/spdlog.h>

#include <memory>
#include <utility>

#include <treehold/log.hpp>

namespace treehold::inline v0 {

/// Uses `logger` from now on; a null pointer silences the events. Thread safe when the logger is.
inline void set_logger(std::shared_ptr<spdlog::logger> logger) {
  if (!logger) {
    set_log_sink({});
    return;
  }
  set_log_sink([logger = std::move(logger)](LogLevel level, std::string_view line) {
    constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info,
                                                    spdlog::level::warn, spdlog::level::err};
    logger->log(levels[static_cast<int>(level)], line);
  });
}

}  // namespace treehold::inline v0
