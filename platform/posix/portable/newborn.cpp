#include "platform/posix/portable/newborn.hpp"

#include <sys/resource.h>
#include <sys/wait.h>

#include <cerrno>
#include <string>
#include <utility>

#include <treehold/error.hpp>

#include "platform/posix/portable/system.hpp"

namespace treehold::inline v0::platform {
namespace {

void refuse_what_is_missing(const SpawnPlan& plan) {
  const auto refuse = [](const char* setting) {
    throw Unsupported(setting, "the portable start of " + std::string(system_name()) +
                                   " knows nothing of the kind");
  };
  if (!plan.cpus.empty()) {
    refuse("cpu_affinity");
  }
  if (plan.oom_score_adj) {
    refuse("oom_score_adj");
  }
  if (plan.no_new_privileges) {
    refuse("no_new_privileges");
  }
}

ChildEnds order_ends(const SpawnPlan& plan, HostEnds& host, ChildOrder& order) {
  refuse_what_is_missing(plan);
  fill_order(plan, order);
  return make_pipes(plan, host, order);
}

/// Ends a child of ours that cannot be kept; as ours its number is nobody else's.
void end_unheld(pid_t pid) {
  const int error = errno;
  ::kill(pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  errno = error;
}

}  // namespace

Preparation::Preparation(const SpawnPlan& plan, HostEnds& host)
    : ends_(order_ends(plan, host, becoming.order)) {
  append_pointers(argv_, plan.arguments);
  append_pointers(environment_, plan.environment);
  becoming.directory = plan.directory ? plan.directory->c_str() : nullptr;
  becoming.files[0] = plan.standard_input.path.c_str();
  becoming.files[1] = plan.standard_output.path.c_str();
  becoming.files[2] = plan.standard_error.path.c_str();
  becoming.groups = plan.groups ? plan.groups->data() : nullptr;
  becoming.group_count = plan.groups ? plan.groups->size() : 0;
  becoming.program = plan.program.c_str();
  becoming.argv = argv_.data();
  becoming.environment = environment_.data();
}

void fail_fork(int error) {
  if (error != EAGAIN) {
    throw SpawnFailed(SpawnStage::launch, {error, boost::system::system_category()}, "fork");
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NPROC, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    throw ProcessLimitReached(ProcessLimitOwner::user,
                              "RLIMIT_NPROC is " + std::to_string(limit.rlim_cur));
  }
  throw ProcessLimitReached(ProcessLimitOwner::system, "the processes of the system");
}

UniqueFd hold_child(pid_t child) {
  UniqueFd end_notice = above_standard(open_end_notice(child));
  if (!end_notice) {
    end_unheld(child);
    throw SpawnFailed(SpawnStage::launch, last_error(), "exit notice");
  }
  return end_notice;
}

}  // namespace treehold::inline v0::platform
