#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cmath>
#include <utility>

#include <treehold/error.hpp>

#include "platform/linux/control_files.hpp"
#include "platform/linux/controllers.hpp"

namespace treehold::inline v0::platform {
namespace {

std::string bytes_or_rate(const std::optional<std::uint64_t>& value) {
  return value ? std::to_string(*value) : "max";
}

/// MAJOR:MINOR of a device.
std::string device_numbers(const std::string& device) {
  struct stat status {};
  if (device.find('/') == std::string::npos) {
    return device;
  }
  const bool found = ::stat(device.c_str(), &status) == 0;
  if (!found || !S_ISBLK(status.st_mode)) {
    LimitRefusal refusal;
    refusal.limit = "io";
    refusal.problem = LimitProblem::invalid;
    refusal.path = device;
    refusal.controller = "io";
    if (found) {
      refusal.reason = "is no block device";
    } else {
      refusal.error = last_error();
    }
    throw LimitRefused(std::move(refusal));
  }
  return std::to_string(major(status.st_rdev)) + ":" + std::to_string(minor(status.st_rdev));
}

std::string io_value(const IoLimit& limit) {
  return device_numbers(limit.device) + " rbps=" + bytes_or_rate(limit.read_bytes_per_second) +
         " wbps=" + bytes_or_rate(limit.write_bytes_per_second) +
         " riops=" + bytes_or_rate(limit.reads_per_second) +
         " wiops=" + bytes_or_rate(limit.writes_per_second);
}

std::string cpu_list(const std::vector<unsigned>& cpus) {
  std::string text;
  for (const unsigned cpu : cpus) {
    text += (text.empty() ? "" : ",") + std::to_string(cpu);
  }
  return text;
}

class UnifiedControllers final : public Controllers {
 public:
  UnifiedControllers(const CgroupDir& group, std::string path)
      : group_(group), path_(std::move(path)) {}

  void count(Statistics& statistics) const override {
    statistics.memory = number_in(group_, "memory.current");
    statistics.memory_peak = number_in(group_, "memory.peak");
    statistics.swap = number_in(group_, "memory.swap.current");
    statistics.threads = number_in(group_, "pids.current");
    statistics.threads_peak = number_in(group_, "pids.peak");
    statistics.io = io_use(group_);
    if (const auto throttled = number_of(group_, "cpu.stat", "throttled_usec")) {
      statistics.cpu_throttled = std::chrono::microseconds(*throttled);
    }
  }

  [[nodiscard]] LimitEvidence evidence(const Limits& limits) const override {
    LimitEvidence all;
    const std::optional<std::string> memory = group_.read("memory.events");
    const auto counted = [](const std::optional<std::uint64_t>& times, const char* source) {
      if (!times) {
        return Evidence{Tripped::unknown, 0, std::string(source) + " cannot be read"};
      }
      return Evidence{*times > 0 ? Tripped::yes : Tripped::no, *times, source};
    };
    const auto in_memory = [&memory](const char* key) {
      return memory ? number_after(*memory, key) : std::nullopt;
    };
    if (limits.memory) {
      all.emplace_back("memory", counted(in_memory("oom"), "memory.events: oom"));
    }
    if (limits.swap) {
      all.emplace_back("swap", counted(number_of(group_, "memory.swap.events", "max"),
                                       "memory.swap.events: max"));
    }
    if (limits.memory_high) {
      all.emplace_back("memory_high", counted(in_memory("high"), "memory.events: high"));
    }
    if (limits.processes) {
      all.emplace_back("processes", process_evidence(group_, *limits.processes));
    }
    if (limits.cpus) {
      all.emplace_back(
          "cpus", counted(number_of(group_, "cpu.stat", "nr_throttled"), "cpu.stat: nr_throttled"));
    }
    for (const char* silent : {"cpu_weight", "cpu_set", "io"}) {
      const bool set = (silent == std::string_view("cpu_weight") && limits.cpu_weight) ||
                       (silent == std::string_view("cpu_set") && limits.cpu_set) ||
                       (silent == std::string_view("io") && !limits.io.empty());
      if (set) {
        all.emplace_back(silent,
                         Evidence{Tripped::unknown, 0, "the kernel does not count when it acts"});
      }
    }
    if (memory) {
      all.emplace_back("outside_memory", outside_evidence(memory));
    }
    return all;
  }

