#include "ways.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr std::size_t stack_size = 64 * 1024;
constexpr std::uint64_t every_signal = ~std::uint64_t{0};

char no_path[] = "";
char helper_name[] = "launch";

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

int copy_to_memory(int source) {
  constexpr unsigned executable = 0x0010U;  // MFD_EXEC, Linux 6.3
  int copy = memfd_create("helper", MFD_CLOEXEC | executable);
  if (copy < 0) copy = memfd_create("helper", MFD_CLOEXEC);
  if (copy < 0) die("memfd_create");
  char buffer[65536];
  for (;;) {
    const ssize_t got = read(source, buffer, sizeof buffer);
    if (got <= 0) break;
    if (write(copy, buffer, static_cast<std::size_t>(got)) != got) die("memory file");
  }
  return copy;
}

}  // namespace

void die(const std::string& what) {
  std::perror(what.c_str());
  std::exit(1);
}

// What a child that shares the host's memory reads. Lives in the host until that child has
// executed.
struct Launcher::Child {
  const char* path = nullptr;
  char** argv = nullptr;
  char** envp = nullptr;
  int executable = -1;
  int report = -1;
  int inherited[3] = {-1, -1, -1};
};

Launcher::Launcher(const std::string& helper, const std::string& target) : target_(target) {
  arguments_.push_back(target);
  for (int i = 0; i < 10; ++i) arguments_.push_back("--argument-" + std::to_string(i));
  for (int i = 0; i < 40; ++i) {
    environment_.push_back("VARIABLE_" + std::to_string(i) + "=" + std::string(48, 'x'));
  }
  argv_ = pointers(arguments_);
  envp_ = pointers(environment_);
  fixed_.resize(raw::fixed_digits + 1);

  const int readable = open(helper.c_str(), O_RDONLY | O_CLOEXEC);
  if (readable < 0) die(helper);
  helper_in_memory_ = copy_to_memory(readable);
  close(readable);
  helper_on_disk_ = open(helper.c_str(), O_PATH | O_CLOEXEC);
  void* stack =
      mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stack == MAP_FAILED) die("stack");
  stack_ = static_cast<char*>(stack);
}

Launcher::~Launcher() {
  munmap(stack_, stack_size);
  close(helper_on_disk_);
  close(helper_in_memory_);
}

int Launcher::execute_program(void* argument) {
  const Child& child = *static_cast<Child*>(argument);
  const long result = raw::call(__NR_execve, raw::address(child.path), raw::address(child.argv),
                                raw::address(child.envp));
  if (child.report >= 0) raw::report(child.report, raw::Stage::exec, -result);
  return 127;
}

int Launcher::execute_clean_program(void* argument) {
  raw::clean_child();
  return execute_program(argument);
}

int Launcher::execute_helper(void* argument) {
  const Child& child = *static_cast<Child*>(argument);
  for (const int descriptor : child.inherited) {
    if (descriptor >= 0) raw::call(__NR_fcntl, descriptor, F_SETFD, 0);
  }
  const long result = raw::call(__NR_execveat, child.executable, raw::address(no_path),
                                raw::address(child.argv), raw::address(child.envp), AT_EMPTY_PATH);
  raw::report(child.report, raw::Stage::helper, -result);
  return 127;
}

long Launcher::clone_vfork(raw::ChildMain child_main, Child& child, int* pidfd) {
  const std::uint64_t flags = raw::clone_vm | raw::clone_vfork |
                              (pidfd != nullptr ? raw::clone_pidfd : 0) | raw::signal_child;
  return raw::raw_clone(flags, stack_ + stack_size, pidfd, child_main, &child);
}

