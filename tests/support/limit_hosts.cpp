// Hosts whose surroundings have to do with limits: without a cgroup they may write to, in one that
// is full, spared when memory runs out, or starting into a group that is out of memory.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include <treehold/treehold.hpp>

#include "fifo.hpp"
#include "host.hpp"
#include "support.hpp"

namespace support {
namespace {

using namespace plain;
using namespace treehold::literals;
using treehold::Command;
using treehold::GroupOptions;
using treehold::LimitRefused;
using treehold::Mechanism;
using treehold::Outcome;
using treehold::Output;
using treehold::ProcessGroup;
using treehold::ProcessLimitOwner;
using treehold::ProcessLimitReached;

/// Puts this process into a group of its own, made in the hierarchy that has `controller` ("" is
/// the unified one). Its parent removes it: see `Cage` in limits_test.cpp.
void enter(const std::string& cage) {
  std::ofstream procs(cage + "/cgroup.procs");
  procs << "0" << std::flush;
  if (!procs) {
    throw SkipHost{"may not enter " + cage};
  }
}

void set(const std::string& file, const std::string& value) {
  std::ofstream stream(file);
  stream << value << std::flush;
  if (!stream) {
    throw SkipHost{"may not write " + file};
  }
}

void without_cgroups(Host& host, const std::vector<std::string>&) {
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    throw SkipHost{"may not make a mount namespace: " + std::string(std::strerror(errno))};
  }
  for (const CgroupMount& mount : cgroup_mounts()) {
    if (::mount(nullptr, mount.point.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) !=
        0) {
      throw SkipHost{"may not remount " + mount.point};
    }
  }
  ::unsetenv("TREEHOLD_MECHANISM");
  {
    const ProcessGroup group;
    EXPECT(group.mechanism() == Mechanism::process_group);
    EXPECT(!group.guarantees().escape_contained.holds);
  }
  EXPECT(role("exit", {"3"}).output().mechanism == Mechanism::process_group);
  for (const bool named : {false, true}) {
    try {
      GroupOptions options;
      options.limits.memory = 64_MiB;
      if (named) {
        options.mechanism = Mechanism::cgroup_v2;
      }
      const ProcessGroup group(options);
      host.expect(false, "a limit was taken", __LINE__);
    } catch (const LimitRefused& refused) {
      EXPECT(refused.refusal().limit == "memory");
      EXPECT(refused.refusal().controller == "memory");
      EXPECT(!refused.refusal().path.empty());
      EXPECT(refused.code() == boost::system::errc::read_only_file_system);
    } catch (const treehold::Unsupported& unsupported) {
      EXPECT(named);
    }
  }
  EXPECT_THROWS_AS(LimitRefused, quick().limits({.processes = 3}).output());
}

void full_group(Host& host, const std::vector<std::string>& words) {
  const std::string& cage = words.at(1);
  enter(cage);
  set(cage + "/pids.max", "1");
  try {
    (void)quick().output();
    host.expect(false, "a process was started", __LINE__);
  } catch (const ProcessLimitReached& reached) {
    EXPECT(reached.owner() == ProcessLimitOwner::ancestor);
    EXPECT(std::string(reached.what()).find(cage) != std::string::npos);
  }
  set(cage + "/pids.max", "max");
  EXPECT(quick().exit_code() == 0);
}

void full_user(Host& host, const std::vector<std::string>&) {
  const rlimit none{1, 1};
  if (::setrlimit(RLIMIT_NPROC, &none) != 0 || ::setresgid(54322, 54322, 54322) != 0 ||
      ::setresuid(54323, 54323, 54323) != 0) {
    throw SkipHost{"may not become another user"};
  }
  ::setenv("TREEHOLD_MECHANISM", "process_group", 1);
  try {
    (void)quick().output();
    host.expect(false, "a process was started", __LINE__);
  } catch (const ProcessLimitReached& reached) {
    EXPECT(reached.owner() == ProcessLimitOwner::user);
  }
}

void no_more_groups(Host& host, const std::vector<std::string>& words) {
  const std::string& cage = words.at(1);
  const std::string& file = words.at(2);
  enter(cage);
  set(cage + "/" + file, "0");
  try {
    const ProcessGroup group;
    host.expect(false, "a group was made", __LINE__);
  } catch (const LimitRefused& refused) {
    EXPECT(refused.refusal().limit == file);
    EXPECT(refused.refusal().path == cage + "/" + file);
  }
}

/// Every thread's group in the unified hierarchy.
std::set<std::string> groups_of_threads() {
  std::set<std::string> found;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::istringstream lines(read_file(thread.path().string() + "/cgroup"));
    for (std::string line; std::getline(lines, line);) {
      if (line.rfind("0::", 0) == 0) {
        found.insert(line.substr(3));
      }
    }
  }
  return found;
}

