// Many at once: caps, order, failures in their slots, and waiting for several processes.
#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "many_tools.hpp"
#include "support.hpp"

using namespace support;
using forms::AsCompleted;
using forms::Command;
using forms::Commands;
using forms::Process;
using forms::ProcessGroup;
using forms::quick;
using forms::role;
using forms::wait_all;
using forms::wait_any;
using treehold::Completed;
using treehold::Outcome;
using treehold::OutputResult;

TEST_CASE("what goes wrong with one of many stays in its slot", "[contract]") {
  treehold::OutputLimit little;
  little.bytes = 10;
  little.policy = treehold::OverflowPolicy::fail;
  const Commands commands{
      Command("no-such-program"),
      quick().current_dir("/no/such/place"),
      quick().timeout(-1s),
      role("echo").stdin_pipe(),
      role("print", {"100000"}).output_limit(little),
      role("lines", {"3"}).on_stdout_line([](std::string_view) {
        throw std::out_of_range("mine");
      }),
      role("sleep").timeout(50ms),
      role("exit", {"3"}),
      role("emit", {"well", "", "0"}),
  };
  for (const std::size_t cap : {std::size_t{1}, std::size_t{100}}) {
    const std::vector<OutputResult> results = forms::output_all(commands, cap);
    REQUIRE(results.size() == commands.size());
    CHECK(failed_with<treehold::ProgramNotFound>(results[0]));
    CHECK(failed_with<treehold::SpawnFailed>(results[1]));
    CHECK(failed_with<treehold::InvalidSetting>(results[2]));
    CHECK(failed_with<treehold::InvalidSetting>(results[3]));
    CHECK(failed_with<treehold::OutputTooLarge>(results[4]));
    CHECK(failed_with<std::out_of_range>(results[5]));
    CHECK(results[6].value().outcome == Outcome::timed_out());
    CHECK(results[7].value().outcome == Outcome::exited(3));
    CHECK(results[8].value().stdout_bytes == "well");
  }
  AsCompleted all = forms::as_completed(commands, 1);
  CHECK(order_of(all) == std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7, 8});
}

TEST_CASE("none of many", "[contract]") {
  CHECK(forms::output_all({}, 1).empty());
  AsCompleted all = forms::as_completed({}, 1);
  CHECK_FALSE(all.next());
  CHECK_FALSE(all.next());
  CHECK_THROWS_AS(forms::output_all({quick()}, 0), treehold::InvalidSetting);
  CHECK_THROWS_AS(forms::as_completed({quick()}, 0), treehold::InvalidSetting);
}

TEST_CASE("two hundred commands", "[contract]") {
  const std::size_t count = repeats<std::size_t>(200, 60);
  Commands commands;
  for (std::size_t i = 0; i < count; ++i) {
    commands.push_back(role("emit", {std::to_string(i), "", "0"}));
  }
  const std::vector<OutputResult> results = forms::output_all(commands, 16);
  REQUIRE(results.size() == count);
  for (std::size_t i = 0; i < count; ++i) {
    CHECK(results[i].value().stdout_bytes == std::to_string(i));
  }
  AsCompleted all = forms::as_completed(commands, count);  // all at the same time
  std::vector<std::size_t> order = order_of(all);
  std::sort(order.begin(), order.end());
  REQUIRE(order.size() == count);
  CHECK(order.front() == 0);
  CHECK(std::adjacent_find(order.begin(), order.end()) == order.end());
}

TEST_CASE("results are looped over", "[contract]") {
  std::size_t sum = 0;
  for (Completed& done : treehold::as_completed({role("exit", {"1"}), role("exit", {"2"})}, 1)) {
    CHECK(done.result.value().outcome.code() == static_cast<int>(done.index) + 1);
    sum += done.index + 1;
  }
  CHECK(sum == 3);
}

TEST_CASE("many in a group that takes no starts", "[contract]") {
  ProcessGroup group;
  const Commands commands(3, quick());
  group.suspend();
  for (const OutputResult& result : forms::output_all(group, commands, 2)) {
    CHECK(failed_with<treehold::GroupSuspended>(result));
  }
  group.resume();
  for (const OutputResult& result : forms::output_all(group, commands, 2)) {
    CHECK(result.value().outcome == Outcome::exited(0));
  }
  (void)group.stop(0s);
  for (const OutputResult& result : forms::output_all(group, commands, 2)) {
    CHECK(failed_with<treehold::GroupClosed>(result));
  }
  AsCompleted all = forms::as_completed(group, commands, 2);
  CHECK(order_of(all) == std::vector<std::size_t>{0, 1, 2});
}

TEST_CASE("descendants of many in a group live on with it", "[contract]") {
  ProcessGroup group;
  const std::vector<OutputResult> results =
      forms::output_all(group, {role("background"), role("background")}, 1);
  for (const OutputResult& result : results) {
    const PidWatch child(pid_after(result.value().stdout_bytes, "child"));
    CHECK_FALSE(child.dead());
  }
  CHECK(group.kill().members_before.size() == 2);
}

TEST_CASE("time-outs are kept while several are waited for", "[contract]") {
  Process patient = role("sleep").start();
  Process hasty = role("sleep").timeout(50ms).start();
  Process silent = role("sleep").inactivity_timeout(50ms).start();
  CHECK(wait_any({&patient, &hasty}) == 1);
  CHECK(hasty.wait() == Outcome::timed_out());
  CHECK(wait_any({&patient, &silent}) == 1);
  CHECK(silent.wait() == Outcome::idle_timed_out());
  patient.kill();
  CHECK(wait_all({&patient, &hasty, &silent}) == std::vector<Outcome>{Outcome::signalled(9, false),
                                                                      Outcome::timed_out(),
                                                                      Outcome::idle_timed_out()});
}

TEST_CASE("all of several are over", "[contract]") {
  std::vector<Process> processes;
  std::vector<Process*> all;
  std::vector<Outcome> expected;
  for (int i = 0; i < 20; ++i) {
    processes.push_back(role("exit", {std::to_string(i)}).start());
    expected.push_back(Outcome::exited(i));
  }
  processes.push_back(role("echo").stdin_pipe().start());  // ends as its input is closed
  expected.push_back(Outcome::exited(0));
  for (Process& process : processes) {
    all.push_back(&process);
  }
  CHECK(wait_all(all) == expected);
  CHECK(wait_all(all) == expected);
  all.push_back(all.front());  // one twice
  expected.push_back(expected.front());
  CHECK(wait_all(all) == expected);
  CHECK(wait_any(all) < all.size());
}

TEST_CASE("waiting for none of several", "[contract]") {
  CHECK_THROWS_AS(wait_any({}), treehold::InvalidSetting);
  CHECK(wait_all({}).empty());
  CHECK_THROWS_AS(treehold::wait_any({nullptr}), treehold::InvalidSetting);
  treehold::Process none;
  CHECK_THROWS_AS(treehold::wait_all({&none}), treehold::InvalidSetting);
}
