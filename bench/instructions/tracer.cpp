#include "bench/instructions/tracer.hpp"

#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace instructions {
namespace {

/// The functions of libc that every x86-64 processor can run: otherwise the processor decides which
/// ones are taken, and with them how many instructions a copy takes.
constexpr const char* plain_libc =
    "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX2,-AVX,"
    "-AVX_Fast_Unaligned_Load,-BMI1,-BMI2,-ERMS,-FSRM,-SSSE3,-SSE4_1,-SSE4_2";

/// A host of which nothing depends on who runs it from where. Killed with its tracer.
class TracedHost {
 public:
  explicit TracedHost(std::string_view mechanism)
      : program_(std::filesystem::read_symlink("/proc/self/exe")),
        mechanism_("TREEHOLD_MECHANISM=" + std::string(mechanism)),
        role_(host_role),
        pid_(::fork()) {
    if (pid_ < 0) {
      throw std::system_error(errno, std::generic_category(), "fork");
    }
    if (pid_ == 0) {
      become_host();
    }
  }
  ~TracedHost() {
    if (!ended_) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  TracedHost(const TracedHost&) = delete;
  TracedHost& operator=(const TracedHost&) = delete;

  /// What waitpid(2) says next of the host.
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0) {
      if (errno != EINTR) {
        throw std::system_error(errno, std::generic_category(), "waitpid");
      }
    }
    ended_ = !WIFSTOPPED(status);
    return status;
  }

  void tie() { request(PTRACE_SETOPTIONS, PTRACE_O_EXITKILL); }

  void step(int signal) { request(PTRACE_SINGLESTEP, signal); }

  void run(int signal) { request(PTRACE_CONT, signal); }

  /// The value of the signal that it has stopped for.
  int signal_value() {
    siginfo_t info{};
    request(PTRACE_GETSIGINFO, reinterpret_cast<long>(&info));
    return info.si_value.sival_int;
  }

 private:
  [[noreturn]] void become_host() {
    // Where it is not allowed, the figures are only a little less steady.
    ::personality(ADDR_NO_RANDOMIZE);
    char* const arguments[] = {program_.data(), role_.data(), nullptr};
    std::string path = "PATH=/usr/bin:/bin";
    std::string tunables = plain_libc;
    char* const environment[] = {path.data(), mechanism_.data(), tunables.data(), nullptr};
    if (::chdir("/") == 0) {
      ::execve(program_.c_str(), arguments, environment);
    }
    ::_exit(127);
  }

  void request(__ptrace_request what, long data) {
    // Of one that has been killed waitpid(2) tells.
    if (::ptrace(what, pid_, nullptr, data) != 0 && errno != ESRCH) {
      throw NotTraceable{std::string("ptrace: ") + std::strerror(errno)};
    }
  }

  std::string program_;
  std::string mechanism_;
  std::string role_;
  pid_t pid_;
  bool ended_ = false;
};

}  // namespace

std::array<Counts, paths.size()> count_instructions(std::string_view mechanism,
                                                    const Enough& enough) {
  std::array<Counts, paths.size()> counts;
  TracedHost host(mechanism);
  int status = host.wait();
  if (WIFSTOPPED(status)) {
    host.tie();
    host.run(0);
    status = host.wait();
  }
  std::size_t path = 0;
  long count = 0;
  bool counting = false;
  for (; WIFSTOPPED(status); status = host.wait()) {
    int signal = WSTOPSIG(status);
    if (counting && signal == SIGTRAP) {
      ++count;
      signal = 0;
    } else if (signal == mark) {
      const int value = host.signal_value();
      counting = value != mark_of_end;
      if (counting) {
        path = static_cast<std::size_t>(value);
        count = 0;
      } else {
        counts.at(path).push_back(count);
      }
      signal = !counting && enough(path, counts.at(path)) ? mark : 0;
    }
    if (counting) {
      host.step(signal);
    } else {
      host.run(signal);
    }
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == not_traceable) {
    throw NotTraceable{"PTRACE_TRACEME is refused: a tracer above, or a filter of system calls"};
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw std::runtime_error("the host on " + std::string(mechanism) + " failed");
  }
  return counts;
}

}  // namespace instructions
