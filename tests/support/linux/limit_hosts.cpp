// Hosts whose surroundings have to do with limits: without a cgroup they may write to, in one that
// is full, in a scope of its own, spared when memory runs out, or starting into a group that is out
// of memory.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

#include <treehold/treehold.hpp>

#include "fifo.hpp"
#include "host.hpp"
#include "linux/scenarios.hpp"
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
    EXPECT(group.mechanism() == Mechanism::reaper);
    EXPECT(group.guarantees().escape_contained.holds);
  }
  EXPECT(role("exit", {"3"}).output().mechanism == Mechanism::reaper);
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

void expect_limits(Host& host) {
  EXPECT(Command(quick()).limits({.memory = 64_MiB}).exit_code() == 0);
  const Output out = role("eat", {"268435456"}).limits({.memory = 64_MiB}).output();
  EXPECT(out.outcome.memory_kill() == treehold::MemoryKill::own_limit);
  EXPECT(quick().exit_code() == 0);
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
  expect_limits(host);
  EXPECT(gate.write("x"));
}

void into_scope(Host& host, const std::vector<std::string>&) {
  const Fifo gate;
  const std::jthread other([&gate] { (void)gate.read(); });
  const auto descriptors = open_descriptors();
  {
    const std::jthread at_the_same_time([] { treehold::move_host_into_scope(); });
    treehold::move_host_into_scope();
  }
  const std::set<std::string> groups = groups_of_threads();
  EXPECT(groups.size() == 1);
  const std::regex in_leaf(".*/treehold-[0-9a-f]{16}\\.scope/treehold-host");
  EXPECT(std::regex_match(*groups.begin(), in_leaf));
  treehold::move_host_into_scope({.unit = "treehold-second.scope", .timeout = 1ns});
  treehold::move_host_into_leaf();
  EXPECT(groups_of_threads() == groups);
  EXPECT(open_descriptors() == descriptors);
  expect_limits(host);
  const std::string scope = groups.begin()->substr(0, groups.begin()->rfind('/') + 1);
  EXPECT(Command("cat", {"/proc/self/cgroup"}).run().find(":" + scope) != std::string::npos);
  EXPECT(gate.write("x"));
}

void into_named_scope(Host& host, const std::vector<std::string>& words) {
  const std::string& unit = words.at(1);
  treehold::move_host_into_scope({.unit = unit, .slice = "treehold-tests.slice"});
  EXPECT(groups_of_threads().begin()->ends_with("/treehold.slice/treehold-tests.slice/" + unit +
                                                "/treehold-host"));
  Child other("host", {"scope-of-another", unit});
  EXPECT(other.read_all().empty());
  EXPECT(other.wait() == 0);
}

void expect_no_scope(Host& host, const treehold::ScopeOptions& options, const char* reason) {
  const std::set<std::string> before = groups_of_threads();
  const auto descriptors = open_descriptors();
  try {
    treehold::move_host_into_scope(options);
    host.expect(false, "moved", __LINE__);
  } catch (const treehold::Unsupported& refused) {
    const std::string text = refused.what();
    if (text.find("lacks libsystemd") == std::string::npos) {
      host.expect(text.find(reason) != std::string::npos, text.c_str(), __LINE__);
    }
  }
  EXPECT(groups_of_threads() == before);
  EXPECT(open_descriptors() == descriptors);
}

void scope_of_another(Host& host, const std::vector<std::string>& words) {
  expect_no_scope(host, {.unit = words.at(1)}, "org.freedesktop.systemd1.UnitExists: ");
}

void without_manager(Host& host, const std::vector<std::string>&) {
  const TempDir here;
  const auto asked = [&](const char* reason) {
    expect_no_scope(host, {.manager = treehold::ServiceManager::user, .timeout = 200ms}, reason);
  };
  ::unsetenv("DBUS_SESSION_BUS_ADDRESS");
  ::unsetenv("XDG_RUNTIME_DIR");
  asked("neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set");
  ::setenv("XDG_RUNTIME_DIR", here.path().c_str(), 1);
  asked("the user's bus cannot be reached: No such file or directory");
  // Accepts and says nothing.
  const int silent = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = here / "bus";
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::bind(silent, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(silent, 1) != 0) {
    throw SkipHost{"no socket can be made"};
  }
  asked("the bus: no answer in time");
  ::close(silent);
}

void without_bus_library(Host& host, const std::vector<std::string>&) {
  expect_no_scope(host, {.manager = treehold::ServiceManager::user}, "libsystemd.so.0: ");
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
      {"without-bus-library", without_bus_library},
      {"without-cgroups", without_cgroups},
      {"without-manager", without_manager},
      {"full-group", full_group},
      {"full-user", full_user},
      {"into-leaf", into_leaf},
      {"into-named-scope", into_named_scope},
      {"into-scope", into_scope},
      {"no-more-groups", no_more_groups},
      {"scope-of-another", scope_of_another},
      {"spared", spared},
      {"starts-out-of-memory", starts_out_of_memory},
  };
}

}  // namespace support