long Launcher::clone3_into(std::uint64_t flags, int leaf, raw::ChildMain child_main, Child& child,
                           int* pidfd) {
  raw::CloneArgs args;
  args.flags =
      flags | raw::clone_vm | raw::clone_pidfd | raw::clone_clear_sighand | raw::clone_into_cgroup;
  args.pidfd = reinterpret_cast<std::uint64_t>(pidfd);
  args.exit_signal = raw::signal_child;
  args.stack = reinterpret_cast<std::uint64_t>(stack_);
  args.stack_size = stack_size;
  args.cgroup = static_cast<std::uint64_t>(leaf);
  return raw::raw_clone3(&args, sizeof args, child_main, &child);
}

Started Launcher::start_floor() {
  Child child;
  child.path = target_.c_str();
  child.argv = argv_.data();
  child.envp = envp_.data();
  Started started;
  const long pid = clone_vfork(execute_program, child, nullptr);
  started.pid = static_cast<pid_t>(pid);
  if (pid < 0) started.error = static_cast<int>(-pid);
  return started;
}

Started Launcher::start_posix_spawn() {
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes, &signals);
  sigfillset(&signals);
  posix_spawnattr_setsigdefault(&attributes, &signals);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  Started started;
  started.error = ::posix_spawn(&started.pid, target_.c_str(), nullptr, &attributes, argv_.data(),
                                envp_.data());
  posix_spawnattr_destroy(&attributes);
  return started;
}

int Launcher::make_memory_plan() {
  const std::size_t entries = 1 + argv_.size() + envp_.size();
  std::size_t position = sizeof(raw::MemoryPlan) + entries * sizeof(std::uint64_t);
  std::size_t size = position + target_.size() + 1;
  for (const std::string& text : arguments_) size += text.size() + 1;
  for (const std::string& text : environment_) size += text.size() + 1;
  memory_plan_.assign(size, '\0');
  const raw::MemoryPlan header{size, arguments_.size()};
  std::memcpy(memory_plan_.data(), &header, sizeof header);
  char* entry = memory_plan_.data() + sizeof header;
  const auto add = [&](const std::string& text) {
    const std::uint64_t offset = position;
    std::memcpy(entry, &offset, sizeof offset);
    entry += sizeof offset;
    std::memcpy(memory_plan_.data() + position, text.c_str(), text.size() + 1);
    position += text.size() + 1;
  };
  add(target_);
  for (const std::string& text : arguments_) add(text);
  entry += sizeof(std::uint64_t);
  for (const std::string& text : environment_) add(text);

  const int file = memfd_create("plan", MFD_CLOEXEC);
  if (file < 0) die("memfd_create");
  if (write(file, memory_plan_.data(), size) != static_cast<ssize_t>(size)) die("plan");
  return file;
}

// Fills `fixed_` and `helper_argv_`.
void Launcher::write_plan(const Recipe& recipe, const LeafFiles& leaf, int report, int* plan) {
  raw::Entry entry = raw::Entry::here;
  int leaf_file = 0;
  if (recipe.way == Way::join) {
    entry = raw::Entry::join;
    leaf_file = leaf.procs;
  } else if (recipe.way == Way::hop || recipe.way == Way::hop_sharing) {
    entry = recipe.way == Way::hop ? raw::Entry::hop : raw::Entry::hop_sharing;
    leaf_file = leaf.directory;
  }
  *plan = recipe.plan == PlanPassing::memory_file ? make_memory_plan() : -1;
  const std::uint32_t fields[] = {
      static_cast<std::uint32_t>(entry), static_cast<std::uint32_t>(report),
      static_cast<std::uint32_t>(leaf_file), static_cast<std::uint32_t>(std::max(*plan, 0))};
  char* digit = fixed_.data();
  for (const std::uint32_t field : fields) {
    for (int shift = 28; shift >= 0; shift -= 4)
      *digit++ = "0123456789abcdef"[field >> shift & 15U];
  }
  *digit = '\0';
  helper_argv_.assign({helper_name, fixed_.data()});
  if (*plan < 0) {
    helper_argv_.push_back(target_.data());
    helper_argv_.insert(helper_argv_.end(), argv_.begin(), argv_.end());
  } else {
    helper_argv_.push_back(nullptr);
  }
}

