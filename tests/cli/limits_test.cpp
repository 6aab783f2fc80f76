// The limits of `treehold run`, and what it tells of them and of what was used.
#include <signal.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "tests/cli/cli.hpp"

namespace json = boost::json;
using cli::contains;
using cli::holds;
using cli::json_of;
using cli::program;
using cli::require_limit;
using cli::run_shell;
using treehold::Output;

TEST_CASE("treehold run starts nothing when a limit is no such value", "[cli]") {
  const std::vector<std::pair<std::string, std::vector<std::string>>> wrong{
      {"--memory", {"", "much", "-5", "12Q", "5KB", "5mb", "1.5", "1e3", "99999999999T"}},
      {"--swap", {"some", "0x10"}},
      {"--memory-high", {"512 M"}},
      {"--processes", {"", "1.5", "many", "-1", "99999999999999999999"}},
      {"--cpus", {"", "all", "nan", "inf", "1,5"}},
      {"--cpu-weight", {"heavy", "-1", "4294967297"}},
      {"--cpu-set", {"", "0,", "3-1", "a-b", "0-", "0-99999999"}},
      {"--io",
       {"", "sda", "8:0", ":rbps=1M", "8:0:rbps", "8:0:rbps=", "8:0:rbps=fast", "8:0:speed=1",
        "8:0:riops=1.5", "8:0:rbps=1M,", "8:0:rbps=1M,rbps=2M"}},
      {"--cpu-time", {"", "soon", "-1s"}},
      {"--priority", {"", "highest", "below-normal"}},
      {"--ui", {"", "windows", "handles,", "handles desktop"}}};
  for (const auto& [option, values] : wrong) {
    for (const std::string& value : values) {
      INFO(option << " '" << value << "'");
      const Output output = run_shell("echo started", {option + "=" + value}).output();
      CHECK(output.outcome == treehold::Outcome::exited(125));
      CHECK(contains(output.stderr_bytes, option));
      CHECK(output.stdout_bytes.empty());
    }
  }
}

TEST_CASE("treehold run starts nothing with a limit of another system, and reports it", "[cli]") {
  const support::TempDir here;
  const std::string file = here / "report.json";
  const auto reported = [&file](const std::string& option) {
    const Output output = run_shell("echo started", {option, "--json", file}).output();
    CHECK(output.outcome == treehold::Outcome::exited(125));
    CHECK(output.stdout_bytes.empty());
    const std::string name = option.substr(2, option.find('=') - 2);
    CHECK(contains(json_of(file).at("error").as_string().c_str(),
                   name == "cpu-time" ? "cpu_time" : name));
    return json_of(file).at("limits");
  };
  CHECK(reported("--cpu-time=1.5m") == json::value{{"cpu_time_seconds", 90.0}});
  CHECK(reported("--priority=below_normal") == json::value{{"priority", "below_normal"}});
  CHECK(reported("--ui=write_clipboard,handles") ==
        json::value{{"ui", {"handles", "write_clipboard"}}});
  CHECK(reported("--ui=all").at("ui").as_array().size() == 8);
}

TEST_CASE("treehold run reads sizes as people type them", "[cli]") {
  const support::TempDir here;
  const std::string file = here / "report.json";
  const std::vector<std::pair<std::string, std::uint64_t>> sizes{
      {"5000", 5000},
      {"64K", std::uint64_t{64} << 10},
      {"512M", std::uint64_t{512} << 20},
      {"512Mi", std::uint64_t{512} << 20},
      {"512MiB", std::uint64_t{512} << 20},
      {"1.5G", std::uint64_t{1536} << 20},
      {"0.5M", std::uint64_t{512} << 10},
      {"2T", std::uint64_t{2} << 40},
      {"4611686018427387903", (std::uint64_t{1} << 62) - 1}};
  for (const auto& [text, bytes] : sizes) {
    INFO(text);
    // The weight, which is refused everywhere, keeps the limit from being set.
    CHECK(run_shell("true", {"--memory", text, "--cpu-weight", "0", "--json", file}).exit_code() ==
          125);
    CHECK(json_of(file).at("limits").at("memory").to_number<std::uint64_t>() == bytes);
  }
}

