// The program `treehold`, as a shell sees it.
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "role_tools.hpp"
#include "support.hpp"
#include "tests/cli/cli.hpp"

using cli::contains;
using cli::json_of;
using cli::program;
using cli::run_shell;
using treehold::Command;
using treehold::Output;
using treehold::Stream;
using namespace std::chrono_literals;

TEST_CASE("treehold run passes the exit status on", "[cli]") {
  CHECK(run_shell("exit 0").exit_code() == 0);
  CHECK(run_shell("exit 7").exit_code() == 7);
  CHECK(run_shell("kill -KILL $$").exit_code() == 128 + SIGKILL);
  CHECK(run_shell("kill -TERM $$").exit_code() == 128 + SIGTERM);
}

TEST_CASE("treehold run --scope starts nothing where there is no service manager", "[cli]") {
  if (std::filesystem::exists("/run/systemd/system")) {
    support::skip("a service manager runs here");
  }
  const Output output = run_shell("echo started", {"--scope"}).output();
  CHECK(output.outcome == treehold::Outcome::exited(125));
  CHECK(contains(output.stderr_bytes, "moving the host into a scope is not supported: "));
  CHECK(output.stdout_bytes.empty());
}

TEST_CASE("treehold run has exit statuses of its own", "[cli]") {
  CHECK(run_shell("sleep 1000", {"--timeout", "100ms"}).exit_code() == 124);
  CHECK(run_shell("sleep 1000", {"--idle-timeout", "100ms"}).exit_code() == 124);
  CHECK(program({"run", "--", "no-such-program-anywhere"}).exit_code() == 127);
  CHECK(program({"run", "--", "/etc/passwd"}).exit_code() == 126);
  CHECK(program({"run", "--cwd", "/no/such/directory", "--", "true"}).exit_code() == 125);
  CHECK(program({"run", "--no-such-option", "--", "true"}).exit_code() == 125);
  CHECK(program({"run", "--timeout", "soon", "--", "true"}).exit_code() == 125);
  CHECK(program({"run", "--env", "NOVALUE", "--", "true"}).exit_code() == 125);
  CHECK(program({"run", "true"}).exit_code() == 125);
  CHECK(program({"run", "--"}).exit_code() == 125);
  CHECK(program({}).exit_code() == 125);
  CHECK(program({"--version"}).exit_code() == 0);
  CHECK(program({"run", "--help"}).exit_code() == 0);
}

TEST_CASE("treehold run passes the standard streams through", "[cli]") {
  const std::string bytes("line\nno ending\0\xff", 16);
  for (const std::vector<std::string>& options :
       {std::vector<std::string>{}, std::vector<std::string>{"--idle-timeout", "1h"}}) {
    const Output output = run_shell("cat; echo complaint >&2", options).stdin_bytes(bytes).output();
    CHECK(output.stdout_bytes == bytes);
    CHECK(output.stderr_bytes == "complaint\n");
  }
}

TEST_CASE("treehold run hands on arguments as they are", "[cli]") {
  const std::vector<std::string> arguments{"[a,b]", "--", "", "{}", "%%", "--timeout", "-h", "run"};
  std::vector<std::string> line{"run", "--", support::self(), "--role=arguments"};
  line.insert(line.end(), arguments.begin(), arguments.end());
  std::string expected;
  for (const std::string& argument : arguments) {
    expected += argument + '\0';
  }
  CHECK(program(line).output().stdout_bytes == expected);
}

TEST_CASE("treehold run ends the tree when nobody takes its output any more", "[cli]") {
  const std::string script = "{ \"$0\" run --idle-timeout 1h -- yes; echo $? >&2; } | head -c 1";
  const Output output = Command("sh", {"-c", script, support::program_path})
                            .wait_scope(treehold::WaitScope::tree)
                            .output();
  CHECK(output.stdout_bytes == "y");
  CHECK(contains(output.stderr_bytes, "cannot pass the program's output on\n125\n"));
}