Started Launcher::start(const Recipe& recipe, const LeafFiles& leaf) {
  if (recipe.way == Way::floor) return start_floor();
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) die("pipe2");
  if (recipe.way == Way::posix_spawn) {
    Started started = start_posix_spawn();
    close(report[1]);
    started.report = report[0];
    return started;
  }

  static Child child;  // outlives this call for the way that does not wait
  child = Child{};
  child.report = report[1];
  int plan = -1;
  static char* no_environment[] = {nullptr};
  if (recipe.way == Way::direct) {
    child.path = target_.c_str();
    child.argv = argv_.data();
    child.envp = envp_.data();
  } else {
    write_plan(recipe, leaf, report[1], &plan);
    child.executable = recipe.helper == HelperFile::on_disk ? helper_on_disk_ : helper_in_memory_;
    child.argv = helper_argv_.data();
    child.envp = plan < 0 ? envp_.data() : no_environment;
    child.inherited[0] = report[1];
    child.inherited[1] = plan;
  }

  Started started;
  started.report = report[0];
  int notice[2] = {-1, -1};
  std::uint64_t mask = 0;
  long pid = -1;
  switch (recipe.way) {
    case Way::join:
    case Way::hop:
    case Way::hop_sharing:
      child.inherited[2] = recipe.way == Way::join ? leaf.procs : leaf.directory;
      raw::set_signal_mask(every_signal, &mask);
      pid = clone_vfork(execute_helper, child, &started.pidfd);
      break;
    case Way::born:
      raw::set_signal_mask(every_signal, &mask);
      pid = clone3_into(raw::clone_vfork, leaf.directory, execute_helper, child, &started.pidfd);
      break;
    case Way::born_nowait:
      if (pipe2(notice, O_CLOEXEC) != 0) die("pipe2");
      raw::set_signal_mask(every_signal, &mask);
      pid = clone3_into(0, leaf.directory, execute_helper, child, &started.pidfd);
      break;
    case Way::direct:
      raw::set_signal_mask(every_signal, &mask);
      pid = clone3_into(raw::clone_vfork, leaf.directory, execute_clean_program, child,
                        &started.pidfd);
      break;
    case Way::floor:
    case Way::posix_spawn: break;
  }
  raw::set_signal_mask(mask, nullptr);
  close(report[1]);
  if (plan >= 0) close(plan);
  if (notice[1] >= 0) close(notice[1]);
  started.notice = notice[0];
  started.pid = static_cast<pid_t>(pid);
  if (pid < 0) started.error = static_cast<int>(-pid);
  if (recipe.way == Way::hop || recipe.way == Way::hop_sharing) {
    started.intermediate = started.pid;
    started.pid = -1;
  }
  return started;
}

bool Launcher::await_executed(Started& started) {
  if (started.notice >= 0) {
    char nothing = 0;
    while (read(started.notice, &nothing, 1) < 0 && errno == EINTR) {
    }
    close(started.notice);
    started.notice = -1;
  }
  if (started.report < 0) return started.error == 0;
  bool executed = started.error == 0;
  for (;;) {
    raw::Record record{};
    const ssize_t got = read(started.report, &record, sizeof record);
    if (got < 0 && errno == EINTR) continue;
    if (got != static_cast<ssize_t>(sizeof record)) break;
    if (record.stage == raw::Stage::pid) {
      started.pid = record.value;
    } else {
      std::fprintf(stderr, "start failed: stage %d: %s\n", static_cast<int>(record.stage),
                   std::strerror(record.value));
      executed = false;
    }
  }
  close(started.report);
  started.report = -1;
  return executed;
}

int Launcher::reap(Started& started) {
  int status = -1;
  if (started.pid > 0) {
    while (waitpid(started.pid, &status, 0) < 0 && errno == EINTR) {
    }
  }
  if (started.intermediate > 0) {
    while (waitpid(started.intermediate, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (started.pidfd >= 0) close(started.pidfd);
  started = Started{};
  return status;
}
