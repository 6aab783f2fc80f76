#include "platform/windows/suspension.hpp"

#include <utility>
#include <vector>

#include "platform/windows/member.hpp"
#include "platform/windows/ntdll.hpp"

namespace treehold::inline v0::platform {
namespace {

// Undocumented, and unchanged since Windows XP: one call for all threads of a process, also for
// those that are just being made.
using ProcessFunction = LONG(NTAPI*)(HANDLE);

bool call(ProcessFunction function, HANDLE process) noexcept {
  return function != nullptr && function(process) >= 0;
}

}  // namespace

bool Suspension::suspend(const Job& job) {
  static const auto nt_suspend = ntdll_function<ProcessFunction>("NtSuspendProcess");
  const std::vector<ProcessId> members = job.members();
  const std::lock_guard lock(mutex_);
  std::erase_if(suspended_, [](const auto& one) { return has_ended(one.second.get()); });
  bool nobody_ran = true;
  for (const ProcessId pid : members) {
    if (suspended_.count(pid) != 0) {
      continue;
    }
    UniqueHandle process = open_member(job, pid, PROCESS_SUSPEND_RESUME);
    if (process) {
      nobody_ran = false;
      if (call(nt_suspend, process.get())) {
        suspended_.emplace(pid, std::move(process));
      }
    } else {
      nobody_ran = nobody_ran && ::GetLastError() != ERROR_ACCESS_DENIED;
    }
  }
  return nobody_ran;
}

void Suspension::resume() noexcept {
  static const auto nt_resume = ntdll_function<ProcessFunction>("NtResumeProcess");
  const std::lock_guard lock(mutex_);
  for (const auto& [pid, process] : suspended_) {
    (void)call(nt_resume, process.get());
  }
  suspended_.clear();
}

}  // namespace treehold::inline v0::platform
