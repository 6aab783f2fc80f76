#include "platform/linux/hierarchy.hpp"

#include <sstream>

#include "platform/posix/read_file.hpp"

namespace treehold::inline v0::platform {
namespace {

/// Whether `name` is one of the words of a list with commas.
bool lists(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    if (list.substr(0, end) == name) {
      return true;
    }
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

/// mountinfo writes blanks and backslashes in octal.
std::string unescape_octal(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      result += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                  (text[i + 3] - '0'));
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

/// The group in the hierarchy of `controller`, the unified one when that is empty.
/// /proc/thread-self, since /proc/self breaks when the main thread has ended.
std::optional<std::string> own_path(std::string_view controller) {
  const auto text = read_file("/proc/thread-self/cgroup");
  std::istringstream lines(text.value_or(""));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) {
      continue;
    }
    const std::string_view controllers =
        std::string_view(line).substr(first + 1, second - first - 1);
    if (controller.empty() ? line.rfind("0::", 0) == 0 : lists(controllers, controller)) {
      return line.substr(second + 1);
    }
  }
  return std::nullopt;
}

/// The last mount wins, since it may hide the others.
void find_mount(std::string_view controller, OwnCgroup& own) {
  const auto text = read_file("/proc/thread-self/mountinfo");
  std::istringstream lines(text.value_or(""));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t separator = line.find(" - ");
    if (separator == std::string::npos) {
      continue;
    }
    std::istringstream tail(line.substr(separator + 3));
    std::string type;
    std::string source;
    std::string options;
    tail >> type >> source >> options;
    if (controller.empty() ? type != "cgroup2" : type != "cgroup" || !lists(options, controller)) {
      continue;
    }
    std::istringstream fields(line);
    std::string id;
    std::string parent;
    std::string device;
    fields >> id >> parent >> device >> own.mount_root >> own.mount_point;
    own.mount_root = unescape_octal(own.mount_root);
    own.mount_point = unescape_octal(own.mount_point);
  }
}

std::optional<OwnCgroup> own_cgroup(std::string_view controller) {
  std::optional<std::string> path = own_path(controller);
  if (!path) {
    return std::nullopt;
  }
  OwnCgroup own;
  own.path = std::move(*path);
  find_mount(controller, own);
  return own;
}

}  // namespace

std::optional<std::string> OwnCgroup::directory() const {
  const std::optional<std::string> below = below_mount();
  return below && !mount_point.empty() ? std::optional(mount_point + *below) : std::nullopt;
}

std::optional<std::string> OwnCgroup::below_mount() const {
  return path_below(mount_root, path);
}

std::optional<std::string> path_below(const std::string& root, const std::string& path) {
  if (root == "/") {
    return path == "/" ? "" : path;
  }
  if (path == root) {
    return "";
  }
  if (path.rfind(root + "/", 0) == 0) {
    return path.substr(root.size());
  }
  return std::nullopt;
}

std::optional<OwnCgroup> own_unified_cgroup() {
  return own_cgroup({});
}

std::optional<OwnCgroup> own_v1_cgroup(std::string_view controller) {
  return own_cgroup(controller);
}

}  // namespace treehold::inline v0::platform
