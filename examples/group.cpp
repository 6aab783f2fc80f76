// Holds a small tree, looks at it, and ends it.
#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include <treehold/treehold.hpp>

using treehold::Command;
using namespace std::chrono_literals;

namespace {

bool hold() {
  treehold::ProcessGroup group;
  treehold::Process server = group.start(Command("sh", {"-c", "sleep 60 & sleep 60"}));
  std::string said = group.run(Command("echo", {"beside it"}));
  std::vector<treehold::ProcessId> pids = group.members();  // the whole tree
  group.suspend();
  group.resume();
  treehold::StopReport report = group.stop(2s);  // soft signal, grace, kill

  std::cout << said << ": " << pids.size() << " members, ended "
            << (report.escalated ? "by force" : "softly") << "; " << server.wait().describe()
            << "\n";
  return !pids.empty() && report.members_after.empty();
}

bool promises() {
  treehold::ProcessGroup group;
  treehold::Guarantees guarantees = group.guarantees();
  if (!guarantees.escape_contained.holds) {
    std::cout << "a daemon would escape: " << guarantees.escape_contained.reason << "\n";
  }
  return guarantees.mechanism == group.mechanism();
}

}  // namespace

int main() {
  try {
    return hold() && promises() ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
