// What a contained run costs, against raw vfork(2) + execve(2) + waitpid(2) of the same program in
// the same run: in turn and shuffled, so that a change of the machine's speed touches all alike.
// Prints also how long the calling thread is held up by the start itself.
//
//     bench_start [ROUNDS] [PROGRAM]
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/steady_timer.hpp>

#include <treehold/treehold.hpp>

#include "bench/report/report.hpp"
#include "bench/report/rounds.hpp"
#include "platform/platform.hpp"
#include "src/private_context.hpp"
#include "src/settings.hpp"

namespace {

using bench::Clock;
using bench::Micros;

struct Way {
  std::string name;
  std::function<double()>
      run;  ///< one start to its end; what the start alone held the thread up, in µs
  std::vector<double> total;
  std::vector<double> blocked;
};

double raw_vfork(const char* program) {
  char* const argv[] = {const_cast<char*>(program), nullptr};
  const auto begin = Clock::now();
  const pid_t pid = ::vfork();
  if (pid == 0) {
    ::execve(program, argv, environ);
    ::_exit(127);
  }
  const Micros blocked = Clock::now() - begin;
  int status = 0;
  ::waitpid(pid, &status, 0);
  return blocked.count();
}

/// A start without the engine: the leaf, the clone, and the notice of the end, on a context that
/// the host has anyway.
double platform_start(boost::asio::io_context& context, treehold::platform::Group& group,
                      const std::shared_ptr<const treehold::SpawnPlan>& plan, bool fresh_leaf) {
  const auto leaf = group.make_leaf();
  const auto begin = Clock::now();
  treehold::platform::Launched launched = leaf->launch(plan, context.get_executor());
  const Micros blocked = Clock::now() - begin;
  bool ended = false;
  launched.leader->async_started([](const auto&) {});
  launched.leader->async_exited([&ended](const auto&) { ended = true; });
  treehold::drive(context, [&ended] { return ended; });
  leaf->leader_seen();
  if (fresh_leaf) {
    leaf->kill();  // a killed leaf is not used again
  }
  while (!leaf->remove()) {
  }
  return blocked.count();
}

void measure(std::vector<Way>& ways, int rounds) {
  constexpr int warm_up = 20;
  bench::in_turn(ways, warm_up, rounds, [](Way& way, bool counts) {
    const auto begin = Clock::now();
    const double blocked = way.run();
    const Micros total = Clock::now() - begin;
    if (counts) {
      way.total.push_back(total.count());
      way.blocked.push_back(blocked);
    }
  });
}

void print(const std::string& host, const std::vector<Way>& ways) {
  bench::Comparison total{"A contained run, " + host, "µs", {}};
  bench::Comparison blocked{"How long its start blocks the calling thread, " + host, "µs", {}};
  for (const Way& way : ways) {
    total.series.push_back({way.name, way.total});
    if (bench::median(way.blocked) > 0) {
      blocked.series.push_back({way.name, way.blocked});
    }
  }
  bench::print(total);
  bench::print(blocked);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 500;
  const std::string program = argc > 2 ? argv[2] : "/bin/true";
  const treehold::Command command = treehold::Command(program).stdout_null().stderr_null();
  const auto plan = std::make_shared<const treehold::SpawnPlan>(command.settings().plan());
  const treehold::Mechanism mechanism = treehold::ProcessGroup().mechanism();
  // One each: a leaf that one way has used would be a used one for the other.
  const auto group_of_used = treehold::platform::make_group(mechanism, {});
  const auto group_of_fresh = treehold::platform::make_group(mechanism, {});

  boost::asio::io_context context(1);
  const auto work = boost::asio::make_work_guard(context);
  const boost::asio::steady_timer reactor(context);  // whose first user makes epoll's descriptors

  const auto make_ways = [&] {
    std::vector<Way> ways;
    ways.push_back(
        {"raw vfork + execve + waitpid", [&] { return raw_vfork(program.c_str()); }, {}, {}});
    ways.push_back({"start in a used leaf",
                    [&] { return platform_start(context, *group_of_used, plan, false); },
                    {},
                    {}});
    ways.push_back({"start in a fresh leaf",
                    [&] { return platform_start(context, *group_of_fresh, plan, true); },
                    {},
                    {}});
    ways.push_back({"Command::exit_code",
                    [&] {
                      command.exit_code();
                      return 0.0;
                    },
                    {},
                    {}});
    ways.push_back({"Command::output, both captured",
                    [&] {
                      (void)treehold::Command(program).output();
                      return 0.0;
                    },
                    {},
                    {}});
    return ways;
  };
  std::printf("%s, %s, %d rounds\n", std::string(treehold::to_string(mechanism)).c_str(),
              program.c_str(), rounds);
  for (const std::size_t gigabytes : {0UL, 2UL}) {
    const std::size_t size = gigabytes << 30U;
    void* memory = nullptr;
    if (size > 0) {
      memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (memory == MAP_FAILED) {
        std::printf("\nno %zu GiB of memory here\n", gigabytes);
        continue;
      }
      std::memset(memory, 1, size);
    }
    std::vector<Way> ways = make_ways();
    measure(ways, rounds);
    print("host memory +" + std::to_string(gigabytes) + " GiB", ways);
    if (memory != nullptr) {
      ::munmap(memory, size);
    }
  }
  return 0;
}
