// What many runs at the same time cost: asynchronous runs of `true` on one context and one thread,
// against raw vfork(2) + execve(2) of as many and then waitpid(2) for each, in turn and shuffled,
// for each mechanism that is available here. Prints medians a run and their
// ratios, of the time that passed and of processor time, which others on the machine disturb less.
//
//     bench_concurrent [ROUNDS] [RUNS] [PROGRAM]
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include <treehold/async.hpp>
#include <treehold/treehold.hpp>

#include "bench/descriptor_limit.hpp"
#include "bench/report/report.hpp"
#include "bench/report/rounds.hpp"

namespace {

using bench::Clock;
using bench::median;
using bench::Micros;

struct Way {
  std::string name;
  std::function<void()> run;  ///< all runs, from the first start to the last end
  std::vector<double> each;   ///< µs a run
  std::vector<double> host;   ///< processor time of the host, µs a run
  std::vector<double> all;    ///< and with that of its children
};

/// Processor time in µs of this process, or of its children that were reaped.
double processor_time(int whose) {
  rusage usage{};
  ::getrusage(whose, &usage);
  const auto micros = [](const timeval& time) {
    return 1e6 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec);
  };
  return micros(usage.ru_utime) + micros(usage.ru_stime);
}

pid_t vfork_program(const char* program) {
  char* const argv[] = {const_cast<char*>(program), nullptr};
  const pid_t pid = ::vfork();
  if (pid == 0) {
    ::execve(program, argv, environ);
    ::_exit(127);
  }
  return pid;
}

/// Holds so many descriptors of its own for each child meanwhile, as a host does that watches and
/// reads it: every child gets a copy of them all and closes it.
void raw_vforks(const char* program, int runs, int descriptors) {
  std::vector<pid_t> children;
  std::vector<int> held;
  children.reserve(static_cast<std::size_t>(runs));
  for (int i = 0; i < runs; ++i) {
    for (int j = 0; j < descriptors; ++j) {
      held.push_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    }
    children.push_back(vfork_program(program));
  }
  for (const pid_t pid : children) {
    int status = 0;
    ::waitpid(pid, &status, 0);
  }
  for (const int descriptor : held) {
    ::close(descriptor);
  }
}

void async_runs(const treehold::Command& command, int runs) {
  boost::asio::io_context context(1);
  int ended = 0;
  for (int i = 0; i < runs; ++i) {
    command.async_exit_code(context, [&ended](const std::exception_ptr& error, int) {
      if (error) {
        std::rethrow_exception(error);
      }
      ++ended;
    });
  }
  context.run();
  if (ended != runs) {
    throw std::runtime_error("not all runs have ended");
  }
}

void measure(const std::string& mechanism, const std::string& program, int runs, int rounds) {
  const treehold::Command silent = treehold::Command(program).stdout_null().stderr_null();
  const treehold::Command captured(program);
  std::vector<Way> ways;
  ways.push_back(
      {"raw vfork + execve, waitpid", [&] { raw_vforks(program.c_str(), runs, 0); }, {}, {}, {}});
  ways.push_back({"the same, 5 descriptors for each",
                  [&] { raw_vforks(program.c_str(), runs, 5); },
                  {},
                  {},
                  {}});
  ways.push_back(
      {"async_exit_code, nothing captured", [&] { async_runs(silent, runs); }, {}, {}, {}});
  ways.push_back(
      {"async_exit_code, both captured", [&] { async_runs(captured, runs); }, {}, {}, {}});
  bench::in_turn(ways, 1, rounds, [runs](Way& way, bool counts) {
    const double host = processor_time(RUSAGE_SELF);
    const double children = processor_time(RUSAGE_CHILDREN);
    const auto begin = Clock::now();
    way.run();
    const Micros total = Clock::now() - begin;
    if (counts) {
      way.each.push_back(total.count() / runs);
      way.host.push_back((processor_time(RUSAGE_SELF) - host) / runs);
      way.all.push_back(way.host.back() + (processor_time(RUSAGE_CHILDREN) - children) / runs);
    }
  });
  std::printf("\n%d runs at the same time\n\n", runs);
  std::printf(
      "| %-34s | ratio | median µs a run | ratio of processor time | µs a run | the host's |\n",
      "way");
  std::printf("|---|---|---|---|---|---|\n");
  for (const Way& way : ways) {
    std::printf("| %-34s | %.2f | %.0f | %.2f | %.0f | %.0f |\n", way.name.c_str(),
                median(way.each) / median(ways.front().each), median(way.each),
                median(way.all) / median(ways.front().all), median(way.all), median(way.host));
  }
  std::fflush(stdout);
  bench::Comparison chart{std::to_string(runs) + " runs at once, " + mechanism, "µs", {}};
  for (const Way& way : ways) {
    chart.series.push_back({way.name, way.each});
  }
  bench::print_chart(chart);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 5;
  const int most = argc > 2 ? std::atoi(argv[2]) : 1000;
  const std::string program = argc > 3 ? argv[3] : "/bin/true";
  bench::raise_descriptor_limit();
  for (const treehold::MechanismReport& report : treehold::host_report().mechanisms) {
    const std::string mechanism(treehold::to_string(report.guarantees.mechanism));
    if (!report.available.holds) {
      std::printf("\n%s is not available here: %s\n", mechanism.c_str(),
                  report.available.reason.c_str());
      continue;
    }
    std::printf("\n%s, %s, %d rounds\n", mechanism.c_str(), program.c_str(), rounds);
    std::fflush(stdout);
    // A process keeps to the mechanism of its first private run.
    const pid_t child = ::fork();
    if (child == 0) {
      ::setenv("TREEHOLD_MECHANISM", mechanism.c_str(), 1);
      for (int runs = most; runs >= 100; runs /= 10) {
        measure(mechanism, program, runs, rounds);
      }
      std::exit(0);
    }
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child || status != 0) {
      return 1;
    }
  }
  return 0;
}
