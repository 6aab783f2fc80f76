// What all mechanisms on Linux have in common of posix/system.hpp, and the wait that it is made of.
#pragma once

#include <signal.h>
#include <sys/wait.h>

#include <optional>

#include <treehold/outcome.hpp>

namespace treehold::inline v0::platform {

/// See `wait_for_exit`; `type` and `id` are those of waitid(2).
bool wait_with_usage(idtype_t type, id_t id, int flags, siginfo_t& info,
                     std::optional<ResourceUse>* use) noexcept;

}  // namespace treehold::inline v0::platform
