// Measures the ways to start a contained program against raw vfork + execve, all in one run: every
// round starts each of them once, in an order of its own, so that whatever else the machine does
// meets all alike.
//
// A row's ratio is its median over the floor's median of the same run; the two numbers after it are
// the lowest and highest such ratio in five consecutive parts of the run. Times are in
// microseconds:
//   total     from before the start to after the reaping; making and removing the leaf is not in it
//   with leaf total, and a fresh leaf's mkdir, opens and rmdir
//   blocked   until the starting thread has control again
//   executed  until the host was told that the program is being executed

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "hazards.hpp"
#include "ways.hpp"

namespace {

using Clock = std::chrono::steady_clock;

struct Settings {
  std::string helper;
  std::string target;
  int rounds = 1000;
  std::size_t ballast = 0;
  int gap = 0;  // milliseconds between two starts
  bool forking_neighbour = false;
  bool hazards = false;
};

struct Sample {
  double total;
  double with_leaf;
  double blocked;
  double executed;
};

struct Row {
  std::string name;
  Recipe recipe;
  bool fresh = false;
  LeafFiles used_leaf = {};
  std::string used_path = {};
  std::vector<Sample> samples = {};
};

double microseconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::micro>(to - from).count();
}

LeafFiles make_leaf(const std::string& path) {
  if (mkdir(path.c_str(), 0755) != 0) die(path);
  LeafFiles leaf;
  leaf.directory = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  leaf.procs = openat(leaf.directory, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  if (leaf.directory < 0 || leaf.procs < 0) die(path);
  return leaf;
}

void remove_leaf(const LeafFiles& leaf, const std::string& path) {
  close(leaf.directory);
  close(leaf.procs);
  while (rmdir(path.c_str()) != 0) {
    if (errno != EBUSY) die(path);
  }
}

Sample measure(Launcher& launcher, const Row& row, const std::string& root) {
  static unsigned long number = 0;
  const std::string path = root + "/leaf-" + std::to_string(number++);
  const auto begin = Clock::now();
  const LeafFiles leaf = row.fresh ? make_leaf(path) : row.used_leaf;
  const auto ready = Clock::now();
  Started started = launcher.start(row.recipe, leaf);
  const auto control = Clock::now();
  const bool fine = Launcher::await_executed(started);
  const auto executed = Clock::now();
  if (!fine) die(row.name + ": errno " + std::to_string(started.error));
  const int status = Launcher::reap(started);
  const auto reaped = Clock::now();
  if (status != 0) die(row.name + ": status " + std::to_string(status));
  if (row.fresh) remove_leaf(leaf, path);
  const auto end = Clock::now();
  return {microseconds(ready, reaped), microseconds(begin, end), microseconds(ready, control),
          microseconds(ready, executed)};
}

std::vector<Row> make_rows(const std::string& root) {
  struct Candidate {
    const char* name;
    Recipe recipe;
  };
  constexpr auto disk = HelperFile::on_disk;
  constexpr auto memory = HelperFile::in_memory;
  constexpr auto arguments = PlanPassing::arguments;
  constexpr auto file = PlanPassing::memory_file;
  const Candidate candidates[] = {
      {"join", {Way::join, disk, arguments}},
      {"join, helper in memory", {Way::join, memory, arguments}},
      {"join, plan in memory file", {Way::join, disk, file}},
      {"hop", {Way::hop, disk, arguments}},
      {"hop, sharing the helper's memory", {Way::hop_sharing, disk, arguments}},
      {"born", {Way::born, disk, arguments}},
      {"born, helper in memory", {Way::born, memory, arguments}},
      {"born, plan in memory file", {Way::born, disk, file}},
      {"born, not waiting", {Way::born_nowait, disk, arguments}},
      {"direct", {Way::direct, disk, arguments}},
  };
  std::vector<Row> rows;
  rows.push_back({"floor: vfork + execve", {Way::floor}});
  rows.push_back({"posix_spawn", {Way::posix_spawn}});
  for (const Candidate& candidate : candidates) {
    Row used{candidate.name, candidate.recipe};
    used.used_path = root + "/used-" + std::to_string(rows.size());
    used.used_leaf = make_leaf(used.used_path);
    rows.push_back(used);
    Row fresh{candidate.name, candidate.recipe};
    fresh.fresh = true;
    rows.push_back(fresh);
  }
  return rows;
}

double quantile(std::vector<double> values, double share) {
  const auto position = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1));
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>(position);
  std::nth_element(values.begin(), nth, values.end());
  return *nth;
}

std::vector<double> column(const Row& row, double Sample::*field, std::size_t part = 0,
                           std::size_t parts = 1) {
  std::vector<double> values;
  const std::size_t count = row.samples.size();
  for (std::size_t i = part * count / parts; i < (part + 1) * count / parts; ++i) {
    values.push_back(row.samples[i].*field);
  }
  return values;
}

std::string ratio_with_range(const Row& row, const Row& floor) {
  constexpr std::size_t parts = 5;
  double lowest = 1e9;
  double highest = 0;
  for (std::size_t part = 0; part < parts; ++part) {
    const double ratio = quantile(column(row, &Sample::total, part, parts), 0.5) /
                         quantile(column(floor, &Sample::total, part, parts), 0.5);
    lowest = std::min(lowest, ratio);
    highest = std::max(highest, ratio);
  }
  char text[64];
  std::snprintf(
      text, sizeof text, "%.2f (%.2f-%.2f)",
      quantile(column(row, &Sample::total), 0.5) / quantile(column(floor, &Sample::total), 0.5),
      lowest, highest);
  return text;
}

