// A job object: processes that the kernel keeps together with all that they start, whether they
// want or not ("Job Objects"). It ends with its last handle, and they with it.
#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

#include <treehold/outcome.hpp>

#include "platform/windows/unique_handle.hpp"

namespace treehold::inline v0::platform {

/// What a process ends with that TerminateJobObject has ended; no program would return it.
inline constexpr DWORD killed_exit_code = 0xE07EE001;

class Job {
 public:
  /// Nameless, and of this process alone: when that has gone, whatever ended it, the kernel ends
  /// the members. Throws `SpawnFailed` (`container`).
  Job();

  [[nodiscard]] HANDLE get() const noexcept { return job_.get(); }

  /// How many members are alive; those of jobs nested in this one are. Throws
  /// `boost::system::system_error`.
  [[nodiscard]] std::size_t active() const;

  /// The living members. Throws `boost::system::system_error`.
  [[nodiscard]] std::vector<ProcessId> members() const;

  /// Whether the process, which is alive, is a member.
  [[nodiscard]] bool holds(HANDLE process) const noexcept;

  /// Ends the members of now.
  void terminate() noexcept {
    terminated_ = true;
    (void)::TerminateJobObject(job_.get(), killed_exit_code);
  }

  /// Whether it was ever done.
  [[nodiscard]] bool terminated() const noexcept { return terminated_; }

  /// Reads and sets a piece of information; false with the last error when the system will not.
  template <class Information>
  [[nodiscard]] bool query(JOBOBJECTINFOCLASS kind, Information& information) const noexcept {
    return ::QueryInformationJobObject(job_.get(), kind, &information, sizeof information,
                                       nullptr) != 0;
  }
  template <class Information>
  [[nodiscard]] bool set(JOBOBJECTINFOCLASS kind, Information information) const noexcept {
    return ::SetInformationJobObject(job_.get(), kind, &information, sizeof information) != 0;
  }

 private:
  UniqueHandle job_;
  std::atomic<bool> terminated_{false};
};

}  // namespace treehold::inline v0::platform
