// A member of a job, held so that its number cannot come to mean another process.
#pragma once

#include <treehold/outcome.hpp>

#include "platform/windows/job.hpp"
#include "platform/windows/unique_handle.hpp"

namespace treehold::inline v0::platform {

/// Nothing when the process has ended or is none of the job's.
[[nodiscard]] UniqueHandle open_member(const Job& job, ProcessId pid, DWORD access) noexcept;

/// Whether the process has ended. Needs SYNCHRONIZE.
[[nodiscard]] bool has_ended(HANDLE process) noexcept;

}  // namespace treehold::inline v0::platform
