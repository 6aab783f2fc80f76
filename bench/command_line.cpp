// What it costs to run a program by `treehold run` and by what else is put before a command: each
// is started by posix_spawn(3) and waited for, in turn and shuffled.
//
//     bench_command_line [ROUNDS]
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "bench/report/report.hpp"
#include "bench/report/rounds.hpp"

namespace {

struct Way {
  std::vector<std::string> command;
  bench::Series taken = {};
};

/// Whether it ended well.
bool run(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& word : command) {
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  pid_t pid = -1;
  int status = 1;
  return ::posix_spawnp(&pid, arguments.front(), nullptr, nullptr, arguments.data(), environ) ==
             0 &&
         ::waitpid(pid, &status, 0) == pid && status == 0;
}

}  // namespace

int main(int argc, char** argv) {
  constexpr int usual_rounds = 200;
  const int rounds = argc > 1 ? std::atoi(argv[1]) : usual_rounds;
  const std::string nothing = "/bin/true";
  std::vector<Way> ways;
  const auto add = [&ways, &nothing](const std::string& name, std::vector<std::string> command) {
    command.push_back(nothing);
    ways.push_back({std::move(command), {name, {}}});
  };
  add("the program itself", {});
  add("treehold run", {TREEHOLD_PROGRAM, "run", "--"});
  add("timeout", {"timeout", "60"});
  add("setsid --wait", {"setsid", "--wait"});
  add("bwrap, a PID namespace", {"bwrap", "--bind", "/", "/", "--dev-bind", "/dev", "/dev",
                                 "--unshare-pid", "--die-with-parent"});
  add("systemd-run --scope", {"systemd-run", "--quiet", "--scope"});
  for (Way& way : ways) {
    if (!run(way.command)) {
      way.command.clear();  // not installed, or of no use on this host
    }
  }
  bench::in_turn(ways, rounds / 20, rounds, [](Way& way, bool counts) {
    if (way.command.empty()) {
      return;
    }
    const auto begin = bench::Clock::now();
    (void)run(way.command);
    const bench::Micros time = bench::Clock::now() - begin;
    if (counts) {
      way.taken.values.push_back(time.count());
    }
  });
  bench::Comparison comparison{"A program from the command line", "µs", {}};
  for (Way& way : ways) {
    comparison.series.push_back(std::move(way.taken));
  }
  bench::print(comparison);
  return 0;
}
