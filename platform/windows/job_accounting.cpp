#include "platform/windows/job_accounting.hpp"

#include <cstdint>
#include <utility>

#include "platform/windows/system_time.hpp"

namespace treehold::inline v0::platform {
namespace {

/// JobObjectMemoryUsageInformation of newer systems (Windows 10, 1607), which not all headers have.
struct MemoryUsage {
  std::uint64_t now = 0;
  std::uint64_t peak = 0;
};
constexpr auto memory_usage_class = static_cast<JOBOBJECTINFOCLASS>(28);

}  // namespace

Statistics statistics_of(const Job& job) {
  Statistics all;
  JOBOBJECT_BASIC_AND_IO_ACCOUNTING_INFORMATION accounting{};
  const bool with_io = job.query(JobObjectBasicAndIoAccountingInformation, accounting);
  if (with_io || job.query(JobObjectBasicAccountingInformation, accounting.BasicInfo)) {
    all.processes = accounting.BasicInfo.ActiveProcesses;
    all.cpu_user = duration_of(accounting.BasicInfo.TotalUserTime);
    all.cpu_system = duration_of(accounting.BasicInfo.TotalKernelTime);
  }
  if (with_io) {
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
  if (limits.cpu_time) {
    JOBOBJECT_BASIC_ACCOUNTING_INFORMATION used{};
    Evidence evidence;
    if (job.query(JobObjectBasicAccountingInformation, used)) {
      const bool tripped = SystemTicks(used.ThisPeriodTotalUserTime.QuadPart) >= *limits.cpu_time;
      evidence = {tripped ? Tripped::yes : Tripped::no, tripped ? 1U : 0U,
                  "the CPU time that the job object counts"};
    } else {
      evidence.reason = "the system does not tell the CPU time";
    }
    all.emplace_back("cpu_time", evidence);
  }
  const std::pair<const char*, bool> uncounted[] = {
      {"processes", limits.processes.has_value()},   {"cpus", limits.cpus.has_value()},
      {"cpu_weight", limits.cpu_weight.has_value()}, {"cpu_set", limits.cpu_set.has_value()},
      {"priority", limits.priority.has_value()},     {"ui", limits.ui != UiRestrictions{}}};
  for (const auto& [limit, set] : uncounted) {
    if (set) {
      all.emplace_back(limit,
                       Evidence{Tripped::unknown, 0, "a job object does not count how often"});
    }
  }
  return all;
}

void report_statistics(Guarantees& all) {
  // The system is the only one who knows what it tells: it is asked of a job without members.
  const Statistics told = statistics_of(Job());
  const std::pair<const char*, bool> all_told[] = {
      {"processes", told.processes.has_value()},
      {"cpu", told.cpu_user.has_value()},
      {"memory", told.memory_peak.has_value()},
      {"io", told.io.has_value()},
  };
  for (const auto& [name, is_told] : all_told) {
    all.statistics.emplace_back(
        name,
        Guarantee{is_told, is_told ? "counted by the job object" : "this system does not tell it",
                  ""});
  }
  all.statistics.emplace_back("threads",
                              Guarantee{false, "a job object does not count threads", ""});
  all.statistics.emplace_back("pressure", Guarantee{false, "Windows does not measure it", ""});
}

}  // namespace treehold::inline v0::platform
