// A parent that the kernel holds until its child has executed a program: no signal but SIGKILL ends
// that.

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "canary.hpp"
#include "forms.hpp"
#include "support.hpp"

using namespace support;
using forms::Process;
using forms::ProcessGroup;
using forms::role;
using treehold::Outcome;
using treehold::Output;
using treehold::StopReport;
using treehold::Stream;

TEST_CASE("a parent that hangs in vfork is ended with its child", "[contract][adversarial]") {
  const Canary canary;
  for (const bool hard : {false, true}) {
    ProcessGroup group;
    Process leader = group.start(role("vfork-blocked"));
    REQUIRE(leader.read_line(Stream::out).has_value());
    REQUIRE(leader.read_line(Stream::out) == "blocked");
    CHECK(group.members().size() == 2);
    const StopReport report = hard ? group.kill() : group.stop(50ms);
    CHECK(report.members_before.size() == 2);
    CHECK(report.members_after.empty());
    CHECK(leader.wait().kind() == Outcome::Kind::signalled);
  }
  const Output late = timed_out_after(
      "blocked", [](auto time) { return role("vfork-blocked").timeout(time).output(); });
  CHECK(late.outcome == Outcome::timed_out());
  CHECK(marked_processes().size() == 1);
  CHECK(canary.survives());
}
