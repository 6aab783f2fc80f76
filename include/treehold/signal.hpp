// Signals by name, the same on every system. The platform translates them to its own numbers.
#pragma once

#include <cstdint>
#include <string>

#include <treehold/export.hpp>

namespace treehold::inline v0 {

/// A signal that can be sent to a process tree. Values below `native_signals` are treehold's own
/// names; values from there on carry a number of the system (see `native_signal`).
enum class Signal : std::int32_t {
  hangup,
  interrupt,
  quit,
  terminate,
  kill,
  user1,
  user2,
  alarm,
  window_change,
  stop,
  resume,
  native_signals = 1000,
};

/// The signal with the number `number` of this system, for signals that have no name above
/// (`native_signal(SIGRTMIN + 1)`). A number that the system does not have is refused when it is
/// used.
[[nodiscard]] constexpr Signal native_signal(int number) noexcept {
  return static_cast<Signal>(static_cast<std::int32_t>(Signal::native_signals) + number);
}

/// The field's name of a system signal number, such as "SIGTERM" or "SIGRTMIN+1"; "signal 99" for
/// one without a name. Thread safe.
[[nodiscard]] TREEHOLD_EXPORT std::string signal_name(int native_number);

}  // namespace treehold::inline v0
