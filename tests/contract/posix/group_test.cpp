// Groups: signals, soft and hard ends, and a host without descriptors.
#include <signal.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "group_tools.hpp"
#include "signals.hpp"
#include "support.hpp"

using namespace support;
using forms::Process;
using forms::ProcessGroup;
using forms::quick;
using forms::role;
using treehold::GroupSuspended;
using treehold::Outcome;
using treehold::Signal;
using treehold::StopReport;
using treehold::Stream;

namespace {

/// The role "work" never leaves its loop there to let its handler run.
void skip_where_handlers_are_deferred() {
#if defined(TREEHOLD_TEST_SANITIZED_THREADS)
  skip("the thread sanitizer defers a handler until the next system call");
#endif
}

}  // namespace

TEST_CASE("a signal reaches all members", "[contract]") {
  ProcessGroup group;
  std::vector<Process> children;
  for (int count = 0; count < 3; ++count) {
    children.push_back(start_ready(group, role("note-signal", {std::to_string(SIGUSR1)})));
  }
  CHECK(group.signal(Signal::user1) == 6);
  for (Process& child : children) {
    CHECK(child.read_line(Stream::out) == "got");
    CHECK(child.read_line(Stream::out) == "got");
  }
  CHECK(group.members().size() == 6);
  CHECK(children[1].signal(Signal::user1) == 2);
  CHECK(children[1].read_line(Stream::out) == "got");
  CHECK(children[1].read_line(Stream::out) == "got");
  CHECK(group.signal(Signal::kill) == 6);
  CHECK(group.wait_empty(hang_bound));
  CHECK(group.signal(Signal::user1) == 0);
}

TEST_CASE("signals go by their names and by the system's numbers", "[contract]") {
  const std::vector<std::pair<Signal, int>> signals{
      {Signal::hangup, SIGHUP},
      {Signal::interrupt, SIGINT},
      {Signal::quit, SIGQUIT},
      {Signal::terminate, SIGTERM},
      {Signal::user1, SIGUSR1},
      {Signal::user2, SIGUSR2},
      {Signal::alarm, SIGALRM},
      {Signal::kill, SIGKILL},
      {treehold::native_signal(rare_signal(1)), rare_signal(1)}};
  for (const auto& [signal, native] : signals) {
    INFO(native);
    Process child = role("sleep").resource_limit(treehold::Resource::core_file_size, 0, 0).start();
    REQUIRE(child.read_line(Stream::out) == "ready");
    CHECK(child.signal(signal) == 1);
    CHECK(child.wait() == Outcome::signalled(native, false));
  }
}

TEST_CASE("no work is done between the soft signal and the thaw", "[contract]") {
  skip_where_handlers_are_deferred();
  const TempDir here;
  for (int round = 0; round < repeats(20, 5); ++round) {
    const std::string file = here / std::to_string(round);
    const SharedCounters counters(file);
    ProcessGroup group;
    Process child = start_ready(group, role("work", {file}));
    CHECK(wait_until([&] { return counters.work() > 0; }));
    group.suspend();
    const std::uint64_t before = counters.work();
    const StopReport report = group.stop(hang_bound);
    CHECK(report.soft_signal_sent);
    CHECK(report.drained_in_grace);
    CHECK_FALSE(report.escalated);
    REQUIRE(counters.signalled());
    CHECK(counters.work_at_signal() == before);
    CHECK(counters.work() == before);
    CHECK(child.wait() == Outcome::exited(0));
  }
}

TEST_CASE("a signal leaves a suspended group suspended", "[contract]") {
  skip_where_handlers_are_deferred();
  const TempDir here;
  const SharedCounters counters(here / "work");
  ProcessGroup group;
  Process child = start_ready(group, role("work", {here / "work"}));
  CHECK(wait_until([&] { return counters.work() > 0; }));
  group.suspend();
  const std::uint64_t before = counters.work();
  CHECK(group.signal(Signal::terminate) == 1);
  let_others_run();
  CHECK(counters.work() == before);
  CHECK_FALSE(counters.signalled());
  CHECK_THROWS_AS(group.start(quick()), GroupSuspended);
  group.resume();
  CHECK(child.wait() == Outcome::exited(0));
  CHECK(counters.work_at_signal() == before);
}

