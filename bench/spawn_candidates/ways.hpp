// The candidate ways to start a program in a cgroup, behind one function.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "raw.hpp"

enum class Way {
  floor,        // raw vfork + execve, no container, no notice
  posix_spawn,  // no container
  join,         // the helper starts in the host's group and writes itself into the leaf
  hop,          // the helper starts in the host's group and clones the program into the leaf
  hop_sharing,  // the same, the clone uses the helper's memory until it executes
  born,         // the helper is cloned into the leaf
  born_nowait,  // the same without CLONE_VFORK: a second pipe tells that the memory is left
  direct,       // the program is cloned into the leaf
};

enum class HelperFile { on_disk, in_memory };
enum class PlanPassing { arguments, memory_file };

struct Recipe {
  Way way = Way::floor;
  HelperFile helper = HelperFile::on_disk;
  PlanPassing plan = PlanPassing::arguments;
};

[[nodiscard]] constexpr bool needs_leaf(Way way) {
  return way != Way::floor && way != Way::posix_spawn;
}

// Open descriptors of a leaf.
struct LeafFiles {
  int directory = -1;
  int procs = -1;
};

// A start under way. `await_executed`, then `reap`.
struct Started {
  pid_t pid = -1;
  pid_t intermediate = -1;  // the helper of a hop
  int pidfd = -1;
  int report = -1;
  int notice = -1;
  int error = 0;  // of the clone itself
};

// Holds what a host prepares once: the helper's descriptors, a stack, the program.
class Launcher {
 public:
  Launcher(const std::string& helper, const std::string& target);
  ~Launcher();
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  [[nodiscard]] Started start(const Recipe& recipe, const LeafFiles& leaf);

  // Waits until the program is being executed. False with the reason on stderr when it never is.
  static bool await_executed(Started& started);

  // Waits for the end; the wait status.
  static int reap(Started& started);

 private:
  struct Child;
  static int execute_program(void* argument);
  static int execute_clean_program(void* argument);
  static int execute_helper(void* argument);

  Started start_floor();
  Started start_posix_spawn();
  long clone_vfork(raw::ChildMain child_main, Child& child, int* pidfd);
  long clone3_into(uint64_t flags, int leaf, raw::ChildMain child_main, Child& child, int* pidfd);
  void write_plan(const Recipe& recipe, const LeafFiles& leaf, int report, int* plan);
  int make_memory_plan();

  std::string target_;
  std::vector<std::string> arguments_;
  std::vector<std::string> environment_;
  std::vector<char*> argv_;
  std::vector<char*> envp_;
  std::vector<char*> helper_argv_;
  std::vector<char> fixed_;
  std::vector<char> memory_plan_;
  int helper_on_disk_ = -1;
  int helper_in_memory_ = -1;
  char* stack_ = nullptr;
};

[[noreturn]] void die(const std::string& what);