TEST_CASE("treehold run sets the surroundings", "[cli]") {
  CHECK(program({"run", "--cwd", "/", "--", "pwd"}).run() == "/");
  CHECK(run_shell("echo $GREETING", {"--env", "GREETING=a=b"}).run() == "a=b");
  CHECK(
      program({"run", "--env-clear", "--env", "A=1", "--env", "B=2", "--", "/usr/bin/env"}).run() ==
      "A=1\nB=2");
}

TEST_CASE("treehold run reports as JSON, also of a failure", "[cli]") {
  const support::TempDir here;
  const std::string file = here / "report.json";
  CHECK(
      run_shell("sleep 1000 & sleep 1000", {"--timeout", "200ms", "--grace", "5s", "--json", file})
          .exit_code() == 124);
  const boost::json::value report = json_of(file);
  CHECK(report.at("mechanism").as_string() == treehold::to_string(support::mechanism()));
  CHECK(report.at("guarantees").at("escape_contained").at("holds").as_bool() ==
        support::guarantees().escape_contained.holds);
  CHECK(report.at("outcome").at("kind").as_string() == "timed_out");
  CHECK(report.at("duration_seconds").as_double() >= 0.2);
  CHECK(report.at("stop").at("soft_signal_sent").as_bool());
  CHECK(report.at("stop").at("members_after").as_array().empty());
  CHECK(report.at("exit_status").as_int64() == 124);

  CHECK(program({"run", "--json", file, "--", "no-such-program-anywhere"}).exit_code() == 127);
  const boost::json::value failure = json_of(file);
  CHECK(contains(std::string(failure.at("error").as_string()), "not found"));
  CHECK(failure.as_object().if_contains("outcome") == nullptr);

  CHECK(program({"run", "--json", file, "--", "/no such \xff"}).exit_code() == 127);
  CHECK(contains(std::string(json_of(file).at("error").as_string()), "/no such ?"));
}

TEST_CASE("treehold run shows the members as a tree", "[cli]") {
  treehold::Process running = run_shell("sleep 1000; true", {"--tree"}).start();
  // The shell, and below it the sleep, indented.
  bool grandchild = false;
  while (!grandchild) {
    const auto line = running.read_line(Stream::err);
    REQUIRE(line.has_value());
    grandchild = contains(*line, "   └─ ") && contains(*line, "sleep");
  }
  running.signal(treehold::Signal::terminate);
  const Output output = running.output();
  CHECK(contains(output.stderr_bytes, "no member is left"));
}

TEST_CASE("a signal to treehold run ends the whole tree", "[cli]") {
  // Every member holds the other end of this pipe: its end is the end of the tree.
  treehold::Process running =
      run_shell("trap '' TERM; sleep 1000 & echo ready; wait", {"--grace", "200ms"}).start();
  REQUIRE(running.read_line(Stream::out) == "ready");
  REQUIRE(::kill(static_cast<pid_t>(running.pid()), SIGINT) == 0);
  const Output output = running.output();
  CHECK(output.outcome == treehold::Outcome::exited(128 + SIGINT));
  CHECK_FALSE(output.incomplete);
}

TEST_CASE("a second signal to treehold run kills at once", "[cli]") {
  // The leader ends at the first one, its child does not.
  treehold::Process running =
      program({"run", "--grace", "1h", "--", "sh", "-c", "\"$0\" --role=note-signal \"$1\" & wait",
               support::self(), std::to_string(SIGTERM)})
          .start();
  REQUIRE(running.read_line(Stream::out) == "ready");
  REQUIRE(::kill(static_cast<pid_t>(running.pid()), SIGTERM) == 0);
  REQUIRE(running.read_line(Stream::out) == "got");
  REQUIRE(::kill(static_cast<pid_t>(running.pid()), SIGINT) == 0);
  const Output output = running.output();
  CHECK(output.outcome == treehold::Outcome::exited(128 + SIGTERM));
  CHECK_FALSE(output.incomplete);
}

