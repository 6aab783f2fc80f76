#include "platform/windows/job_limits.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include <treehold/error.hpp>

#include "platform/missing_limits.hpp"
#include "platform/windows/system_time.hpp"

namespace treehold::inline v0::platform {
namespace {

[[noreturn]] void refuse(const std::string& limit, LimitProblem problem, std::string reason,
                         boost::system::error_code error = {}) {
  LimitRefusal refusal;
  refusal.limit = limit;
  refusal.problem = problem;
  refusal.reason = std::move(reason);
  refusal.error = error;
  throw LimitRefused(std::move(refusal));
}

DWORD native_class(PriorityClass priority) {
  switch (priority) {
    case PriorityClass::idle: return IDLE_PRIORITY_CLASS;
    case PriorityClass::below_normal: return BELOW_NORMAL_PRIORITY_CLASS;
    case PriorityClass::normal: return NORMAL_PRIORITY_CLASS;
    case PriorityClass::above_normal: return ABOVE_NORMAL_PRIORITY_CLASS;
    case PriorityClass::high: break;
  }
  return HIGH_PRIORITY_CLASS;
}

DWORD native_restrictions(const UiRestrictions& ui) {
  const std::pair<bool, DWORD> all[] = {
      {ui.desktop, JOB_OBJECT_UILIMIT_DESKTOP},
      {ui.display_settings, JOB_OBJECT_UILIMIT_DISPLAYSETTINGS},
      {ui.exit_windows, JOB_OBJECT_UILIMIT_EXITWINDOWS},
      {ui.global_atoms, JOB_OBJECT_UILIMIT_GLOBALATOMS},
      {ui.handles, JOB_OBJECT_UILIMIT_HANDLES},
      {ui.read_clipboard, JOB_OBJECT_UILIMIT_READCLIPBOARD},
      {ui.system_parameters, JOB_OBJECT_UILIMIT_SYSTEMPARAMETERS},
      {ui.write_clipboard, JOB_OBJECT_UILIMIT_WRITECLIPBOARD},
  };
  DWORD flags = 0;
  for (const auto& [wanted, flag] : all) {
    flags |= wanted ? flag : 0;
  }
  return flags;
}

[[noreturn]] void not_taken(const std::string& limit) {
  const boost::system::error_code error = last_error();
  refuse(limit, LimitProblem::unenforceable, "the system does not take it", error);
}

[[noreturn]] void not_held(const std::string& limit) {
  refuse(limit, LimitProblem::unenforceable,
         "the system takes it, and says that it does not hold it");
}

ULONG_PTR affinity_mask(const std::vector<unsigned>& cpus) {
  ULONG_PTR mask = 0;
  for (const unsigned cpu : cpus) {
    if (cpu >= sizeof mask * 8) {
      refuse("cpu_set", LimitProblem::unsupported, "a job object knows the first 64 CPUs");
    }
    mask |= ULONG_PTR{1} << cpu;
  }
  return mask;
}

void set_extended(const Job& job, const Limits& limits) {
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION wanted{};
  DWORD& flags = wanted.BasicLimitInformation.LimitFlags;
  flags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
  if (limits.memory) {
    flags |= JOB_OBJECT_LIMIT_JOB_MEMORY;
    wanted.JobMemoryLimit = static_cast<SIZE_T>(*limits.memory);
  }
  if (limits.processes) {
    flags |= JOB_OBJECT_LIMIT_ACTIVE_PROCESS;
    wanted.BasicLimitInformation.ActiveProcessLimit = static_cast<DWORD>(*limits.processes);
  }
  if (limits.cpu_set) {
    flags |= JOB_OBJECT_LIMIT_AFFINITY;
    wanted.BasicLimitInformation.Affinity = affinity_mask(*limits.cpu_set);
  }
  if (limits.cpu_time) {
    flags |= JOB_OBJECT_LIMIT_JOB_TIME;
    wanted.BasicLimitInformation.PerJobUserTimeLimit.QuadPart =
        std::chrono::ceil<SystemTicks>(*limits.cpu_time).count();
  }
  if (limits.priority) {
    flags |= JOB_OBJECT_LIMIT_PRIORITY_CLASS;
    wanted.BasicLimitInformation.PriorityClass = native_class(*limits.priority);
  }
  const std::pair<DWORD, const char*> names[] = {{JOB_OBJECT_LIMIT_JOB_MEMORY, "memory"},
                                                 {JOB_OBJECT_LIMIT_ACTIVE_PROCESS, "processes"},
                                                 {JOB_OBJECT_LIMIT_AFFINITY, "cpu_set"},
                                                 {JOB_OBJECT_LIMIT_JOB_TIME, "cpu_time"},
                                                 {JOB_OBJECT_LIMIT_PRIORITY_CLASS, "priority"}};
  const auto any = std::find_if(std::begin(names), std::end(names),
                                [flags](const auto& name) { return (flags & name.first) != 0; });
  const std::string first = any != std::end(names) ? any->second : "memory";
  if (!job.set(JobObjectExtendedLimitInformation, wanted)) {
    not_taken(first);
  }
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION held{};
  if (!job.query(JobObjectExtendedLimitInformation, held)) {
    not_taken(first);
  }
  for (const auto& [flag, name] : names) {
    if ((flags & flag) != 0 && (held.BasicLimitInformation.LimitFlags & flag) == 0) {
      not_held(name);
    }
  }
  if (limits.memory && held.JobMemoryLimit > wanted.JobMemoryLimit) {
    not_held("memory");
  }
  if (limits.processes && held.BasicLimitInformation.ActiveProcessLimit !=
                              wanted.BasicLimitInformation.ActiveProcessLimit) {
    not_held("processes");
  }
  if (limits.cpu_set &&
      held.BasicLimitInformation.Affinity != wanted.BasicLimitInformation.Affinity) {
    not_held("cpu_set");
  }
}

/// Weights of 1 to 10000, of which 100 is the ordinary one, as the system's 1 to 9 around 5: one
/// step is half or twice as much.
DWORD weight_of(unsigned weight) {
  constexpr double ordinary = 100;
  constexpr double middle = 5;
  return static_cast<DWORD>(std::clamp(std::lround(middle + std::log2(weight / ordinary)), 1L, 9L));
}

void set_cpu_rate(const Job& job, const Limits& limits) {
  if (limits.cpus && limits.cpu_weight) {
    refuse("cpu_weight", LimitProblem::unsupported,
           "a job object has a share of the CPUs or a cap, not both");
  }
  JOBOBJECT_CPU_RATE_CONTROL_INFORMATION wanted{};
  if (limits.cpus) {
    constexpr double whole = 10'000;  // all CPUs of the system
    const double cpus = ::GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    wanted.ControlFlags = JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP;
    wanted.CpuRate =
        static_cast<DWORD>(std::clamp(std::floor(*limits.cpus / cpus * whole), 1.0, whole));
  } else if (limits.cpu_weight) {
    wanted.ControlFlags =
        JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | JOB_OBJECT_CPU_RATE_CONTROL_WEIGHT_BASED;
    wanted.Weight = weight_of(*limits.cpu_weight);
  }
  JOBOBJECT_CPU_RATE_CONTROL_INFORMATION held{};
  const bool known = job.query(JobObjectCpuRateControlInformation, held);
  const bool off = wanted.ControlFlags == 0;
  if (off && (!known || (held.ControlFlags & JOB_OBJECT_CPU_RATE_CONTROL_ENABLE) == 0)) {
    return;  // nothing to be taken back
  }
  const char* const limit = limits.cpu_weight ? "cpu_weight" : "cpus";
  if (!job.set(JobObjectCpuRateControlInformation, wanted) ||
      !job.query(JobObjectCpuRateControlInformation, held)) {
    not_taken(limit);
  }
  if (held.ControlFlags != wanted.ControlFlags || held.CpuRate != wanted.CpuRate) {
    not_held(limit);
  }
}

void set_ui(const Job& job, const UiRestrictions& ui) {
  const JOBOBJECT_BASIC_UI_RESTRICTIONS wanted{native_restrictions(ui)};
  JOBOBJECT_BASIC_UI_RESTRICTIONS held{};
  const bool known = job.query(JobObjectBasicUIRestrictions, held);
  if (wanted.UIRestrictionsClass == 0 && (!known || held.UIRestrictionsClass == 0)) {
    return;  // nothing to be taken back
  }
  if (!job.set(JobObjectBasicUIRestrictions, wanted) ||
      !job.query(JobObjectBasicUIRestrictions, held)) {
    not_taken("ui");
  }
  if (held.UIRestrictionsClass != wanted.UIRestrictionsClass) {
    not_held("ui");
  }
}

/// Asks the system to note when the job has used as much memory as it may.
void note_violations(const Job& job, const Limits& limits) noexcept {
  JOBOBJECT_NOTIFICATION_LIMIT_INFORMATION wanted{};
  if (limits.memory) {
    wanted.LimitFlags = JOB_OBJECT_LIMIT_JOB_MEMORY;
    wanted.JobMemoryLimit = *limits.memory;
    // Where it does not, there is no evidence.
    (void)job.set(JobObjectNotificationLimitInformation, wanted);
  }
}

}  // namespace

void set_limits(const Job& job, const Limits& limits) {
  set_ui(job, limits.ui);
  set_cpu_rate(job, limits);
  set_extended(job, limits);
  note_violations(job, limits);
}

void report_limits(Guarantees& all) {
  // The system is the only one who knows which it takes: it is asked with a job without members.
  const std::pair<const char*, Limits> samples[] = {
      {"memory", {.memory = std::uint64_t{1} << 30}},
      {"processes", {.processes = 100}},
      {"cpus", {.cpus = 1.0}},
      {"cpu_weight", {.cpu_weight = 200}},
      {"cpu_set", {.cpu_set = std::vector<unsigned>{0}}},
      {"cpu_time", {.cpu_time = std::chrono::hours(1)}},
      {"priority", {.priority = PriorityClass::normal}},
      {"ui", {.ui = {.exit_windows = true}}},
  };
  for (const auto& [limit, sample] : samples) {
    try {
      set_limits(Job(), sample);
      all.limits.emplace_back(
          limit, Guarantee{true, "a limit of job objects, read back when it has been set", ""});
    } catch (const LimitRefused& refused) {
      const LimitRefusal& why = refused.refusal();
      all.limits.emplace_back(
          limit, Guarantee{false, why.reason + (why.error ? ": " + why.error.message() : ""), ""});
    }
  }
  report_missing_limits(all);
}

}  // namespace treehold::inline v0::platform
