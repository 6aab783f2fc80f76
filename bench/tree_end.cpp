// From the order to end a tree to the death of its last process: by the mechanisms of the library,
// and by its guardian after the host has been killed; against a bare cgroup.kill and against a
// signal to the process group. The tree is flat: all have been forked by the first, and wait. In
// turn and shuffled.
//
//     bench_tree_end [ROUNDS]
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <treehold/treehold.hpp>

#include "bench/descriptor_limit.hpp"
#include "bench/report/report.hpp"
#include "bench/report/rounds.hpp"

namespace {

using bench::Clock;
using bench::Micros;
using treehold::Command;
using treehold::Mechanism;
using treehold::Process;
using treehold::ProcessGroup;
using treehold::Stream;

const std::string self = std::filesystem::read_symlink("/proc/self/exe");  // NOLINT

[[noreturn]] void rest() {
  for (;;) {
    ::pause();
  }
}

/// The tree: `size` processes that wait; says so.
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
  Watched() = default;
  explicit Watched(const std::vector<treehold::ProcessId>& members) {
    for (const treehold::ProcessId member : members) {
      add(static_cast<pid_t>(member));
    }
  }
  ~Watched() {
    for (const pollfd& entry : all_) {
      ::close(entry.fd);
    }
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  void add(pid_t pid) {
    const pollfd entry{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)), POLLIN, 0};
    if (entry.fd < 0) {
      throw std::runtime_error("pidfd_open");
    }
    all_.push_back(entry);
  }

  void wait_for_the_last() {
    for (pollfd& entry : all_) {
      while (::poll(&entry, 1, -1) != 1) {
      }
    }
  }

 private:
  std::vector<pollfd> all_;
};

/// How long `order` and the deaths that follow take.
double time_of(Watched& tree, const std::function<void()>& order) {
  const Clock::time_point begin = Clock::now();
  order();
  tree.wait_for_the_last();
  return Micros(Clock::now() - begin).count();
}

/// A child of this program in a role of its own, whose output is read.
struct Child {
  pid_t pid;
  std::FILE* said;
};

/// `before` is called in the child.
Child start_role(const char* role, int size, const std::function<void()>& before) {
  int ends[2];
  if (::pipe(ends) != 0) {
    throw std::runtime_error("pipe");
  }
  const pid_t pid = ::fork();
  if (pid == 0) {
    before();
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    ::execl(self.c_str(), self.c_str(), role, std::to_string(size).c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  return {pid, ::fdopen(ends[0], "r")};
}

void end(const Child& child) {
  std::fclose(child.said);
  ::waitpid(child.pid, nullptr, 0);
}

/// Waits until the tree says that it is there.
void await_tree(const Child& tree) {
  while (std::getc(tree.said) != '\n') {
  }
}

double by_the_guardian(int size) {
  const Child host = start_role("--host", size, [] {});
  Watched tree;
  for (long pid = 0; std::fscanf(host.said, "%ld", &pid) == 1 && pid != 0;) {  // NOLINT
    tree.add(static_cast<pid_t>(pid));
  }
  const double time = time_of(tree, [&] { ::kill(host.pid, SIGKILL); });
  end(host);
  return time;
}

double by_a_group(Mechanism mechanism, int size) {
  ProcessGroup group(treehold::GroupOptions{.mechanism = mechanism});
  Process leader = start_tree(group, size);
  Watched tree(group.members());
  const double time = time_of(tree, [&] { (void)group.kill(); });
  (void)leader.wait();
  return time;
}

/// Where a cgroup can be made by hand; nothing where none can.
std::optional<std::filesystem::path> cgroup_by_hand() {
  std::ifstream own("/proc/self/cgroup");
  std::string place;
  for (std::string line; std::getline(own, line);) {
    if (line.starts_with("0::")) {
      place = line.substr(3);
    }
  }
  std::ifstream mounts("/proc/mounts");
  std::string line;
  for (std::string device, point, type; mounts >> device >> point >> type;
       std::getline(mounts, line)) {
    const std::filesystem::path made = point + place + "/bench-" + std::to_string(::getpid());
    std::error_code error;
    if (type == "cgroup2" && std::filesystem::create_directory(made, error)) {
      return made;
    }
  }
  return std::nullopt;
}

double by_cgroup_kill(const std::filesystem::path& cgroup, int size) {
  const Child leader = start_role(
      "--tree", size, [&] { std::ofstream(cgroup / "cgroup.procs") << ::getpid() << std::flush; });
  await_tree(leader);
  Watched tree;
  std::ifstream members(cgroup / "cgroup.procs");
  for (pid_t pid = 0; members >> pid;) {
    tree.add(pid);
  }
  const double time = time_of(tree, [&] {
    const int file = ::open((cgroup / "cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC);
    if (::write(file, "1", 1) != 1) {
      throw std::runtime_error("cgroup.kill");
    }
    ::close(file);
  });
  end(leader);
  return time;
}

double by_signal(int size) {
  const Child leader = start_role("--tree", size, [] { ::setpgid(0, 0); });
  await_tree(leader);
  Watched tree;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid > 0 && ::getpgid(pid) == leader.pid) {
      tree.add(pid);
    }
  }
  const double time = time_of(tree, [&] { ::kill(-leader.pid, SIGKILL); });
  end(leader);
  return time;
}

struct Way {
  std::string name;
  std::function<double(int size)> run;
  std::vector<std::pair<double, double>> medians = {};
};

std::vector<Way> ways(const std::optional<std::filesystem::path>& cgroup) {
  std::vector<Way> all;
  if (cgroup) {
    all.push_back(
        {"a bare cgroup.kill", [cgroup](int size) { return by_cgroup_kill(*cgroup, size); }});
  }
  all.push_back({"a bare signal to the process group", by_signal});
  for (const treehold::MechanismReport& report : treehold::host_report().mechanisms) {
    const Mechanism mechanism = report.guarantees.mechanism;
    if (report.available.holds) {
      all.push_back({"treehold, " + std::string(to_string(mechanism)),
                     [mechanism](int size) { return by_a_group(mechanism, size); }});
    }
  }
  all.push_back({"treehold, host killed, by the guardian", by_the_guardian});
  return all;
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
  try {
    bench::raise_descriptor_limit();
    constexpr int usual_rounds = 60;
    const int rounds = argc > 1 ? std::atoi(argv[1]) : usual_rounds;  // NOLINT
    const std::optional<std::filesystem::path> cgroup = cgroup_by_hand();
    std::vector<Way> all = ways(cgroup);
    for (const int size : {10, 100, 1000, 10000}) {
      std::vector<bench::Series> series;
      for (const Way& way : all) {
        series.push_back({way.name, {}});
      }
      std::vector<std::size_t> order(all.size());
      std::iota(order.begin(), order.end(), 0U);
      const int own = std::max(3, rounds * 10 / std::max(10, size / 20));
      bench::in_turn(order, 1, own, [&](std::size_t index, bool counts) {
        const double time = all[index].run(size);
        if (counts) {
          series[index].values.push_back(time);
        }
      });
      for (std::size_t index = 0; index < all.size(); ++index) {
        all[index].medians.emplace_back(size, bench::median(series[index].values));
      }
      bench::print({"The end of a tree of " + std::to_string(size), "µs", std::move(series)});
    }
    std::vector<bench::Growing> growing;
    for (const Way& way : all) {
      growing.push_back({way.name, way.medians});
    }
    bench::print_growth("How the end of a tree grows", "process", growing);
    if (cgroup) {
      std::filesystem::remove(*cgroup);
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_tree_end: %s\n", error.what());
    return 1;
  }
}
