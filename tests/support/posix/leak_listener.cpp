// After each test case, and each way through its sections, nothing may be left: no child, no
// process of a role anywhere, no descriptor, no thread, no directory of a group that is gone. What
// is left fails the test case.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <cerrno>
#include <filesystem>
#include <iostream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "support.hpp"

namespace {

using support::threads;
using support::wait_until;
using namespace std::chrono_literals;

/// What the kernel may still be busy with after it was told.
constexpr std::chrono::milliseconds settle = support::hang_bound / 4;

/// Leaves that treehold may keep for use again, and descriptors it may hold for each.
constexpr std::size_t pool_size = 16;
constexpr std::size_t descriptors_a_leaf = 4;

void reap_expected_orphans() {
  while (::getpid() == 1 && support::orphans_expected() &&
         ::waitpid(-1, nullptr, WNOHANG | support::any_child) > 0) {
  }
}

/// No child at all, running or ended.
bool childless() {
  reap_expected_orphans();
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | support::any_child) != 0 &&
         errno == ECHILD;
}

std::string describe_children() {
  siginfo_t info{};
  if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | support::any_child) != 0) {
    return "none";
  }
  return info.si_pid == 0 ? "a running child" : "zombie " + std::to_string(info.si_pid);
}

/// What is left in an umbrella that must not be; empty when all is well.
std::string leftovers(const std::string& umbrella) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  std::string text;
  if (support::read_file(umbrella + "/cgroup.events").find("populated 1") != std::string::npos) {
    text += umbrella + " is populated\n";
  }
  for (const char* kind : {"plain", "limited"}) {
    std::size_t groups = 0;
    for (const fs::directory_entry& group :
         fs::directory_iterator(umbrella + "/" + kind, ignored)) {
      if (!group.is_directory(ignored)) {
        continue;
      }
      ++groups;
      std::size_t leaves = 0;
      for (const fs::directory_entry& leaf :
           fs::recursive_directory_iterator(group.path(), ignored)) {
        leaves += leaf.is_directory(ignored) ? 1U : 0U;
      }
      if (leaves > pool_size) {
        text += group.path().string() + " has " + std::to_string(leaves) + " leaves\n";
      }
    }
    if (groups > 1) {
      text += umbrella + "/" + kind + " has " + std::to_string(groups) + " groups\n";
    }
  }
  return text;
}

/// Groups of version 1 belong to a group of ours, which is gone.
std::string v1_leftovers() {
  namespace fs = std::filesystem;
  std::error_code ignored;
  std::set<std::string> names;
  for (const std::string& umbrella : support::own_umbrellas()) {
    names.insert(fs::path(umbrella).filename());
  }
  std::string text;
  for (const std::string& directory : support::own_v1_cgroups()) {
    for (const fs::directory_entry& group : fs::directory_iterator(directory, ignored)) {
      text += names.count(group.path().filename()) != 0 ? group.path().string() + "\n" : "";
    }
  }
  return text;
}

std::string all_leftovers() {
  std::string text = v1_leftovers();
  for (const std::string& umbrella : support::own_umbrellas()) {
    text += leftovers(umbrella);
  }
  return text;
}

/// Stale umbrellas that were not there before this run.
std::string new_stale_umbrellas(const std::set<std::string>& before) {
  std::string text;
  for (const std::string& umbrella : support::stale_umbrellas()) {
    if (before.count(umbrella) == 0) {
      text += umbrella + "\n";
    }
  }
  return text;
}

class LeakListener : public Catch::TestEventListenerBase {
 public:
  using TestEventListenerBase::TestEventListenerBase;

  void testRunStarting(const Catch::TestRunInfo& info) override {
    TestEventListenerBase::testRunStarting(info);
    stale_ = support::stale_umbrellas();
    // What treehold keeps for a process as long as it lives is there after the first runs.
    try {
      (void)support::plain::role("exit", {"0"}).output();
      (void)treehold::ProcessGroup().output(support::plain::role("exit", {"0"}));
    } catch (const std::exception& error) {
      std::cerr << "treehold-tests: warming up failed: " << error.what() << '\n';
    }
    std::thread([] {}).join();  // the thread sanitizer starts one of its own with the first
    threads_ = threads();
  }

  void testCaseStarting(const Catch::TestCaseInfo& info) override {
    TestEventListenerBase::testCaseStarting(info);
    depth_ = 0;
    support::orphans_expected() = false;
    descriptors_ = support::plain_descriptors();
  }

  void sectionStarting(const Catch::SectionInfo& info) override {
    TestEventListenerBase::sectionStarting(info);
    ++depth_;
  }

  void sectionEnded(const Catch::SectionStats& stats) override {
    // The outermost section is the test case itself: its objects are gone, its result is not yet
    // made.
    if (--depth_ == 0) {
      check();
    }
    TestEventListenerBase::sectionEnded(stats);
  }

 private:
  void check() {
    if (!wait_until([] { return support::marked_processes().empty(); }, settle)) {
      for (const auto& [pid, line] : support::marked_processes()) {
        FAIL_CHECK("process " << pid << " is left: " << line);
        ::kill(pid, SIGKILL);
      }
    }
    if (!wait_until(childless, settle)) {
      FAIL_CHECK("a child is left: " << describe_children());
      while (::waitpid(-1, nullptr, WNOHANG | support::any_child) > 0) {
      }
    }
    if (!wait_until([] { return all_leftovers().empty(); }, settle)) {
      FAIL_CHECK("cgroups are left:\n" << all_leftovers());
    }
    if (!wait_until([this] { return new_stale_umbrellas(stale_).empty(); }, settle)) {
      FAIL_CHECK("umbrellas without an owner are left:\n" << new_stale_umbrellas(stale_));
      stale_ = support::stale_umbrellas();
    }
    const std::vector<std::string> now = support::plain_descriptors();
    if (now.size() > descriptors_.size()) {
      std::string text;
      for (const std::string& descriptor : now) {
        if (std::find(descriptors_.begin(), descriptors_.end(), descriptor) == descriptors_.end()) {
          text += descriptor + "\n";
        }
      }
      FAIL_CHECK("descriptors are left:\n" << text);
      descriptors_ = now;
    }
    if (support::kept_descriptors().size() > 8 + pool_size * descriptors_a_leaf) {
      FAIL_CHECK(support::kept_descriptors().size() << " descriptors of cgroups are open");
    }
    if (!wait_until([this] { return threads() <= threads_; }, settle)) {
      FAIL_CHECK(threads() - threads_ << " threads are left");
      threads_ = threads();
    }
  }

  int depth_ = 0;
  std::vector<std::string> descriptors_;
  std::set<std::string> stale_;
  std::size_t threads_ = 1;
};

CATCH_REGISTER_LISTENER(LeakListener)

}  // namespace
