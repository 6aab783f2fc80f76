// The program whose instructions are counted: does each of the hot paths a number of times, and
// marks where what counts begins and ends. A mark is a signal that only a tracer can take.
#pragma once

#include <signal.h>

#include <array>
#include <string>
#include <string_view>

namespace instructions {

/// What is counted, in the order of the table:
///
/// * spawn: a start in a group, until the start has returned;
/// * collect: taking the 64 KiB of a child that has ended;
/// * teardown: killing a group of one member, until all of it is seen to be gone and removed;
/// * exit_code, output, async_exit_code: the whole verbs of `Command`.
inline constexpr std::array<std::string_view, 6> paths = {
    "spawn", "collect", "teardown", "exit_code", "output", "async_exit_code"};

/// Queued by the host to itself. Its value is the index of the path whose counting begins, or
/// `mark_of_end`. The tracer keeps it to itself; when it lets one of the end through, that path has
/// been gone often enough.
inline constexpr int mark = SIGUSR1;
inline constexpr int mark_of_end = -1;

/// Exit status of a host that may not be traced.
inline constexpr int not_traceable = 77;

/// What the program is told to be one of these instead.
inline constexpr std::string_view host_role = "--host";
inline constexpr std::string_view writer_role = "--writer";
inline constexpr std::string_view sleeper_role = "--sleeper";

/// Has itself traced, stops once, and goes all paths that can be repeated; the status to exit with.
int play_host(const std::string& program);

/// Children of the host: one that writes 64 KiB at the end of its input and ends, and one that
/// stays.
int play_writer();
[[noreturn]] void play_sleeper();

}  // namespace instructions
