// What is asked of the service manager, systemd, over D-Bus. A build without libsystemd has
// no_service_manager.cpp instead of service_manager.cpp.
#pragma once

#include <optional>
#include <string>

#include <treehold/error.hpp>
#include <treehold/placement.hpp>

namespace treehold::inline v0::platform {

/// The error of every way in which there can be no scope.
[[nodiscard]] inline Unsupported no_scope(const std::string& reason) {
  return {"moving the host into a scope", reason};
}

/// The manager that `wanted` means to this process.
[[nodiscard]] ServiceManager manager_for(ServiceManager wanted) noexcept;

/// Why no manager can be asked, as far as can be told without asking: nothing is connected to.
struct ManagerProblem {
  std::string reason;
  std::string remedy;
};
[[nodiscard]] std::optional<ManagerProblem> problem_with_manager(ServiceManager wanted);

/// Has the manager make the scope `unit` and put this process into it. Throws `no_scope` unless the
/// manager says that this was done.
void start_scope(const std::string& unit, const ScopeOptions& options);

}  // namespace treehold::inline v0::platform
