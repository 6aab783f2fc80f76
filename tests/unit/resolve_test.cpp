// Where a program is looked for.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "support.hpp"

using support::TempDir;
using support::WorkingDirectory;
using support::write_file;
using treehold::Command;
using treehold::ProgramNotFound;
using treehold::SpawnFailed;

namespace {

const std::string tells_its_path = "#!/bin/sh\necho \"$0\"\n";

std::string resolved(const Command& command) {
  return command.resolve_program().string();
}

}  // namespace

TEST_CASE("an absolute program is itself", "[unit]") {
  CHECK(resolved(Command("/bin/sh")) == "/bin/sh");
  CHECK(resolved(Command("/bin/sh").env("PATH", "/nowhere")) == "/bin/sh");
}

TEST_CASE("a bare name is searched in the PATH of the child", "[unit]") {
  const TempDir first;
  const TempDir second;
  write_file(second / "treehold-tool", tells_its_path, 0755);
  Command command("treehold-tool");
  CHECK_THROWS_AS(command.resolve_program(), ProgramNotFound);
  command.env("PATH", first.path() + ":" + second.path());
  CHECK(resolved(command) == second / "treehold-tool");
  write_file(first / "treehold-tool", tells_its_path, 0755);
  CHECK(resolved(command) == first / "treehold-tool");
  CHECK(command.run() == first / "treehold-tool");
}

TEST_CASE("what was searched is told in order", "[unit]") {
  try {
    (void)Command("treehold-no-such-tool").env("PATH", "/first:/second").resolve_program();
    FAIL("was found");
  } catch (const ProgramNotFound& error) {
    CHECK(error.program() == "treehold-no-such-tool");
    CHECK(error.searched() == std::vector<std::string>{"/first/treehold-no-such-tool",
                                                       "/second/treehold-no-such-tool"});
    CHECK(std::string(error.what()).find("treehold-no-such-tool") != std::string::npos);
  }
  try {
    (void)Command("/no/such/program").resolve_program();
    FAIL("was found");
  } catch (const ProgramNotFound& error) {
    CHECK(error.searched() == std::vector<std::string>{"/no/such/program"});
  }
}

TEST_CASE("the current directory is never searched", "[unit]") {
  const TempDir here;
  write_file(here / "treehold-tool", tells_its_path, 0755);
  const WorkingDirectory inside(here.path());
  for (const char* path :
       {"", ":", ":/nowhere", "/nowhere:", "/nowhere::/else", ".", "./", "..:."}) {
    INFO("PATH=" << path);
    CHECK_THROWS_AS(Command("treehold-tool").env("PATH", path).resolve_program(), ProgramNotFound);
    CHECK_THROWS_AS(Command("treehold-tool").env("PATH", path).current_dir(here.path()).output(),
                    ProgramNotFound);
  }
  std::filesystem::create_directory(here / "sub");
  write_file(here / "sub/treehold-sub", tells_its_path, 0755);
  CHECK_THROWS_AS(Command("treehold-sub").env("PATH", "sub").resolve_program(), ProgramNotFound);
}

TEST_CASE("without a PATH the system's own is searched", "[unit]") {
  CHECK(std::filesystem::path(resolved(Command("sh").env_clear())).is_absolute());
  CHECK(std::filesystem::path(resolved(Command("sh").env_remove("PATH"))).filename() == "sh");
}

TEST_CASE("a relative program is taken from the host's directory, whatever the child's is",
          "[unit]") {
  const TempDir host;
  const TempDir child;
  std::filesystem::create_directory(host / "sub");
  write_file(host / "sub/tool", "#!/bin/sh\necho host\n", 0755);
  std::filesystem::create_directory(child / "sub");
  write_file(child / "sub/tool", "#!/bin/sh\necho child\n", 0755);
  const WorkingDirectory inside(host.path());
  for (const char* program : {"sub/tool", "./sub/tool"}) {
    const Command command = Command(program).current_dir(child.path());
    CHECK(std::filesystem::equivalent(command.resolve_program(), host / "sub/tool"));
    CHECK(command.run() == "host");
  }
  std::filesystem::remove(host / "sub/tool");
  CHECK_THROWS_AS(Command("sub/tool").current_dir(child.path()).resolve_program(), ProgramNotFound);
}

TEST_CASE("a file that may not be executed is passed over for a later one", "[unit]") {
  const TempDir first;
  const TempDir second;
  write_file(first / "treehold-tool", tells_its_path, 0644);
  Command command("treehold-tool");
  command.env("PATH", first.path() + ":" + second.path());
  try {
    (void)command.resolve_program();
    FAIL("was found");
  } catch (const SpawnFailed& error) {
    CHECK(error.stage() == treehold::SpawnStage::execute);
    CHECK(error.code().value() == EACCES);
  }
  write_file(second / "treehold-tool", tells_its_path, 0755);
  CHECK(resolved(command) == second / "treehold-tool");
}

TEST_CASE("a directory is no program", "[unit]") {
  const TempDir first;
  const TempDir second;
  std::filesystem::create_directory(first / "treehold-tool");
  Command command("treehold-tool");
  command.env("PATH", first.path() + ":" + second.path());
  CHECK_THROWS_AS(command.resolve_program(), treehold::Error);
  CHECK_THROWS_AS(Command(first / "treehold-tool").resolve_program(), treehold::Error);
  CHECK_THROWS_AS(Command(first / "treehold-tool").output(), treehold::Error);
  write_file(second / "treehold-tool", tells_its_path, 0755);
  CHECK(resolved(command) == second / "treehold-tool");
}

TEST_CASE("a dangling link is no program", "[unit]") {
  const TempDir here;
  std::filesystem::create_symlink("/no/such/program", here / "treehold-tool");
  CHECK_THROWS_AS(Command("treehold-tool").env("PATH", here.path()).resolve_program(),
                  ProgramNotFound);
}
