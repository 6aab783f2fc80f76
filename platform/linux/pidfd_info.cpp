#include "platform/linux/pidfd_info.hpp"

#include <sys/ioctl.h>

#include "platform/posix/exit_status.hpp"

namespace treehold::inline v0::platform {
namespace {

/// `struct pidfd_info` of linux/pidfd.h in its first size.
struct PidfdInfo {
  std::uint64_t mask;
  std::uint64_t cgroup;
  std::uint32_t ids[11];
  std::int32_t exit_code;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr std::uint64_t with_cgroup = 1U << 2;  // PIDFD_INFO_CGROUPID
constexpr std::uint64_t with_exit = 1U << 3;    // PIDFD_INFO_EXIT
constexpr unsigned long get_info = _IOWR(0xFF, 11, PidfdInfo);

std::optional<PidfdInfo> ask(int pidfd, std::uint64_t what) {
  PidfdInfo info{};
  info.mask = what;
  const bool told = ::ioctl(pidfd, get_info, &info) == 0 && (info.mask & what) != 0;
  return told ? std::optional(info) : std::nullopt;
}

}  // namespace

std::optional<Outcome> outcome_kept_for(int pidfd) {
  const std::optional<PidfdInfo> info = ask(pidfd, with_exit);
  return info ? std::optional(outcome_of_wait_status(info->exit_code)) : std::nullopt;
}

std::optional<std::uint64_t> cgroup_of(int pidfd) {
  const std::optional<PidfdInfo> info = ask(pidfd, with_cgroup);
  return info ? std::optional(info->cgroup) : std::nullopt;
}

}  // namespace treehold::inline v0::platform
