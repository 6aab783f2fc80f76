// What a job holds, and how it ends.
#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "support.hpp"

namespace {

using namespace std::chrono_literals;
using support::pid_after;
using support::PidWatch;
using support::plain::role;
using treehold::Outcome;
using treehold::Process;
using treehold::ProcessGroup;
using treehold::Stream;

/// The first line of a started role.
std::string first_line(Process& process) {
  return process.read_line(Stream::out).value_or("");
}

Process start_ready(ProcessGroup& group, const treehold::Command& command) {
  Process process = group.start(command);
  REQUIRE(first_line(process) == "ready");
  return process;
}

}  // namespace

TEST_CASE("a job object is the mechanism, and says what it is worth", "[windows]") {
  const ProcessGroup group;
  CHECK(group.mechanism() == treehold::Mechanism::job_object);
  const treehold::Guarantees all = group.guarantees();
  CHECK(all.escape_contained.holds);
  CHECK(all.survives_host_kill.holds);
  CHECK_FALSE(all.atomic_freeze.holds);
  treehold::GroupOptions options;
  options.mechanism = treehold::Mechanism::cgroup_v2;
  CHECK_THROWS_AS(ProcessGroup(options), treehold::Unsupported);
}

TEST_CASE("a member cannot break away from its job", "[windows]") {
  ProcessGroup group;
  Process leader = group.start(role("break-away"));
  const std::string answer = first_line(leader);
  INFO(answer);
  if (answer.rfind("refused ", 0) != 0) {  // then it has stayed inside
    const PidWatch child(pid_after(answer, "child"));
    (void)group.kill();
    CHECK(child.wait_dead());
  }
}

TEST_CASE("the end of one start leaves its siblings alone", "[windows]") {
  ProcessGroup group;
  Process sibling = start_ready(group, role("sleep"));
  const treehold::Output late = group.output(role("with-child").timeout(1s));
  CHECK(late.outcome == Outcome::timed_out());
  CHECK(late.stop->members_before.size() == 2);
  CHECK(late.stop->confirmed);
  CHECK_FALSE(support::alive(pid_after(late.stdout_bytes, "child")));
  CHECK(support::alive(sibling.pid()));
}

TEST_CASE("many members are suspended again and again, and ended meanwhile", "[windows]") {
  ProcessGroup group;
  Process leader = start_ready(group, role("spawn", {"10"}));
  CHECK(group.members().size() == 11);
  group.suspend();
  group.resume();
  group.suspend();
  CHECK(group.stop(0s).confirmed);
}

TEST_CASE("stop kills who cannot be asked", "[windows]") {
  ProcessGroup group;
  Process leader = start_ready(group, role("sleep"));
  const treehold::StopReport report = group.stop(10ms);
  CHECK_FALSE(report.soft_signal_sent);
  CHECK(report.console_breaks + report.window_closes == 0);
  CHECK(report.escalated);
  CHECK(report.confirmed);
  CHECK(leader.wait() == Outcome::signalled(9, false));
  CHECK(leader.wait().describe() == "SIGKILL");
  CHECK_THROWS_AS(group.start(role("exit", {"0"})), treehold::GroupClosed);
}

TEST_CASE("a window is asked to close", "[windows]") {
  ProcessGroup group;
  Process leader = group.start(role("window"));
  const std::string answer = first_line(leader);
  if (answer != "ready") {
    support::skip("no window can be made here");
  }
  const treehold::StopReport report = group.stop(30s);
  CHECK(report.soft_signal_sent);
  CHECK(report.window_closes == 1);
  CHECK(report.console_breaks == 0);
  CHECK(report.drained_in_grace);
  CHECK(leader.wait() == Outcome::exited(8));
}

TEST_CASE("a console program that opted in is sent CTRL_BREAK", "[windows]") {
  support::require_windows("no CTRL_BREAK can be sent to another process group");
  ProcessGroup group;
  Process leader = start_ready(group, role("polite").new_process_group());
  const treehold::StopReport report = group.stop(30s);
  CHECK(report.soft_signal_sent);
  CHECK(report.console_breaks == 1);
  CHECK(report.window_closes == 0);
  CHECK(report.drained_in_grace);
  CHECK(leader.wait() == Outcome::exited(7));
}

TEST_CASE("all 32 bits of an exit code are told", "[windows]") {
  CHECK(role("exit", {"256"}).exit_code() == 256);
  CHECK(role("exit", {"3221225477"}).exit_code() == static_cast<int>(0xC0000005U));
  CHECK(role("exit", {"1"}).exit_code() == 1);
  // The one that a kill has, of a program that was not killed.
  CHECK(role("exit", {std::to_string(0xE07EE001U)}).output().outcome ==
        Outcome::exited(static_cast<int>(0xE07EE001U)));
  CHECK(role("exit", {"300"}).accept_exit_codes({300}).run().empty());
}

TEST_CASE("64 MiB go round, though the contract sends fewer here", "[windows]") {
  const std::string input = support::pattern(std::size_t{64} << 20U);
  const treehold::Output done = role("echo").stdin_bytes(input).output();
  CHECK((done.stdout_bytes == input));
}

