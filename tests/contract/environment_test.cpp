// The environment that a child finds.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "support.hpp"

using namespace support;
using forms::Command;
using forms::role;

namespace {

std::vector<std::string> environment_of(const Command& command) {
  const std::string text = command.output().stdout_bytes;
  std::vector<std::string> entries;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = text.find('\0', start);
    if (const std::string entry = text.substr(start, end - start); !is_of_the_system(entry)) {
      entries.push_back(entry);
    }
    start = end + 1;
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

bool contains(const std::vector<std::string>& entries, const std::string& entry) {
  return std::find(entries.begin(), entries.end(), entry) != entries.end();
}

}  // namespace

TEST_CASE("the environment is inherited, changed and added to", "[contract]") {
  const Variable first("TREEHOLD_TEST_A", "inherited");
  const Variable second("TREEHOLD_TEST_B", "inherited");
  const auto plain = environment_of(role("environment"));
  CHECK(contains(plain, "TREEHOLD_TEST_A=inherited"));
  const auto changed = environment_of(role("environment")
                                          .env("TREEHOLD_TEST_A", "changed")
                                          .env_remove("TREEHOLD_TEST_B")
                                          .env("TREEHOLD_TEST_C", "a=b c\n")
                                          .env("TREEHOLD_TEST_D", ""));
  CHECK(contains(changed, "TREEHOLD_TEST_A=changed"));
  CHECK_FALSE(contains(changed, "TREEHOLD_TEST_A=inherited"));
  CHECK_FALSE(contains(changed, "TREEHOLD_TEST_B=inherited"));
  CHECK(contains(changed, "TREEHOLD_TEST_C=a=b c\n"));
  CHECK(contains(changed, "TREEHOLD_TEST_D="));
  CHECK(std::string(std::getenv("TREEHOLD_TEST_A")) == "inherited");
}

TEST_CASE("the last word on a variable counts", "[contract]") {
  const auto set = environment_of(role("environment").env("X_T", "1").env("X_T", "2"));
  CHECK(contains(set, "X_T=2"));
  CHECK_FALSE(contains(set, "X_T=1"));
  const auto removed = environment_of(role("environment").env("X_T", "1").env_remove("X_T"));
  CHECK_FALSE(contains(removed, "X_T=1"));
  const auto again = environment_of(role("environment").env_remove("X_T").env("X_T", "3"));
  CHECK(contains(again, "X_T=3"));
}

TEST_CASE("a cleared environment holds what is set afterwards and nothing else", "[contract]") {
  CHECK(environment_of(role("environment").env("BEFORE", "1").env_clear().env("A", "1")) ==
        std::vector<std::string>{"A=1"});
  CHECK(environment_of(role("environment").env_clear()).empty());
}

TEST_CASE("an allow-list inherits what it names", "[contract]") {
  const Variable first("TREEHOLD_TEST_A", "a");
  const Variable second("TREEHOLD_TEST_B", "b");
  const Variable third("TREEHOLD_TEST_C", "c");
  const auto allowed = environment_of(role("environment")
                                          .env_inherit_only({"TREEHOLD_TEST_A", "NOT_SET"})
                                          .env_inherit_only({"TREEHOLD_TEST_B"})
                                          .env("TREEHOLD_TEST_D", "d"));
  CHECK(allowed ==
        std::vector<std::string>{"TREEHOLD_TEST_A=a", "TREEHOLD_TEST_B=b", "TREEHOLD_TEST_D=d"});
}

TEST_CASE("the environment is read at the start, not when the command is made", "[contract]") {
  const Command command = role("environment");
  const Variable late("TREEHOLD_TEST_LATE", "1");
  CHECK(contains(environment_of(command), "TREEHOLD_TEST_LATE=1"));
}