TEST_CASE("treehold run reports the limits that were asked for", "[cli]") {
  const support::TempDir here;
  const std::string file = here / "report.json";
  // Refused everywhere: that is no block device.
  CHECK(run_shell("true", {"--memory",      "1G",
                           "--swap",        "0",
                           "--memory-high", "512M",
                           "--processes",   "64",
                           "--cpus",        "1.5",
                           "--cpu-weight",  "50",
                           "--cpu-set",     "5,0-2,1",
                           "--io",          "8:0:rbps=10M,wbps=512,riops=100,wiops=7",
                           "--io",          "/dev/null:riops=1",
                           "--json",        file})
            .exit_code() == 125);
  const json::value expected = json::parse(R"({
      "memory": 1073741824, "swap": 0, "memory_high": 536870912, "processes": 64, "cpus": 1.5,
      "cpu_weight": 50, "cpu_set": [0, 1, 2, 5],
      "io": [{"device": "8:0", "read_bytes_per_second": 10485760, "write_bytes_per_second": 512,
              "reads_per_second": 100, "writes_per_second": 7},
             {"device": "/dev/null", "reads_per_second": 1}]})");
  CHECK(json_of(file).at("limits") == expected);
}

TEST_CASE("treehold run refuses a limit that cannot be held, and names it", "[cli]") {
  const auto promised = support::guarantees().limits;
  const std::vector<std::vector<std::string>> limits{
      {"memory", "--memory", "1G"},         {"memory_high", "--memory-high", "1G"},
      {"processes", "--processes", "64"},   {"cpus", "--cpus", "1"},
      {"cpu_weight", "--cpu-weight", "50"}, {"cpu_set", "--cpu-set", "0"},
      {"io", "--io", "8:0:rbps=1M"}};
  bool any = false;
  for (const auto& limit : limits) {
    if (holds(promised, limit[0])) {
      continue;
    }
    any = true;
    INFO(limit[0]);
    const Output output = run_shell("echo started", {limit[1], limit[2]}).output();
    CHECK(output.outcome == treehold::Outcome::exited(125));
    CHECK(contains(output.stderr_bytes, "limit " + limit[0]));
    CHECK(output.stderr_bytes.find('\n') == output.stderr_bytes.size() - 1);
    CHECK(output.stdout_bytes.empty());
  }
  if (!any) {
    support::skip("each limit can be held here");
  }
}

TEST_CASE("treehold run tells that the limit of memory ended the program", "[cli]") {
  require_limit("memory");
  const support::TempDir here;
  const std::string file = here / "report.json";
  // A line without an end: all of it is kept in memory.
  const Output output =
      program({"run", "--memory", "64M", "--stats", "--json", file, "--", "tail", "/dev/zero"})
          .output();
  CHECK(output.outcome == treehold::Outcome::exited(128 + SIGKILL));
  CHECK(contains(output.stderr_bytes, "limit memory     met, "));
  const json::value report = json_of(file);
  CHECK(report.at("outcome").at("memory_kill").as_string() == "own_limit");
  CHECK(report.at("limit_evidence").at("memory").at("tripped").as_string() == "yes");
  CHECK(report.at("limit_evidence").at("memory").at("times").to_number<int>() >= 1);
}

TEST_CASE("treehold run tells of a limit that was not met", "[cli]") {
  require_limit("memory");
  const support::TempDir here;
  const std::string file = here / "report.json";
  const Output output =
      run_shell("exit 3", {"--memory", "256M", "--stats", "--json", file}).output();
  CHECK(output.outcome == treehold::Outcome::exited(3));
  CHECK(contains(output.stderr_bytes, "limit memory     not met\n"));
  const json::value report = json_of(file);
  CHECK(report.at("limit_evidence").at("memory").at("tripped").as_string() == "no");
  CHECK(report.at("outcome").as_object().if_contains("memory_kill") == nullptr);
}

