// A copy of the library of its own, as a plug-in brings one that is linked with the archive.
#include "second_copy.hpp"

#include <memory>
#include <optional>

#include <treehold/treehold.hpp>

namespace {

struct Trees {
  treehold::ProcessGroup group;
  std::optional<treehold::Process> process;
};

std::unique_ptr<Trees> trees;

}  // namespace

extern "C" long long second_copy_starts() {
  trees = std::make_unique<Trees>();
  trees->process.emplace(trees->group.start(treehold::Command("sleep", {"100000"})));
  return trees->process->pid();
}

extern "C" int second_copy_sweeps() {
  return static_cast<int>(treehold::sweep_stale_groups().size());
}

extern "C" void second_copy_ends() {
  trees.reset();
}
