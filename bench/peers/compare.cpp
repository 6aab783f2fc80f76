// The library side by side with what a user would pick instead: gives each contestant the same
// tasks in turn, in another order each round, and prints a table a row of tasks.
//
//     bench_peers [ROUNDS]
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <list>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <treehold/treehold.hpp>

#include "bench/rounds.hpp"

namespace {

using treehold::Stream;

/// A contestant in conversation.
class Contestant {
 public:
  Contestant(std::string name, const std::vector<std::string>& command)
      : name_(std::move(name)), process_(started(command)) {}

  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// Nanoseconds; nothing when the library does not do that.
  [[nodiscard]] std::optional<double> take(const std::string& task, std::size_t size) {
    process_.input().write_line(task + " " + std::to_string(size));
    const std::optional<std::string> answer = process_.read_line(Stream::out);
    if (!answer || answer->starts_with("failed")) {
      throw std::runtime_error(name_ + ": " + task + ": " + answer.value_or("has ended"));
    }
    return *answer == "absent" ? std::nullopt : std::optional(std::stod(*answer));
  }

 private:
  static treehold::Process started(const std::vector<std::string>& command) {
    treehold::Command program(command.front());
    for (std::size_t i = 1; i < command.size(); ++i) {
      program.arg(command[i]);
    }
    return program.stdin_pipe().stderr_inherit().start();
  }

  std::string name_;
  treehold::Process process_;
};

struct Row {
  const char* title;
  const char* task;
  std::size_t size;
  int share;            ///< of the rounds: the long ones take part in every so manieth
  std::size_t ballast;  ///< MiB that the hosts hold beside, from here on
};

constexpr std::size_t mebibyte = std::size_t{1} << 20U;

constexpr Row rows[] = {
    {"start and wait", "start", 0, 1, 0},
    {"capture of 1 KiB", "capture", 1024, 1, 0},
    {"capture of 1 MiB", "capture", mebibyte, 2, 0},
    {"capture of 1 GiB", "capture", 1024 * mebibyte, 100, 0},
    {"1 GiB of lines of 100 bytes", "lines", 1024 * mebibyte / 100, 100, 0},
    {"1 GiB through cat", "feed", 1024 * mebibyte, 100, 0},
    {"1000 at once", "many", 1000, 50, 0},
    {"start and wait, a host of 1 GiB", "start", 0, 1, 1024},
};

/// What one contestant took, in all rounds of a row.
struct Taken {
  Contestant* contestant;
  std::vector<double> micros;
};

void run(const Row& row, std::list<Contestant>& contestants, int rounds) {
  std::vector<Taken> all;
  for (Contestant& contestant : contestants) {
    if (row.ballast > 0) {
      (void)contestant.take("ballast", row.ballast);
    }
    all.push_back({&contestant, {}});
  }
  const int own = std::max(3, rounds / row.share);
  bench::in_turn(all, std::max(1, own / 10), own, [&](Taken& one, bool counts) {
    const std::optional<double> took = one.contestant->take(row.task, row.size);
    if (took && counts) {
      one.micros.push_back(*took / 1000);
    }
  });
  std::printf("\n%s, %d rounds\n\n| | ratio | median µs | p99 µs |\n|---|---|---|---|\n", row.title,
              own);
  const double floor = all.front().micros.empty() ? 0 : bench::median(all.front().micros);
  for (const Taken& one : all) {
    if (one.micros.empty()) {
      std::printf("| %s | absent | | |\n", one.contestant->name().c_str());
    } else {
      const double median = bench::median(one.micros);
      std::printf("| %s | %.2f | %.0f | %.0f |\n", one.contestant->name().c_str(), median / floor,
                  median, bench::at(one.micros, 0.99));
    }
  }
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const int rounds = count > 1 ? std::atoi(arguments[1]) : 300;
    // "NAME: COMMAND WORD ..." a line, the floor first; without a command it is not there.
    std::ifstream list(TREEHOLD_BENCH_CONTESTANTS);
    std::list<Contestant> contestants;
    for (std::string line; std::getline(list, line);) {
      const std::size_t colon = line.find(':');
      std::istringstream words(line.substr(colon + 1));
      std::vector<std::string> command;
      for (std::string word; words >> word;) {
        command.push_back(word);
      }
      if (command.empty()) {
        std::printf("absent: %s\n", line.substr(0, colon).c_str());
      } else {
        contestants.emplace_back(line.substr(0, colon), command);
      }
    }
    for (const Row& row : rows) {
      run(row, contestants, rounds);
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_peers: %s\n", error.what());
    return 1;
  }
}
