// What a child finds: directory, name, descriptors, signals, and the POSIX settings.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "signals.hpp"
#include "support.hpp"

using namespace support;
using forms::Command;
using forms::role;
using treehold::Resource;
using treehold::SpawnFailed;
using treehold::SpawnStage;

namespace {

std::map<std::string, std::string> report_of(const Command& command) {
  return parse_report(command.run());
}

/// A role under another user, who may not be able to read where the test binary lies.
Command foreign_role(const std::string& name, const std::vector<std::string>& arguments = {}) {
  Command command(self_for_everybody());
  command.arg("--role=" + name).args(arguments).current_dir("/");
  return command;
}

}  // namespace

// -- Directory and name
// -----------------------------------------------------------------------------

TEST_CASE("the working directory is the host's or the one asked for", "[contract]") {
  const TempDir here;
  const std::string real = std::filesystem::canonical(here.path()).string();
  CHECK(report_of(role("report")).at("cwd") == std::filesystem::current_path().string());
  CHECK(report_of(role("report").current_dir(here.path())).at("cwd") == real);
  std::filesystem::create_directory(here / "sub");
  const WorkingDirectory inside(here.path());
  CHECK(report_of(role("report").current_dir("sub")).at("cwd") == real + "/sub");
}

TEST_CASE("a missing working directory is not a missing program", "[contract]") {
  const TempDir here;
  try {
    (void)role("exit", {"0"}).current_dir(here / "gone").output();
    FAIL("did not throw");
  } catch (const SpawnFailed& error) {
    CHECK(error.stage() == SpawnStage::working_directory);
    CHECK(error.code().value() == ENOENT);
  }
  write_file(here / "file", "");
  try {
    (void)role("exit", {"0"}).current_dir(here / "file").start();
    FAIL("did not throw");
  } catch (const SpawnFailed& error) {
    CHECK(error.stage() == SpawnStage::working_directory);
    CHECK(error.code().value() == ENOTDIR);
  }
  CHECK_THROWS_AS(Command(here / "gone").current_dir(here.path()).output(),
                  treehold::ProgramNotFound);
}

TEST_CASE("a program sees the name it was called by, or the one it was given", "[contract]") {
  CHECK(report_of(role("report")).at("arg0") == self());
  CHECK(report_of(role("report").arg0("other name")).at("arg0") == "other name");
  CHECK(Command("sh", {"-c", "echo $0"}).run() == "sh");
}

// -- Descriptors and signals
// -------------------------------------------------------------------------

TEST_CASE("a child has no descriptor above 2", "[contract]") {
  const int inheritable = ::open("/dev/null", O_RDWR);  // NOLINT: on purpose without O_CLOEXEC
  const int high = ::fcntl(inheritable, F_DUPFD, 900);
  CHECK(report_of(role("report")).at("fds") == "0 1 2");
  CHECK(report_of(role("report").stdin_bytes("x")).at("fds") == "0 1 2");
  CHECK(report_of(role("report").stderr_to_stdout().stdin_file("/dev/null")).at("fds") == "0 1 2");
  treehold::ProcessGroup group;
  CHECK(parse_report(group.run(role("report"))).at("fds") == "0 1 2");
  CHECK(::fcntl(inheritable, F_GETFD) == 0);
  ::close(inheritable);
  ::close(high);
}

TEST_CASE("a child has an empty signal mask and ignores nothing", "[contract]") {
  sigset_t some;
  sigset_t before;
  sigemptyset(&some);
  for (const int native : {SIGTERM, SIGUSR1, SIGCHLD, rare_signal(2)}) {
    sigaddset(&some, native);
  }
  ::pthread_sigmask(SIG_BLOCK, &some, &before);
  const auto hangup = ::signal(SIGHUP, SIG_IGN);
  const auto real_time = ::signal(rare_signal(3), SIG_IGN);
  const auto report = report_of(role("report"));
  ::signal(SIGHUP, hangup);
  ::signal(rare_signal(3), real_time);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  CHECK(report.at("blocked") == "0000000000000000");
  CHECK(report.at("ignored") == "0000000000000000");
  CHECK(report.at("pending") == "0000000000000000");
}

// -- POSIX settings
// ---------------------------------------------------------------------------------

TEST_CASE("a child runs as another user and group", "[contract]") {
  require_root();
  const auto report = report_of(foreign_role("report").uid(54321).gid(54322));
  CHECK(report.at("uid") == "54321 54321 54321");
  CHECK(report.at("gid") == "54322 54322 54322");
  CHECK(report.at("groups").empty());
  const auto grouped =
      report_of(foreign_role("report").uid(54321).gid(54322).groups({54323, 54324}));
  CHECK(grouped.at("groups") == "54323 54324");
  const auto group_only = report_of(foreign_role("report").gid(54322));
  CHECK(group_only.at("uid") == "0 0 0");
  CHECK(group_only.at("gid") == "54322 54322 54322");
}

