// treehold's events (start, time-out, soft signal, kill, teardown) for the host's log. Silent until
// the host asks for them. Arguments and environment never appear in an event.
#pragma once

#include <functional>
#include <string_view>

#include <treehold/export.hpp>

namespace treehold::inline v0 {

enum class LogLevel { debug, info, warning, error };

/// Takes one event: a line without an ending. Called on the thread on which the event happens,
/// possibly from several at once; what it throws is swallowed.
using LogSink = std::function<void(LogLevel level, std::string_view line)>;

/// Sends every event of this process to `sink`; an empty sink silences them again (the default).
/// Thread safe. For an spdlog logger see `treehold/spdlog.hpp`.
TREEHOLD_EXPORT void set_log_sink(LogSink sink);

}  // namespace treehold::inline v0
