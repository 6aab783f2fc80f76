// Settings that cannot be meant are refused before any child exists.
#include "src/settings.hpp"

#include <array>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

extern "C" char** environ;

using namespace std::chrono_literals;
using treehold::Command;
using treehold::InvalidSetting;

namespace {

const std::string nul_inside("a\0b", 3);

/// That the settings made by `set` are refused, whether at once or when they are checked, and under
/// the name of `setting`.
void expect_refused(const std::string& setting, const std::function<void(Command&)>& set) {
  INFO("setting " << setting);
  Command command("true");
  try {
    set(command);
    command.validate();
    FAIL_CHECK("was accepted");
  } catch (const InvalidSetting& refused) {
    CHECK(refused.setting().find(setting) != std::string::npos);
    CHECK(refused.code() == treehold::Errc::invalid_setting);
    CHECK(std::string(refused.what()).find('\n') == std::string::npos);
  }
  // No verb may go further than the check does.
  Command again("true");
  const auto verb = [&](const std::function<void(const Command&)>& run) {
    set(again);
    run(again);
  };
  CHECK_THROWS_AS(verb([](const Command& c) { (void)c.output(); }), InvalidSetting);
  CHECK_THROWS_AS(verb([](const Command& c) { (void)c.run(); }), InvalidSetting);
  CHECK_THROWS_AS(verb([](const Command& c) { (void)c.start(); }), InvalidSetting);
}

void expect_accepted(const std::function<void(Command&)>& set) {
  Command command("true");
  CHECK_NOTHROW(set(command));
  CHECK_NOTHROW(command.validate());
}

}  // namespace

TEST_CASE("limits that make no sense are refused before anything is made", "[unit]") {
  using treehold::LimitRefused;
  using treehold::Limits;
  using namespace treehold::literals;
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<std::pair<std::string, Limits>> senseless{
      {"memory", {.memory = 100}},
      {"memory", {.memory = ~std::uint64_t{0}}},
      {"swap", {.memory = 1_GiB, .swap = ~std::uint64_t{0}}},
      {"memory_high", {.memory_high = 1}},
      {"memory_high", {.memory = 1_MiB, .memory_high = 2_MiB}},
      {"oom_kills_group", {.oom_kills_group = true}},
      {"processes", {.processes = 0}},
      {"processes", {.processes = std::uint64_t{1} << 40U}},
      {"cpus", {.cpus = 0}},
      {"cpus", {.cpus = -2}},
      {"cpus", {.cpus = nan}},
      {"cpus", {.cpus = 1e9}},
      {"cpu_weight", {.cpu_weight = 0}},
      {"cpu_weight", {.cpu_weight = 10001}},
      {"cpu_set", {.cpu_set = std::vector<unsigned>{}}},
      {"cpu_set", {.cpu_set = std::vector<unsigned>{8192}}},
      {"io", {.io = {{.device = "", .reads_per_second = 1}}}},
      {"io", {.io = {{.device = "8:0"}}}},
      {"io", {.io = {{.device = "8:0", .reads_per_second = 0}}}},
      {"io",
       {.io = {{.device = "8:0", .reads_per_second = 1},
               {.device = "8:0", .reads_per_second = 2}}}},
  };
  for (const auto& [name, limits] : senseless) {
    INFO(name);
    try {
      Command("true").limits(limits).validate();
      FAIL_CHECK("was accepted");
    } catch (const LimitRefused& refused) {
      CHECK(refused.refusal().limit == name);
      CHECK(refused.refusal().problem == treehold::LimitProblem::invalid);
      CHECK(refused.code() == treehold::Errc::limit_refused);
    }
    treehold::GroupOptions options;
    options.limits = limits;
    CHECK_THROWS_AS(treehold::ProcessGroup(options), LimitRefused);
  }
  treehold::GroupOptions options;
  options.cgroup = "/nowhere";
  options.mechanism = treehold::Mechanism::process_group;
  CHECK_THROWS_AS(treehold::ProcessGroup(options), InvalidSetting);
  expect_refused("oom_score_adj", [](Command& c) { c.oom_score_adj(1001); });
  expect_refused("oom_score_adj", [](Command& c) { c.oom_score_adj(-1001); });
}

