// Starts that fail, and lists of arguments as long as the kernel takes them.
#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "support.hpp"

using namespace support;
using forms::Command;
using forms::ProcessGroup;
using forms::quick;
using forms::role;
using treehold::SpawnFailed;
using treehold::SpawnStage;

TEST_CASE("a program that the kernel will not execute is told with its errno", "[contract]") {
  const TempDir here;
  write_file(here / "text", "no program at all\n", 0755);
  write_file(here / "lost", "#!/no/such/interpreter\n", 0755);
  write_file(here / "plain", "#!/bin/sh\n", 0644);
  const std::vector<std::pair<std::string, int>> cases{
      {"text", ENOEXEC}, {"lost", ENOENT}, {"plain", EACCES}};
  for (const auto& [name, number] : cases) {
    INFO(name);
    try {
      (void)Command(here / name).output();
      FAIL_CHECK("did not throw");
    } catch (const SpawnFailed& error) {
      CHECK(error.stage() == SpawnStage::execute);
      CHECK(error.code().value() == number);
    }
  }
}

TEST_CASE("100 failed starts leave no descriptor and no zombie", "[contract]") {
  const TempDir here;
  write_file(here / "text", "no program at all\n", 0755);
  ProcessGroup group;
  CHECK_THROWS_AS(group.output(Command(here / "text")), SpawnFailed);
  const auto before = plain_descriptors();
  const std::size_t cgroups = kept_descriptors().size();
  for (int count = 0; count < 25; ++count) {
    CHECK_THROWS_AS(Command(here / "text").stdin_bytes("x").output(), SpawnFailed);
    CHECK_THROWS_AS(quick().current_dir(here / "gone").start(), SpawnFailed);
    CHECK_THROWS_AS(group.start(Command(here / "text").stdin_pipe()), SpawnFailed);
    CHECK_THROWS_AS(group.output(quick().stdin_file(here / "gone")), SpawnFailed);
  }
  CHECK(plain_descriptors() == before);
  CHECK(kept_descriptors().size() <= cgroups + 16);
  CHECK(group.members().empty());
  CHECK(group.exit_code(quick()) == 0);
}

TEST_CASE("large argument lists arrive", "[contract]") {
  std::vector<std::string> many;
  for (int index = 0; index < 20000; ++index) {
    many.push_back("argument number " + std::to_string(index));
  }
  const std::string received = role("arguments", many).output().stdout_bytes;
  CHECK(static_cast<std::size_t>(std::count(received.begin(), received.end(), '\0')) ==
        many.size());
  const std::string long_one(120000, 'x');
  const bool same = role("arguments", {long_one}).output().stdout_bytes == long_one + '\0';
  CHECK(same);
  Command crowded = role("environment").env_clear();
  for (int index = 0; index < 5000; ++index) {
    crowded.env("VARIABLE_" + std::to_string(index), std::string(50, 'v'));
  }
  const std::string entries = crowded.output().stdout_bytes;
  CHECK(std::count(entries.begin(), entries.end(), '\0') == 5000);
}

TEST_CASE("arguments that the kernel refuses are a failed execute", "[contract]") {
  for (const bool one_long : {true, false}) {
    Command command = role("arguments");
    if (one_long) {
      command.arg(std::string(std::size_t{1} << 20U, 'x'));
    } else {
      command.args(std::vector<std::string>(100000, std::string(100, 'x')));
    }
    try {
      (void)command.output();
      FAIL_CHECK("did not throw");
    } catch (const SpawnFailed& error) {
      CHECK(error.stage() == SpawnStage::execute);
      CHECK(error.code().value() == E2BIG);
      CHECK(std::string(error.what()).size() < 2000);
    }
  }
}
