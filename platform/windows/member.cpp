#include "platform/windows/member.hpp"

namespace treehold::inline v0::platform {

bool has_ended(HANDLE process) noexcept {
  return ::WaitForSingleObject(process, 0) == WAIT_OBJECT_0;
}

UniqueHandle open_member(const Job& job, ProcessId pid, DWORD access) noexcept {
  // Wine asks for more to tell what job a process is in than Windows, which would be content with
  // PROCESS_QUERY_LIMITED_INFORMATION.
  UniqueHandle process(::OpenProcess(access | PROCESS_QUERY_INFORMATION | SYNCHRONIZE, FALSE,
                                     static_cast<DWORD>(pid)));
  // Asked of the handle, not of the number.
  if (!process || !job.holds(process.get()) || has_ended(process.get())) {
    return {};
  }
  return process;
}

}  // namespace treehold::inline v0::platform
