// Keeps the members of a job from running.
//
// The system counts how often a thread was suspended; here each process is suspended once, whatever
// it is asked, and let go as often as it was suspended.
#pragma once

#include <map>
#include <mutex>

#include <treehold/outcome.hpp>

#include "platform/windows/job.hpp"
#include "platform/windows/unique_handle.hpp"

namespace treehold::inline v0::platform {

/// Thread safe.
class Suspension {
 public:
  /// Suspends every member that is not suspended yet, all its threads. One look: what a member has
  /// started meanwhile runs until the next. Whether this one found nobody who ran.
  bool suspend(const Job& job);

  /// Lets all of them run again.
  void resume() noexcept;

 private:
  std::mutex mutex_;
  std::map<ProcessId, UniqueHandle> suspended_;  ///< held, so that the numbers stay theirs
};

}  // namespace treehold::inline v0::platform
