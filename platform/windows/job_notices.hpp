// Tells when members of a job have ended.
//
// A job sends messages to a completion port, and not each of them is sure to come (Windows says so
// itself): they only wake who asks the job then. A thread takes them while there is a job that was
// waited for, and ends with the last of these.
#pragma once

#include <memory>
#include <mutex>

#include "platform/platform.hpp"
#include "platform/windows/system.hpp"

namespace treehold::inline v0::platform {

class JobPort;
class JobListeners;

/// Those of one job; its handle must live as long as this. Thread safe.
class JobNotices {
 public:
  /// The first one has the job tell. Null where the system cannot.
  [[nodiscard]] std::shared_ptr<ChangeWatch> watch(HANDLE job, const Executor& executor);

 private:
  std::mutex mutex_;
  std::shared_ptr<JobPort> port_;
  std::shared_ptr<JobListeners> listeners_;
};

}  // namespace treehold::inline v0::platform
