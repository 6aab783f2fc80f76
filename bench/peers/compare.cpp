// The library side by side with what a user would pick instead: gives each contestant the same
// tasks in turn, in another order each round, and prints a table and a chart a row of tasks.
//
//     bench_peers [ROUNDS [PART OF A ROW'S TITLE]]
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <list>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <treehold/treehold.hpp>

#include "bench/report/report.hpp"
#include "bench/report/rounds.hpp"

namespace {

using treehold::Stream;

constexpr std::size_t mebibyte = std::size_t{1} << 20U;

/// Of descriptors, unless the row is about it: a thousand children at once need as many.
constexpr std::uint64_t usual_limit = 16384;

struct Task {
  const char* name;
  std::size_t size;
};

struct Entry {
  std::string name;
  std::vector<std::string> command;  ///< empty: not installed
};

/// A contestant in conversation.
class Contestant {
 public:
  Contestant(const Entry& entry, std::uint64_t descriptor_limit)
      : name_(entry.name), process_(started(entry.command, descriptor_limit)) {}

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] treehold::ProcessId pid() const { return process_.pid(); }

  /// Microseconds; nothing when the library does not do that.
  [[nodiscard]] std::optional<double> take(const Task& task) {
    process_.input().write_line(std::string(task.name) + " " + std::to_string(task.size));
    const std::optional<std::string> answer = process_.read_line(Stream::out);
    if (!answer || answer->starts_with("failed")) {
      throw std::runtime_error(name_ + ": " + task.name + ": " + answer.value_or("has ended"));
    }
    constexpr double nanoseconds = 1000;
    return *answer == "absent" ? std::nullopt : std::optional(std::stod(*answer) / nanoseconds);
  }

  /// Ends it in peace, so that it leaves nothing behind.
  void dismiss() {
    process_.input().close();
    (void)process_.wait();
  }

 private:
  static treehold::Process started(const std::vector<std::string>& command,
                                   std::uint64_t descriptor_limit) {
    return treehold::Command(command.front(),
                             std::vector<std::string>(std::next(command.begin()), command.end()))
        .resource_limit(treehold::Resource::open_files, descriptor_limit, descriptor_limit)
        .stdin_pipe()
        .stderr_inherit()
        .start();
  }

  std::string name_;
  treehold::Process process_;
};

/// A row that all contestants take part in, each a process for all such rows.
struct Row {
  const char* title;
  Task task;
  int share;  ///< of the rounds: the long ones take part in every so manieth
};

constexpr Row rows[] = {
    {"Start and wait", {"start", 0}, 1},
    {"Time the calling thread is blocked by a start", {"blocked", 0}, 1},
    {"Capture of 1 KiB", {"capture", 1024}, 1},
    {"Capture of 1 MiB", {"capture", mebibyte}, 2},
    {"Capture of 1 GiB", {"capture", 1024 * mebibyte}, 100},
    {"1 GiB line by line", {"lines", 1024 * mebibyte / 100}, 100},
    {"1 GiB through cat", {"feed", 1024 * mebibyte}, 100},
    {"10 at once", {"many", 10}, 10},
    {"100 at once", {"many", 100}, 20},
    {"1000 at once", {"many", 1000}, 60},
};

/// A row before which something is done to the host: each block has processes of its own.
struct FreshRow {
  const char* title;
  Task before;
  std::uint64_t descriptor_limit;
  int blocks;
  int warm_up;
  int starts;
};

constexpr FreshRow fresh_rows[] = {
    {"The first start of a host", {"ballast", 0}, usual_limit, 30, 0, 1},
    {"Start and wait, a host of 256 MiB", {"ballast", 256}, usual_limit, 4, 3, 40},
    {"Start and wait, a host of 1 GiB", {"ballast", 1024}, usual_limit, 4, 3, 40},
    {"Start and wait, a host of 4 GiB", {"ballast", 4096}, usual_limit, 3, 3, 40},
    {"Start and wait, 10 000 open descriptors", {"descriptors", 10000}, usual_limit, 4, 3, 40},
    {"Start and wait, a limit of 1 048 576 descriptors",
     {"ballast", 0},
     std::uint64_t{1} << 20U,
     4,
     3,
     40},
};

/// Rows of the same thing in several sizes.
struct Family {
  const char* title;
  const char* unit;
  std::vector<std::pair<double, const char*>> rows;  ///< size, title
};

const Family families[] = {
    {"How a capture grows",
     "MiB",
     {{1.0 / 1024, "Capture of 1 KiB"}, {1, "Capture of 1 MiB"}, {1024, "Capture of 1 GiB"}}},
    {"How many at once grow",
     "run",
     {{10, "10 at once"}, {100, "100 at once"}, {1000, "1000 at once"}}},
    {"How a start grows with the host",
     "GiB",
     {{0.25, "Start and wait, a host of 256 MiB"},
      {1, "Start and wait, a host of 1 GiB"},
      {4, "Start and wait, a host of 4 GiB"}}},
};

class Contest {
 public:
  Contest(std::vector<Entry> entries, int rounds, std::string only)
      : entries_(std::move(entries)), rounds_(rounds), only_(std::move(only)) {}

  void run() {
    std::list<Contestant> contestants;
    for (const Entry& entry : present()) {
      contestants.emplace_back(entry, usual_limit);
    }
    for (const Row& row : rows) {
      if (wanted(row.title)) {
        run(row, contestants);
      }
    }
    for (Contestant& contestant : contestants) {
      contestant.dismiss();
    }
    for (const FreshRow& row : fresh_rows) {
      if (wanted(row.title)) {
        try {
          run(row);
        } catch (const treehold::SpawnFailed& failure) {
          std::printf("\n### %s\n\nNot measured here: %s\n", row.title, failure.what());
        }
      }
    }
    for (const Family& family : families) {
      print(family);
    }
    if (wanted("2000 alive")) {
      hold();
    }
  }

