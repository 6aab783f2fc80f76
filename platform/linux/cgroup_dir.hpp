// One cgroup v2 directory, held open. See cgroups(7) and Documentation/admin-guide/cgroup-v2.rst.
//
// Everything goes by the directory's descriptor: a path could be renamed or mounted over. A member
// of the same user may take our own permissions away (chmod 000); they are put back where that is
// in the way.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <treehold/outcome.hpp>

#include "platform/posix/unique_fd.hpp"

namespace treehold::inline v0::platform {

class CgroupDir {
 public:
  CgroupDir() noexcept = default;
  explicit CgroupDir(UniqueFd directory) noexcept : fd_(std::move(directory)) {}

  /// Opens `path`. Invalid, with errno, when that fails.
  [[nodiscard]] static CgroupDir open(const std::string& path);

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(fd_); }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  /// Makes a sub-group and opens it. Invalid, with errno, when that fails.
  [[nodiscard]] CgroupDir make_child(const std::string& name) const;
  [[nodiscard]] CgroupDir open_child(const std::string& name) const;

  /// The names of its sub-groups.
  [[nodiscard]] std::vector<std::string> children() const;

  /// Opens a file of the group. Invalid, with errno, when that fails.
  [[nodiscard]] UniqueFd open_file(const char* name, int flags) const;

  /// These and `events` use the spare descriptor where the host has no other left.
  [[nodiscard]] std::optional<std::string> read(const char* name) const;
  bool write(const char* name, const char* value) const noexcept;

  /// cgroup.events; nothing when the group is gone. What cannot be read counts as populated and not
  /// frozen.
  struct Events {
    bool populated = false;
    bool frozen = false;
  };
  [[nodiscard]] std::optional<Events> events() const noexcept;

  /// Whether it is neither threaded nor below one that is (cgroup.type).
  [[nodiscard]] bool is_domain() const noexcept;

  /// From now on `events` and `is_domain` read files that are open already, which costs two
  /// descriptors and saves most of the time: opening one takes seven times as long as reading it.
  void keep_files_open() noexcept;

  /// Numbers in the cgroup.procs of the group and of all below it; zombies and processes of outer
  /// PID namespaces (0) are not among them.
  [[nodiscard]] std::vector<ProcessId> processes() const;

  /// Sends a signal to every process in the group and below it; to how many. Each is held by a
  /// pidfd and found in its group again before it is signalled, so that a recycled number is never
  /// hit.
  std::size_t signal_processes(int native_signal) const;

  /// Removes the sub-group `name` with all below it, depth first. True when it is gone; false while
  /// a process is left in it.
  bool remove_child(const std::string& name) const noexcept;

  /// From now on the process holds a descriptor in reserve: a tree must be killed also when the
  /// host has used up all it may have.
  void keep_spare_descriptor() const noexcept;

 private:
  /// A file of less than `buffer`, by the descriptor that is kept of it if there is one; empty,
  /// with errno, when it cannot be read.
  [[nodiscard]] std::string_view read_short(const UniqueFd& kept, const char* name,
                                            std::span<char> buffer) const noexcept;

  UniqueFd fd_;
  UniqueFd events_;  ///< these two where files are kept open
  UniqueFd type_;
};

}  // namespace treehold::inline v0::platform
