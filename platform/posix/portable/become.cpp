#include "platform/posix/portable/become.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "platform/posix/child_steps.hpp"
#include "platform/posix/host.hpp"
#include "platform/posix/portable/system.hpp"

namespace treehold::inline v0::platform {
namespace {

static_assert(sizeof(gid_t) == sizeof(std::uint32_t));

long result_of(long result) noexcept {
  return result < 0 ? -errno : result;
}

/// The system calls of ChildSteps.
struct LibraryCalls {
  [[noreturn]] static void leave(int status) { ::_exit(status); }
  static long write(int file, const void* bytes, std::size_t size) {
    return result_of(::write(file, bytes, size));
  }
  static long open(const char* path, int flags) {
    constexpr int mode = 0666;
    return result_of(::open(path, flags, mode));
  }
  static long duplicate(int file, int place) { return result_of(::dup2(file, place)); }
  static long new_session() { return result_of(::setsid()); }
  static long new_process_group() { return result_of(::setpgid(0, 0)); }
  static long limit_resource(const ChildLimit& limit) {
    const rlimit wanted{static_cast<rlim_t>(limit.soft), static_cast<rlim_t>(limit.hard)};
    // The type of the first parameter differs between systems, and between C and C++.
    return result_of(::setrlimit(static_cast<decltype(RLIMIT_NOFILE)>(limit.resource), &wanted));
  }
  static long set_priority(int nice) { return result_of(::setpriority(PRIO_PROCESS, 0, nice)); }
  static void set_umask(std::uint32_t mask) { ::umask(static_cast<mode_t>(mask)); }
  static long set_groups(std::size_t count, const std::uint32_t* groups) {
    return become_member(count, groups);
  }
  static long set_group(std::uint32_t group) { return become_group(group); }
  static long set_user(std::uint32_t user) { return become_user(user); }
  static long change_directory(const char* path) { return result_of(::chdir(path)); }
};

void wait_at_gate(const Becoming& self) noexcept {
  if (self.gate >= 0) {
    ::close(self.gate_opener);
    char nothing = 0;
    while (::read(self.gate, &nothing, 1) < 0 && errno == EINTR) {
    }
  }
}

/// Default dispositions and an empty mask, whatever the host ignores or blocks.
void reset_signals() noexcept {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal <= highest_signal(); ++signal) {
    (void)::sigaction(signal, &standard, nullptr);
  }
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

void become(const Becoming& self) noexcept {
  const ChildSteps<LibraryCalls> steps(self.order);
  wait_at_gate(self);
  steps.open_session();
  steps.wire(self.files);
  steps.limit_resources();
  steps.set_priority();
  steps.set_umask();
  steps.change_credentials(self.groups, self.group_count);
  // After the credentials: a directory that only the new user may enter, and none that he may not.
  steps.enter(self.directory);
  steps.must(ChildStage::execute, close_the_rest_at_exec());
  reset_signals();
  ::execve(self.program, const_cast<char* const*>(self.argv),
           const_cast<char* const*>(self.environment));
  steps.must(ChildStage::execute, -errno);
  ::_exit(127);
}

}  // namespace treehold::inline v0::platform
