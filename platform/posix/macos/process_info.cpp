#include "platform/posix/macos/process_info.hpp"

#include <libproc.h>
#include <sys/proc_info.h>
#include <sys/types.h>

#include <cstring>
#include <functional>
#include <vector>

#include "platform/posix/process_census.hpp"

namespace treehold::inline v0::platform {
namespace {

/// PROC_PIDUNIQIDENTIFIERINFO, which the kernel answers to everybody while the headers of the SDK
/// keep it for Apple's own programs (bsd/sys/proc_info_private.h of xnu).
constexpr int unique_identifier_info = 17;
struct UniqueIdentifierInfo {
  std::uint8_t image[16];
  std::uint64_t unique_id;
  std::uint64_t bearer_unique_id;
  std::uint64_t reserved[3];
};
static_assert(sizeof(UniqueIdentifierInfo) == 56);

constexpr std::uint64_t also_zombies = 1;

/// pbsi_status, sys/proc.h.
constexpr std::uint32_t stopped = 4;
constexpr std::uint32_t zombie = 5;

char state_letter(std::uint32_t status) noexcept {
  switch (status) {
    case stopped: return 'T';
    case zombie: return 'Z';
    default: return 'S';
  }
}

}  // namespace

std::optional<UniqueIds> unique_ids(pid_t pid) noexcept {
  UniqueIdentifierInfo info{};
  if (::proc_pidinfo(pid, unique_identifier_info, also_zombies, &info, sizeof info) !=
      static_cast<int>(sizeof info)) {
    return std::nullopt;
  }
  return UniqueIds{info.unique_id, info.bearer_unique_id};
}

void for_each_process(const std::function<void(pid_t)>& visit) {
  std::vector<pid_t> pids;
  for (;;) {
    const int size = ::proc_listpids(PROC_ALL_PIDS, 0, nullptr, 0);
    if (size <= 0) {
      return;
    }
    constexpr std::size_t born_meanwhile = 64;
    pids.resize(static_cast<std::size_t>(size) / sizeof(pid_t) + born_meanwhile);
    const int room = static_cast<int>(pids.size() * sizeof(pid_t));
    const int filled = ::proc_listpids(PROC_ALL_PIDS, 0, pids.data(), room);
    if (filled <= 0) {
      return;
    }
    if (filled < room) {
      pids.resize(static_cast<std::size_t>(filled) / sizeof(pid_t));
      break;
    }
  }
  for (const pid_t pid : pids) {
    if (pid > 0) {  // 0 is the kernel's own
      visit(pid);
    }
  }
}

std::optional<ProcessRecord> read_process(pid_t pid) {
  const std::optional<UniqueIds> ids = unique_ids(pid);
  proc_bsdshortinfo info{};  // the long one is only for processes of the same user
  if (!ids || ::proc_pidinfo(pid, PROC_PIDT_SHORTBSDINFO, also_zombies, &info, sizeof info) !=
                  static_cast<int>(sizeof info)) {
    return std::nullopt;
  }
  ProcessRecord record;
  record.pid = pid;
  record.parent = static_cast<pid_t>(info.pbsi_ppid);
  record.process_group = static_cast<pid_t>(info.pbsi_pgid);
  record.state = state_letter(info.pbsi_status);
  record.name.assign(info.pbsi_comm, ::strnlen(info.pbsi_comm, sizeof info.pbsi_comm));
  record.birth = ids->own;
  record.parent_birth = ids->bearer;
  return record;
}

}  // namespace treehold::inline v0::platform
