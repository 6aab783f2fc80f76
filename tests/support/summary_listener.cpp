// Skipped test cases are counted with their reasons. At the end of the run it prints these, and how
// many passed, failed and were skipped.
#include <algorithm>
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "common.hpp"

namespace {

class SummaryListener : public Catch::TestEventListenerBase {
 public:
  using TestEventListenerBase::TestEventListenerBase;

  void testRunEnded(const Catch::TestRunStats& stats) override {
    std::set<std::string> names;
    for (const support::Skipped& skipped : support::skipped_tests()) {
      if (names.insert(skipped.test).second) {
        std::cout << "skipped: " << skipped.test << ": " << skipped.reason << '\n';
      }
    }
    const Catch::Counts& tests = stats.totals.testCases;
    // Those that were taken out of the run before it began have not been counted by Catch.
    const std::size_t begun = static_cast<std::size_t>(std::count_if(
        names.begin(), names.end(), [&](const auto& name) { return begun_.count(name); }));
    std::cout << "treehold-tests: " << tests.passed - std::min<std::size_t>(begun, tests.passed)
              << " passed, " << tests.failed + tests.failedButOk << " failed, " << names.size()
              << " skipped" << std::endl;
    TestEventListenerBase::testRunEnded(stats);
  }

  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    if (stats.totals.testCases.passed != 0) {
      begun_.insert(stats.testInfo.name);
    }
    TestEventListenerBase::testCaseEnded(stats);
  }

 private:
  std::set<std::string> begun_;
};

CATCH_REGISTER_LISTENER(SummaryListener)

}  // namespace

namespace support {

std::vector<Skipped>& skipped_tests() {
  static std::vector<Skipped> tests;
  return tests;
}

void skip(const std::string& reason) {
  skipped_tests().push_back({Catch::getResultCapture().getCurrentTestName(), reason});
  // Catch2 2 has no way to skip: this exception ends a test case without a word about its result.
  throw Catch::TestFailureException();
}

}  // namespace support
