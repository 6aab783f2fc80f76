// The system seen from outside, by libproc, sysctl(3) and kqueue(2). What only cgroups have is
// never there.
#include <fcntl.h>
#include <libproc.h>
#include <mach-o/dyld.h>
#include <mach/mach.h>
#include <signal.h>
#include <sys/event.h>
#include <sys/proc_info.h>
#include <sys/resource.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <catch2/catch.hpp>

#include "support.hpp"

namespace support {

namespace {

std::vector<pid_t> all_processes() {
  const int size = ::proc_listpids(PROC_ALL_PIDS, 0, nullptr, 0);
  std::vector<pid_t> pids(static_cast<std::size_t>(size < 0 ? 0 : size) / sizeof(pid_t) + 256);
  const int filled =
      ::proc_listpids(PROC_ALL_PIDS, 0, pids.data(), static_cast<int>(pids.size() * sizeof(pid_t)));
  pids.resize(static_cast<std::size_t>(filled < 0 ? 0 : filled) / sizeof(pid_t));
  std::erase_if(pids, [](pid_t pid) { return pid <= 0; });
  return pids;
}

std::optional<proc_bsdshortinfo> short_info(pid_t pid) {
  constexpr std::uint64_t also_zombies = 1;
  proc_bsdshortinfo info{};
  if (::proc_pidinfo(pid, PROC_PIDT_SHORTBSDINFO, also_zombies, &info, sizeof info) !=
      static_cast<int>(sizeof info)) {
    return std::nullopt;
  }
  return info;
}

/// The path, the arguments and the environment of a process, each with a NUL behind it.
std::string start_of(pid_t pid) {
  int name[] = {CTL_KERN, KERN_PROCARGS2, pid};
  std::string words(std::size_t{256} * 1024, '\0');
  std::size_t size = words.size();
  if (::sysctl(name, 3, words.data(), &size, nullptr, 0) != 0 || size <= sizeof(int)) {
    return {};
  }
  return words.substr(sizeof(int), size - sizeof(int));
}

bool carries_mark(pid_t pid) {
  const char* const mark = std::getenv(mark_variable);
  const std::string all = start_of(pid);
  const std::string wanted =
      std::string(1, '\0') + mark_variable + "=" + (mark == nullptr ? "" : mark) + '\0';
  return mark != nullptr && all.find(wanted) != std::string::npos;
}

}  // namespace

const std::string& self() {
  static const std::string path = [] {
    std::uint32_t size = 0;
    (void)::_NSGetExecutablePath(nullptr, &size);
    std::string found(size, '\0');
    (void)::_NSGetExecutablePath(found.data(), &size);
    return std::filesystem::canonical(found.c_str()).string();
  }();
  return path;
}

std::vector<CgroupMount> cgroup_mounts() {
  return {};
}

std::string cgroup_mount(const std::string& /*controller*/) {
  return {};
}

std::vector<std::string> own_v1_cgroups() {
  return {};
}

std::string control_file(pid_t /*pid*/, const std::string& /*controller*/,
                         const std::string& /*file*/, const std::string& /*file_v1*/) {
  return {};
}

char state_of(pid_t pid) {
  constexpr std::uint32_t stopped = 4;  // SSTOP, sys/proc.h
  constexpr std::uint32_t zombie = 5;   // SZOMB
  const auto info = short_info(pid);
  if (!info) {
    return '\0';
  }
  return info->pbsi_status == zombie ? 'Z' : info->pbsi_status == stopped ? 'T' : 'S';
}

bool alive(treehold::ProcessId number) {
  const auto pid = static_cast<pid_t>(number);
  const char state = state_of(pid);
  return state != '\0' && state != 'Z' && carries_mark(pid);
}

std::vector<std::pair<pid_t, std::string>> marked_processes() {
  std::vector<std::pair<pid_t, std::string>> found;
  for (const pid_t pid : all_processes()) {
    if (pid != ::getpid() && alive(pid)) {
      found.emplace_back(pid, start_of(pid).c_str());
    }
  }
  return found;
}

std::vector<pid_t> processes_of(uid_t uid) {
  std::vector<pid_t> found;
  for (const pid_t pid : all_processes()) {
    const auto info = short_info(pid);
    if (info && info->pbsi_ruid == uid && state_of(pid) != 'Z') {
      found.push_back(pid);
    }
  }
  return found;
}

PidWatch::PidWatch(treehold::ProcessId pid, Whose whose)
    : pid_(static_cast<pid_t>(pid)), fd_(::kqueue()) {
  struct kevent change {};
  change.ident = static_cast<uintptr_t>(pid);
  change.filter = EVFILT_PROC;
  change.flags = EV_ADD;
  change.fflags = NOTE_EXIT;
  bool watched = ::kevent(fd_, &change, 1, nullptr, 0, nullptr) == 0;
  if (!watched && errno == ESRCH && whose == Whose::newborn) {
    change = {};
    change.filter = EVFILT_USER;
    change.flags = EV_ADD;
    change.fflags = NOTE_TRIGGER;
    watched = ::kevent(fd_, &change, 1, nullptr, 0, nullptr) == 0;
  }
  if (!watched || (whose == Whose::of_this_run && !support::alive(pid))) {
    const int saved = errno;
    ::close(fd_);
    FAIL("process " << pid << " is no living process of this test run (errno " << saved << ")");
  }
}

void PidWatch::kill(int signal) const {
  if (!dead()) {
    ::kill(pid_, signal);
  }
}

std::map<int, std::string> open_descriptors() {
  std::map<int, std::string> found;
  for (int fd = 0; fd < ::getdtablesize(); ++fd) {
    char path[4096] = "";
    if (::fcntl(fd, F_GETFD) >= 0) {
      found[fd] = ::fcntl(fd, F_GETPATH, path) == 0 ? path : "?";
    }
  }
  return found;
}

std::set<std::string> own_umbrellas() {
  return {};
}

pid_t guardian_of(pid_t /*host*/) {
  return 0;
}

std::set<std::string> stale_umbrellas() {
  return {};
}

std::size_t own_memory(const std::string& field) {
  mach_task_basic_info info{};
  mach_msg_type_number_t count = MACH_TASK_BASIC_INFO_COUNT;
  if (::task_info(mach_task_self(), MACH_TASK_BASIC_INFO, reinterpret_cast<task_info_t>(&info),
                  &count) != KERN_SUCCESS) {
    return 0;
  }
  return field == "VmHWM" ? info.resident_size_max : info.resident_size;
}

void reset_peak_memory() {
  skip("this system does not forget the most memory a process has had");
}

bool statuses_outlive_reaping() {
  return false;
}

void require_processes(std::size_t count) {
  int most = 0;
  std::size_t size = sizeof most;
  if (::sysctlbyname("kern.maxprocperuid", &most, &size, nullptr, 0) == 0 &&
      static_cast<std::size_t>(most) < count + processes_of(::getuid()).size()) {
    skip("kern.maxprocperuid allows " + std::to_string(most) + " processes");
  }
}

std::size_t threads() {
  proc_taskinfo info{};
  return ::proc_pidinfo(::getpid(), PROC_PIDTASKINFO, 0, &info, sizeof info) ==
                 static_cast<int>(sizeof info)
             ? static_cast<std::size_t>(info.pti_threadnum)
             : 0;
}

}  // namespace support
