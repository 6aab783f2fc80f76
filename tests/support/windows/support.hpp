// What the tests share on Windows beside what they share everywhere: processes outside of treehold,
// and ways to look at the system from outside, so that treehold is never judged by its own word.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <treehold/treehold.hpp>

#include "common.hpp"

namespace support {

/// Skips what Wine does not do, and Windows does.
void require_windows(const std::string& what);

/// The number after the first "`word` " in `text`, as roles print the processes they made.
[[nodiscard]] treehold::ProcessId pid_after(std::string_view text, std::string_view word);

// -- Processes, seen from outside -----------------------------------------------------------------

/// Whether it is a living process of this test program.
[[nodiscard]] bool alive(treehold::ProcessId pid);

/// All living processes of this test program but the calling one.
[[nodiscard]] std::vector<std::pair<treehold::ProcessId, std::string>> marked_processes();

/// A process held by its handle, so that its number cannot come to mean another one.
class PidWatch {
 public:
  /// Fails the test case when `pid` is not a living process.
  explicit PidWatch(treehold::ProcessId pid);
  PidWatch(const PidWatch&) = delete;
  PidWatch& operator=(const PidWatch&) = delete;
  ~PidWatch();

  [[nodiscard]] bool dead() const;
  [[nodiscard]] bool wait_dead(std::chrono::milliseconds bound = hang_bound) const;
  void kill() const;

 private:
  void* process_ = nullptr;
};

/// A child made by CreateProcess, outside of treehold. Killed when it goes.
class Child {
 public:
  /// Runs role `name`; standard output is a pipe to us, standard input one from us.
  explicit Child(const std::string& name, const std::vector<std::string>& arguments = {});
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  [[nodiscard]] treehold::ProcessId pid() const noexcept { return pid_; }
  [[nodiscard]] bool alive() const;
  void kill();

  /// The next line of its standard output; nothing at the end.
  std::optional<std::string> read_line();
  void close_stdin();

 private:
  void* process_ = nullptr;
  treehold::ProcessId pid_ = 0;
  void* from_ = nullptr;
  void* to_ = nullptr;
};

// -- Files and memory -----------------------------------------------------------------------------

/// A directory of its own, removed with all that is in it.
class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string operator/(std::string_view name) const {
    return path_ + "\\" + std::string(name);
  }

 private:
  std::string path_;
};

void write_file(const std::string& path, std::string_view text);

/// Whether the system gives this entry to every environment.
[[nodiscard]] inline bool is_of_the_system(std::string_view entry) {
  return entry.starts_with("SystemRoot=") || entry.starts_with("SystemDrive=") ||
         entry.starts_with("WINE");
}

/// The threads of this process, and its open handles; nothing where the system does not count them.
[[nodiscard]] std::size_t threads();
[[nodiscard]] std::optional<std::size_t> open_handles();

/// What the contract asks about descriptors: handles have no names, and the listener counts them.
[[nodiscard]] inline std::vector<std::string> plain_descriptors() {
  return {};
}
[[nodiscard]] inline std::vector<std::string> kept_descriptors() {
  return {};
}

/// There may be as many handles, and processes, as memory is for.
struct DescriptorLimit {
  explicit DescriptorLimit(std::size_t /*most*/) noexcept {}
};
inline void require_processes(std::size_t /*count*/) noexcept {}

/// Of /proc/self/status elsewhere: bytes in memory ("VmRSS").
[[nodiscard]] std::size_t own_memory(const std::string& field);

}  // namespace support
