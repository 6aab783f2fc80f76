// From the end of a host by SIGKILL to the death of the last process that it started, which its
// guardian brings about; against a kill of the same tree by a host that lives. In turn and
// shuffled. Prints medians, the 95th percentile and the worst, in milliseconds.
//
//     bench_host_end [ROUNDS]
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <treehold/treehold.hpp>

#include "bench/rounds.hpp"

namespace {

using bench::at;
using bench::Clock;
using treehold::Command;
using treehold::Process;
using treehold::ProcessGroup;
using treehold::Stream;

using Millis = std::chrono::duration<double, std::milli>;

const std::string self = std::filesystem::read_symlink("/proc/self/exe");  // NOLINT

[[noreturn]] void rest() {
  for (;;) {
    ::pause();
  }
}

/// The tree: `size` processes that wait.
[[noreturn]] void play_tree(int size) {
  for (int count = 1; count < size; ++count) {
    if (::fork() == 0) {
      rest();
    }
  }
  std::puts("ready");
  std::fflush(stdout);
  rest();
}

Process start_tree(ProcessGroup& group, int size) {
  Process tree = group.start(Command(self, {"--tree", std::to_string(size)}));
  (void)tree.read_line(Stream::out);
  return tree;
}

/// The host: says who is in its tree, and waits to be killed.
[[noreturn]] void play_host(int size) {
  ProcessGroup group;
  const Process tree = start_tree(group, size);
  for (const treehold::ProcessId member : group.members()) {
    std::printf("%lld\n", static_cast<long long>(member));
  }
  std::puts("0");
  std::fflush(stdout);
  rest();
}

/// Processes held by their pidfds.
class Watched {
 public:
  void add(pid_t pid) {
    pollfd entry{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)), POLLIN, 0};
    if (entry.fd >= 0) {
      all_.push_back(entry);
    }
  }
  ~Watched() {
    for (const pollfd& entry : all_) {
      ::close(entry.fd);
    }
  }
  Watched() = default;
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  void wait_for_the_last() {
    for (pollfd& entry : all_) {
      while (::poll(&entry, 1, -1) != 1) {
      }
    }
  }

 private:
  std::vector<pollfd> all_;
};

struct Way {
  int size;
  bool killed_host;
  std::vector<double> times = {};
};

double end_of_killed_host(int size) {
  int ends[2];
  if (::pipe(ends) != 0) {
    std::exit(1);
  }
  const pid_t host = ::fork();
  if (host == 0) {
    ::dup2(ends[1], 1);
    ::close(ends[0]);
    ::close(ends[1]);
    ::execl(self.c_str(), self.c_str(), "--host", std::to_string(size).c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  Watched tree;
  std::FILE* const said = ::fdopen(ends[0], "r");
  for (long pid = 0; std::fscanf(said, "%ld", &pid) == 1 && pid != 0;) {  // NOLINT
    tree.add(static_cast<pid_t>(pid));
  }
  const Clock::time_point begin = Clock::now();
  ::kill(host, SIGKILL);
  tree.wait_for_the_last();
  const Millis time = Clock::now() - begin;
  std::fclose(said);
  ::waitpid(host, nullptr, 0);
  return time.count();
}

double kill_by_living_host(int size) {
  ProcessGroup group;
  Process leader = start_tree(group, size);
  Watched tree;
  for (const treehold::ProcessId member : group.members()) {
    tree.add(static_cast<pid_t>(member));
  }
  const Clock::time_point begin = Clock::now();
  (void)group.kill();
  tree.wait_for_the_last();
  const Millis time = Clock::now() - begin;
  (void)leader.wait();
  return time.count();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string role = argc > 2 ? argv[1] : "";
  if (role == "--tree") {
    play_tree(std::atoi(argv[2]));  // NOLINT
  }
  if (role == "--host") {
    play_host(std::atoi(argv[2]));  // NOLINT
  }
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 100;  // NOLINT

  std::vector<Way> ways;
  for (const int size : {1, 100, 1000}) {
    ways.push_back({size, true});
    ways.push_back({size, false});
  }
  constexpr int warm_up = 2;
  bench::in_turn(ways, warm_up, rounds, [](Way& way, bool counts) {
    const double time =
        way.killed_host ? end_of_killed_host(way.size) : kill_by_living_host(way.size);
    if (counts) {
      way.times.push_back(time);
    }
  });
  std::printf("%d rounds\n\n", rounds);
  std::printf("| processes | killed by          | ratio | median ms | p95 | worst |\n");
  std::printf("|---|---|---|---|---|---|\n");
  for (std::size_t index = 0; index < ways.size(); ++index) {
    const Way& way = ways[index];
    const Way& living = ways[index | 1U];
    std::printf("| %d | %-18s | %.2f | %.2f | %.2f | %.2f |\n", way.size,
                way.killed_host ? "the guardian" : "ProcessGroup::kill",
                bench::median(way.times) / bench::median(living.times), bench::median(way.times),
                at(way.times, 0.95), at(way.times, 1.0));
  }
  return 0;
}