  [[nodiscard]] MemoryKills memory_kills() const override {
    const std::optional<std::string> memory = group_.read("memory.events");
    if (!memory) {
      return {};
    }
    const std::uint64_t kills = number_after(*memory, "oom_kill").value_or(0);
    return number_after(*memory, "oom").value_or(0) > 0 ? MemoryKills{kills, 0}
                                                        : MemoryKills{0, kills};
  }

  [[nodiscard]] UniqueFd process_count() const override {
    return above_standard(group_.open_file("pids.current", O_RDONLY));
  }

  [[nodiscard]] std::uint64_t most_processes() const override {
    return number_in(group_, "pids.max").value_or(~std::uint64_t{0});
  }

 protected:
  [[nodiscard]] std::vector<ControlValue> values_of(const Limits& limits) const override {
    std::vector<ControlValue> values;
    const auto set = [&values](const char* limit, Controller controller, const char* file,
                               std::string value) {
      values.push_back({limit, controller, file, std::move(value)});
    };
    if (limits.memory) {
      // Which processes end when the limit is met stands before the limit.
      set("oom_kills_group", Controller::memory, "memory.oom.group",
          limits.oom_kills_group.value_or(true) ? "1" : "0");
    }
    if (limits.swap || (limits.memory && must_limit_swap(group_, "memory.swap.max"))) {
      set("swap", Controller::memory, "memory.swap.max", std::to_string(limits.swap.value_or(0)));
    }
    if (limits.memory_high) {
      set("memory_high", Controller::memory, "memory.high", std::to_string(*limits.memory_high));
    }
    if (limits.memory) {
      set("memory", Controller::memory, "memory.max", std::to_string(*limits.memory));
    }
    if (limits.processes) {
      set("processes", Controller::pids, "pids.max", std::to_string(*limits.processes));
    }
    if (limits.cpus) {
      const auto quota = static_cast<std::uint64_t>(std::llround(*limits.cpus * quota_period));
      set("cpus", Controller::cpu, "cpu.max",
          std::to_string(quota) + " " + std::to_string(quota_period));
    }
    if (limits.cpu_weight) {
      set("cpu_weight", Controller::cpu, "cpu.weight", std::to_string(*limits.cpu_weight));
    }
    if (limits.cpu_set) {
      set("cpu_set", Controller::cpuset, "cpuset.cpus", cpu_list(*limits.cpu_set));
    }
    for (const IoLimit& limit : limits.io) {
      set("io", Controller::io, "io.max", io_value(limit));
    }
    return values;
  }

  [[nodiscard]] std::string value_at_first(const ControlValue& value) const override {
    if (value.file == "memory.oom.group") {
      return "0";
    }
    if (value.file == "cpu.max") {
      return "max " + std::to_string(quota_period);
    }
    if (value.file == "cpu.weight") {
      return "100";
    }
    if (value.file == "cpuset.cpus") {
      return "\n";
    }
    if (value.file == "io.max") {
      return value.value.substr(0, value.value.find(' ')) +
             " rbps=max wbps=max riops=max wiops=max";
    }
    return "max";
  }

  [[nodiscard]] const CgroupDir& directory(Controller /*controller*/) const override {
    return group_;
  }
  [[nodiscard]] std::string path(Controller /*controller*/) const override { return path_; }

 private:
  /// Where the kernel cannot account for swap, a limit of memory holds only without any.
  [[nodiscard]] static Evidence outside_evidence(const std::optional<std::string>& memory) {
    const auto oom = memory ? number_after(*memory, "oom") : std::nullopt;
    const auto kills = memory ? number_after(*memory, "oom_kill") : std::nullopt;
    if (!oom || !kills) {
      return {Tripped::unknown, 0, "memory.events cannot be read"};
    }
    if (*oom > 0) {
      return {*kills > 0 ? Tripped::unknown : Tripped::no, 0,
              "memory.events: the group has met its own limit, too"};
    }
    return {*kills > 0 ? Tripped::yes : Tripped::no, *kills, "memory.events: oom_kill"};
  }

  const CgroupDir& group_;
  const std::string path_;
};

}  // namespace

std::unique_ptr<Controllers> unified_controllers(const CgroupDir& group, std::string path) {
  return std::make_unique<UnifiedControllers>(group, std::move(path));
}

}  // namespace treehold::inline v0::platform