TEST_CASE("a signal to treehold run reaches members that have left its session", "[cli]") {
  if (!support::guarantees().escape_contained.holds) {
    support::skip("members may escape from this mechanism");
  }
  const support::TempDir here;
  const std::string file = here / "report.json";
  // Outside of every container, so that only the program itself can end the tree.
  int ends[2];
  REQUIRE(support::pipe_for_us(ends) == 0);
  const pid_t running = ::fork();
  if (running == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::execl(support::program_path, "treehold", "run", "--json", file.c_str(), "--",
            support::self().c_str(), "--role=with-child", "escaped", nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  REQUIRE(running > 0);
  std::string line;
  for (char byte = 0; ::read(ends[0], &byte, 1) == 1 && byte != '\n';) {
    line += byte;
  }
  {
    const support::PidWatch child(support::pid_after(line, "child"));
    CHECK(::kill(running, SIGTERM) == 0);
    int status = 0;
    CHECK(::waitpid(running, &status, 0) == running);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 128 + SIGTERM);
    CHECK(child.dead());
  }
  ::close(ends[0]);
  const boost::json::value report = json_of(file);
  CHECK(report.at("stop").at("members_before").as_array().size() == 2);
  CHECK(report.at("stop").at("drained_in_grace").as_bool());
  CHECK(report.at("exit_status").as_int64() == 128 + SIGTERM);
}

namespace {

/// treehold on a terminal of its own.
class Terminal {
 public:
  explicit Terminal(const std::string& script) {
    fd_ = ::posix_openpt(O_RDWR | O_NOCTTY);
    REQUIRE((fd_ >= 0 && ::grantpt(fd_) == 0 && ::unlockpt(fd_) == 0));
    const std::string name = ::ptsname(fd_);  // NOLINT: one thread
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      ::close(fd_);
      ::setsid();
      const int own = ::open(name.c_str(), O_RDWR);
      ::ioctl(own, TIOCSCTTY, 0);
      for (const int stream : {0, 1, 2}) {
        ::dup2(own, stream);
      }
      if (own > 2) {
        ::close(own);
      }
      ::execl(support::program_path, "treehold", "run", "--grace", "200ms", "--", "sh", "-c",
              script.c_str(), nullptr);
      ::_exit(127);
    }
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() { ::close(fd_); }

  /// Reads until `text` has come; false when the terminal was closed before.
  bool read_until(const std::string& text) {
    while (!contains(seen_, text)) {
      char buffer[256];
      const ssize_t count = ::read(fd_, buffer, sizeof buffer);
      if (count <= 0) {
        return false;
      }
      seen_.append(buffer, static_cast<std::size_t>(count));
    }
    return true;
  }

  void type(const std::string& keys) { REQUIRE(::write(fd_, keys.data(), keys.size()) > 0); }

  int exit_status() {
    (void)read_until("\1 never printed");
    int status = 0;
    ::waitpid(pid_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  int fd_ = -1;
  pid_t pid_ = -1;
  std::string seen_;
};

}  // namespace

TEST_CASE("a program under treehold run can be talked to on a terminal", "[cli]") {
  Terminal terminal("echo ready; read answer; echo \"got <$answer>\"; exit 3");
  REQUIRE(terminal.read_until("ready"));
  terminal.type("forty-two\n");
  CHECK(terminal.read_until("got <forty-two>"));
  CHECK(terminal.exit_status() == 3);
}

TEST_CASE("Ctrl-C on the terminal of treehold run ends the tree", "[cli]") {
  Terminal terminal("sleep 1000 & echo ready; wait");
  REQUIRE(terminal.read_until("ready"));
  terminal.type("\x03");
  CHECK(terminal.exit_status() == 128 + SIGINT);
}
