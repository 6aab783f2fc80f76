// What a program is given: where it is found, its environment, its directory.
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "src/path_text.hpp"
#include "support.hpp"

namespace {

using support::plain::role;
using treehold::Command;
namespace fs = std::filesystem;

std::vector<std::string> environment_of(const Command& command) {
  const std::string bytes = command.output().stdout_bytes;
  std::vector<std::string> variables;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = bytes.find('\0', at);
    variables.push_back(bytes.substr(at, end - at));
    at = end + 1;
  }
  return variables;
}

bool has(const std::vector<std::string>& variables, const std::string& variable) {
  return std::find(variables.begin(), variables.end(), variable) != variables.end();
}

/// A copy of this program at `place`.
void copy_self(const std::string& place) {
  fs::copy_file(treehold::path_of(support::self()), treehold::path_of(place));
}

}  // namespace

TEST_CASE("a bare name is searched in PATH with the extensions of programs", "[windows]") {
  const support::TempDir here;
  copy_self(here / "found.exe");
  Command command("found", {"--role=exit", "5"});
  command.env("PATH", here.path());
  CHECK(fs::equivalent(command.resolve_program(), treehold::path_of(here / "found.exe")));
  CHECK(command.exit_code() == 5);
  CHECK(Command(here / "found", {"--role=exit", "6"}).exit_code() == 6);
}

TEST_CASE("the current directory is not searched", "[windows]") {
  const support::TempDir here;
  copy_self(here / "here.exe");
  const fs::path before = fs::current_path();
  fs::current_path(treehold::path_of(here.path()));
  Command command("here.exe", {"--role=exit", "5"});
  command.env("PATH", ".;;C:\\nowhere");
  CHECK_THROWS_AS(command.output(), treehold::ProgramNotFound);
  fs::current_path(before);
}

TEST_CASE("a missing program and a missing directory are told apart", "[windows]") {
  CHECK_THROWS_AS(Command("no-such-program-of-treehold").output(), treehold::ProgramNotFound);
  try {
    (void)role("exit", {"0"}).current_dir("C:\\no such place").output();
    FAIL("was started");
  } catch (const treehold::SpawnFailed& failed) {
    CHECK(failed.stage() == treehold::SpawnStage::working_directory);
  }
}

TEST_CASE("what is no program is a failed execute", "[windows]") {
  const support::TempDir here;
  support::write_file(here / "text.exe", "no program");
  try {
    (void)Command(here / "text.exe").output();
    FAIL("was started");
  } catch (const treehold::SpawnFailed& failed) {
    CHECK(failed.stage() == treehold::SpawnStage::execute);
  }
}

TEST_CASE("variables that differ in case are one", "[windows]") {
  Command command = role("environment");
  command.env("Treehold_Test", "first").env("TREEHOLD_TEST", "second");
  const auto variables = environment_of(command);
  CHECK(has(variables, "TREEHOLD_TEST=second"));
  CHECK_FALSE(has(variables, "Treehold_Test=first"));
  const auto without = environment_of(role("environment").env_remove("path"));
  CHECK(std::none_of(without.begin(), without.end(), [](const std::string& variable) {
    return variable.substr(0, 5) == "PATH=" || variable.substr(0, 5) == "Path=";
  }));
}

TEST_CASE("values are text of any language", "[windows]") {
  const std::string value = "\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x8C\xB3";
  CHECK(has(environment_of(role("environment").env("VALUE", value)), "VALUE=" + value));
}

TEST_CASE("the working directory is the one asked for", "[windows]") {
  const support::TempDir here;
  const std::string there = here / "d\xC3\xB6rt";
  fs::create_directory(treehold::path_of(there));
  const std::string told = role("directory").current_dir(treehold::path_of(there)).run();
  CHECK(fs::equivalent(treehold::path_of(told), treehold::path_of(there)));
}

TEST_CASE("a long path is a path", "[windows]") {
  const support::TempDir here;
  std::string deep = R"(\\?\)" + here.path();
  for (int level = 0; level < 12; ++level) {
    deep += "\\a-rather-long-name-of-a-directory";
    fs::create_directory(treehold::path_of(deep));
  }
  const std::string file = deep.substr(4) + "\\out.txt";
  REQUIRE(file.size() > 300);
  (void)role("emit", {"text", "", "0"}).stdout_file(treehold::path_of(file)).output();
  CHECK(support::read_file(R"(\\?\)" + file) == "text");
  CHECK(role("echo").stdin_file(treehold::path_of(file)).run() == "text");
}

TEST_CASE("settings of POSIX are refused by name before anything starts", "[windows]") {
  const std::map<std::string, Command> commands{
      {"uid", role("exit", {"0"}).uid(1)},
      {"gid", role("exit", {"0"}).gid(1)},
      {"groups", role("exit", {"0"}).groups({1})},
      {"umask", role("exit", {"0"}).umask(022)},
      {"new_session", role("exit", {"0"}).new_session()},
      {"resource_limit", role("exit", {"0"}).resource_limit(treehold::Resource::open_files, 1, 1)},
      {"nice", role("exit", {"0"}).nice(1)},
      {"cpu_affinity", role("exit", {"0"}).cpu_affinity({0})},
      {"oom_score_adj", role("exit", {"0"}).oom_score_adj(1)},
      {"no_new_privileges", role("exit", {"0"}).no_new_privileges()},
  };
  for (const auto& [setting, command] : commands) {
    INFO(setting);
    try {
      command.validate();
      FAIL_CHECK("was accepted");
    } catch (const treehold::Unsupported& error) {
      CHECK(error.operation() == setting);
    }
    CHECK_THROWS_AS(command.output(), treehold::Unsupported);
  }
}

TEST_CASE("a program without a window and with a process group of its own runs", "[windows]") {
  CHECK(role("emit", {"out", "err", "4"}).create_no_window().new_process_group().exit_code() == 4);
}
