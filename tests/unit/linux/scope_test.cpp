// A scope of the service manager's for the host. Each host is a process of its own: none comes back
// from where it was moved to.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "support.hpp"

using namespace support;
using treehold::InvalidSetting;
using treehold::move_host_into_scope;

namespace {

/// Skips unless the host's service manager can be asked, judged by what it leaves in the file
/// system.
void require_manager() {
  const char* const runtime = std::getenv("XDG_RUNTIME_DIR");
  if (!std::filesystem::exists("/run/systemd/system")) {
    skip("no service manager runs here");
  }
  if (!is_root() &&
      (runtime == nullptr || !std::filesystem::exists(runtime + std::string("/bus")))) {
    skip("this user has no service manager of its own here");
  }
}

/// Groups of scopes with the names that treehold gives.
std::set<std::string> scopes() {
  std::set<std::string> found;
  std::error_code gone;
  for (std::filesystem::recursive_directory_iterator each(cgroup_mount(""), gone), end; each != end;
       each.increment(gone)) {
    const std::string name = each->path().filename();
    if (name.starts_with("treehold-") && name.ends_with(".scope")) {
      found.insert(each->path());
    }
  }
  return found;
}

}  // namespace

TEST_CASE("a host moves into a scope of its own when it is asked to, and can limit then",
          "[unit][limits][scope]") {
  require_manager();
  const std::set<std::string> before = scopes();
  expect_host("into-scope");
  CHECK(wait_until([&before] { return scopes() == before; }));
}

TEST_CASE("a scope has the name and the slice that were wanted, if they are free",
          "[unit][limits][scope]") {
  require_manager();
  expect_host("into-named-scope", {"treehold-test-" + std::to_string(::getpid()) + ".scope"});
}

TEST_CASE("without a service manager a scope is refused with the reason, and nothing is moved",
          "[unit][limits][scope]") {
  expect_host("without-manager");
}

TEST_CASE("without libsystemd a scope is refused with the reason", "[unit][limits][scope]") {
  const TempDir there;
  write_file(there / "libsystemd.so.0", "not a library");
  const Variable path("LD_LIBRARY_PATH", there.path());
  expect_host("without-bus-library");
}

TEST_CASE("names of scopes and slices are told by their ends", "[unit][limits][scope]") {
  CHECK_THROWS_AS(move_host_into_scope({.unit = "treehold"}), InvalidSetting);
  CHECK_THROWS_AS(move_host_into_scope({.slice = "treehold.scope"}), InvalidSetting);
  CHECK_THROWS_AS(move_host_into_scope({.timeout = 0s}), InvalidSetting);
}
