// The settings of a child that only Linux has.
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <string>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "support.hpp"

using namespace support;
using forms::Command;
using forms::role;
using treehold::SpawnFailed;
using treehold::SpawnStage;

namespace {

std::map<std::string, std::string> report_of(const Command& command) {
  return parse_report(command.run());
}

}  // namespace

TEST_CASE("a child runs on the processors it was given", "[contract]") {
  cpu_set_t own;
  REQUIRE(::sched_getaffinity(0, sizeof own, &own) == 0);
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &own)) {
      CHECK(report_of(role("report").cpu_affinity({cpu})).at("cpus") == std::to_string(cpu));
    }
  }
  cpu_set_t after;
  REQUIRE(::sched_getaffinity(0, sizeof after, &after) == 0);
  CHECK(CPU_EQUAL(&own, &after));
  try {
    (void)role("exit", {"0"}).cpu_affinity({1023}).output();
    FAIL("did not throw");
  } catch (const SpawnFailed& error) {
    CHECK(error.stage() == SpawnStage::affinity);
    CHECK(error.code().value() == EINVAL);
  }
}

TEST_CASE("a child can be denied new privileges", "[contract]") {
  const int own = ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
  CHECK(report_of(role("report").no_new_privileges()).at("no_new_privs") == "1");
  CHECK(report_of(role("report")).at("no_new_privs") == std::to_string(own));
  CHECK(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == own);
}

TEST_CASE("a start under other credentials leaves the host dumpable", "[contract]") {
  require_root();
  REQUIRE(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1);
  Command foreign(self_for_everybody());
  foreign.args({"--role=exit", "0"}).current_dir("/").uid(54321).gid(54322);
  (void)Command(foreign).groups({}).output();
  treehold::ProcessGroup group;
  (void)group.output(plain::quick().uid(54321).gid(54322));
  CHECK(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1);
}
