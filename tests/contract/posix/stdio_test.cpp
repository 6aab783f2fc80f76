// How the three standard streams are wired: devices, modes, the host's own, and streams that are
// closed.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
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

TEST_CASE("what is not given and what is thrown away is /dev/null", "[contract]") {
  const auto report = parse_report(role("report").stderr_null().run());
  CHECK(report.at("fd0") == "/dev/null");
  CHECK(report.at("fd2") == "/dev/null");
}

TEST_CASE("a directory is no file for output", "[contract]") {
  try {
    (void)role("exit", {"0"}).stderr_append("/").output();
    FAIL("did not throw");
  } catch (const SpawnFailed& error) {
    CHECK(error.stage() == SpawnStage::standard_error);
    CHECK(error.code().value() == EISDIR);
  }
}

TEST_CASE("standard input can be the host's own", "[contract]") {
  const TempDir here;
  write_file(here / "input", "inherited");
  const Redirect redirect(0, here / "input", O_RDONLY);
  CHECK(role("echo").stdin_inherit().run() == "inherited");
}

TEST_CASE("files for output are made with the usual mode less the umask of the host",
          "[contract]") {
  const TempDir here;
  const mode_t before = ::umask(027);
  (void)role("emit", {"x", "", "0"}).stdout_file(here / "out").output();
  ::umask(before);
  struct stat status {};
  REQUIRE(::stat((here / "out").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0640);
}

TEST_CASE("standard output and error can be the host's own", "[contract]") {
  const TempDir here;
  Output done;
  {
    const Redirect out(1, here / "out", O_WRONLY | O_CREAT);
    const Redirect err(2, here / "err", O_WRONLY | O_CREAT);
    done = role("emit", {"out", "err", "0"}).stdout_inherit().stderr_inherit().output();
  }
  CHECK(done.stdout_bytes.empty());
  CHECK(done.stderr_bytes.empty());
  CHECK(read_file(here / "out") == "out");
  CHECK(read_file(here / "err") == "err");
}

TEST_CASE("256 KiB go through cat both ways", "[contract]") {
  const std::string input = pattern(std::size_t{256} * 1024);
  CHECK(Command("cat").stdin_bytes(input).output().stdout_bytes == input);
}

TEST_CASE("a child that closes its streams runs on", "[contract]") {
  const Output done = Command("sh", {"-c", "echo before; exec >&- 2>&-; read -r line; exit 6"})
                          .stdin_bytes("x\n")
                          .output();
  CHECK(done.stdout_bytes == "before\n");
  CHECK(done.outcome == Outcome::exited(6));
}
