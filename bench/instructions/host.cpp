#include "bench/instructions/host.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <optional>
#include <stdexcept>

#include <boost/asio/io_context.hpp>

#include <treehold/async.hpp>
#include <treehold/treehold.hpp>

namespace instructions {
namespace {

using treehold::Command;
using treehold::Process;
using treehold::ProcessGroup;

constexpr std::size_t written = std::size_t{64} * 1024;

volatile sig_atomic_t told_enough = 0;

void queue_mark(int value) {
  sigval sent{};
  sent.sival_int = value;
  ::pthread_sigqueue(::pthread_self(), mark, sent);
}

/// Calls what counts, between two marks; but none in the rounds of the warm-up.
class Counted {
 public:
  Counted(std::size_t path, bool marked) : path_(static_cast<int>(path)), marked_(marked) {}

  template <class Work>
  void operator()(Work work) const {
    if (marked_) {
      queue_mark(path_);
    }
    work();
    if (marked_) {
      queue_mark(mark_of_end);
    }
  }

 private:
  int path_;
  bool marked_;
};

/// Returns when the process has ended, be it reaped or not.
void wait_for_end(treehold::ProcessId process) {
  pollfd end{static_cast<int>(::syscall(SYS_pidfd_open, process, 0)), POLLIN, 0};
  if (end.fd < 0) {
    if (errno == ESRCH) {
      return;
    }
    throw std::runtime_error(std::string("pidfd_open: ") + std::strerror(errno));
  }
  while (::poll(&end, 1, -1) != 1) {
  }
  ::close(end.fd);
}

class Host {
 public:
  explicit Host(const std::string& program)
      : writer_(program, {writer_role}), sleeper_(program, {sleeper_role}) {
    // So that it does not write before the start has returned, which would read some of it; and
    // stepped, a host reads for longer than what it is granted by default.
    writer_.stdin_pipe().drain_grace(std::chrono::minutes(1));
  }

  /// Not where others have a say: the last member of a process group is looked for among all
  /// processes that there are.
  [[nodiscard]] bool can_repeat(std::size_t path) const {
    return paths[path] != "teardown" || group_.mechanism() != treehold::Mechanism::process_group;
  }

  void go(std::size_t path) {
    constexpr int warm_up = 3;
    for (int round = 0; round < warm_up; ++round) {
      once(path, Counted(path, false));
    }
    for (told_enough = 0; told_enough == 0;) {
      once(path, Counted(path, true));
    }
  }

 private:
  void once(std::size_t path, const Counted& counted) {
    static constexpr std::array<void (Host::*)(const Counted&), paths.size()> members = {
        &Host::spawn,     &Host::collect, &Host::teardown,
        &Host::exit_code, &Host::output,  &Host::async_exit_code};
    (this->*members[path])(counted);
  }

  void spawn(const Counted& counted) {
    Process child;
    counted([&] { child = group_.start(nothing_); });
    child.wait();
  }

  void collect(const Counted& counted) {
    Process child = group_.start(writer_);
    child.input().close();
    wait_for_end(child.pid());
    std::size_t taken = 0;
    counted([&] { taken = child.output().stdout_bytes.size(); });
    if (taken != written) {
      throw std::runtime_error("the output of a child is not whole");
    }
  }

  void teardown(const Counted& counted) {
    std::optional<ProcessGroup> group(std::in_place);
    std::optional<Process> child = group->start(sleeper_);
    counted([&] {
      (void)group->kill();
      child->wait();
      child.reset();
      group.reset();
    });
  }

  void exit_code(const Counted& counted) {
    counted([&] { nothing_.exit_code(); });
  }

  void output(const Counted& counted) {
    counted([&] { (void)nothing_.output(); });
  }

  void async_exit_code(const Counted& counted) {
    counted([&] {
      nothing_.async_exit_code(context_, [](const std::exception_ptr& error, int) {
        if (error) {
          std::rethrow_exception(error);
        }
      });
      context_.run();
    });
    context_.restart();
  }

  const Command nothing_{"/bin/true"};
  Command writer_;
  const Command sleeper_;
  ProcessGroup group_;
  boost::asio::io_context context_{1};
};

/// The tracer is shown every signal, also those that are ignored: that of a child's end would
/// interrupt what the host waits in, now and then. One that is blocked does not.
void block_child_signal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace

int play_host(const std::string& program) {
  if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) {
    return not_traceable;
  }
  ::signal(mark, [](int) { told_enough = 1; });
  block_child_signal();
  ::raise(SIGSTOP);
  Host host(program);
  for (std::size_t path = 0; path < paths.size(); ++path) {
    if (host.can_repeat(path)) {
      host.go(path);
    }
  }
  return 0;
}

int play_writer() {
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
  const std::string bytes(written, 'x');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::write(STDOUT_FILENO, bytes.data() + done, bytes.size() - done);
    if (count < 0) {
      return 1;
    }
    done += static_cast<std::size_t>(count);
  }
  return 0;
}

void play_sleeper() {
  for (;;) {
    ::pause();
  }
}

}  // namespace instructions
