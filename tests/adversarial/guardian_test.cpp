// Hosts that end without a word: what they have started ends with them.
#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "support.hpp"

using namespace support;
using treehold::Mechanism;

namespace {

void require_guardian() {
  if (mechanism() != Mechanism::cgroup_v2) {
    skip("process groups have no guardian");
  }
}

/// A host, and what is to end with it.
class DoomedHost {
 public:
  explicit DoomedHost(const std::string& scenario) : host_("host", {scenario}) {
    while (const std::optional<std::string> line = host_.read_line()) {
      if (*line == "ready") {
        ready_ = true;
        break;
      }
      if (line->rfind("pid ", 0) == 0) {
        pids_.push_back(std::stoi(line->substr(4)));
        watches_.push_back(std::make_unique<PidWatch>(pids_.back()));
      } else if (line->rfind("group ", 0) == 0) {
        groups_.push_back(line->substr(6));
      } else if (line->rfind("fork ", 0) == 0) {
        fork_ = std::make_unique<PidWatch>(std::stoi(line->substr(5)));
      } else {
        UNSCOPED_INFO("the host says: " << *line);
        refused_ = true;
      }
    }
    CHECK(ready_);
    CHECK_FALSE(refused_);
    CHECK(watches_.size() > 20);
  }

  /// Lets a host go on that has waited to be seen.
  void let_go() { host_.close_stdin(); }
  void kill() const { ::kill(host_.pid(), SIGKILL); }
  void wait() { (void)host_.wait(); }
  [[nodiscard]] PidWatch* fork() const noexcept { return fork_.get(); }

  /// Whether everything has ended, the directories included.
  [[nodiscard]] bool ended() const {
    for (const auto& watch : watches_) {
      if (!watch->wait_dead()) {
        return false;
      }
    }
    for (const pid_t pid : pids_) {  // the first process of a PID namespace is given them
      (void)::waitpid(pid, nullptr, WNOHANG);
    }
    return wait_until([this] {
      for (const std::string& group : groups_) {
        std::error_code ignored;
        if (std::filesystem::exists(group, ignored)) {
          return false;
        }
      }
      return true;
    });
  }

  void end_trees() const {
    for (const auto& watch : watches_) {
      watch->kill(SIGKILL);
    }
  }
  [[nodiscard]] bool any_dead() const {
    for (const auto& watch : watches_) {
      if (watch->dead()) {
        return true;
      }
    }
    return false;
  }

 private:
  Child host_;
  bool ready_ = false;
  bool refused_ = false;
  std::vector<pid_t> pids_;
  std::vector<std::unique_ptr<PidWatch>> watches_;
  std::unique_ptr<PidWatch> fork_;
  std::vector<std::string> groups_;
};

}  // namespace

TEST_CASE("what a killed host has started ends", "[contract][adversarial][guardian]") {
  require_guardian();
  const Canary canary;
  const char* const scenario = GENERATE("killed", "killed-after-its-guardian");
  INFO(scenario);
  DoomedHost host(scenario);
  host.kill();
  CHECK(host.ended());
  CHECK(canary.survives());
}

TEST_CASE("what a killed host has started under limits ends", "[contract][limits][guardian]") {
  require_guardian();
  require_limit("processes");
  DoomedHost host("killed-with-limits");
  host.kill();
  CHECK(host.ended());
}

TEST_CASE("what a host has started ends when another program takes its place",
          "[contract][adversarial][guardian]") {
  require_guardian();
  DoomedHost host("replaced");
  host.let_go();
  CHECK(host.ended());
  host.kill();
}

TEST_CASE("what a host has started ends when it leaves without destructors",
          "[contract][adversarial][guardian]") {
  require_guardian();
  DoomedHost host(GENERATE("leaves-in-haste", "forgets-its-groups"));
  host.let_go();
  CHECK(host.ended());
  host.wait();
}

TEST_CASE("a fork that outlives its host keeps nothing alive",
          "[contract][adversarial][guardian]") {
  require_guardian();
  DoomedHost host("killed-with-a-fork");
  host.kill();
  CHECK(host.ended());
  REQUIRE(host.fork() != nullptr);
  CHECK_FALSE(host.fork()->dead());
  host.fork()->kill(SIGKILL);
  CHECK(host.fork()->wait_dead());
}

TEST_CASE("without a guardian the trees of a killed host go on, until another host comes",
          "[contract][adversarial][guardian]") {
  require_guardian();
  DoomedHost host("killed-unguarded");
  host.kill();
  host.wait();
  CHECK_FALSE(host.any_dead());
  expect_host("umbrella");
  CHECK(host.ended());
}

TEST_CASE("a host that is killed at any moment of a start leaves nothing",
          "[contract][adversarial][guardian]") {
  require_guardian();
  const Canary canary;
  std::mt19937 random(std::random_device{}());
  std::uniform_int_distribution<int> moment(0, 30000);
  for (int round = 0; round < scaled(200, 20); ++round) {
    Child host("host", {"busy"});
    REQUIRE(host.read_line() == "ready");
    std::this_thread::sleep_for(std::chrono::microseconds(moment(random)));
    ::kill(host.pid(), SIGKILL);
    (void)host.wait();
  }
  // What a host has made and nobody could be told of yet is empty, and goes with the next host.
  expect_host("umbrella");
  CHECK(wait_until([] { return stale_umbrellas().empty(); }));
  CHECK(canary.survives());
}