TEST_CASE("files and NUL are the streams that were asked for", "[windows]") {
  const support::TempDir here;
  (void)role("emit", {"out", "err", "0"}).stdout_file(here / "out").stderr_file(here / "err").run();
  (void)role("emit", {"more", "", "0"}).stdout_append(here / "out").stderr_null().run();
  CHECK(support::read_file(here / "out") == "outmore");
  CHECK(support::read_file(here / "err") == "err");
  CHECK(role("count-input").run() == "0");
  CHECK(role("alternate", {"6"}).stderr_to_stdout().output().stdout_bytes == "0\n1\n2\n3\n4\n5\n");
}

TEST_CASE("200 trees started and killed leave no handle", "[windows]") {
  const auto cycle = [] {
    ProcessGroup group;
    Process child = group.start(role("idle-child"));
    child.kill();
    (void)child.wait();
    (void)group.stop(0s);
  };
  for (int warm = 0; warm < 5; ++warm) {
    cycle();
  }
  const auto before = support::open_handles();
  if (!before) {
    support::skip("the system does not count handles");
  }
  for (int round = 0; round < 200; ++round) {
    cycle();
  }
  CHECK(*support::open_handles() <= *before + 5);
}

TEST_CASE("a host that ends takes its tree with it", "[windows]") {
  for (const char* how : {"killed", "exits"}) {
    INFO(how);
    support::Child host("host", {how});
    const std::string line = host.read_line().value_or("");
    std::vector<treehold::ProcessId> pids;
    for (std::size_t at = line.find(' '); at != std::string::npos; at = line.find(' ', at + 1)) {
      pids.push_back(std::stoll(line.substr(at + 1)));
    }
    REQUIRE(pids.size() == 2);
    const PidWatch first(pids[0]);
    const PidWatch second(pids[1]);
    if (how == std::string("killed")) {
      host.kill();
    } else {
      host.close_stdin();
    }
    CHECK(first.wait_dead());
    CHECK(second.wait_dead());
  }
}

TEST_CASE("a limit is held or refused, never dropped", "[windows]") {
  using namespace treehold::literals;
  const std::pair<std::string, treehold::Limits> samples[] = {
      {"memory", {.memory = 512_MiB}},
      {"processes", {.processes = 10}},
      {"cpus", {.cpus = 0.5}},
      {"cpu_weight", {.cpu_weight = 50}},
      {"cpu_set", {.cpu_set = std::vector<unsigned>{0}}},
      {"cpu_time", {.cpu_time = 1h}},
      {"priority", {.priority = treehold::PriorityClass::below_normal}},
      {"ui", {.ui = {.read_clipboard = true}}},
      {"swap", {.swap = 1_GiB}},
      {"memory_high", {.memory_high = 1_GiB}},
      {"io", {.io = {{.device = "C:", .reads_per_second = 1}}}},
  };
  const treehold::Guarantees all = ProcessGroup().guarantees();
  for (const auto& [name, limits] : samples) {
    INFO(name);
    const auto known = std::find_if(all.limits.begin(), all.limits.end(),
                                    [&name = name](const auto& one) { return one.first == name; });
    REQUIRE(known != all.limits.end());
    treehold::GroupOptions options;
    options.limits = limits;
    if (known->second.holds) {
      ProcessGroup group(options);
      CHECK(group.exit_code(role("exit", {"0"})) == 0);
      CHECK_NOTHROW(group.update_limits({}));
      continue;
    }
    try {
      const ProcessGroup group(options);
      FAIL_CHECK("was accepted");
    } catch (const treehold::LimitRefused& refused) {
      CHECK(refused.refusal().limit == name);
      CHECK(refused.refusal().problem != treehold::LimitProblem::invalid);
      CHECK_FALSE(refused.refusal().reason.empty());
    }
  }
}

TEST_CASE("a limit of memory makes allocations fail", "[windows]") {
  support::require_windows("limits of jobs are not held");
  using namespace treehold::literals;
  treehold::GroupOptions options;
  options.limits.memory = 128_MiB;
  ProcessGroup group(options);
  CHECK(group.output(role("eat", {std::to_string(512_MiB)})).stdout_bytes == "refused\n");
  CHECK(treehold::evidence_of(group.limit_evidence(), "memory").tripped == treehold::Tripped::yes);
}

TEST_CASE("a limit of processes refuses the next one", "[windows]") {
  support::require_windows("limits of jobs are not held");
  treehold::GroupOptions options;
  options.limits.processes = 1;
  ProcessGroup group(options);
  Process first = start_ready(group, role("sleep"));
  CHECK_THROWS_AS(group.start(role("sleep")), treehold::ProcessLimitReached);
}

TEST_CASE("what a group has used is told", "[windows]") {
  ProcessGroup group;
  Process child = start_ready(group, role("sleep"));
  const treehold::Statistics now = group.stats();
  CHECK(now.processes == 1);
  const treehold::Guarantees all = group.guarantees();
  for (const auto& [name, guarantee] : all.statistics) {
    INFO(name);
    CHECK((name != "cpu" || guarantee.holds == now.cpu_user.has_value()));
    CHECK((name != "memory" || guarantee.holds == now.memory_peak.has_value()));
    CHECK((name != "io" || guarantee.holds == now.io.has_value()));
  }
  CHECK_FALSE(now.threads.has_value());
}
