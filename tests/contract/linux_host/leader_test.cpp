// Leaders whose end is not what it seems: without their main thread, or held by a tracer.
#include <signal.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "support.hpp"

using namespace support;
using forms::Process;
using forms::ProcessGroup;
using forms::role;
using treehold::Outcome;
using treehold::Output;
using treehold::Stream;

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
  CHECK_FALSE(alive(late.pid));
  tracer.reset();
  // What the tracer kept is a zombie of ours from now on; the next start takes it away.
  CHECK(role("exit", {"3"}).exit_code() == 3);
}
