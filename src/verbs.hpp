// From `Command` to `Output`: the one way, for private runs and for runs in a group.
#pragma once

#include <memory>

#include <treehold/command.hpp>
#include <treehold/output.hpp>

#include "src/execution.hpp"

namespace treehold::inline v0 {

/// The system's number. Throws `InvalidSetting`.
[[nodiscard]] int require_number(Signal signal);

/// Throws unless a run to its end can do with these settings.
void require_unattended(const Settings& settings);

/// Runs to the end on the calling thread, in a private tree where there is no group. Throws what
/// went wrong; any end of the leader is data.
[[nodiscard]] Output run_to_end(const Settings& settings, const std::shared_ptr<GroupCore>& group);

/// Throws unless the leader exited with a code that is accepted.
void require_success(const Settings& settings, const Output& output);

/// The verbs on a finished output.
[[nodiscard]] std::string text_of(const Settings& settings, Output output);
[[nodiscard]] int exit_code_of(const Settings& settings, const Output& output);
[[nodiscard]] bool answer_of(const Settings& settings, const Output& output);

}  // namespace treehold::inline v0