TEST_CASE("a NUL byte is refused wherever it would cut a string", "[unit]") {
  CHECK_THROWS_AS(Command(nul_inside).validate(), InvalidSetting);
  expect_refused("arg", [](Command& c) { c.arg(nul_inside); });
  expect_refused("arg", [](Command& c) { c.args({"x", nul_inside}); });
  expect_refused("arg0", [](Command& c) { c.arg0(nul_inside); });
  expect_refused("current_dir", [](Command& c) { c.current_dir(nul_inside); });
  expect_refused("env", [](Command& c) { c.env("NAME", nul_inside); });
  expect_refused("env", [](Command& c) { c.env(nul_inside, "value"); });
  expect_refused("stdin_file", [](Command& c) { c.stdin_file(nul_inside); });
  expect_refused("stdout_file", [](Command& c) { c.stdout_file(nul_inside); });
  expect_refused("stderr_append", [](Command& c) { c.stderr_append(nul_inside); });
}

TEST_CASE("a NUL byte in bytes for standard input is data", "[unit]") {
  expect_accepted([](Command& c) { c.stdin_bytes(nul_inside); });
}

TEST_CASE("no bytes for standard input are refused", "[unit]") {
  expect_refused("stdin_bytes",
                 [](Command& c) { c.stdin_bytes(std::shared_ptr<const std::string>()); });
}

TEST_CASE("an empty program is refused", "[unit]") {
  CHECK_THROWS_AS(Command("").validate(), InvalidSetting);
}

TEST_CASE("variable names that the system cannot hold are refused", "[unit]") {
  expect_refused("env", [](Command& c) { c.env("", "value"); });
  expect_refused("env", [](Command& c) { c.env("A=B", "value"); });
  expect_refused("env_remove", [](Command& c) { c.env_remove(""); });
  expect_refused("env_remove", [](Command& c) { c.env_remove("A=B"); });
  expect_refused("env_inherit_only", [](Command& c) { c.env_inherit_only({"PATH", ""}); });
  expect_refused("env_inherit_only", [](Command& c) { c.env_inherit_only({"A=B"}); });
  expect_accepted([](Command& c) { c.env("A", "B=C").env("EMPTY", ""); });
}

TEST_CASE("two different sources of standard input are refused", "[unit]") {
  expect_refused("stdin", [](Command& c) { c.stdin_inherit().stdin_bytes("x"); });
  expect_refused("stdin", [](Command& c) { c.stdin_bytes("x").stdin_inherit(); });
  expect_refused("stdin", [](Command& c) { c.stdin_file("/dev/zero").stdin_bytes("x"); });
  expect_refused("stdin", [](Command& c) { c.stdin_inherit().stdin_file("/dev/zero"); });
  expect_refused("stdin", [](Command& c) { c.stdin_pipe().stdin_bytes("x"); });
  expect_refused("stdin", [](Command& c) { c.stdin_pipe().stdin_inherit(); });
}

TEST_CASE("stdin_null undoes another source", "[unit]") {
  expect_accepted([](Command& c) { c.stdin_inherit().stdin_null(); });
  expect_accepted([](Command& c) { c.stdin_bytes("x").stdin_null().stdin_file("/dev/null"); });
}

TEST_CASE("two different sinks of one stream are refused", "[unit]") {
  expect_refused("stdout", [](Command& c) { c.stdout_file("f").stdout_capture(); });
  expect_refused("stdout", [](Command& c) { c.stdout_capture().stdout_file("f"); });
  expect_refused("stdout", [](Command& c) { c.stdout_inherit().stdout_null(); });
  expect_refused("stdout", [](Command& c) { c.stdout_file("f").stdout_append("f"); });
  expect_refused("stderr", [](Command& c) { c.stderr_file("f").stderr_capture(); });
  expect_refused("stderr", [](Command& c) { c.stderr_to_stdout().stderr_file("f"); });
  expect_refused("stderr", [](Command& c) { c.stderr_null().stderr_to_stdout(); });
  expect_refused("stderr", [](Command& c) { c.stderr_inherit().stderr_append("f"); });
  expect_accepted([](Command& c) { c.stdout_file("f").stderr_capture(); });
}

TEST_CASE("a line handler needs a captured stream", "[unit]") {
  const auto handler = [](std::string_view) {};
  expect_refused("on_stdout_line", [&](Command& c) { c.stdout_null().on_stdout_line(handler); });
  expect_refused("on_stdout_line", [&](Command& c) { c.on_stdout_line(handler).stdout_file("f"); });
  expect_refused("on_stdout_line", [&](Command& c) { c.stdout_inherit().on_stdout_line(handler); });
  expect_refused("on_stderr_line", [&](Command& c) { c.stderr_null().on_stderr_line(handler); });
  expect_refused("on_stderr_line",
                 [&](Command& c) { c.stderr_to_stdout().on_stderr_line(handler); });
  expect_accepted([&](Command& c) { c.on_stdout_line(handler).on_stderr_line(handler); });
}

