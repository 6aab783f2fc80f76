// Caps on captured output.
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
using treehold::OverflowPolicy;

TEST_CASE("a cap on bytes keeps the first", "[contract]") {
  const std::string all = pattern(100000);
  const Output cut = role("print", {"100000"}).output_limit({.bytes = 1000}).output();
  CHECK(cut.stdout_bytes == all.substr(0, 1000));
  CHECK(cut.truncated);
  CHECK(cut.outcome == Outcome::exited(0));
  CHECK_FALSE(cut.incomplete);
}

TEST_CASE("a cap on bytes keeps the last", "[contract]") {
  const std::string all = pattern(300000);
  const Output cut = role("print", {"300000"})
                         .output_limit({.bytes = 70000, .policy = OverflowPolicy::keep_last})
                         .output();
  const bool same = cut.stdout_bytes == all.substr(all.size() - 70000);
  CHECK(same);
  CHECK(cut.truncated);
}

TEST_CASE("a cap on lines keeps the first or the last", "[contract]") {
  const Command command = role("lines", {"1000"});
  const Output first = Command(command).output_limit({.lines = 3}).output();
  CHECK(first.stdout_bytes == "line 0\nline 1\nline 2\n");
  CHECK(first.truncated);
  const Output last =
      Command(command).output_limit({.lines = 3, .policy = OverflowPolicy::keep_last}).output();
  CHECK(last.stdout_bytes == "line 997\nline 998\nline 999\n");
  CHECK(last.truncated);
}

TEST_CASE("a last line without an ending counts as a line", "[contract]") {
  const Command command = role("emit", {"a\nb\nc", "", "0"});
  CHECK(Command(command).output_limit({.lines = 2}).output().stdout_bytes == "a\nb\n");
  CHECK(Command(command)
            .output_limit({.lines = 2, .policy = OverflowPolicy::keep_last})
            .output()
            .stdout_bytes == "b\nc");
  const Output whole = Command(command).output_limit({.lines = 3}).output();
  CHECK(whole.stdout_bytes == "a\nb\nc");
  CHECK_FALSE(whole.truncated);
}

TEST_CASE("output that just fits is not cut", "[contract]") {
  for (const OverflowPolicy policy :
       {OverflowPolicy::keep_first, OverflowPolicy::keep_last, OverflowPolicy::fail}) {
    const Output bytes =
        role("print", {"1000"}).output_limit({.bytes = 1000, .policy = policy}).output();
    CHECK((bytes.stdout_bytes == pattern(1000)));
    CHECK_FALSE(bytes.truncated);
    const Output lines = role("lines", {"3"}).output_limit({.lines = 3, .policy = policy}).output();
    CHECK(lines.stdout_bytes == "line 0\nline 1\nline 2\n");
    CHECK_FALSE(lines.truncated);
  }
}

TEST_CASE("both caps hold when both are given", "[contract]") {
  CHECK(role("lines", {"100"}).output_limit({.bytes = 10, .lines = 50}).output().stdout_bytes ==
        "line 0\nlin");
  CHECK(role("lines", {"100"}).output_limit({.bytes = 1000, .lines = 1}).output().stdout_bytes ==
        "line 0\n");
}

TEST_CASE("each captured stream has the cap to itself", "[contract]") {
  const Output cut =
      role("emit", {"0123456789", "abcdefghij", "0"}).output_limit({.bytes = 4}).output();
  CHECK(cut.stdout_bytes == "0123");
  CHECK(cut.stderr_bytes == "abcd");
  const Output one = role("emit", {"0123456789", "ab", "0"}).output_limit({.bytes = 4}).output();
  CHECK(one.stderr_bytes == "ab");
  CHECK(one.truncated);
}