void print(const std::vector<Row>& rows) {
  const Row& floor = rows.front();
  const double floor_median = quantile(column(floor, &Sample::total), 0.5);
  std::printf(
      "| way | leaf | ratio to floor | total median | p95 | with leaf: ratio | blocked median | "
      "p95 "
      "| executed median |\n|---|---|---|---|---|---|---|---|---|\n");
  for (const Row& row : rows) {
    const char* leaf = !needs_leaf(row.recipe.way) ? "-" : row.fresh ? "fresh" : "used";
    std::printf(
        "| %s | %s | %s | %.0f | %.0f | %.2f | %.0f | %.0f | %.0f |\n", row.name.c_str(), leaf,
        ratio_with_range(row, floor).c_str(), quantile(column(row, &Sample::total), 0.5),
        quantile(column(row, &Sample::total), 0.95),
        quantile(column(row, &Sample::with_leaf), 0.5) / floor_median,
        quantile(column(row, &Sample::blocked), 0.5), quantile(column(row, &Sample::blocked), 0.95),
        quantile(column(row, &Sample::executed), 0.5));
  }
  std::fflush(stdout);
}

// The cgroup v2 directory this process is in.
std::string own_group() {
  std::string mount;
  std::ifstream mounts("/proc/self/mounts");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string device, directory, type;
    words >> device >> directory >> type;
    if (type == "cgroup2") mount = directory;
  }
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (line.starts_with("0::") && !mount.empty()) return mount + line.substr(3);
  }
  errno = ENOENT;
  die("cgroup v2");
}

// Another process, one thread of which forks without end. It dies with this one's `kill`.
pid_t start_forking_neighbour() {
  const pid_t neighbour = fork();
  if (neighbour != 0) return neighbour;
  std::thread forking([] {
    for (;;) {
      const pid_t child = fork();
      if (child == 0) _exit(0);
      waitpid(child, nullptr, 0);
    }
  });
  forking.join();
  _exit(0);
}

void fill_memory(std::size_t mebibytes) {
  if (mebibytes == 0) return;
  const std::size_t size = mebibytes << 20U;
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) die("ballast");
  madvise(memory, size, MADV_NOHUGEPAGE);
  for (std::size_t i = 0; i < size; i += 4096) static_cast<volatile char*>(memory)[i] = 1;
}

Settings parse(int argc, char** argv) {
  const std::string own = argv[0];
  const std::string directory = own.substr(0, own.rfind('/') + 1);
  Settings settings;
  settings.helper = directory + "bench_spawn_helper";
  settings.target = directory + "bench_spawn_target";
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    const bool valued = i + 1 < argc;
    if (option == "--neighbour") {
      settings.forking_neighbour = true;
    } else if (option == "--hazards") {
      settings.hazards = true;
    } else if (option == "--rounds" && valued) {
      settings.rounds = std::max(std::atoi(argv[++i]), 5);
    } else if (option == "--ballast" && valued) {
      settings.ballast = static_cast<std::size_t>(std::atol(argv[++i]));
    } else if (option == "--gap" && valued) {
      settings.gap = std::atoi(argv[++i]);
    } else if (option == "--target" && valued) {
      settings.target = argv[++i];
    } else if (option == "--helper" && valued) {
      settings.helper = argv[++i];
    } else {
      std::cerr << "usage: bench_spawn_candidates [--rounds N] [--ballast MIB] [--gap MS]\n"
                   "         [--neighbour] [--target PROGRAM] [--helper FILE] [--hazards]\n"
                   "Needs a cgroup v2 group below which it may make groups.\n";
      std::exit(2);
    }
  }
  return settings;
}

}  // namespace

int main(int argc, char** argv) {
  const Settings settings = parse(argc, argv);
  const std::string root = own_group() + "/treehold-bench-" + std::to_string(getpid());
  if (mkdir(root.c_str(), 0755) != 0) die(root);
  if (settings.hazards) {
    Launcher launcher(settings.helper, settings.target);
    show_hazards(launcher, root);
    if (rmdir(root.c_str()) != 0) die(root);
    return 0;
  }

  const pid_t neighbour = settings.forking_neighbour ? start_forking_neighbour() : -1;
  Launcher launcher(settings.helper, settings.target);
  fill_memory(settings.ballast);
  std::vector<Row> rows = make_rows(root);
  std::vector<std::size_t> order(rows.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::mt19937 random(1);
  const int warm_up = settings.rounds / 20 + 1;
  for (int round = -warm_up; round < settings.rounds; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (const std::size_t i : order) {
      if (settings.gap > 0) std::this_thread::sleep_for(std::chrono::milliseconds(settings.gap));
      const Sample sample = measure(launcher, rows[i], root);
      if (round >= 0) rows[i].samples.push_back(sample);
    }
  }
  for (const Row& row : rows) {
    if (!row.used_path.empty()) remove_leaf(row.used_leaf, row.used_path);
  }
  if (neighbour > 0) {
    kill(neighbour, SIGKILL);
    waitpid(neighbour, nullptr, 0);
  }
  if (rmdir(root.c_str()) != 0) die(root);

  utsname system{};
  uname(&system);
  std::printf("\nkernel %s, %d rounds, program %s, host memory +%zu MiB, %d ms apart%s\n\n",
              system.release, settings.rounds, settings.target.c_str(), settings.ballast,
              settings.gap, settings.forking_neighbour ? ", a neighbour forks without end" : "");
  print(rows);
}
