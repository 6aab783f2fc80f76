// Reapers of FreeBSD, procctl(2).
#include "platform/posix/reaper/descendants.hpp"

#include <signal.h>
#include <sys/procctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

namespace treehold::inline v0::platform {
namespace {

using Listed = std::vector<procctl_reaper_pidinfo>;

bool is_zombie(const procctl_reaper_pidinfo& process) noexcept {
  return (process.pi_flags & REAPER_PIDINFO_ZOMBIE) != 0;
}

bool is_reaper(const procctl_reaper_pidinfo& process) noexcept {
  return (process.pi_flags & REAPER_PIDINFO_REAPER) != 0;
}

std::size_t count_below(pid_t reaper) noexcept {
  procctl_reaper_status status{};
  return ::procctl(P_PID, static_cast<id_t>(reaper), PROC_REAP_STATUS, &status) == 0
             ? status.rs_descendants
             : 0;
}

/// Fills `room`. What the kernel has not filled carries no REAPER_PIDINFO_VALID.
bool list_below(pid_t reaper, procctl_reaper_pidinfo* room, std::size_t size) noexcept {
  std::fill_n(room, size, procctl_reaper_pidinfo{});
  procctl_reaper_pids request{};
  request.rp_count = static_cast<unsigned>(size);
  request.rp_pids = room;
  return ::procctl(P_PID, static_cast<id_t>(reaper), PROC_REAP_GETPIDS, &request) == 0;
}

/// Of a process that is no reaper (any more) the kernel lists what is below its own.
Listed list_below(pid_t reaper) {
  constexpr std::size_t born_meanwhile = 64;
  Listed listed(count_below(reaper) + born_meanwhile);
  if (!list_below(reaper, listed.data(), listed.size())) {
    return {};
  }
  std::erase_if(listed, [](const procctl_reaper_pidinfo& process) {
    return (process.pi_flags & REAPER_PIDINFO_VALID) == 0;
  });
  return listed;
}

/// A member that is a reaper has a list of its own. What is found there counts when it still is one
/// afterwards: another may have its number otherwise.
void add_below(pid_t reaper, const Listed& listed, std::map<pid_t, Descendant>& found) {
  for (const procctl_reaper_pidinfo& process : listed) {
    if (!is_zombie(process)) {
      found.insert(
          {process.pi_pid, {process.pi_pid, (process.pi_flags & REAPER_PIDINFO_STOPPED) != 0}});
    }
    if (is_reaper(process)) {
      std::map<pid_t, Descendant> below;
      add_below(process.pi_pid, list_below(process.pi_pid), below);
      const Listed now = list_below(reaper);
      if (std::any_of(now.begin(), now.end(), [&process](const procctl_reaper_pidinfo& one) {
            return one.pi_pid == process.pi_pid && is_reaper(one);
          })) {
        found.merge(below);
      }
    }
  }
}

}  // namespace

Guarantee reapers_available() {
  return {true, "procctl(2) makes a process the reaper of what is below it", ""};
}

Guarantee forks_are_outrun() {
  return {true, "PROC_REAP_KILL goes on until nobody is left who was not sent it", ""};
}

long adopt_orphans() noexcept {
  return ::procctl(P_PID, static_cast<id_t>(::getpid()), PROC_REAP_ACQUIRE, nullptr) == 0 ? 0
                                                                                          : -errno;
}

std::size_t kill_descendants() noexcept {
  const pid_t self = ::getpid();
  procctl_reaper_kill order{};
  order.rk_sig = SIGKILL;
  (void)::procctl(P_PID, static_cast<id_t>(self), PROC_REAP_KILL, &order);
  // Whom it may not kill it does not always tell of: they are looked for.
  static procctl_reaper_pidinfo listed[256];
  const std::size_t all = count_below(self);
  if (all > std::size(listed) || !list_below(self, listed, std::size(listed))) {
    return all;
  }
  return static_cast<std::size_t>(std::count_if(
      std::begin(listed), std::end(listed), [](const procctl_reaper_pidinfo& process) {
        return (process.pi_flags & REAPER_PIDINFO_VALID) != 0 && !is_zombie(process);
      }));
}

// The reaper may be ending: then the kernel takes its own reaper for it, which may be the first
// process of the system. All that is below the leader, and nobody else, carries the leader's number
// as its subtree.

std::vector<Descendant> descendants_of(pid_t reaper, pid_t leader) {
  Listed listed = list_below(reaper);
  std::erase_if(listed, [leader](const procctl_reaper_pidinfo& process) {
    return process.pi_subtree != leader;
  });
  std::map<pid_t, Descendant> found;
  add_below(reaper, listed, found);
  std::vector<Descendant> descendants;
  for (const auto& [pid, descendant] : found) {
    descendants.push_back(descendant);
  }
  return descendants;
}

std::size_t send_to_descendants(pid_t reaper, pid_t leader, int native_signal) {
  procctl_reaper_kill order{};
  order.rk_sig = native_signal;
  order.rk_flags = REAPER_KILL_SUBTREE;
  order.rk_subtree = leader;
  (void)::procctl(P_PID, static_cast<id_t>(reaper), PROC_REAP_KILL, &order);
  return order.rk_killed;
}

}  // namespace treehold::inline v0::platform
