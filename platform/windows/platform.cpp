// The Windows half of platform.hpp: what the host is asked.
#include "platform/platform.hpp"

#include <string>
#include <utility>

#include <treehold/signal.hpp>

#include "platform/windows/command_line.hpp"
#include "platform/windows/job_group.hpp"
#include "platform/windows/ntdll.hpp"
#include "platform/windows/signals.hpp"
#include "platform/windows/unique_handle.hpp"
#include "platform/windows/wide_text.hpp"
#include "src/plan.hpp"

// After windows.h.
#include <tlhelp32.h>

namespace treehold::inline v0::platform {
namespace {

constexpr const char* this_system = "this system is Windows";

}  // namespace

std::shared_ptr<Group> make_group(Mechanism mechanism, const GroupSettings& settings) {
  if (mechanism != Mechanism::job_object) {
    throw Unsupported("mechanism " + std::string(to_string(mechanism)), this_system);
  }
  return make_job_group(settings);
}

std::optional<Mechanism> default_mechanism() {
  return Mechanism::job_object;
}

std::vector<MechanismReport> mechanism_reports() {
  return {job_object_report()};
}

void move_host_into_leaf() {
  throw Unsupported("move_host_into_leaf", this_system);
}

void move_host_into_scope(const ScopeOptions& /*options*/) {
  throw Unsupported("move_host_into_scope", this_system);
}

// The kernel ends the jobs of a host that has gone: there is no guardian to be had or sent away.
GuardianPolicy guardian_policy() {
  return GuardianPolicy::on;
}

void set_guardian_policy(GuardianPolicy /*policy*/) {}

std::vector<StaleGroups> sweep_stale_groups(const SweepOptions& /*options*/) {
  throw Unsupported("sweep_stale_groups", "the kernel leaves nothing behind on Windows");
}

std::string kernel_release() {
  using VersionFunction = LONG(NTAPI*)(OSVERSIONINFOW*);
  // GetVersionEx tells each program the version that it was made for.
  const auto get_version = ntdll_function<VersionFunction>("RtlGetVersion");
  OSVERSIONINFOW version{};
  version.dwOSVersionInfoSize = sizeof version;
  if (get_version == nullptr || get_version(&version) < 0) {
    return "";
  }
  return std::to_string(version.dwMajorVersion) + "." + std::to_string(version.dwMinorVersion) +
         "." + std::to_string(version.dwBuildNumber);
}

// There are no forks.
std::uint64_t incarnation() noexcept {
  return 1;
}

std::optional<int> native_number(Signal signal) noexcept {
  switch (signal) {
    case Signal::interrupt: return native_interrupt;
    case Signal::terminate: return native_terminate;
    case Signal::kill: return native_kill;
    default: return std::nullopt;
  }
}

std::optional<ProcessInfo> inspect(ProcessId pid) {
  const UniqueHandle snapshot(::CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0));
  PROCESSENTRY32W entry{};
  entry.dwSize = sizeof entry;
  for (bool found = snapshot && ::Process32FirstW(snapshot.get(), &entry) != 0; found;
       found = ::Process32NextW(snapshot.get(), &entry) != 0) {
    if (static_cast<ProcessId>(entry.th32ProcessID) == pid) {
      return ProcessInfo{pid, entry.th32ParentProcessID,
                         to_utf8(static_cast<const wchar_t*>(entry.szExeFile))};
    }
  }
  return std::nullopt;
}

void require_supported(const SpawnPlan& plan) {
  const std::pair<bool, const char*> settings[] = {
      {plan.uid.has_value(), "uid"},
      {plan.gid.has_value(), "gid"},
      {plan.groups.has_value(), "groups"},
      {plan.umask.has_value(), "umask"},
      {plan.new_session, "new_session"},
      {!plan.resource_limits.empty(), "resource_limit"},
      {plan.nice.has_value(), "nice"},
      {!plan.cpus.empty(), "cpu_affinity"},
      {plan.oom_score_adj.has_value(), "oom_score_adj"},
      {plan.no_new_privileges, "no_new_privileges"},
  };
  for (const auto& [set, setting] : settings) {
    if (set) {
      throw Unsupported(setting, this_system);
    }
  }
  if (is_batch_file(plan.program)) {
    for (const std::string& argument : plan.arguments) {
      if (cmd_could_reinterpret(argument)) {
        throw InvalidSetting("arg",
                             "cannot be given to a batch file: cmd.exe could take it for "
                             "something else");
      }
    }
  }
  if (!plan.arguments.empty() && plan.arguments.front().find('"') != std::string::npos) {
    throw InvalidSetting("arg0", "holds a quote, which a program's name cannot");
  }
}

}  // namespace treehold::inline v0::platform

namespace treehold::inline v0 {

std::string signal_name(int native_number) {
  switch (native_number) {
    case platform::native_interrupt: return "SIGINT";
    case platform::native_kill: return "SIGKILL";
    case platform::native_terminate: return "SIGTERM";
    default: return "signal " + std::to_string(native_number);
  }
}

}  // namespace treehold::inline v0
