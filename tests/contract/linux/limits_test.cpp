// Limits: that they hold, that they are told from others, and that one that cannot hold is refused.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "canary.hpp"
#include "forms.hpp"
#include "support.hpp"

using namespace support;
using namespace treehold::literals;
using forms::Command;
using forms::Process;
using forms::ProcessGroup;
using forms::quick;
using forms::role;
using treehold::evidence_of;
using treehold::GroupOptions;
using treehold::InvalidSetting;
using treehold::LimitProblem;
using treehold::LimitRefused;
using treehold::Limits;
using treehold::Mechanism;
using treehold::MemoryKill;
using treehold::Outcome;
using treehold::Output;
using treehold::ProcessLimitOwner;
using treehold::ProcessLimitReached;
using treehold::Statistics;
using treehold::Stream;
using treehold::Tripped;

namespace {

/// Enough for a role, and more than that.
constexpr std::uint64_t room = scaled(64_MiB, 512_MiB);
const std::string too_much = std::to_string(4 * room);

ProcessGroup limited(Limits limits) {
  GroupOptions options;
  options.limits = std::move(limits);
  return ProcessGroup(options);
}

/// A group of the test's own for a host to sit in, in the hierarchy that has `controller` ("" is
/// the unified one).
class Cage {
 public:
  explicit Cage(const std::string& controller) {
    const std::string mount = mount_of(controller);
    path_ = mount + "/cage-" + std::to_string(::getpid());
    if (mount.empty() || ::mkdir(path_.c_str(), 0755) != 0) {
      skip("no group can be made in a hierarchy with " + controller);
    }
    if (!controller.empty() && !std::filesystem::exists(path_ + "/" + controller + ".max")) {
      ::rmdir(path_.c_str());
      skip(mount + " does not give " + controller + " to groups");
    }
  }
  ~Cage() {
    (void)wait_until([this] {
      for (const char* below : {"/treehold-host", ""}) {
        ::rmdir((path_ + below).c_str());
      }
      return !std::filesystem::exists(path_);
    });
  }
  Cage(const Cage&) = delete;
  Cage& operator=(const Cage&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  /// A controller that is in no hierarchy of version 1 is in the unified one.
  static std::string mount_of(const std::string& controller) {
    const std::string own = cgroup_mount(controller);
    return own.empty() ? cgroup_mount("") : own;
  }

  std::string path_;
};

void require_cgroups() {
  if (mechanism() != Mechanism::cgroup_v2) {
    skip("only cgroups have limits");
  }
}

}  // namespace

TEST_CASE("a limit of memory that is met is reported as the group's", "[contract][limits]") {
  require_limit("memory");
  const Output out = role("eat", {too_much}).limits({.memory = room}).output();
  CHECK(out.outcome == Outcome::signalled(SIGKILL, false).with_memory_kill(MemoryKill::own_limit));
  CHECK(out.outcome.describe() == "SIGKILL (out of memory: the limit of the group)");
  CHECK(out.stdout_bytes.empty());
  REQUIRE(out.limit_evidence.has_value());
  CHECK(evidence_of(*out.limit_evidence, "memory").tripped == Tripped::yes);
  CHECK(evidence_of(*out.limit_evidence, "outside_memory").tripped != Tripped::yes);
  REQUIRE(out.statistics.has_value());
  if (out.statistics->memory_peak) {
    CHECK(*out.statistics->memory_peak <= room);
    CHECK(*out.statistics->memory_peak > room / 4 * 3);
  }
}

TEST_CASE("a limit of memory that is not met changes nothing", "[contract][limits]") {
  require_limit("memory");
  const Output out = role("eat", {"16777216"}).limits({.memory = 4 * room}).output();
  CHECK(out.outcome.success());
  CHECK(out.stdout_bytes == "eaten\n");
  REQUIRE(out.limit_evidence.has_value());
  CHECK(evidence_of(*out.limit_evidence, "memory").tripped == Tripped::no);
  CHECK(evidence_of(*out.limit_evidence, "outside_memory").tripped == Tripped::no);
  // A kill that is ours is not the kernel's.
  const Output late = timed_out_after("eaten", [](auto time) {
    return role("eat", {"1048576", "and-rest"}).limits({.memory = room}).timeout(time).output();
  });
  CHECK(late.outcome == Outcome::timed_out());
  Process child = role("eat", {"1048576", "and-rest"}).limits({.memory = room}).start();
  REQUIRE(child.read_line(Stream::out) == "eaten");
  child.kill();
  CHECK(child.wait() == Outcome::signalled(SIGKILL, false));
}

TEST_CASE("when memory runs out the whole group ends", "[contract][limits]") {
  require_limit("oom_kills_group");
  ProcessGroup group = limited({.memory = room});
  Process sibling = group.start(role("sleep"));
  REQUIRE(sibling.read_line(Stream::out).has_value());
  const Output eater = group.output(role("eat", {too_much}));
  CHECK(eater.outcome.memory_kill() == MemoryKill::own_limit);
  CHECK(group.wait_empty(hang_bound));
  CHECK(sibling.wait().memory_kill() == MemoryKill::own_limit);
}

TEST_CASE("when memory runs out the group lives on where that is wanted", "[contract][limits]") {
  require_limit("memory");
  ProcessGroup group = limited({.memory = room, .oom_kills_group = false});
  Process sibling = group.start(role("sleep"));
  REQUIRE(sibling.read_line(Stream::out).has_value());
  const Output eater = group.output(role("eat", {too_much}));
  CHECK(eater.outcome.memory_kill() == MemoryKill::own_limit);
  CHECK(alive(sibling.pid()));
}

TEST_CASE("a fork bomb stays below its limit of processes", "[contract][limits][adversarial]") {
  require_limit("processes");
  const Canary canary;
  ProcessGroup group = limited({.processes = 32});
  Process bomb = group.start(role("fork-bomb").nice(19));
  REQUIRE(bomb.read_line(Stream::out) == "ready");
  CHECK(wait_until(
      [&] { return evidence_of(group.limit_evidence(), "processes").tripped == Tripped::yes; }));
  CHECK(group.members().size() <= 32);
  CHECK(group.stats().threads.value_or(0) <= 32);
  CHECK(quick().exit_code() == 0);
  CHECK(group.stop(0s).members_after.empty());
  CHECK(canary.survives());
}

TEST_CASE("a start above the limit of processes is refused", "[contract][limits]") {
  require_limit("processes");
  if (sanitized) {
    skip("the sanitizers have threads of their own, which count");
  }
  ProcessGroup group = limited({.processes = 4});
  Process filler = group.start(role("fill"));
  CHECK(filler.read_line(Stream::out) == "3");
  for (int count = 0; count < 3; ++count) {
    try {
      (void)group.start(quick());
      FAIL("a fifth process was started");
    } catch (const ProcessLimitReached& reached) {
      CHECK(reached.owner() == ProcessLimitOwner::group);
      CHECK(reached.code() == boost::system::errc::resource_unavailable_try_again);
    }
    CHECK_THROWS_AS(group.output(quick()), ProcessLimitReached);
  }
  CHECK(group.members().size() == 4);
  group.update_limits({.processes = 5});
  CHECK(group.exit_code(quick()) == 0);
  filler.kill();
  CHECK(group.wait_empty(hang_bound));
  CHECK(group.exit_code(quick()) == 0);
}

TEST_CASE("a limit of CPUs holds", "[contract][limits]") {
  require_limit("cpus");
  // How much less it gets is the machine's affair: only a busy one gives less than the limit.
  double share = 0;
  for (int attempt = 0; attempt < 5 && share < 0.35; ++attempt) {
    const Output out = role("burn", {"2000"}).limits({.cpus = 0.5}).output();
    REQUIRE(out.statistics.has_value());
    REQUIRE(out.statistics->cpu_user.has_value());
    const double used =
        std::chrono::duration<double>(*out.statistics->cpu_user + *out.statistics->cpu_system)
            .count();
    share = used / std::chrono::duration<double>(out.duration).count();
    CHECK(share < 0.65);
    if (share > 0.35) {  // else it may never have reached the limit
      CHECK(evidence_of(*out.limit_evidence, "cpus").tripped == Tripped::yes);
      CHECK(out.statistics->cpu_throttled.value_or(0s) > 0s);
    }
  }
  CHECK(share > 0.35);
}

TEST_CASE("a limit of what is read from a disk holds", "[contract][limits]") {
  require_limit("io");
  const char* const disk = std::getenv("TREEHOLD_TEST_DISK");  // NOLINT: nobody sets it meanwhile
  if (disk == nullptr || ::access(disk, R_OK) != 0) {
    skip("no disk that may be read from: TREEHOLD_TEST_DISK");
  }
  constexpr std::uint64_t size = 8_MiB;
  const Command read("dd", {std::string("if=") + disk, "of=/dev/null", "iflag=direct", "bs=256K",
                            "count=" + std::to_string(size / 256_KiB)});
  const auto limits = [&](std::uint64_t bytes_per_second) {
    return Limits{.io = {{.device = disk, .read_bytes_per_second = bytes_per_second}}};
  };
  const Output slow = Command(read).limits(limits(4_MiB)).output();
  INFO(slow.stderr_bytes);
  CHECK(slow.outcome == Outcome::exited(0));
  CHECK(slow.duration > 1s);
  REQUIRE(slow.statistics.has_value());
  REQUIRE(slow.statistics->io.has_value());
  CHECK(slow.statistics->io->read_bytes >= size);
  const Output fast = Command(read).limits(limits(4_GiB)).output();
  CHECK(fast.outcome == Outcome::exited(0));
  CHECK(fast.duration < slow.duration);
}

TEST_CASE("limits are replaced all together", "[contract][limits]") {
  require_limit("memory");
  ProcessGroup group = limited({.memory = room, .processes = 16, .cpus = 0.5});
  Process child = group.start(role("sleep"));
  REQUIRE(child.read_line(Stream::out).has_value());
  const auto pid = static_cast<pid_t>(child.pid());
  const auto memory = [pid] {
    return control_file(pid, "memory", "memory.max", "memory.limit_in_bytes");
  };
  const auto processes = [pid] { return control_file(pid, "pids", "pids.max", "pids.max"); };
  const auto cpus = [pid] { return control_file(pid, "cpu", "cpu.max", "cpu.cfs_quota_us"); };
  CHECK(memory() == std::to_string(room));
  CHECK(processes() == "16");
  CHECK(cpus().rfind("50000", 0) == 0);
  group.update_limits({.memory = 2 * room, .processes = 20});
  CHECK(memory() == std::to_string(2 * room));
  CHECK(processes() == "20");
  CHECK(cpus().rfind("50000", 0) != 0);
  CHECK(group.limits() == Limits{.memory = 2 * room, .processes = 20});
  group.update_limits({.cpus = 0.25});
  CHECK(cpus().rfind("25000", 0) == 0);
  group.update_limits({});
  CHECK(memory() != std::to_string(2 * room));
  CHECK(processes() == "max");
  CHECK(group.limits().empty());
}

TEST_CASE("limits of which one is refused leave all as they were", "[contract][limits]") {
  require_limit("memory");
  ProcessGroup group = limited({.memory = room, .processes = 16});
  Process child = group.start(role("eat", {"33554432", "and-rest"}));
  REQUIRE(child.read_line(Stream::out) == "eaten");
  const auto pid = static_cast<pid_t>(child.pid());
  // The unified hierarchy refuses a device that does not exist, the older one what is in use.
  const Limits refused = limits_are_unified()
                             ? Limits{.memory = 2 * room,
                                      .processes = 20,
                                      .io = {{.device = "999:0", .reads_per_second = 1000}}}
                             : Limits{.memory = 1_MiB, .processes = 20};
  try {
    group.update_limits(refused);
    FAIL("the limits were taken");
  } catch (const LimitRefused& error) {
    CHECK(error.refusal().problem == LimitProblem::unenforceable);
    CHECK(error.refusal().limit == (limits_are_unified() ? "io" : "memory"));
    CHECK_FALSE(error.refusal().path.empty());
    CHECK_FALSE(error.refusal().controller.empty());
    CHECK(error.refusal().error);
  }
  CHECK(control_file(pid, "memory", "memory.max", "memory.limit_in_bytes") == std::to_string(room));
  CHECK(control_file(pid, "pids", "pids.max", "pids.max") == "16");
  CHECK(group.limits() == Limits{.memory = room, .processes = 16});
  CHECK_THROWS_AS(group.update_limits({.cpus = -1}), LimitRefused);
  CHECK(group.limits() == Limits{.memory = room, .processes = 16});
  CHECK(alive(pid));
}

TEST_CASE("a group that was made without limits cannot be given any", "[contract][limits]") {
  ProcessGroup group;
  CHECK_THROWS_AS(group.update_limits({.memory = room}), LimitRefused);
  group.update_limits({});
  CHECK(group.exit_code(quick()) == 0);
  group.stop(0s);
  CHECK_THROWS_AS(group.update_limits({}), treehold::GroupClosed);
}

TEST_CASE("what a mechanism cannot limit it refuses", "[contract][limits]") {
  const treehold::Guarantees all = guarantees();
  const std::vector<std::pair<std::string, Limits>> single{
      {"memory", {.memory = room}},
      {"swap", {.memory = room, .swap = 1_MiB}},
      {"memory_high", {.memory_high = room}},
      {"processes", {.processes = 8}},
      {"cpus", {.cpus = 0.5}},
      {"cpu_weight", {.cpu_weight = 50}},
      {"cpu_set", {.cpu_set = std::vector<unsigned>{0}}},
  };
  for (const auto& [name, limits] : single) {
    INFO(name);
    const auto found =
        std::find_if(all.limits.begin(), all.limits.end(),
                     [&name = name](const auto& limit) { return limit.first == name; });
    REQUIRE(found != all.limits.end());
    if (found->second.holds) {
      ProcessGroup group = limited(limits);
      CHECK(group.exit_code(quick()) == 0);
      CHECK(Command(quick()).limits(limits).exit_code() == 0);
      continue;
    }
    CHECK_FALSE(found->second.reason.empty());
    try {
      const ProcessGroup group = limited(limits);
      FAIL_CHECK("the limit was taken");
    } catch (const LimitRefused& refused) {
      CHECK(refused.refusal().problem != LimitProblem::invalid);
      CHECK_FALSE(refused.refusal().controller.empty());
      CHECK(std::string(refused.what()).find(refused.refusal().controller) != std::string::npos);
    }
    CHECK_THROWS_AS(Command(quick()).limits(limits).output(), LimitRefused);
  }
}

TEST_CASE("limits of a command are not for a group", "[contract][limits]") {
  ProcessGroup group;
  CHECK_THROWS_AS(group.output(Command(quick()).limits({.memory = room})), InvalidSetting);
  CHECK_THROWS_AS(group.output(Command(quick()).accounting()), InvalidSetting);
  CHECK(group.exit_code(quick()) == 0);
}

TEST_CASE("a group is made in the cgroup that is named, and nowhere else", "[contract][limits]") {
  require_cgroups();
  require_root();
  const Cage cage("");
  GroupOptions options;
  options.cgroup = cage.path();
  {
    ProcessGroup group(options);
    Process child = group.start(role("sleep"));
    REQUIRE(child.read_line(Stream::out).has_value());
    const std::string own = read_file("/proc/" + std::to_string(child.pid()) + "/cgroup");
    const std::string name = cage.path().substr(cage.path().rfind('/'));
    CHECK(own.find(name + "/treehold-") != std::string::npos);
  }
  for (const char* wrong : {"/nowhere", "/tmp", "/sys/fs/cgroup/no-such-group-of-treehold"}) {
    options.cgroup = wrong;
    try {
      const ProcessGroup group(options);
      FAIL_CHECK("a group was made");
    } catch (const treehold::Unsupported& refused) {
      CHECK(std::string(refused.what()).find(wrong) != std::string::npos);
    }
  }
}

TEST_CASE("statistics are there when all members have ended", "[contract][limits]") {
  require_limit("memory");
  GroupOptions options;
  options.accounting = true;
  ProcessGroup group(options);
  CHECK(group.output(role("eat", {"33554432"})).outcome.success());
  CHECK(group.output(role("burn", {"50"})).outcome.success());
  const Statistics used = group.stats();
  CHECK(used.processes == 0U);
  REQUIRE(used.cpu_user.has_value());
  CHECK(*used.cpu_user + *used.cpu_system >= 20ms);
  if (used.memory_peak) {
    CHECK(*used.memory_peak >= 32_MiB);
  }
  if (used.threads_peak) {
    CHECK(*used.threads_peak >= 1);
  }
  CHECK(used.memory.has_value());
  CHECK(group.stop(0s).members_after.empty());
}

TEST_CASE("statistics of a run are part of its output", "[contract][limits]") {
  const Output plain = role("exit", {"0"}).output();
  CHECK_FALSE(plain.statistics.has_value());
  CHECK_FALSE(plain.limit_evidence.has_value());
  const Output counted = role("burn", {"50"}).accounting().output();
  REQUIRE(counted.statistics.has_value());
  if (mechanism() == Mechanism::cgroup_v2) {
    REQUIRE(counted.statistics->cpu_user.has_value());
    CHECK(*counted.statistics->cpu_user + *counted.statistics->cpu_system >= 20ms);
    CHECK(counted.statistics->processes == 0U);
  } else {
    CHECK_FALSE(counted.statistics->cpu_user.has_value());
    CHECK_FALSE(counted.statistics->memory.has_value());
  }
}

TEST_CASE("samples come as long as there are members", "[contract][limits]") {
  require_cgroups();
  ProcessGroup group;
  CHECK(group.samples(1ms).empty());
  Process child = group.start(role("burn", {"100"}));
  const std::vector<Statistics> samples = group.samples(10ms);
  CHECK(samples.size() >= 2);
  CHECK(samples.front().processes == 1U);
  CHECK(samples.back().cpu_user.has_value());
  CHECK(child.wait().success());
  CHECK_THROWS_AS(group.sample_stats(0s), InvalidSetting);
}

TEST_CASE("a limited group is suspended, signalled and ended like any other",
          "[contract][limits]") {
  require_limit("memory");
  ProcessGroup group = limited({.memory = room, .processes = 32});
  Process first = group.start(role("stubborn"));
  REQUIRE(first.read_line(Stream::out) == "ready");
  group.suspend();
  group.suspend();
  CHECK_THROWS_AS(group.start(quick()), treehold::GroupSuspended);
  group.resume();
  CHECK(group.signal(treehold::Signal::user1) == 1);
  CHECK(group.kill().members_after.empty());
  CHECK(group.exit_code(quick()) == 0);
  Process second = group.start(role("burrow"));
  const auto said = second.read_line(Stream::out);
  REQUIRE(said.has_value());
  const PidWatch child(pid_after(*said, "child"));
  CHECK(group.stop(50ms).members_after.empty());
  CHECK(child.dead());
}

TEST_CASE("another user in a limited group is limited, too", "[contract][limits]") {
  require_limit("memory");
  require_root();
  Command eater(self_for_everybody());
  eater.args({"--role=eat", too_much}).current_dir("/").uid(65534).gid(65534);
  const Output out = eater.limits({.memory = room}).output();
  CHECK(out.outcome.memory_kill() == MemoryKill::own_limit);
}

TEST_CASE("without a writable cgroup limits are refused and containment says so",
          "[contract][limits]") {
  require_root();
  expect_host("without-cgroups");
}

TEST_CASE("a full group above is told from the group's own limit", "[contract][limits]") {
  require_cgroups();
  require_root();
  const Cage cage("pids");
  expect_host("full-group", {cage.path()});
}

TEST_CASE("the limit of the user is told from that of a group", "[contract][limits]") {
  require_root();
  expect_host("full-user");
}

TEST_CASE("groups above that allow no more groups are named", "[contract][limits]") {
  require_cgroups();
  require_root();
  const Cage cage("");
  expect_host("no-more-groups", {cage.path(), "cgroup.max.descendants"});
  expect_host("no-more-groups", {cage.path(), "cgroup.max.depth"});
}

TEST_CASE("a host moves into a leaf when it is asked to, and can limit then",
          "[contract][limits]") {
  require_limit("memory");
  require_root();
  if (!limits_are_unified()) {
    skip("controllers of version 1 do not mind processes beside groups");
  }
  // Enables the controllers for the cage, too.
  CHECK(Command(quick()).limits({.memory = room}).exit_code() == 0);
  const Cage cage("");
  expect_host("into-leaf", {cage.path()});
}

TEST_CASE("a host that is spared when memory runs out does not pass that on",
          "[contract][limits]") {
  require_root();
  expect_host("spared");
}

TEST_CASE("a host that starts into a group out of memory lives",
          "[contract][limits][adversarial]") {
  require_limit("memory");
  // Long where the kernel ends all that share memory with a victim; once is enough.
  const bool long_enough = limits_are_unified() && !forms::asynchronous() && is_root();
  expect_host("starts-out-of-memory", {long_enough ? "20" : "3"});
}
