// Hosts into which a plug-in brings a second copy of the library.
#include <dlfcn.h>

#include <string>
#include <vector>

#include "../copy/second_copy.hpp"
#include "host.hpp"
#include "linux/scenarios.hpp"
#include "support.hpp"

namespace support {
namespace {

using namespace plain;

using treehold::Process;
using treehold::ProcessGroup;

/// The copy, for the rest of the process.
struct SecondCopy {
  SecondCopy() {
#ifdef TREEHOLD_TEST_SECOND_COPY
    void* const plug_in = ::dlopen(TREEHOLD_TEST_SECOND_COPY, RTLD_NOW | RTLD_LOCAL);
    if (plug_in != nullptr) {
      starts = reinterpret_cast<decltype(starts)>(::dlsym(plug_in, "second_copy_starts"));
      sweeps = reinterpret_cast<decltype(sweeps)>(::dlsym(plug_in, "second_copy_sweeps"));
      ends = reinterpret_cast<decltype(ends)>(::dlsym(plug_in, "second_copy_ends"));
    }
#endif
    if (ends == nullptr) {
      throw SkipHost{"there is no plug-in with a copy of the library here"};
    }
  }

  decltype(&second_copy_starts) starts = nullptr;
  decltype(&second_copy_sweeps) sweeps = nullptr;
  decltype(&second_copy_ends) ends = nullptr;
};

/// Neither copy takes what is the other's for stale, nor ends with it.
void two_copies(Host& host, const std::vector<std::string>&) {
  const SecondCopy other;
  ProcessGroup group;
  Process own = group.start(treehold::Command("sleep", {"100000"}));
  const PidWatch first(own.pid());
  const PidWatch second(other.starts());
  EXPECT(other.sweeps() == 0);
  EXPECT(treehold::sweep_stale_groups().empty());
  EXPECT(!first.dead());
  EXPECT(!second.dead());
  (void)group.stop(std::chrono::seconds(0));
  EXPECT(first.dead());
  EXPECT(!second.dead());
  EXPECT(quick().exit_code() == 0);
  other.ends();
  EXPECT(second.dead());
}

void killed_with_two_copies(Host& host, const std::vector<std::string>&) {
  const SecondCopy other;
  ProcessGroup group;
  Process own = group.start(treehold::Command("sleep", {"100000"}));
  host.say("pid " + std::to_string(own.pid()));
  host.say("pid " + std::to_string(other.starts()));
  for (const std::string& umbrella : own_umbrellas()) {
    host.say("group " + umbrella);
  }
  host.wait_to_be_killed();
}

}  // namespace

std::map<std::string, Scenario> copy_scenarios() {
  return {{"killed-with-two-copies", killed_with_two_copies}, {"two-copies", two_copies}};
}

}  // namespace support
