#include "src/cli/tree_view.hpp"

#include <chrono>
#include <iostream>
#include <map>
#include <set>

#include <treehold/error.hpp>

#include "platform/platform.hpp"
#include "src/text.hpp"

namespace treehold::cli {
namespace {

using Children = std::multimap<ProcessId, platform::ProcessInfo>;

void draw(const Children& children, ProcessId parent, const std::string& indent,
          std::string& text) {
  const auto [begin, end] = children.equal_range(parent);
  for (auto at = begin; at != end; ++at) {
    const bool last = std::next(at) == end;
    text += indent + (last ? "└─ " : "├─ ") + std::to_string(at->second.pid) + " " +
            escaped(at->second.name) + "\n";
    draw(children, at->second.pid, indent + (last ? "   " : "│  "), text);
  }
}

}  // namespace

std::string draw_tree(const std::vector<ProcessId>& members) {
  const std::set<ProcessId> known(members.begin(), members.end());
  // Whose parent is no member stands at the top: the leader, and what has been orphaned.
  constexpr ProcessId top = 0;
  Children children;
  for (const ProcessId pid : known) {
    if (auto info = platform::inspect(pid)) {
      const ProcessId parent = known.count(info->parent) != 0 ? info->parent : top;
      children.emplace(parent, std::move(*info));
    }
  }
  std::string text;
  draw(children, top, "", text);
  return text;
}

TreeWatch::TreeWatch(const ProcessGroup& group)
    : group_(group), thread_(std::chrono::milliseconds(100), [this] { look(); }) {}

void TreeWatch::look() {
  std::string tree;
  try {
    tree = draw_tree(group_.members());
  } catch (const Error&) {  // cannot be read at this moment: the next look may
    return;
  }
  if (tree != shown_ && !tree.empty()) {
    std::cerr << "treehold: members\n" << tree << std::flush;
    shown_ = tree;
  }
}

}  // namespace treehold::cli
