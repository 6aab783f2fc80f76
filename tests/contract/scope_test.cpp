// When a run is over, and that nothing is left of it then.
#include <signal.h>

#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "support.hpp"

using namespace support;
using forms::Command;
using forms::Process;
using forms::ProcessGroup;
using forms::role;
using treehold::Outcome;
using treehold::Output;
using treehold::Stream;
using treehold::WaitScope;

TEST_CASE("a grandchild holding stdout does not delay the return", "[contract]") {
  const Output done = role("holder").output();
  CHECK(done.outcome == Outcome::exited(0));
  CHECK(done.duration < hang_bound);
  CHECK_FALSE(done.incomplete);
  const pid_t child = pid_after(done.stdout_bytes, "child");
  CHECK_FALSE(alive(child));
  REQUIRE(done.stop.has_value());
  CHECK(done.stop->members_before == std::vector<treehold::ProcessId>{child});
  CHECK(done.stop->members_after.empty());
  CHECK(done.stop->escalated);
}

TEST_CASE("a background child ends with the run", "[contract]") {
  const std::string said = role("background").run();
  CHECK_FALSE(alive(pid_after(said, "child")));
  CHECK(marked_processes().empty());
}

TEST_CASE("a daemon of setsid and two forks ends with the run", "[contract]") {
  const bool contained = guarantees().escape_contained.holds;
  const std::string said = role("escape").run();
  const pid_t daemon = pid_after(said, "daemon");
  CHECK(alive(daemon) == !contained);
  if (!contained) {
    const PidWatch watch(daemon);
    watch.kill(SIGKILL);
    CHECK(watch.wait_dead());
  }
}

TEST_CASE("a daemon that holds stdout does not delay the return", "[contract]") {
  const bool contained = guarantees().escape_contained.holds;
  const Output done = role("escape", {"hold"}).output();
  CHECK(done.outcome == Outcome::exited(0));
  CHECK(done.duration < hang_bound);
  const pid_t daemon = pid_after(done.stdout_bytes, "daemon");
  CHECK(alive(daemon) == !contained);
  CHECK(done.incomplete == !contained);
  if (!contained) {
    const PidWatch watch(daemon);
    watch.kill(SIGKILL);
    CHECK(watch.wait_dead());
  }
}

TEST_CASE("all that was written before the leader's exit is read", "[contract]") {
  const std::size_t size = 500000;
  const Output done =
      Command("sh", {"-c", "sleep 100000 & head -c 500000 /dev/zero; exit 3"}).output();
  CHECK(done.outcome == Outcome::exited(3));
  CHECK(done.stdout_bytes.size() == size);
  CHECK_FALSE(done.incomplete);
}

TEST_CASE("a run can wait for the whole tree", "[contract]") {
  const Output done = role("late").wait_scope(WaitScope::tree).output();
  CHECK(done.outcome == Outcome::exited(0));
  CHECK(done.stdout_bytes == "early\nlate\n");
  CHECK_FALSE(done.incomplete);
  CHECK_FALSE(done.stop.has_value());
  ProcessGroup group;
  CHECK(group.run(role("late").wait_scope(WaitScope::tree)) == "early\nlate");
  CHECK(group.members().empty());
}

TEST_CASE("waiting for the whole tree has its time-out", "[contract]") {
  const Output late = timed_out_after("child", [](auto time) {
    return role("background").wait_scope(WaitScope::tree).timeout(time).output();
  });
  CHECK(late.outcome == Outcome::timed_out());
  CHECK_FALSE(alive(pid_after(late.stdout_bytes, "child")));
}

TEST_CASE("in a shared group the descendants live on", "[contract]") {
  ProcessGroup group;
  const std::string said = group.run(role("background"));
  const PidWatch child(pid_after(said, "child"));
  CHECK_FALSE(child.dead());
  CHECK(group.members().size() == 1);
  CHECK(group.kill().members_after.empty());
  CHECK(child.dead());
}

