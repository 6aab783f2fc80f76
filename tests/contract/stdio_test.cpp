// How the three standard streams are wired, and that every byte arrives.
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
using treehold::SpawnFailed;
using treehold::SpawnStage;

TEST_CASE("standard input is at its end unless something is given", "[contract]") {
  CHECK(role("count-input").run() == "0");
  CHECK(role("count-input").stdin_null().run() == "0");
}

TEST_CASE("standard input takes bytes", "[contract]") {
  CHECK(role("echo").stdin_bytes("text\n").output().stdout_bytes == "text\n");
  CHECK(role("count-input").stdin_bytes("").run() == "0");
}

TEST_CASE("standard input takes a file", "[contract]") {
  const TempDir here;
  write_file(here / "input", "from the file");
  CHECK(role("echo").stdin_file(here / "input").run() == "from the file");
  const WorkingDirectory inside(here.path());
  CHECK(role("echo").stdin_file("input").current_dir("/").run() == "from the file");
}

TEST_CASE("a file for standard input that cannot be opened is told as such", "[contract]") {
  try {
    (void)role("echo").stdin_file("/no/such/file").output();
    FAIL("did not throw");
  } catch (const SpawnFailed& error) {
    CHECK(error.stage() == SpawnStage::standard_input);
    CHECK(error.code() == boost::system::errc::no_such_file_or_directory);
  }
}

TEST_CASE("standard output and error go to files", "[contract]") {
  const TempDir here;
  const std::string out = here / "out";
  const std::string err = here / "err";
  write_file(out, "what was there before, and longer");
  const Output done =
      role("emit", {"new out", "new err", "0"}).stdout_file(out).stderr_file(err).output();
  CHECK(done.outcome.success());
  CHECK(done.stdout_bytes.empty());
  CHECK(done.stderr_bytes.empty());
  CHECK(read_file(out) == "new out");
  CHECK(read_file(err) == "new err");
  (void)role("emit", {"+", "-", "0"}).stdout_append(out).stderr_append(err).output();
  (void)role("emit", {"+", "-", "0"}).stdout_append(out).stderr_append(err).output();
  CHECK(read_file(out) == "new out++");
  CHECK(read_file(err) == "new err--");
}

TEST_CASE("a file for output that cannot be made is told as such", "[contract]") {
  try {
    (void)role("exit", {"0"}).stdout_file("/no/such/directory/out").output();
    FAIL("did not throw");
  } catch (const SpawnFailed& error) {
    CHECK(error.stage() == SpawnStage::standard_output);
    CHECK(error.code() == boost::system::errc::no_such_file_or_directory);
  }
}

TEST_CASE("output can be thrown away", "[contract]") {
  const Output done = role("emit", {"out", "err", "0"}).stdout_null().output();
  CHECK(done.stdout_bytes.empty());
  CHECK(done.stderr_bytes == "err");
  CHECK(role("emit", {"out", "err", "0"}).stderr_null().output().stderr_bytes.empty());
}

TEST_CASE("standard error merged into standard output keeps the order", "[contract]") {
  const std::size_t count = 500;
  std::string expected;
  for (std::size_t index = 0; index < count; ++index) {
    expected += std::to_string(index) + "\n";
  }
  const Command merged = role("alternate", {std::to_string(count)}).stderr_to_stdout();
  const Output done = merged.output();
  CHECK(done.stdout_bytes == expected);
  CHECK(done.stderr_bytes.empty());
  const TempDir here;
  (void)Command(merged).stdout_file(here / "both").output();
  CHECK(read_file(here / "both") == expected);
  CHECK(Command(merged).stdout_null().output().stdout_bytes.empty());
}

TEST_CASE("a child that does not read its input is no error", "[contract]") {
  const std::string input(support::more_than_a_pipe, 'x');
  CHECK(role("exit", {"0"}).stdin_bytes(input).output().outcome == Outcome::exited(0));
  CHECK(role("emit", {"done\n", "", "0"}).stdin_bytes(input).run() == "done");
  const Output late = role("sleep").stdin_bytes(input).timeout(200ms).output();
  CHECK(late.outcome == Outcome::timed_out());
  const Output closed = timed_out_after("ready", [&](auto time) {
    return role("close-input").stdin_bytes(input).timeout(time).output();
  });
  CHECK(closed.outcome == Outcome::timed_out());
  CHECK(closed.stdout_bytes == "ready\n");
}

TEST_CASE("64 MiB go round and come back byte for byte", "[contract]") {
  const std::string input = pattern(repeats<std::size_t>(64, 4) << 20U);
  const Output done = role("echo").stdin_bytes(input).output();
  CHECK(done.outcome == Outcome::exited(0));
  // Not in one assertion: a difference would print both.
  REQUIRE(done.stdout_bytes.size() == input.size());
  const bool same = done.stdout_bytes == input;
  CHECK(same);
}

TEST_CASE("bytes are kept exactly as written", "[contract]") {
  const std::string bytes = pattern(100000);
  CHECK((role("print", {"100000"}).output().stdout_bytes == bytes));
  CHECK((role("print", {"100000", "err"}).output().stderr_bytes == bytes));
  const std::string odd("\r\n\0\x1b[0m\xff\xfe\n\n", 11);
  CHECK(role("echo").stdin_bytes(odd).output().stdout_bytes == odd);
}

TEST_CASE("much on both streams at once does not block", "[contract]") {
  const Output done = role("flood", {"2000000", "both"}).output();
  CHECK(done.outcome.success());
  CHECK(done.stdout_bytes.size() == 2000000);
  CHECK(done.stderr_bytes.size() == 2000000);
}