TEST_CASE("treehold run holds a limit of processes", "[cli]") {
  require_limit("processes");
  const support::TempDir here;
  const std::string file = here / "report.json";
  const std::string script = "for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; exit 0";
  CHECK(run_shell(script, {"--processes", "6", "--json", file}).exit_code() != 0);
  const json::value report = json_of(file);
  // What was running when fork failed has been ended.
  CHECK(report.at("stop").at("members_before").as_array().size() == 5);
  CHECK(report.at("stop").at("members_after").as_array().empty());
  if (const json::value* peak = report.at("statistics").as_object().if_contains("threads_peak")) {
    CHECK(peak->to_number<int>() == 6);
    CHECK(report.at("limit_evidence").at("processes").at("tripped").as_string() == "yes");
  }
}

TEST_CASE("treehold run holds a limit of CPU time", "[cli]") {
  require_limit("cpus");
  const support::TempDir here;
  const std::string file = here / "report.json";
  CHECK(run_shell("while :; do :; done",
                  {"--cpus", "0.1", "--timeout", "1s", "--grace", "0", "--json", file})
            .exit_code() == 124);
  const json::value report = json_of(file);
  CHECK(report.at("limit_evidence").at("cpus").at("tripped").as_string() == "yes");
  const json::value& used = report.at("statistics");
  const double seconds =
      used.at("cpu_user_seconds").as_double() + used.at("cpu_system_seconds").as_double();
  // The kernel may give a period more than it owes.
  CHECK(seconds < 0.5 * report.at("duration_seconds").as_double());
}

TEST_CASE("treehold run --stats tells what the kernel tells, and no more", "[cli]") {
  const std::string text = run_shell("sleep 1000 & exit 3", {"--stats"}).output().stderr_bytes;
  CHECK(contains(text, "outcome          exit code 3\n"));
  CHECK(contains(text, "duration         0."));
  const auto promised = support::guarantees().statistics;
  CHECK(contains(text, "memory peak") == holds(promised, "memory_peak"));
  CHECK(contains(text, "threads peak") == holds(promised, "threads_peak"));
  CHECK(contains(text, "  CPU  ") == holds(promised, "cpu"));
  CHECK(contains(text, "  read  ") == holds(promised, "io"));
  CHECK_FALSE(contains(text, "limit"));
}

TEST_CASE("treehold run reports what the whole tree has used", "[cli]") {
  const support::TempDir here;
  const std::string file = here / "report.json";
  // The one that works outlives the leader, is no child that it waits for, and is ended.
  const std::string script =
      "(while :; do :; done) & "
      "while [ $(cut -d ' ' -f 14 /proc/$!/stat) -lt 20 ]; do sleep 0.05; done; exit 0";
  CHECK(run_shell(script, {"--stats", "--json", file}).exit_code() == 0);
  const json::value report = json_of(file);
  const json::object& used = report.at("statistics").as_object();
  const auto promised = support::guarantees().statistics;
  if (!holds(promised, "cpu")) {
    CHECK(used.empty());
    support::skip("nothing is counted here");
  }
  CHECK(used.at("processes").to_number<int>() == 0);
  CHECK(used.at("cpu_user_seconds").as_double() + used.at("cpu_system_seconds").as_double() > 0.1);
  CHECK(used.contains("memory_peak_bytes") == holds(promised, "memory_peak"));
  CHECK(used.contains("memory_bytes") == holds(promised, "memory"));
  CHECK(used.contains("threads_peak") == holds(promised, "threads_peak"));
  CHECK(used.contains("io") == holds(promised, "io"));
}