TEST_CASE("in a shared group an open stream is drained for its grace and then cut", "[contract]") {
  ProcessGroup group;
  const Output done = group.output(role("holder").drain_grace(50ms));
  CHECK(done.outcome == Outcome::exited(0));
  CHECK(done.incomplete);
  CHECK_FALSE(done.stop.has_value());
  const PidWatch child(pid_after(done.stdout_bytes, "child"));
  CHECK_FALSE(child.dead());
  const Output unasked = group.output(role("holder"));
  CHECK(unasked.incomplete);
  const Output at_once = group.output(role("holder").drain_grace(0ns));
  CHECK(at_once.incomplete);
  CHECK(at_once.stdout_bytes.rfind("child ", 0) == 0);
  CHECK(group.members().size() == 3);
}

TEST_CASE("in a shared group a stream that ends within the grace is complete", "[contract]") {
  ProcessGroup group;
  const Output done = group.output(role("late").drain_grace(hang_bound));
  CHECK(done.stdout_bytes == "early\nlate\n");
  CHECK_FALSE(done.incomplete);
  CHECK(done.duration < hang_bound);
  CHECK(group.wait_empty(hang_bound));
}

TEST_CASE("a leader whose main thread has gone is not dead", "[contract]") {
  Process child = role("main-thread-exits").stdin_pipe().start();
  REQUIRE(child.read_line(Stream::out) == "gone");
  CHECK_FALSE(child.wait_for(100ms).has_value());
  CHECK_FALSE(child.outcome().has_value());
  CHECK(child.members() == std::vector<treehold::ProcessId>{child.pid()});
  child.input().close();
  CHECK(child.wait() == Outcome::exited(5));
  CHECK(role("main-thread-exits").stdin_bytes("").output().outcome == Outcome::exited(5));
}

TEST_CASE("a leader whose main thread has gone is ended like any other", "[contract]") {
  ProcessGroup group;
  Process child = group.start(role("main-thread-exits").stdin_pipe());
  REQUIRE(child.read_line(Stream::out) == "gone");
  CHECK(group.members().size() == 1);
  CHECK(group.stop(0s).members_after.empty());
  CHECK(group.members().empty());
  CHECK(child.wait().kind() == Outcome::Kind::signalled);
}

TEST_CASE("a leader held by a tracer does not hang the wait", "[contract]") {
  for (const char* how : {"seize", "attach"}) {
    INFO(how);
    Process child = role("sleep").start();
    REQUIRE(child.read_line(Stream::out) == "ready");
    Child tracer("tracer", {std::to_string(child.pid()), how});
    const auto answer = tracer.read_line();
    REQUIRE(answer.has_value());
    if (*answer != "attached") {
      skip("may not trace here: " + *answer);
    }
    child.kill();
    const auto ended = child.wait_for(hang_bound);
    REQUIRE(ended.has_value());
    // The tracer has the first claim on the status.
    CHECK((*ended == Outcome::signalled(SIGKILL, false) || *ended == Outcome::unknown()));
    CHECK(child.members().empty());
  }
  // What the tracer kept is a zombie of ours from now on; the next start takes it away.
  CHECK(role("exit", {"3"}).exit_code() == 3);
}

TEST_CASE("a whole run returns though its leader is held by a tracer", "[contract]") {
  std::optional<Child> tracer;
  const Output late = role("sleep")
                          .timeout(scaled(1s, 5s))
                          .on_stdout_line([&](std::string_view) {
                            const auto all = marked_processes();
                            if (all.size() == 1) {
                              tracer.emplace("tracer", std::vector<std::string>{
                                                           std::to_string(all[0].first), "seize"});
                              (void)tracer->read_line();
                            }
                          })
                          .output();
  CHECK(late.outcome == Outcome::timed_out());
  CHECK_FALSE(alive(static_cast<pid_t>(late.pid)));
  tracer.reset();
  // What the tracer kept is a zombie of ours from now on; the next start takes it away.
  CHECK(role("exit", {"3"}).exit_code() == 3);
}
