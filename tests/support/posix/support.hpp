// What the tests share on POSIX systems beside what they share everywhere: processes outside of
// treehold, and ways to look at the system from outside, so that treehold is never judged by its
// own word.
#pragma once

#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <treehold/treehold.hpp>

#include "common.hpp"

namespace support {

/// Whether the mechanisms are those that every POSIX system has.
extern const bool portable;

/// The program `treehold`.
extern const char* const program_path;

/// For waitpid(2): also children made by other means than fork(2), where there are such.
#if defined(__WALL)
inline constexpr int any_child = __WALL;
#else
inline constexpr int any_child = 0;
#endif

[[nodiscard]] bool is_root();
void require_root();

// -- This host ----------------------------------------------------------------------------------

/// Whether its controllers are in the unified hierarchy.
[[nodiscard]] bool limits_are_unified();

/// A mount of cgroups, of either version.
struct CgroupMount {
  std::string point;
  std::string type;
  std::string options;
};
[[nodiscard]] std::vector<CgroupMount> cgroup_mounts();

/// Where the hierarchy of version 1 with `controller` is mounted, the unified one for ""; empty
/// when it is not.
[[nodiscard]] std::string cgroup_mount(const std::string& controller);

/// Our own groups in all hierarchies of version 1.
[[nodiscard]] std::vector<std::string> own_v1_cgroups();

/// What is in `file` of the controller's cgroup of a process, without the newline; `file` and
/// `file_v1` are its names in the two versions.
[[nodiscard]] std::string control_file(pid_t pid, const std::string& controller,
                                       const std::string& file, const std::string& file_v1);

// -- Roles --------------------------------------------------------------------------------------

/// The same program at a place that every user may execute.
[[nodiscard]] const std::string& self_for_everybody();

/// The number after the first "`word` " in `text`, as roles print the processes they made.
[[nodiscard]] pid_t pid_after(std::string_view text, std::string_view word);

// -- Processes, seen from outside -----------------------------------------------------------------

/// The mark that every process of this test run inherits in its environment.
inline constexpr const char* mark_variable = "TREEHOLD_TEST_MARK";

/// Whether `pid` is a living process (no zombie) that this test run has started.
[[nodiscard]] bool alive(treehold::ProcessId pid);

/// All living processes of this test run but the calling one, with their command lines.
[[nodiscard]] std::vector<std::pair<pid_t, std::string>> marked_processes();

/// Skips where so many processes may not live beside those of others.
void require_processes(std::size_t count);

/// Living processes whose real user is `uid`.
[[nodiscard]] std::vector<pid_t> processes_of(uid_t uid);

/// Whether the system gives this entry to every environment.
[[nodiscard]] inline bool is_of_the_system(std::string_view /*entry*/) {
  return false;
}

/// The state letter of `/proc/PID/stat`; 0 when there is no such process.
[[nodiscard]] char state_of(pid_t pid);

/// A process held by its pidfd, so that its number cannot come to mean another one.
class PidWatch {
 public:
  enum class Whose {
    of_this_run,
    newborn,  ///< perhaps dead already
    anybody,  ///< also who has lost the variable by which those of a run are known
  };

  /// Fails the test case when `pid` is not a living process of that kind.
  explicit PidWatch(treehold::ProcessId pid, Whose whose = Whose::of_this_run);
  PidWatch(const PidWatch&) = delete;
  PidWatch& operator=(const PidWatch&) = delete;
  ~PidWatch();

  [[nodiscard]] bool dead() const;
  [[nodiscard]] bool wait_dead(std::chrono::milliseconds bound = hang_bound) const;
  void kill(int signal = SIGKILL) const;

