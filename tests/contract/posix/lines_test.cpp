// Line handlers of what is signalled or left by a shell.
#include <signal.h>

#include <algorithm>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "support.hpp"

using namespace support;
using forms::Command;
using forms::role;
using treehold::Outcome;
using treehold::Output;

namespace {

/// An exception that is recognised as the very one that was thrown.
struct Unmistakable {
  int number;
};

}  // namespace

TEST_CASE("lines come while the child still runs", "[contract]") {
  bool first = true;
  const Output done = role("polite")
                          .timeout(hang_bound)
                          .on_stdout_line([&](std::string_view line) {
                            if (first) {
                              CHECK(line == "ready");
                              const auto all = marked_processes();
                              const auto polite =
                                  std::find_if(all.begin(), all.end(), [](const auto& process) {
                                    return process.second.ends_with("--role=polite ");
                                  });
                              REQUIRE(polite != all.end());
                              PidWatch(polite->first).kill(SIGTERM);
                            }
                            first = false;
                          })
                          .output();
  CHECK(done.outcome == Outcome::exited(7));
  CHECK(done.stdout_bytes == "ready\nsoft\n");
}

TEST_CASE("what a handler throws ends the run, after the tree is dead", "[contract]") {
  Command command("sh", {"-c", "sleep 100000 & echo line; echo line >&2; sleep 100000"});
  int calls = 0;
  const auto thrower = [&](std::string_view) {
    ++calls;
    throw Unmistakable{42};
  };
  for (const bool from_error : {false, true}) {
    Command handled = command;
    from_error ? handled.on_stderr_line(thrower) : handled.on_stdout_line(thrower);
    calls = 0;
    try {
      (void)handled.output();
      FAIL_CHECK("did not throw");
    } catch (const Unmistakable& thrown) {
      CHECK(thrown.number == 42);
      CHECK(marked_processes().empty());
    }
    CHECK(calls == 1);
    CHECK_THROWS_AS(handled.run(), Unmistakable);
    CHECK_THROWS_AS(handled.exit_code(), Unmistakable);
  }
}
