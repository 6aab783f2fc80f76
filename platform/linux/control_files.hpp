// Reading the files of controllers: single numbers, and lines of keys with numbers. See
// Documentation/admin-guide/cgroup-v2.rst, "Interface Files".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <treehold/limits.hpp>
#include <treehold/statistics.hpp>

#include "platform/linux/cgroup_dir.hpp"

namespace treehold::inline v0::platform {

/// The number in a file of one; nothing for "max" and where there is no such file.
[[nodiscard]] std::optional<std::uint64_t> number_in(const CgroupDir& group, const char* file);

/// The same of a file by its path.
[[nodiscard]] std::optional<std::uint64_t> number_in(const std::string& path);

/// The number behind `key` in a file of lines "KEY NUMBER".
[[nodiscard]] std::optional<std::uint64_t> number_of(const CgroupDir& group, const char* file,
                                                     std::string_view key);

/// The same in a text.
[[nodiscard]] std::optional<std::uint64_t> number_after(std::string_view text,
                                                        std::string_view key);

/// The sum over all devices in io.stat; nothing where there is no such file.
[[nodiscard]] std::optional<IoUse> io_use(const CgroupDir& group);

/// A file of pressure stall information (Documentation/accounting/psi.rst).
[[nodiscard]] std::optional<Pressure> pressure_in(const CgroupDir& group, const char* file);

/// Whether swap has to be limited with memory: `file` does that, or swap is in use here and there
/// is no such file, so that writing to it tells.
[[nodiscard]] bool must_limit_swap(const CgroupDir& group, const char* file);

/// What CPUs are limited in, in microseconds: the kernel's default.
inline constexpr unsigned quota_period = 100000;

/// Whether the limit of processes was met in a group of the controller pids, which both versions
/// have alike. pids.events counts what was refused inside, before Linux 6.11 also by a limit above:
/// the peak tells which.
[[nodiscard]] Evidence process_evidence(const CgroupDir& group, std::uint64_t most);

}  // namespace treehold::inline v0::platform