 private:
  pid_t pid_;
  int fd_ = -1;  ///< readable when it has ended
};

/// The first process of a PID namespace is given what others leave: in this test case they may
/// leave zombies, which are then not the library's to reap.
void expect_orphans();
[[nodiscard]] bool& orphans_expected();

/// A child made with plain fork and exec, outside of treehold. Killed and reaped when it goes. One
/// that plays a host may leave orphans.
class Child {
 public:
  /// Runs role `name`; standard output is a pipe to us, standard input one from us. `prepare` runs
  /// in the child before exec.
  explicit Child(const std::string& name, const std::vector<std::string>& arguments = {},
                 const std::function<void()>& prepare = {});
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] bool alive() const;

  /// The next line of its standard output; nothing at the end.
  std::optional<std::string> read_line();
  std::string read_all();
  void close_stdin();

  /// The status of waitpid(2).
  int wait();

 private:
  pid_t pid_ = -1;
  int from_ = -1;
  int to_ = -1;
  std::optional<int> status_;
};

/// Runs the host role `scenario` (see host_roles.cpp) in a process of its own, and fails or skips
/// the test case as the role says.
void expect_host(const std::string& scenario, const std::vector<std::string>& arguments = {},
                 const std::function<void()>& prepare = {});

// -- Files and descriptors
// --------------------------------------------------------------------------

class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string operator/(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }

 private:
  std::string path_;
};

void write_file(const std::string& path, std::string_view text, unsigned mode = 0644);

/// Tells whether anyone still has the FIFO `path()` open for writing: a judge of death for those
/// whose number cannot be known. The writer is to open it before it says that it is ready.
class Lifeline {
 public:
  Lifeline();
  Lifeline(const Lifeline&) = delete;
  Lifeline& operator=(const Lifeline&) = delete;
  ~Lifeline();
  [[nodiscard]] std::string path() const { return directory_ / "lifeline"; }
  /// Whether the last writer goes, or has gone, within the hang bound.
  [[nodiscard]] bool cut() const;

 private:
  TempDir directory_;
  int fd_ = -1;
};

/// Makes `path` one of our own standard descriptors until destroyed.
class Redirect {
 public:
  Redirect(int descriptor, const std::string& path, int flags);
  Redirect(const Redirect&) = delete;
  Redirect& operator=(const Redirect&) = delete;
  ~Redirect();

 private:
  int descriptor_;
  int saved_;
};

/// Our limit of open descriptors, higher or lower, until destroyed. Skips where it may not be that
/// high.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t most);
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;
  ~DescriptorLimit();

 private:
  rlimit before_{};
};

/// Uses up all descriptors that this process may have, until destroyed.
class NoDescriptors {
 public:
  NoDescriptors();
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;
  ~NoDescriptors();

 private:
  const DescriptorLimit limit_;
  std::vector<int> taken_;
};

/// Our open descriptors with what they lead to.
[[nodiscard]] std::map<int, std::string> open_descriptors();

/// All but those that treehold keeps as long as its process lives: a bounded number of directories
/// of cgroups, and its helper program; and those.
[[nodiscard]] std::vector<std::string> plain_descriptors();
[[nodiscard]] std::vector<std::string> kept_descriptors();

/// Whether a group of this name is an umbrella of treehold. Its leaf for a host and its scopes, in
/// which this very program may be, begin alike.
[[nodiscard]] bool is_umbrella(std::string_view name);

/// The umbrellas of this process: the directories that its descriptors lead to.
[[nodiscard]] std::set<std::string> own_umbrellas();

/// The living guardian that watches this process; 0 when there is none.
[[nodiscard]] pid_t guardian_of(pid_t host);

/// Umbrellas of treehold that nobody owns: their owner has ended, or never came to be.
[[nodiscard]] std::set<std::string> stale_umbrellas();

/// Whether the kernel tells how a process ended that another party has reaped.
[[nodiscard]] bool statuses_outlive_reaping();

/// The threads of this process.
[[nodiscard]] std::size_t threads();

/// A field of /proc/self/status in bytes ("VmRSS", "VmHWM").
[[nodiscard]] std::size_t own_memory(const std::string& field);
void reset_peak_memory();

}  // namespace support