TEST_CASE("stop is soft where members obey", "[contract]") {
  ProcessGroup group;
  Process first = start_ready(group, role("polite"));
  Process second = start_ready(group, role("polite"));
  const StopReport report = group.stop(hang_bound);
  CHECK(sorted(report.members_before) == sorted({first.pid(), second.pid()}));
  CHECK(report.members_after.empty());
  CHECK(report.soft_signal_sent);
  CHECK(report.drained_in_grace);
  CHECK_FALSE(report.escalated);
  CHECK(report.elapsed > 0ns);
  CHECK(report.elapsed < hang_bound);
  CHECK(first.wait() == Outcome::exited(7));
  CHECK(second.output().stdout_bytes == "soft\n");
}

TEST_CASE("stop kills who does not obey", "[contract]") {
  ProcessGroup group;
  Process polite = start_ready(group, role("polite"));
  std::string said;
  Process parent = start_ready(group, role("with-child", {"stubborn"}), &said);
  const pid_t stubborn = pid_after(said, "child");
  const StopReport report = group.stop(100ms);
  CHECK(report.members_before.size() == 3);
  CHECK(report.members_after.empty());
  CHECK(report.soft_signal_sent);
  CHECK_FALSE(report.drained_in_grace);
  CHECK(report.escalated);
  CHECK(report.elapsed >= 100ms);
  CHECK_FALSE(alive(stubborn));
  CHECK(polite.wait() == Outcome::exited(7));
  CHECK(parent.wait() == Outcome::signalled(SIGTERM, false));
}

TEST_CASE("the soft signal of a group can be chosen", "[contract]") {
  ProcessGroup group({.soft_signal = Signal::user2});
  Process child = start_ready(group, role("polite", {std::to_string(SIGUSR2)}));
  CHECK(group.stop(hang_bound).drained_in_grace);
  CHECK(child.wait() == Outcome::exited(7));
}

TEST_CASE("stop reaches members that are stopped themselves", "[contract]") {
  ProcessGroup group;
  Process child = start_ready(group, role("polite"));
  CHECK(group.signal(Signal::stop) == 1);
  CHECK(wait_until([&] { return state_of(static_cast<pid_t>(child.pid())) == 'T'; }));
  const StopReport report = group.stop(hang_bound);
  CHECK(report.drained_in_grace);
  CHECK(child.wait() == Outcome::exited(7));
}

TEST_CASE("without descriptors nothing is taken for ended", "[contract]") {
  if (sanitized) {
    skip("the sanitizers need descriptors for their own checks");
  }
  ProcessGroup group;
  Process leader = group.start(role("with-child"));
  REQUIRE(leader.read_line(Stream::out).has_value());
  bool refused = false;
  bool empty = false;
  {
    const DescriptorLimit none(0);
    try {
      (void)group.stop(0s);
    } catch (const boost::system::system_error&) {
      refused = true;
    }
    try {
      empty = group.wait_empty(0s);
    } catch (const boost::system::system_error&) {
    }
  }
  CHECK(refused);
  CHECK_FALSE(empty);
  CHECK(group.stop(0s).members_after.empty());
}

TEST_CASE("a group is used by many threads at once", "[contract]") {
  ProcessGroup group;
  std::vector<Process> children;
  for (int count = 0; count < 4; ++count) {
    children.push_back(start_ready(group, role("stubborn")));
  }
  std::vector<std::thread> threads;
  for (int index = 0; index < 4; ++index) {
    threads.emplace_back([&, index] {
      for (int round = 0; round < repeats(50, 10); ++round) {
        (void)group.members();
        (void)group.signal(Signal::user1);
        if (index == 0) {
          group.suspend();
          group.resume();
        }
        if (index == 1) {
          (void)group.wait_empty(1ms);
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(group.members().size() == 4);
  CHECK(group.stop(0s).members_after.empty());
}
