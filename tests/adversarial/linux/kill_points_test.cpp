// Hosts that are killed at one system call after the other, so that there is no moment of a start
// or an end that is not tried.
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cstddef>
#include <limits>
#include <random>

#include <catch2/catch.hpp>

#include "canary.hpp"
#include "support.hpp"

using namespace support;

namespace {

/// A host that is traced from the moment on in which it stops itself.
class TracedHost {
 public:
  /// Lets it go on to its `limit`th stop at a system call, where it is killed. How many stops there
  /// were: fewer than `limit` when it came to its end.
  std::size_t run_to(std::size_t limit) {
    std::size_t stops = 0;
    for (bool first = true; const int signal = next_stop(); first = false) {
      constexpr int at_system_call = SIGTRAP | 0x80;
      if (first) {
        ::ptrace(PTRACE_SETOPTIONS, host_.pid(), nullptr, PTRACE_O_TRACESYSGOOD);
      }
      stops += signal == at_system_call ? 1 : 0;
      if (stops == limit) {
        ::kill(host_.pid(), SIGKILL);
        break;
      }
      const bool ours = first || signal == at_system_call;
      ::ptrace(PTRACE_SYSCALL, host_.pid(), nullptr, ours ? 0 : signal);
    }
    (void)host_.wait();
    return stops;
  }

 private:
  /// The signal with which it stops; 0 when it has ended, which is left to be reaped.
  [[nodiscard]] int next_stop() const {
    const auto id = static_cast<id_t>(host_.pid());
    siginfo_t info{};
    if (::waitid(P_PID, id, &info, WEXITED | WSTOPPED | WNOWAIT) != 0 ||
        (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED)) {
      return 0;
    }
    return ::waitid(P_PID, id, &info, WSTOPPED) == 0 ? info.si_status : 0;
  }

  Child host_{"host", {"one-start"}};
};

}  // namespace

TEST_CASE("a host that is killed at any system call of a start or an end leaves nothing",
          "[contract][adversarial][guardian]") {
  if (sanitized) {
    skip("the sanitizers make system calls of their own");
  }
  const Canary canary;
  const std::size_t all = TracedHost().run_to(std::numeric_limits<std::size_t>::max());
  if (all == 0) {
    skip("processes may not be traced here");
  }
  std::mt19937 random(std::random_device{}());
  const auto rounds = repeats<std::size_t>(100, 10);
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::size_t stride = all / rounds;
    const std::size_t at = 1 + round * stride + random() % stride;
    INFO("killed at stop " << at << " of " << all);
    (void)TracedHost().run_to(at);
    CHECK(wait_until([] { return marked_processes().size() == 1; }));
  }
  // What a host has made and nobody could be told of yet is empty, and goes with the next host.
  expect_host("umbrella");
  CHECK(wait_until([] { return stale_umbrellas().empty(); }));
  CHECK(canary.survives());
}
