// The Linux half of platform.hpp: the mechanisms and what the host is asked.
#include "platform/platform.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <mutex>

#include "platform/linux/cgroup_group.hpp"
#include "platform/linux/cgroup_home.hpp"
#include "platform/linux/kernel.hpp"
#include "platform/linux/process_group.hpp"
#include "platform/linux/process_table.hpp"
#include "platform/linux/reaper.hpp"

namespace treehold::inline v0::platform {

std::shared_ptr<Group> make_group(Mechanism mechanism, const GroupSettings& settings) {
  switch (mechanism) {
    case Mechanism::cgroup_v2: return make_cgroup_group(settings);
    case Mechanism::reaper: return make_reaper_group(settings);
    case Mechanism::process_group: return make_process_group_group(settings);
    case Mechanism::job_object: break;
  }
  throw Unsupported("mechanism " + std::string(to_string(mechanism)), "this system is Linux");
}

std::optional<Mechanism> default_mechanism() {
  if (!find_cgroup_place().directory.empty()) {
    return Mechanism::cgroup_v2;
  }
  return reaper_report().available.holds ? Mechanism::reaper : Mechanism::process_group;
}

std::vector<MechanismReport> mechanism_reports() {
  return {cgroup_report(), reaper_report(), process_group_report()};
}

std::string kernel_release() {
  utsname name{};
  return ::uname(&name) == 0 ? name.release : "";
}

bool kernel_is_at_least(int major, int minor) noexcept {
  utsname name{};
  if (::uname(&name) != 0) {
    return false;
  }
  char* end = nullptr;
  const long first = std::strtol(name.release, &end, 10);
  const long second = *end == '.' ? std::strtol(end + 1, nullptr, 10) : 0;
  return first > major || (first == major && second >= minor);
}

std::uint64_t incarnation() noexcept {
  // A page that the kernel empties in a fork (madvise(2), MADV_WIPEONFORK, Linux 4.14): no handler
  // of ours has to run at the fork, and process numbers, which repeat across PID namespaces, do not
  // matter.
  static std::atomic<std::uint64_t> forks{0};
  static std::atomic<std::uint64_t>* const page = [] {
    const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || ::madvise(memory, size, MADV_WIPEONFORK) != 0) {
      std::abort();  // no memory for one page at the first use of the library
    }
    return new (memory) std::atomic<std::uint64_t>(0);
  }();
  std::uint64_t value = page->load(std::memory_order_acquire);
  if (value == 0) {
    const std::uint64_t fresh = forks.fetch_add(1) + 1;
    value = page->compare_exchange_strong(value, fresh) ? fresh : value;
  }
  return value;
}

std::optional<int> native_number(Signal signal) noexcept {
  switch (signal) {
    case Signal::hangup: return SIGHUP;
    case Signal::interrupt: return SIGINT;
    case Signal::quit: return SIGQUIT;
    case Signal::terminate: return SIGTERM;
    case Signal::kill: return SIGKILL;
    case Signal::user1: return SIGUSR1;
    case Signal::user2: return SIGUSR2;
    case Signal::alarm: return SIGALRM;
    case Signal::window_change: return SIGWINCH;
    case Signal::stop: return SIGSTOP;
    case Signal::resume: return SIGCONT;
    case Signal::native_signals: break;
  }
  const int number = static_cast<int>(signal) - static_cast<int>(Signal::native_signals);
  return number > 0 && number <= SIGRTMAX ? std::optional<int>(number) : std::nullopt;
}

std::optional<ProcessInfo> inspect(ProcessId pid) {
  const auto record = read_process(static_cast<pid_t>(pid));
  if (!record) {
    return std::nullopt;
  }
  return ProcessInfo{pid, record->parent, record->name};
}

}  // namespace treehold::inline v0::platform

namespace treehold::inline v0 {

std::string signal_name(int native_number) {
  if (const char* abbreviation = ::sigabbrev_np(native_number)) {
    return std::string("SIG") + abbreviation;
  }
  if (native_number >= SIGRTMIN && native_number <= SIGRTMAX) {
    const int offset = native_number - SIGRTMIN;
    return offset == 0 ? "SIGRTMIN" : "SIGRTMIN+" + std::to_string(offset);
  }
  return "signal " + std::to_string(native_number);
}

}  // namespace treehold::inline v0
