// Caps on output: what a shell leaves behind, and memory, as only some systems tell it.
#include <string>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "support.hpp"

using namespace support;
using forms::Command;
using forms::role;
using treehold::Outcome;
using treehold::Output;
using treehold::OutputTooLarge;
using treehold::OverflowPolicy;

TEST_CASE("too much output fails where that is asked for, after the tree is dead", "[contract]") {
  const Command command = Command("sh", {"-c", "echo $$; sleep 100000 & echo $!; cat /dev/zero"});
  for (const bool by_lines : {false, true}) {
    Command capped = command;
    capped.output_limit(by_lines
                            ? treehold::OutputLimit{.lines = 5, .policy = OverflowPolicy::fail}
                            : treehold::OutputLimit{.bytes = 1000, .policy = OverflowPolicy::fail});
    if (by_lines) {
      capped = role("lines", {"1000"});
      capped.output_limit({.lines = 5, .policy = OverflowPolicy::fail});
    }
    try {
      (void)capped.output();
      FAIL_CHECK("did not throw");
    } catch (const OutputTooLarge& error) {
      CHECK(marked_processes().empty());
      CHECK(error.output().truncated);
      CHECK(error.output().stdout_bytes.size() <= 1000);
      CHECK_FALSE(error.output().stdout_bytes.empty());
    }
    CHECK_THROWS_AS(capped.run(), OutputTooLarge);
    CHECK_THROWS_AS(capped.exit_code(), OutputTooLarge);
    CHECK_THROWS_AS(capped.probe(), OutputTooLarge);
  }
}

TEST_CASE("200 MB without a newline under a cap need no memory", "[contract]") {
  const std::string size = std::to_string(repeats(200, 20) * 1000 * 1000);
  const Command command = role("flood", {size});
  const std::size_t before = own_memory("VmRSS");
  reset_peak_memory();
  for (const OverflowPolicy policy : {OverflowPolicy::keep_first, OverflowPolicy::keep_last}) {
    const Output bytes =
        Command(command).output_limit({.bytes = 100000, .policy = policy}).output();
    CHECK(bytes.outcome == Outcome::exited(0));
    CHECK(bytes.stdout_bytes.size() == 100000);
    CHECK(bytes.truncated);
  }
  // Under a cap on lines a line counts as at most 64 KiB.
  const Output lines =
      Command(command).output_limit({.lines = 3, .policy = OverflowPolicy::keep_last}).output();
  CHECK(lines.stdout_bytes.size() <= std::size_t{3} * 64 * 1024);
  CHECK(lines.truncated);
  std::size_t seen = 0;
  std::size_t longest = 0;
  (void)Command(command)
      .output_limit({.bytes = 10})
      .on_stdout_line([&](std::string_view line) {
        seen += line.size();
        longest = std::max(longest, line.size());
      })
      .output();
  CHECK(longest <= std::size_t{2} << 20U);
  if (!sanitized) {
    CHECK(own_memory("VmHWM") < before + (std::size_t{16} << 20U));
  }
}
