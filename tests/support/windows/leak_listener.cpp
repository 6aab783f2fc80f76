// After each test case nothing may be left: no process of a role, no handle, no thread. What is
// left fails the test case. At the end of the run it prints how many passed, failed and were
// skipped.
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <iostream>
#include <string>

#include <catch2/catch.hpp>

#include "support.hpp"

namespace {

using support::wait_until;
using namespace std::chrono_literals;

/// What the system may still be busy with after it was told; a thread of the system's own pool goes
/// when it has been idle for long, under Wine for five seconds.
constexpr std::chrono::milliseconds settle = support::hang_bound / 2;

class LeakListener : public Catch::TestEventListenerBase {
 public:
  using TestEventListenerBase::TestEventListenerBase;

  void testRunStarting(const Catch::TestRunInfo& info) override {
    TestEventListenerBase::testRunStarting(info);
    // What is kept as long as the process lives is there after the first runs.
    try {
      (void)support::plain::role("exit", {"0"}).timeout(30s).output();
      treehold::ProcessGroup group;
      (void)group.start(support::plain::role("idle-child"));
      (void)group.stop(0s);
    } catch (const std::exception& error) {
      std::cerr << "treehold-tests: warming up failed: " << error.what() << '\n';
    }
  }

  void testCaseStarting(const Catch::TestCaseInfo& info) override {
    TestEventListenerBase::testCaseStarting(info);
    depth_ = 0;
    handles_ = support::open_handles();
    threads_ = support::threads();
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
        support::PidWatch(pid).kill();
      }
    }
    // The system's own pool, which waits for handles, keeps a few threads.
    constexpr std::size_t pool = 4;
    if (!wait_until([this] { return support::threads() <= threads_ + pool; }, settle)) {
      FAIL_CHECK(support::threads() - threads_ << " threads are left");
    }
    constexpr std::size_t of_pool = 8;
    if (handles_ &&
        !wait_until([this] { return support::open_handles() <= *handles_ + of_pool; }, settle)) {
      FAIL_CHECK(*support::open_handles() - *handles_ << " handles are left");
    }
  }

  int depth_ = 0;
  std::size_t threads_ = 0;
  std::optional<std::size_t> handles_;
};

CATCH_REGISTER_LISTENER(LeakListener)

}  // namespace
