// Hosts that Linux's own mechanisms must be made for (see support/linux/host_roles.cpp).
#include <filesystem>
#include <sstream>
#include <string>
#include <system_error>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "support.hpp"

using namespace support;

TEST_CASE("a host that has ended leaves no cgroup behind", "[contract]") {
  Child host("host", {"umbrella"});
  const std::string report = host.read_all();
  INFO(report);
  REQUIRE(host.wait() == 0);
  std::istringstream lines(report);
  std::string line;
  while (std::getline(lines, line)) {
    const std::size_t name = line.find("/treehold-");
    if (line.rfind("holds ", 0) != 0 || name == std::string::npos) {
      continue;
    }
    const std::string umbrella = line.substr(6, line.find('/', name + 1) - 6);
    std::error_code ignored;
    CHECK_FALSE(std::filesystem::exists(umbrella, ignored));
  }
}

TEST_CASE("a host that sees no process of others", "[contract][adversarial]") {
  require_root();
  if (mechanism() == treehold::Mechanism::cgroup_v2) {
    skip("an unprivileged user has no cgroup here");
  }
  expect_host("hidden-processes");
}

TEST_CASE("a host that may not use clone3", "[contract][adversarial]") {
  if (sanitized) {
    skip("the sanitizers start threads of their own, by clone3");
  }
  const char* const answer = GENERATE("missing", "forbidden", "kill");
  INFO(answer);
  expect_host("without-clone3", {answer});
}

TEST_CASE("a start that is refused leaves no cgroup", "[contract]") {
  const auto before = stale_umbrellas();
  expect_host("refused-spawn");
  CHECK(wait_until([&] { return stale_umbrellas() == before; }, 1s));
}
