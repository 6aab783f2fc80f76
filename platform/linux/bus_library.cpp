#include "platform/linux/bus_library.hpp"

#include <dlfcn.h>

#include <string>
#include <type_traits>

#include "platform/linux/service_manager.hpp"

namespace treehold::inline v0::platform {
namespace {

struct Loaded {
  BusLibrary library{};
  std::string problem;
};

/// Never unloaded: what it has begun to use of other libraries may not be.
Loaded load() {
  Loaded loaded;
  BusLibrary& all = loaded.library;
  void* const library = ::dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* const reason = ::dlerror();
    loaded.problem = reason != nullptr ? reason : "libsystemd.so.0 cannot be loaded";
    return loaded;
  }
  const auto find = [&](const char* name, auto& function) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(::dlsym(library, name));
    if (function == nullptr) {
      loaded.problem = std::string("libsystemd.so.0 has no ") + name;
    }
  };
  find("sd_bus_open_system", all.open_system);
  find("sd_bus_open_user", all.open_user);
  find("sd_bus_close_unref", all.close_unref);
  find("sd_bus_is_ready", all.is_ready);
  find("sd_bus_process", all.process);
  find("sd_bus_wait", all.wait);
  find("sd_bus_call_async", all.call_async);
  find("sd_bus_match_signal_async", all.match_signal_async);
  find("sd_bus_error_has_name", all.error_has_name);
  find("sd_bus_message_new_method_call", all.new_method_call);
  find("sd_bus_message_set_auto_start", all.set_auto_start);
  find("sd_bus_message_append", all.append);
  find("sd_bus_message_open_container", all.open_container);
  find("sd_bus_message_close_container", all.close_container);
  find("sd_bus_message_get_error", all.get_error);
  find("sd_bus_message_read", all.read);
  find("sd_bus_message_rewind", all.rewind);
  find("sd_bus_message_ref", all.ref);
  find("sd_bus_message_unref", all.unref);
  return loaded;
}

const Loaded& loaded_once() {
  static const Loaded loaded = load();
  return loaded;
}

}  // namespace

const BusLibrary& bus_library() {
  if (const std::string& problem = bus_library_problem(); !problem.empty()) {
    throw no_scope(problem);
  }
  return loaded_once().library;
}

const std::string& bus_library_problem() {
  return loaded_once().problem;
}

}  // namespace treehold::inline v0::platform