 private:
  [[nodiscard]] bool wanted(const std::string& title) const {
    return title.find(only_) != std::string::npos;
  }

  [[nodiscard]] std::vector<Entry> present() const {
    std::vector<Entry> all;
    std::copy_if(entries_.begin(), entries_.end(), std::back_inserter(all),
                 [](const Entry& entry) { return !entry.command.empty(); });
    return all;
  }

  void run(const Row& row, std::list<Contestant>& contestants) {
    std::vector<Contestant*> all;
    for (Contestant& contestant : contestants) {
      all.push_back(&contestant);
    }
    std::map<std::string, std::vector<double>> taken;
    const int own = std::max(3, rounds_ / row.share);
    bench::in_turn(all, std::max(1, own / 10), own, [&](Contestant* one, bool counts) {
      const std::optional<double> took = one->take(row.task);
      if (took && counts) {
        taken[one->name()].push_back(*took);
      }
    });
    print(row.title, taken);
  }

  void run(const FreshRow& row) {
    std::vector<Entry> all = present();
    std::map<std::string, std::vector<double>> taken;
    bench::in_turn(all, 0, row.blocks, [&](const Entry& entry, bool /*counts*/) {
      Contestant one(entry, row.descriptor_limit);
      (void)one.take(row.before);
      for (int start = -row.warm_up; start < row.starts; ++start) {
        const std::optional<double> took = one.take({"start", 0});
        if (took && start >= 0) {
          taken[entry.name].push_back(*took);
        }
      }
      one.dismiss();
    });
    print(row.title, taken);
  }

  void print(const std::string& title, std::map<std::string, std::vector<double>>& taken) {
    bench::Comparison comparison{title, "µs", {}};
    for (const Entry& entry : entries_) {
      std::vector<double>& values = taken[entry.name];
      if (!values.empty()) {
        medians_[title][entry.name] = bench::median(values);
      }
      comparison.series.push_back({entry.name, std::move(values)});
    }
    bench::print(comparison);
  }

  void print(const Family& family) {
    std::vector<bench::Growing> all;
    for (const Entry& entry : entries_) {
      bench::Growing one{entry.name, {}};
      for (const auto& [size, title] : family.rows) {
        const std::map<std::string, double>& row = medians_[title];
        if (const auto median = row.find(entry.name); median != row.end()) {
          one.points.emplace_back(size, median->second);
        }
      }
      all.push_back(std::move(one));
    }
    if (std::any_of(all.begin(), all.end(), [](const auto& one) { return !one.points.empty(); })) {
      bench::print_growth(family.title, family.unit, all);
    }
  }

  /// What a host holds for children that are alive.
  struct Held {
    double descriptors = 0;
    double kibibytes = 0;
    double threads = 0;

    static Held of(treehold::ProcessId pid) {
      const std::filesystem::path proc = "/proc/" + std::to_string(pid);
      Held held;
      held.descriptors = static_cast<double>(std::distance(
          std::filesystem::directory_iterator(proc / "fd"), std::filesystem::directory_iterator()));
      std::ifstream status(proc / "status");
      for (std::string key; status >> key; std::getline(status, key)) {
        if (key == "VmRSS:") {
          status >> held.kibibytes;
        } else if (key == "Threads:") {
          status >> held.threads;
        }
      }
      return held;
    }
  };

  void hold() {
    constexpr std::size_t count = 2000;
    std::printf(
        "\n### %zu alive at once\n\nOf the host, for each child, and the whole time.\n\n"
        "| | descriptors | KiB | threads | ms to start all | ms to end all |\n"
        "|---|---|---|---|---|---|\n",
        count);
    for (const Entry& entry : entries_) {
      if (entry.command.empty()) {
        std::printf("| %s | absent | | | | |\n", entry.name.c_str());
        continue;
      }
      Contestant one(entry, usual_limit);
      (void)one.take({"start", 0});  // what is there for all of them comes with the first
      const Held before = Held::of(one.pid());
      const std::optional<double> start = one.take({"hold", count});
      const Held after = Held::of(one.pid());
      const std::optional<double> end = one.take({"release", 0});
      one.dismiss();
      constexpr double thousand = 1000;
      std::printf("| %s | %.2f | %.2f | %.2f | %.0f | %.0f |\n", entry.name.c_str(),
                  (after.descriptors - before.descriptors) / count,
                  (after.kibibytes - before.kibibytes) / count,
                  (after.threads - before.threads) / count, start.value_or(0) / thousand,
                  end.value_or(0) / thousand);
    }
    std::fflush(stdout);
  }

  std::vector<Entry> entries_;
  int rounds_;
  std::string only_;
  std::map<std::string, std::map<std::string, double>> medians_;  ///< of each row and contestant
};

/// "NAME: COMMAND WORD ..." a line, the floor first; without a command it is not there.
std::vector<Entry> read_entries() {
  std::ifstream list(TREEHOLD_BENCH_CONTESTANTS);
  std::vector<Entry> entries;
  for (std::string line; std::getline(list, line);) {
    const std::size_t colon = line.find(':');
    std::istringstream words(line.substr(colon + 1));
    entries.push_back(
        {line.substr(0, colon),
         {std::istream_iterator<std::string>(words), std::istream_iterator<std::string>()}});
  }
  return entries;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    constexpr int usual_rounds = 300;
    const int rounds = count > 1 ? std::atoi(arguments[1]) : usual_rounds;
    Contest(read_entries(), rounds, count > 2 ? arguments[2] : "").run();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_peers: %s\n", error.what());
    return 1;
  }
}
