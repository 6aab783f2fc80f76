// The test program. With `--role=NAME` as its first argument it is a child of a test instead.
#define CATCH_CONFIG_RUNNER
#include <stdlib.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "roles.hpp"
#include "support.hpp"

namespace {

bool plays_role = false;  // NOLINT: asked by the sanitizer at the end

/// Why the contract cannot be run with the mechanism that the environment asks for; empty when it
/// can.
std::string missing_mechanism() {
  const char* wanted = std::getenv("TREEHOLD_MECHANISM");
  if (wanted == nullptr || *wanted == '\0') {
    return {};
  }
  for (const treehold::MechanismReport& report : treehold::host_report().mechanisms) {
    if (treehold::to_string(report.guarantees.mechanism) == wanted) {
      return report.available.holds ? std::string()
                                    : std::string(wanted) + ": " + report.available.reason;
    }
  }
  return std::string(wanted) + ": unknown on this system";
}

/// Takes the contract out of the run, and counts what was taken as skipped.
void skip_contract(Catch::Session& session, const std::string& reason) {
  for (const Catch::TestCase& test : Catch::getAllTestCasesSorted(session.config())) {
    const bool wanted =
        !session.config().hasTestFilters() || session.config().testSpec().matches(test);
    if (wanted && std::find(test.lcaseTags.begin(), test.lcaseTags.end(), "contract") !=
                      test.lcaseTags.end()) {
      support::skipped_tests().push_back({test.name, reason});
    }
  }
  Catch::ConfigData data = session.configData();
  if (data.testsOrTags.empty()) {
    data.testsOrTags.emplace_back("~[contract]");
  }
  for (std::string& filter : data.testsOrTags) {
    filter += filter == "~[contract]" ? "" : " ~[contract]";
  }
  session.useConfigData(data);
}

/// Moves this program as a host is moved, where a lane of the virtual machine wants all tests to
/// run from there.
void take_place() {
  const char* const wanted = std::getenv("TREEHOLD_TEST_PLACE");
  const std::string_view place = wanted == nullptr ? "" : wanted;
  if (place == "leaf") {
    treehold::move_host_into_leaf();
  } else if (place == "scope") {
    treehold::move_host_into_scope();
  }
  ::unsetenv("TREEHOLD_TEST_PLACE");
}

}  // namespace

#if defined(TREEHOLD_TEST_SANITIZED)
/// A role may end while it is traced, or as the first process of a namespace, where the search for
/// leaks fails; the test program itself is searched.
extern "C" int __lsan_is_turned_off() {
  return plays_role ? 1 : 0;
}  // NOLINT: the sanitizer's name
#endif

int main(int argc, char** argv) {
  constexpr std::string_view prefix = "--role=";
  if (argc > 1 && std::string_view(argv[1]).substr(0, prefix.size()) == prefix) {
    plays_role = true;
    return support::play_role(argv[1] + prefix.size(),
                              std::vector<std::string>(argv + 2, argv + argc));
  }

  std::random_device random;
  const std::string mark = std::to_string(random()) + "-" + std::to_string(random());
  ::setenv(support::mark_variable, mark.c_str(), 1);

  Catch::Session session;
  if (const int failed = session.applyCommandLine(argc, argv); failed != 0) {
    return failed;
  }
  const Catch::ConfigData& data = session.configData();
  const bool lists = data.showHelp || data.listTests || data.listTestNamesOnly || data.listTags ||
                     data.listReporters;
  if (!lists) {
    take_place();
    if (const std::string reason = missing_mechanism(); !reason.empty()) {
      skip_contract(session, reason);
    }
  }
  return session.run();
}
