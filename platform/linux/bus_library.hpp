// What is used of sd-bus(3), from libsystemd, which is loaded when a scope is asked for: a program
// that is linked with treehold would else load it and the six libraries that it needs, a fifth of
// the start of a small program, though hardly any asks for a scope.
#pragma once

#include <systemd/sd-bus.h>

#include <string>

namespace treehold::inline v0::platform {

struct BusLibrary {
  decltype(&sd_bus_open_system) open_system;
  decltype(&sd_bus_open_user) open_user;
  decltype(&sd_bus_close_unref) close_unref;
  decltype(&sd_bus_is_ready) is_ready;
  decltype(&sd_bus_process) process;
  decltype(&sd_bus_wait) wait;
  decltype(&sd_bus_call_async) call_async;
  decltype(&sd_bus_match_signal_async) match_signal_async;
  decltype(&sd_bus_error_has_name) error_has_name;
  decltype(&sd_bus_message_new_method_call) new_method_call;
  decltype(&sd_bus_message_set_auto_start) set_auto_start;
  decltype(&sd_bus_message_append) append;
  decltype(&sd_bus_message_open_container) open_container;
  decltype(&sd_bus_message_close_container) close_container;
  decltype(&sd_bus_message_get_error) get_error;
  decltype(&sd_bus_message_read) read;
  decltype(&sd_bus_message_rewind) rewind;
  decltype(&sd_bus_message_ref) ref;
  decltype(&sd_bus_message_unref) unref;
};

/// Loads it, once for all. Throws `no_scope` when it is not there. Thread safe, as is the next.
[[nodiscard]] const BusLibrary& bus_library();

/// Why it cannot be loaded; empty when it can.
[[nodiscard]] const std::string& bus_library_problem();

}  // namespace treehold::inline v0::platform
