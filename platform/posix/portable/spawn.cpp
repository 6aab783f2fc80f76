#include "platform/posix/portable/spawn.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include <treehold/error.hpp>

#include "platform/posix/dispositions.hpp"
#include "platform/posix/own_child.hpp"
#include "platform/posix/portable/become.hpp"
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

/// A handler of the host must not run in the child.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

[[noreturn]] void fail_fork() {
  if (errno != EAGAIN) {
    throw SpawnFailed(SpawnStage::launch, last_error(), "fork");
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NPROC, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    throw ProcessLimitReached(ProcessLimitOwner::user,
                              "RLIMIT_NPROC is " + std::to_string(limit.rlim_cur));
  }
  throw ProcessLimitReached(ProcessLimitOwner::system, "the processes of the system");
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

Spawned spawn(const SpawnPlan& plan) {
  refuse_what_is_missing(plan);
  Spawned spawned;
  Becoming becoming;
  fill_order(plan, becoming.order);
  becoming.order.new_process_group = 1;
  const ChildEnds ends = make_pipes(plan, spawned, becoming.order);
  std::vector<const char*> argv;
  std::vector<const char*> environment;
  append_pointers(argv, plan.arguments);
  append_pointers(environment, plan.environment);
  becoming.directory = plan.directory ? plan.directory->c_str() : nullptr;
  becoming.files[0] = plan.standard_input.path.c_str();
  becoming.files[1] = plan.standard_output.path.c_str();
  becoming.files[2] = plan.standard_error.path.c_str();
  becoming.groups = plan.groups ? plan.groups->data() : nullptr;
  becoming.group_count = plan.groups ? plan.groups->size() : 0;
  becoming.program = plan.program.c_str();
  becoming.argv = argv.data();
  becoming.environment = environment.data();

  // Where the kernel reaps by itself the child must not end before it is held: its number would be
  // anybody's.
  Pipe gate = exit_statuses_are_discarded() ? make_pipe() : Pipe();
  becoming.gate = gate.read.get();
  becoming.gate_opener = gate.write.get();

  pid_t child = -1;
  {
    const AllSignalsBlocked blocked;
    child = ::fork();
    if (child == 0) {
      become(becoming);
    }
  }
  if (child < 0) {
    fail_fork();
  }
  if (!plan.new_session) {
    // By both, so that the group exists whoever runs first; refused when the child has executed its
    // program: then it has one. Who leads a group could open no session.
    (void)::setpgid(child, child);
  }
  UniqueFd end_notice = above_standard(open_end_notice(child));
  if (!end_notice) {
    end_unheld(child);
    throw SpawnFailed(SpawnStage::launch, last_error(), "exit notice");
  }
  if (gate.write) {
    // A byte and not the end of the pipe: children that are started meanwhile hold that open, too.
    (void)!::write(gate.write.get(), "", 1);
  }
  spawned.leader = std::make_shared<OwnChild>(child, std::move(end_notice));
  return spawned;
}

}  // namespace treehold::inline v0::platform
