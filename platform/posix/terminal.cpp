#include "platform/terminal.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <thread>
#include <utility>

namespace treehold::inline v0::platform {
namespace {

sigset_t interrupting() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    // A blocked signal is kept for sigwait(3) even when it is ignored.
    struct sigaction action {};
    if (::sigaction(number, nullptr, &action) == 0 && action.sa_handler != SIG_IGN) {
      ::sigaddset(&set, number);
    }
  }
  return set;
}

/// Ends the waiting of the thread: directed at it alone, and blocked everywhere.
constexpr int wake_signal = SIGURG;

}  // namespace

struct HeldInterrupts::Mask {
  sigset_t set;
  struct sigaction broken_pipe;
};

HeldInterrupts::HeldInterrupts() : old_(std::make_unique<Mask>()) {
  sigset_t set = interrupting();
  ::sigaddset(&set, wake_signal);
  ::pthread_sigmask(SIG_BLOCK, &set, &old_->set);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &old_->broken_pipe);
}

HeldInterrupts::~HeldInterrupts() {
  ::sigaction(SIGPIPE, &old_->broken_pipe, nullptr);

  ::pthread_sigmask(SIG_SETMASK, &old_->set, nullptr);
}

struct InterruptThread::State {
  std::thread thread;
};

InterruptThread::InterruptThread(std::chrono::nanoseconds grace, std::function<void(int)> soft,
                                 std::function<void()> hard)
    : state_(std::make_unique<State>()) {
  state_->thread = std::thread([grace, soft = std::move(soft), hard = std::move(hard)] {
    sigset_t set = interrupting();
    ::sigaddset(&set, wake_signal);
    int number = 0;
    while (::sigwait(&set, &number) != 0) {
    }
    if (number == wake_signal) {
      return;
    }
    soft(number);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(grace);
    const timespec bound{static_cast<time_t>(seconds.count()),
                         static_cast<long>((grace - seconds).count())};
    int next = 0;
    while ((next = ::sigtimedwait(&set, nullptr, &bound)) < 0 && errno == EINTR) {
    }
    if (next == wake_signal) {
      return;
    }
    hard();
    while (::sigwait(&set, &number) != 0 || number != wake_signal) {
    }
  });
}

InterruptThread::~InterruptThread() {
  ::pthread_kill(state_->thread.native_handle(), wake_signal);
  state_->thread.join();
}

namespace {

/// tcsetpgrp(3) stops a caller that is in the background, unless SIGTTOU is blocked.
void set_foreground(int process_group) {
  sigset_t set;
  sigset_t old;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTTOU);
  ::pthread_sigmask(SIG_BLOCK, &set, &old);
  (void)::tcsetpgrp(STDIN_FILENO, process_group);
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
}

}  // namespace

Foreground::Foreground(ProcessId leader) {
  const pid_t group = ::tcgetpgrp(STDIN_FILENO);
  if (group > 0 && group == ::getpgrp()) {
    old_ = group;
    set_foreground(static_cast<int>(leader));
  }
}

Foreground::~Foreground() {
  if (old_) {
    set_foreground(*old_);
  }
}

}  // namespace treehold::inline v0::platform