TEST_CASE("a start under other credentials leaves the host as it was", "[contract]") {
  require_root();
  (void)foreign_role("exit", {"0"}).uid(54321).gid(54322).groups({}).output();
  treehold::ProcessGroup group;
  (void)group.output(foreign_role("exit", {"0"}).uid(54321).gid(54322));
  CHECK(::getuid() == 0);
  CHECK(::getgid() == 0);
}

TEST_CASE("other credentials without the privilege are a failed start", "[contract]") {
  require_root();
  // The host itself must be unprivileged: a child that asks treehold is one.
  expect_host("unprivileged");
}

TEST_CASE("a directory is entered with the rights of the child", "[contract]") {
  require_root();
  const TempDir here;
  ::chmod(here.path().c_str(), 0700);
  try {
    (void)foreign_role("exit", {"0"}).uid(54321).gid(54322).current_dir(here.path()).output();
    FAIL("did not throw");
  } catch (const SpawnFailed& error) {
    CHECK(error.stage() == SpawnStage::working_directory);
    CHECK(error.code().value() == EACCES);
  }
}

TEST_CASE("a child has the umask it was given", "[contract]") {
  const TempDir here;
  CHECK(report_of(role("report").umask(077)).at("umask") == "77");
  (void)role("create", {here / "file"}).umask(026).output();
  struct stat status {};
  REQUIRE(::stat((here / "file").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0640);
  const mode_t own = ::umask(022);
  ::umask(own);
  CHECK(own != 077);
}

TEST_CASE("a child can have a session of its own", "[contract]") {
  const auto report = report_of(role("report").new_session());
  CHECK(report.at("sid") == report.at("pid"));
  CHECK(report.at("pgid") == report.at("pid"));
  CHECK(report_of(role("report")).at("sid") == std::to_string(::getsid(0)));
}

TEST_CASE("a session of its own does not take a child out of its container", "[contract]") {
  treehold::ProcessId leader = 0;
  {
    treehold::ProcessGroup group;
    treehold::Process child = group.start(role("with-child").new_session());
    const auto line = child.read_line(treehold::Stream::out);
    REQUIRE(line.has_value());
    const PidWatch descendant(pid_after(*line, "child"));
    leader = child.pid();
    CHECK(group.members().size() == 2);
    (void)group.stop(0s);
    CHECK(descendant.dead());
  }
  CHECK_FALSE(alive(leader));
}

TEST_CASE("a child has the resource limits it was given", "[contract]") {
  const auto report = report_of(role("report")
                                    .resource_limit(Resource::core_file_size, 0, 0)
                                    .resource_limit(Resource::open_files, 50, 60)
                                    .resource_limit(Resource::cpu_seconds, 1000, 2000)
                                    .resource_limit(Resource::file_size, 1 << 20, 1 << 21));
  CHECK(report.at("rlimit.core_file_size") == "0 0");
  CHECK(report.at("rlimit.open_files") == "50 60");
  CHECK(report.at("rlimit.cpu_seconds") == "1000 2000");
  CHECK(report.at("rlimit.file_size") == "1048576 2097152");
  rlimit own{};
  ::getrlimit(RLIMIT_NOFILE, &own);
  CHECK(own.rlim_cur > 60);
}

TEST_CASE("a limit can be lifted", "[contract]") {
  const auto report =
      report_of(role("report").resource_limit(Resource::stack, 1 << 20, treehold::unlimited));
  CHECK(report.at("rlimit.stack") == "1048576 " + std::to_string(RLIM_INFINITY));
}

TEST_CASE("a child of few descriptors has its streams all the same", "[contract]") {
  // The fourth is for the loader of its libraries; sanitizers want some for themselves.
  constexpr std::uint64_t few = scaled(4, 32);
  const treehold::Output done = role("emit", {"out", "err", "0"})
                                    .stdin_bytes("x")
                                    .resource_limit(Resource::open_files, few, few)
                                    .output();
  CHECK(done.stdout_bytes == "out");
  CHECK(done.stderr_bytes == "err");
}

TEST_CASE("a child has the nice value it was given", "[contract]") {
  const int own = ::getpriority(PRIO_PROCESS, 0);
  CHECK(report_of(role("report")).at("nice") == std::to_string(own));
  CHECK(report_of(role("report").nice(17)).at("nice") == "17");
  if (is_root()) {
    CHECK(report_of(role("report").nice(-3)).at("nice") == "-3");
  }
  CHECK(::getpriority(PRIO_PROCESS, 0) == own);
}

TEST_CASE("all POSIX settings hold together", "[contract]") {
  require_root();
  const auto report = report_of(foreign_role("report")
                                    .uid(54321)
                                    .gid(54322)
                                    .groups({54323})
                                    .umask(077)
                                    .new_session()
                                    .resource_limit(Resource::core_file_size, 0, 0)
                                    .nice(-5));
  CHECK(report.at("uid") == "54321 54321 54321");
  CHECK(report.at("groups") == "54323");
  CHECK(report.at("umask") == "77");
  CHECK(report.at("sid") == report.at("pid"));
  CHECK(report.at("nice") == "-5");
  CHECK(report.at("fds") == "0 1 2");
}
