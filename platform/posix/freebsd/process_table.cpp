// What sysctl(3) tells of processes (KERN_PROC), zombies among them.
#include <sys/param.h>
#include <sys/sysctl.h>
#include <sys/user.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "platform/posix/exit_status.hpp"
#include "platform/posix/portable/system.hpp"
#include "platform/posix/process_census.hpp"
#include "platform/posix/system.hpp"

namespace treehold::inline v0::platform {
namespace {

template <class Value>
std::optional<Value> kernel_value(const char* name) noexcept {
  Value value{};
  std::size_t size = sizeof value;
  return ::sysctlbyname(name, &value, &size, nullptr, 0) == 0 && size == sizeof value
             ? std::optional(value)
             : std::nullopt;
}

/// What the kernel adds to the births it keeps, and subtracts again when the clock is set.
std::optional<timeval> boot_time() noexcept {
  return kernel_value<timeval>("kern.boottime");
}

std::uint64_t birth_of(const kinfo_proc& process, const timeval& boot) noexcept {
  constexpr std::int64_t microseconds = 1'000'000;
  return static_cast<std::uint64_t>((process.ki_start.tv_sec - boot.tv_sec) * microseconds +
                                    (process.ki_start.tv_usec - boot.tv_usec));
}

char state_letter(const kinfo_proc& process) noexcept {
  switch (process.ki_stat) {
    case SSTOP: return 'T';
    case SZOMB: return 'Z';
    default: return 'S';
  }
}

ProcessRecord record_of(const kinfo_proc& process, const timeval& boot) {
  ProcessRecord record;
  record.pid = process.ki_pid;
  record.parent = process.ki_ppid;
  record.process_group = process.ki_pgid;
  record.state = state_letter(process);
  record.name.assign(process.ki_comm, ::strnlen(process.ki_comm, sizeof process.ki_comm));
  record.birth = birth_of(process, boot);
  return record;
}

std::optional<kinfo_proc> ask_for(pid_t pid) noexcept {
  int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_PID, pid};
  kinfo_proc process{};
  std::size_t size = sizeof process;
  if (::sysctl(name, 4, &process, &size, nullptr, 0) != 0 || size != sizeof process ||
      process.ki_structsize != static_cast<int>(sizeof process)) {
    return std::nullopt;
  }
  return process;
}

/// Nothing when the kernel does not tell, as it also does when their number grew too fast.
std::optional<std::vector<kinfo_proc>> ask_for_all() {
  int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_PROC};
  std::vector<kinfo_proc> processes;
  constexpr int most_tries = 10;
  for (int tries = 0; tries < most_tries; ++tries) {
    std::size_t size = 0;
    if (::sysctl(name, 3, nullptr, &size, nullptr, 0) != 0) {
      return std::nullopt;
    }
    constexpr std::size_t born_meanwhile = 64;
    processes.resize(size / sizeof(kinfo_proc) + born_meanwhile);
    size = processes.size() * sizeof(kinfo_proc);
    if (::sysctl(name, 3, processes.data(), &size, nullptr, 0) == 0) {
      processes.resize(size / sizeof(kinfo_proc));
      return processes;
    }
    if (errno != ENOMEM) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace

void for_each_process(const std::function<void(pid_t)>& visit) {
  for (const ProcessRecord& process : read_process_table().processes) {
    visit(process.pid);
  }
}

std::optional<ProcessRecord> read_process(pid_t pid) {
  const std::optional<timeval> boot = boot_time();
  const std::optional<kinfo_proc> process = ask_for(pid);
  return boot && process ? std::optional(record_of(*process, *boot)) : std::nullopt;
}

/// The kernel walks its table piece by piece: who is born in a piece that it has left, of one who
/// ends in a piece that it has yet to enter, is missed. Nobody was when nobody was born.
ProcessTable read_process_table() {
  ProcessTable table;
  const std::optional<int> youngest = kernel_value<int>("kern.lastpid");
  const std::optional<timeval> boot = boot_time();
  const std::optional<std::vector<kinfo_proc>> processes = ask_for_all();
  const std::optional<int> youngest_now = kernel_value<int>("kern.lastpid");
  table.complete = youngest && boot && processes && youngest == youngest_now;
  if (boot && processes) {
    for (const kinfo_proc& process : *processes) {
      if (process.ki_pid > 0) {  // 0 is the kernel's own
        table.processes.push_back(record_of(process, *boot));
      }
    }
  }
  return table;
}

std::optional<Outcome> outcome_of_zombie(pid_t pid) {
  const std::optional<kinfo_proc> process = ask_for(pid);
  return process && process->ki_stat == SZOMB
             ? std::optional(outcome_of_wait_status(process->ki_xstat))
             : std::nullopt;
}

}  // namespace treehold::inline v0::platform