void into_leaf(Host& host, const std::vector<std::string>& words) {
  enter(words.at(1));
  const Fifo gate;
  const std::jthread other([&gate] { (void)gate.read(); });
  const std::string before = *groups_of_threads().begin();
  {
    const ProcessGroup plain_group;
    EXPECT_THROWS_AS(LimitRefused, Command(quick()).limits({.memory = 64_MiB}).output());
    const Child stranger("sleep");
    EXPECT_THROWS_AS(treehold::Unsupported, treehold::move_host_into_leaf());
  }
  EXPECT(groups_of_threads() == std::set<std::string>{before});
  treehold::move_host_into_leaf();
  treehold::move_host_into_leaf();
  EXPECT(groups_of_threads() == std::set<std::string>{before + "/treehold-host"});
  EXPECT(Command(quick()).limits({.memory = 64_MiB}).exit_code() == 0);
  const Output out = role("eat", {"268435456"}).limits({.memory = 64_MiB}).output();
  EXPECT(out.outcome.memory_kill() == treehold::MemoryKill::own_limit);
  EXPECT(quick().exit_code() == 0);
  EXPECT(gate.write("x"));
}

void spared(Host& host, const std::vector<std::string>&) {
  const std::string own = "/proc/self/oom_score_adj";
  set(own, "-500");
  const Command tell("cat", {own});
  EXPECT(tell.run() == "0");
  Command wanted = tell;
  EXPECT(wanted.oom_score_adj(-300).run() == "-300");
  EXPECT(wanted.oom_score_adj(700).run() == "700");
  EXPECT(read_file(own) == "-500\n");
  set(own, "100");
  EXPECT(tell.run() == "100");
}

/// Four threads start children into a group that is always out of memory.
void starts_out_of_memory(Host& host, const std::vector<std::string>& words) {
  const std::chrono::seconds duration(std::stoi(words.at(1)));
  GroupOptions options;
  options.limits.memory = 8_MiB;
  ProcessGroup group(options);
  std::atomic<std::uint64_t> ended{0};
  std::atomic<std::uint64_t> killed{0};
  const auto end = std::chrono::steady_clock::now() + duration;
  std::vector<std::thread> threads;
  for (int count = 0; count < 4; ++count) {
    threads.emplace_back([&] {
      while (std::chrono::steady_clock::now() < end) {
        try {
          const Outcome outcome = group.output(role("eat", {"16777216"})).outcome;
          ++ended;
          killed += outcome.signal() ? 1U : 0U;
        } catch (const treehold::Error&) {  // some die as helpers, before they are the program
          ++ended;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT(ended > 0);
  EXPECT(killed > 0);
  EXPECT(treehold::evidence_of(group.limit_evidence(), "memory").tripped == treehold::Tripped::yes);
  EXPECT(group.stop(0s).members_after.empty());
}

}  // namespace

std::map<std::string, Scenario> limit_scenarios() {
  return {
      {"without-cgroups", without_cgroups},
      {"full-group", full_group},
      {"full-user", full_user},
      {"into-leaf", into_leaf},
      {"no-more-groups", no_more_groups},
      {"spared", spared},
      {"starts-out-of-memory", starts_out_of_memory},
  };
}

}  // namespace support