TEST_CASE("negative durations are refused", "[unit]") {
  expect_refused("timeout", [](Command& c) { c.timeout(-1ns); });
  expect_refused("inactivity_timeout", [](Command& c) { c.inactivity_timeout(-1s); });
  expect_refused("timeout_grace", [](Command& c) { c.timeout_grace(-1ms); });
  expect_refused("drain_grace", [](Command& c) { c.drain_grace(-1ms); });
}

TEST_CASE("durations of any length are accepted", "[unit]") {
  constexpr auto longest = std::chrono::nanoseconds(std::numeric_limits<std::int64_t>::max());
  expect_accepted([&](Command& c) {
    c.timeout(longest).inactivity_timeout(longest).timeout_grace(longest).drain_grace(longest);
  });
}

TEST_CASE("a soft limit above the hard one is refused", "[unit]") {
  using treehold::Resource;
  expect_refused("resource_limit",
                 [](Command& c) { c.resource_limit(Resource::open_files, 2, 1); });
  expect_refused("resource_limit",
                 [](Command& c) { c.resource_limit(Resource::stack, treehold::unlimited, 1); });
  expect_accepted(
      [](Command& c) { c.resource_limit(Resource::core_file_size, 0, treehold::unlimited); });
}

TEST_CASE("a nice value out of range is refused", "[unit]") {
  expect_refused("nice", [](Command& c) { c.nice(20); });
  expect_refused("nice", [](Command& c) { c.nice(-21); });
  expect_accepted([](Command& c) { c.nice(19); });
  expect_accepted([](Command& c) { c.nice(-20); });
}

TEST_CASE("a piped standard input is refused where nobody could write to it", "[unit]") {
  Command command("cat");
  command.stdin_pipe();
  CHECK_NOTHROW(command.validate());
  CHECK_THROWS_AS(command.output(), InvalidSetting);
  CHECK_THROWS_AS(command.run(), InvalidSetting);
  CHECK_THROWS_AS(command.checked(), InvalidSetting);
  CHECK_THROWS_AS(command.exit_code(), InvalidSetting);
  CHECK_THROWS_AS(command.probe(), InvalidSetting);
  treehold::ProcessGroup group;
  CHECK_THROWS_AS(group.output(command), InvalidSetting);
  CHECK_THROWS_AS(group.run(command), InvalidSetting);
  CHECK_THROWS_AS(group.checked(command), InvalidSetting);
  CHECK_THROWS_AS(group.exit_code(command), InvalidSetting);
  CHECK_THROWS_AS(group.probe(command), InvalidSetting);
}

TEST_CASE("a child that is to outlive its host is refused, with who can start it", "[unit]") {
  Command command("true");
  command.kill_on_host_death(false);
  CHECK_THROWS_AS(command.validate(), treehold::Unsupported);
  CHECK_THROWS_AS(command.start(), treehold::Unsupported);
  treehold::ProcessGroup group;
  try {
    (void)group.start(command);
    FAIL_CHECK("was started");
  } catch (const treehold::Unsupported& refused) {
    CHECK(refused.operation() == "kill_on_host_death(false)");
    CHECK(std::string(refused.what()).find("systemd-run") != std::string::npos);
  }
  CHECK(group.members().empty());
  expect_accepted([](Command& c) { c.kill_on_host_death(); });
}

TEST_CASE("settings are refused in a group as well", "[unit]") {
  treehold::ProcessGroup group;
  CHECK_THROWS_AS(group.start(Command("true").nice(99)), InvalidSetting);
  CHECK_THROWS_AS(group.output(Command("true").timeout(-1s)), InvalidSetting);
}

TEST_CASE("a wrong setting is told before a missing program", "[unit]") {
  CHECK_THROWS_AS(Command("/no/such/program").nice(99).output(), InvalidSetting);
}

TEST_CASE("checking starts nothing and changes nothing", "[unit]") {
  const Command command = Command("/no/such/program").timeout(1s);
  CHECK_NOTHROW(command.validate());
  CHECK_NOTHROW(command.validate());
}

TEST_CASE("of variables with one name the first is inherited", "[unit]") {
  std::array<std::string, 5> entries{"A=1", "B=2", "A=3", "nothing", "B=4"};
  std::vector<char*> block;
  for (std::string& entry : entries) {
    block.push_back(entry.data());
  }
  block.push_back(nullptr);
  treehold::Settings settings;
  char** const host = std::exchange(environ, block.data());
  const auto inherited = settings.child_environment();
  settings.env_changes["B"] = {"B", std::nullopt};
  const auto changed = settings.child_environment();
  environ = host;
  CHECK(inherited == std::vector<std::string>{"A=1", "B=2"});
  CHECK(changed == std::vector<std::string>{"A=1"});
}
