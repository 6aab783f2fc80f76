#include "platform/windows/job.hpp"

#include <boost/system/system_error.hpp>

#include <treehold/error.hpp>

namespace treehold::inline v0::platform {

Job::Job() : job_(::CreateJobObjectW(nullptr, nullptr)) {
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
  // Members are not let go: neither on their own request (BREAKAWAY_OK) nor silently.
  limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
  if (!job_ || !set(JobObjectExtendedLimitInformation, limits)) {
    throw SpawnFailed(SpawnStage::container, last_error(), "job object");
  }
}

std::size_t Job::active() const {
  JOBOBJECT_BASIC_ACCOUNTING_INFORMATION accounting{};
  if (!query(JobObjectBasicAccountingInformation, accounting)) {
    throw boost::system::system_error(last_error(), "job object");
  }
  return accounting.ActiveProcesses;
}

std::vector<ProcessId> Job::members() const {
  constexpr std::size_t some = 64;
  std::size_t room = some;
  for (;;) {
    // Ends with an array of numbers as long as there is room.
    std::vector<ULONG_PTR> words(sizeof(JOBOBJECT_BASIC_PROCESS_ID_LIST) / sizeof(ULONG_PTR) +
                                 room);
    auto* const list = reinterpret_cast<JOBOBJECT_BASIC_PROCESS_ID_LIST*>(words.data());
    const bool told = ::QueryInformationJobObject(
                          job_.get(), JobObjectBasicProcessIdList, list,
                          static_cast<DWORD>(words.size() * sizeof(ULONG_PTR)), nullptr) != 0;
    if (!told && ::GetLastError() != ERROR_MORE_DATA) {
      throw boost::system::system_error(last_error(), "job object");
    }
    if (told && list->NumberOfAssignedProcesses <= list->NumberOfProcessIdsInList) {
      const ULONG_PTR* const numbers = list->ProcessIdList;
      return {numbers, numbers + list->NumberOfProcessIdsInList};
    }
    room = 2 * room + list->NumberOfAssignedProcesses;
  }
}

bool Job::holds(HANDLE process) const noexcept {
  BOOL held = FALSE;
  return ::IsProcessInJob(process, job_.get(), &held) != 0 && held != FALSE;
}

}  // namespace treehold::inline v0::platform
