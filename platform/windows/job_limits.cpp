#include "platform/windows/job_limits.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include <treehold/error.hpp>

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

struct Lacking {
  const char* limit;
  bool wanted;
  const char* reason;
};

/// What job objects do not have.
std::vector<Lacking> lacking(const Limits& limits) {
  return {
      {"swap", limits.swap.has_value(), "a job object counts memory and its swap as one"},
      {"memory_high", limits.memory_high.has_value(), "a job object reclaims nothing"},
      {"oom_kills_group", limits.oom_kills_group.has_value(),
       "above the limit of a job an allocation fails, and nobody is ended"},
      {"io", !limits.io.empty(), "limits of transfers have been taken out of Windows"},
  };
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
  const std::pair<DWORD, const char*> names[] = {{JOB_OBJECT_LIMIT_JOB_MEMORY, "memory"},
                                                 {JOB_OBJECT_LIMIT_ACTIVE_PROCESS, "processes"},
                                                 {JOB_OBJECT_LIMIT_AFFINITY, "cpu_set"}};
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

/// JobObjectMemoryUsageInformation of newer systems (Windows 10, 1607), which not all headers have.
struct MemoryUsage {
  std::uint64_t now = 0;
  std::uint64_t peak = 0;
};
constexpr auto memory_usage_class = static_cast<JOBOBJECTINFOCLASS>(28);

std::chrono::microseconds duration_of(const LARGE_INTEGER& ticks) noexcept {
  constexpr LONGLONG ticks_per_microsecond = 10;
  return std::chrono::microseconds(ticks.QuadPart / ticks_per_microsecond);
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
  for (const Lacking& one : lacking(limits)) {
    if (one.wanted) {
      refuse(one.limit, LimitProblem::unsupported, one.reason);
    }
  }
  set_cpu_rate(job, limits);
  set_extended(job, limits);
  note_violations(job, limits);
}

Statistics statistics_of(const Job& job) {
  Statistics all;
  JOBOBJECT_BASIC_AND_IO_ACCOUNTING_INFORMATION accounting{};
  if (job.query(JobObjectBasicAndIoAccountingInformation, accounting)) {
    all.processes = accounting.BasicInfo.ActiveProcesses;
    all.cpu_user = duration_of(accounting.BasicInfo.TotalUserTime);
    all.cpu_system = duration_of(accounting.BasicInfo.TotalKernelTime);
    all.io = IoUse{accounting.IoInfo.ReadTransferCount, accounting.IoInfo.WriteTransferCount,
                   accounting.IoInfo.ReadOperationCount, accounting.IoInfo.WriteOperationCount};
  }
  MemoryUsage memory;
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
  if (job.query(memory_usage_class, memory)) {
    all.memory = memory.now;
    all.memory_peak = memory.peak;
  } else if (job.query(JobObjectExtendedLimitInformation, limits)) {
    all.memory_peak = limits.PeakJobMemoryUsed;
  }
  return all;
}

LimitEvidence evidence_of(const Job& job, const Limits& limits) {
  LimitEvidence all;
  if (limits.memory) {
    JOBOBJECT_LIMIT_VIOLATION_INFORMATION violation{};
    Evidence evidence;
    if (job.query(JobObjectLimitViolationInformation, violation) &&
        (violation.LimitFlags & JOB_OBJECT_LIMIT_JOB_MEMORY) != 0) {
      const bool tripped = (violation.ViolationLimitFlags & JOB_OBJECT_LIMIT_JOB_MEMORY) != 0;
      evidence = {tripped ? Tripped::yes : Tripped::no, tripped ? 1U : 0U,
                  "JOBOBJECT_LIMIT_VIOLATION_INFORMATION"};
    } else {
      evidence.reason = "the system does not note when a job has used all it may";
    }
    all.emplace_back("memory", evidence);
  }
  const std::pair<const char*, bool> uncounted[] = {{"processes", limits.processes.has_value()},
                                                    {"cpus", limits.cpus.has_value()},
                                                    {"cpu_weight", limits.cpu_weight.has_value()},
                                                    {"cpu_set", limits.cpu_set.has_value()}};
  for (const auto& [limit, set] : uncounted) {
    if (set) {
      all.emplace_back(limit,
                       Evidence{Tripped::unknown, 0, "a job object does not count how often"});
    }
  }
  return all;
}

void report_limits(Guarantees& all) {
  // The system is the only one who knows which it takes: it is asked with a job without members.
  const std::pair<const char*, Limits> samples[] = {
      {"memory", {.memory = std::uint64_t{1} << 30}},
      {"processes", {.processes = 100}},
      {"cpus", {.cpus = 1.0}},
      {"cpu_weight", {.cpu_weight = 200}},
      {"cpu_set", {.cpu_set = std::vector<unsigned>{0}}},
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
  for (const Lacking& one : lacking({})) {
    all.limits.emplace_back(one.limit, Guarantee{false, one.reason, ""});
  }
  for (const char* counted : {"processes", "cpu", "memory", "io"}) {
    all.statistics.emplace_back(counted, Guarantee{true, "counted by the job object", ""});
  }
  all.statistics.emplace_back("threads",
                              Guarantee{false, "a job object does not count threads", ""});
  all.statistics.emplace_back("pressure", Guarantee{false, "Windows does not measure it", ""});
}

}  // namespace treehold::inline v0::platform
