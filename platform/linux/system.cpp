// Linux's answers to posix/system.hpp, by the children's pidfds.
#include "platform/posix/system.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/linux/exit_wait.hpp"
#include "platform/linux/pidfd_info.hpp"
#include "platform/linux/process_table.hpp"

namespace treehold::inline v0::platform {

bool wait_for_exit(const ChildHandle& child, int flags, siginfo_t& info,
                   std::optional<ResourceUse>* use) noexcept {
  return wait_with_usage(P_PIDFD, static_cast<id_t>(child.end_notice), flags, info, use);
}

bool send_to_child(const ChildHandle& child, int native_signal) noexcept {
  return ::syscall(SYS_pidfd_send_signal, child.end_notice, native_signal, nullptr, 0) == 0;
}

bool signals_need_no_number() noexcept {
  return true;
}

std::optional<Outcome> outcome_kept_for(const ChildHandle& child) {
  return outcome_kept_for(child.end_notice);
}

}  // namespace treehold::inline v0::platform
