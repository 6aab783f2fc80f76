#include "platform/terminal.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <semaphore>
#include <thread>
#include <utility>

#include "platform/interrupt_ladder.hpp"
#include "platform/posix/pending_signals.hpp"

namespace treehold::inline v0::platform {
namespace {

sigset_t interrupting() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    // A blocked signal is kept for sigwait(3) even when it is ignored.
    struct sigaction action {};
    if (::sigaction(number, nullptr, &action) == 0 && action.sa_handler != SIG_IGN) {
      sigaddset(&set, number);
    }
  }
  return set;
}

/// Ends the waiting of the thread: directed at it alone, and blocked everywhere.
constexpr int wake_signal = SIGURG;

}  // namespace

std::vector<std::string> begin_program(int count, char** words) {
  return {words, words + count};
}

struct HeldInterrupts::Mask {
  sigset_t set;
  struct sigaction broken_pipe;
};

HeldInterrupts::HeldInterrupts() : old_(std::make_unique<Mask>()) {
  sigset_t set = interrupting();
  sigaddset(&set, wake_signal);
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
  explicit State(InterruptLadder what) : ladder(std::move(what)) {}

  InterruptLadder ladder;
  std::atomic<bool> ending{false};
  std::binary_semaphore settled{0};
  std::thread thread;

  void wait() {
    const sigset_t interrupts = interrupting();
    sigset_t all = interrupts;
    sigaddset(&all, wake_signal);
    for (;;) {
      int number = take_signal(all, ladder.left());
      if (number == wake_signal) {
        // It overtakes what is pending for the whole process.
        while ((number = take_signal(interrupts, std::chrono::nanoseconds::zero())) > 0) {
          ladder.take(number);
        }
        const bool ends = ending;
        settled.release();
        if (ends) {
          return;
        }
      } else if (number > 0) {
        ladder.take(number);
      } else {
        ladder.look();
      }
    }
  }
};

InterruptThread::InterruptThread(std::chrono::nanoseconds grace, std::function<void(int)> soft,
                                 std::function<void()> hard)
    : state_(std::make_unique<State>(InterruptLadder(grace, std::move(soft), std::move(hard)))) {
  state_->thread = std::thread([state = state_.get()] { state->wait(); });
}

void InterruptThread::settle() {
  ::pthread_kill(state_->thread.native_handle(), wake_signal);
  state_->settled.acquire();
}

InterruptThread::~InterruptThread() {
  state_->ending = true;
  settle();
  state_->thread.join();
}

namespace {

/// tcsetpgrp(3) stops a caller that is in the background, unless SIGTTOU is blocked.
void set_foreground(int process_group) {
  sigset_t set;
  sigset_t old;
  sigemptyset(&set);
  sigaddset(&set, SIGTTOU);
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
