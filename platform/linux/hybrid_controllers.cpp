#include "platform/linux/hybrid_controllers.hpp"

#include <fcntl.h>
#include <libcgroup.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include <treehold/error.hpp>

#include "platform/linux/control_files.hpp"
#include "platform/linux/hierarchy.hpp"

namespace treehold::inline v0::platform {
namespace {

constexpr const char* swap_file = "memory.memsw.limit_in_bytes";

/// libcgroup keeps its tables in globals: one call at a time. They are read again before each
/// use, since hierarchies may have been mounted meanwhile.
class Libcgroup {
 public:
  Libcgroup() : lock_(mutex()) {
    // It would print to the host's standard output otherwise.
    ::cgroup_set_logger([](void*, int, const char*, va_list) {}, CGROUP_LOG_ERROR, nullptr);
    result_ = ::cgroup_init();
  }

  /// Makes `path` (below the mount) in the hierarchy of `controller`. An errno, 0 when it is there.
  [[nodiscard]] int make(const std::string& path, const std::string& controller) const {
    if (result_ != 0) {
      return ENOSYS;
    }
    const std::unique_ptr<::cgroup, FreeGroup> group(::cgroup_new_cgroup(path.c_str()));
    if (!group || ::cgroup_add_controller(group.get(), controller.c_str()) == nullptr) {
      return ENOMEM;
    }
    const int result = ::cgroup_create_cgroup(group.get(), 1);
    if (result == 0) {
      return 0;
    }
    return result == ECGOTHER && ::cgroup_get_last_errno() != 0 ? ::cgroup_get_last_errno()
                                                                : EACCES;
  }

  /// Where `controller` is mounted; empty where it is not.
  [[nodiscard]] std::string mount_point(const std::string& controller) const {
    char* point = nullptr;
    if (result_ != 0 || ::cgroup_get_subsys_mount_point(controller.c_str(), &point) != 0) {
      return {};
    }
    const std::unique_ptr<char, FreeText> owned(point);
    return point;
  }

 private:
  struct FreeGroup {
    void operator()(::cgroup* group) const noexcept { ::cgroup_free(&group); }
  };
  struct FreeText {
    void operator()(char* text) const noexcept { std::free(text); }  // NOLINT: malloc'ed
  };
  static std::mutex& mutex() {
    static auto* const instance = new std::mutex;  // never destroyed: static groups may end later
    return *instance;
  }

  const std::lock_guard<std::mutex> lock_;
  int result_ = 0;
};

class HybridControllers final : public Controllers {
 public:
  HybridControllers(const ControllerSet& wanted, const Limits& limits, std::string umbrella,
                    std::string group)
      : umbrella_(std::move(umbrella)), group_(std::move(group)) {
    const Libcgroup library;
    for (const Controller controller : wanted) {
      make(library, controller, limits);
    }
  }
  ~HybridControllers() override { remove(); }
  HybridControllers(const HybridControllers&) = delete;
  HybridControllers& operator=(const HybridControllers&) = delete;

  void count(Statistics& statistics) const override {
    if (const CgroupDir* memory = find(Controller::memory)) {
      statistics.memory = number_in(*memory, "memory.usage_in_bytes");
      statistics.memory_peak = number_in(*memory, "memory.max_usage_in_bytes");
      const auto both = number_in(*memory, "memory.memsw.usage_in_bytes");
      if (both && statistics.memory) {
        statistics.swap = *both > *statistics.memory ? *both - *statistics.memory : 0;
      }
    }
    if (const CgroupDir* pids = find(Controller::pids)) {
      statistics.threads = number_in(*pids, "pids.current");
      statistics.threads_peak = number_in(*pids, "pids.peak");
    }
    if (const CgroupDir* cpu = find(Controller::cpu)) {
      if (const auto throttled = number_of(*cpu, "cpu.stat", "throttled_time")) {
        statistics.cpu_throttled = std::chrono::duration_cast<std::chrono::microseconds>(
            std::chrono::nanoseconds(*throttled));
      }
    }
  }

  [[nodiscard]] LimitEvidence evidence(const Limits& limits) const override {
    LimitEvidence all;
    const auto entry = [&all](const char* limit, const std::optional<std::uint64_t>& times,
                              const char* source) {
      const Tripped tripped = !times ? Tripped::unknown : *times > 0 ? Tripped::yes : Tripped::no;
      all.emplace_back(limit, Evidence{tripped, times.value_or(0), source});
    };
    if (find(Controller::memory) != nullptr) {
      const MemoryKills kills = memory_kills();
      if (limits.memory) {
        entry("memory", kills.at_own_limit,
              "memory.oom_control: oom_kill, with memory.max_usage_in_bytes");
      }
      if (limits.swap) {
        entry("swap", std::nullopt, "version 1 does not tell it from memory");
      }
      entry("outside_memory", kills.outside,
            "memory.oom_control: oom_kill, below memory.limit_in_bytes");
    }
    if (const CgroupDir* pids = find(Controller::pids); pids != nullptr && limits.processes) {
      all.emplace_back("processes", process_evidence(*pids, *limits.processes));
    }
    if (const CgroupDir* cpu = find(Controller::cpu); cpu != nullptr && limits.cpus) {
      entry("cpus", number_of(*cpu, "cpu.stat", "nr_throttled"), "cpu.stat: nr_throttled");
    }
    if (limits.cpu_weight) {
      entry("cpu_weight", std::nullopt, "the kernel does not count when it acts");
    }
    return all;
  }

  [[nodiscard]] MemoryKills memory_kills() const override {
    const CgroupDir* memory = find(Controller::memory);
    if (memory == nullptr) {
      return {};
    }
    const std::uint64_t kills = number_of(*memory, "memory.oom_control", "oom_kill").value_or(0);
    // failcnt is not counted any more by late kernels (seen on 6.18): the peak tells as well.
    const auto was_met = [memory](const char* peak, const char* limit) {
      constexpr std::uint64_t largest_charge = std::uint64_t{64} * 1024;
      const auto reached = number_in(*memory, peak);
      const auto allowed = number_in(*memory, limit);
      return reached && allowed && *reached + largest_charge > *allowed;
    };
    const bool met = was_met("memory.max_usage_in_bytes", "memory.limit_in_bytes") ||
                     was_met("memory.memsw.max_usage_in_bytes", swap_file);
    return met ? MemoryKills{kills, 0} : MemoryKills{0, kills};
  }

  [[nodiscard]] std::vector<UniqueFd> entrances() const override {
    std::vector<UniqueFd> files;
    for (const auto& [controller, made] : made_) {
      UniqueFd file = above_standard(made.directory.open_file("tasks", O_WRONLY));
      if (!file) {
        throw SpawnFailed(SpawnStage::container, last_error(), made.path + "/tasks");
      }
      files.push_back(std::move(file));
    }
    return files;
  }

  [[nodiscard]] bool has_entrances() const noexcept override { return true; }

  [[nodiscard]] UniqueFd process_count() const override {
    const CgroupDir* pids = find(Controller::pids);
    return pids != nullptr ? above_standard(pids->open_file("pids.current", O_RDONLY)) : UniqueFd();
  }

  [[nodiscard]] std::uint64_t most_processes() const override {
    const CgroupDir* pids = find(Controller::pids);
    const auto most = pids != nullptr ? number_in(*pids, "pids.max") : std::nullopt;
    return most.value_or(~std::uint64_t{0});
  }

  bool remove() noexcept override {
    for (auto at = made_.begin(); at != made_.end();) {
      if (!at->second.umbrella.remove_child(group_)) {
        return false;
      }
      // The last group of the umbrella takes it along; it fails while there are others.
      (void)::rmdir(at->second.umbrella_path.c_str());
      at = made_.erase(at);
    }
    return true;
  }

 protected:
  [[nodiscard]] std::vector<ControlValue> values_of(const Limits& limits) const override {
    std::vector<ControlValue> values;
    const auto set = [this, &values](const char* limit, Controller controller, const char* file,
                                     std::string value) {
      if (find(controller) == nullptr) {
        throw refused(limit, controller, "the group was made without this controller");
      }
      values.push_back({limit, controller, file, std::move(value)});
    };
    if (limits.swap && !limits.memory) {
      throw refused("swap", Controller::memory, "version 1 limits swap only together with memory");
    }
    if (limits.memory) {
      const std::uint64_t both = *limits.memory + limits.swap.value_or(0);
      const bool swaps = limits.swap || must_limit_swap(directory(Controller::memory), swap_file);
      if (swaps) {  // memory may never be above both: out of the way first
        set("swap", Controller::memory, swap_file, "-1");
      }
      set("memory", Controller::memory, "memory.limit_in_bytes", std::to_string(*limits.memory));
      if (swaps) {
        set("swap", Controller::memory, swap_file, std::to_string(both));
      }
    }
    if (limits.memory_high) {
      throw refused("memory_high", Controller::memory, "version 1 of the controller has none");
    }
    if (limits.oom_kills_group.value_or(false)) {
      throw refused("oom_kills_group", Controller::memory,
                    "version 1 of the controller kills single processes");
    }
    if (limits.processes) {
      set("processes", Controller::pids, "pids.max", std::to_string(*limits.processes));
    }
    if (limits.cpus) {
      set("cpus", Controller::cpu, "cpu.cfs_quota_us",
          std::to_string(std::llround(*limits.cpus * quota_period)));
    }
    if (limits.cpu_weight) {  // 100 and 1024 are what the kernel gives a new group
      set("cpu_weight", Controller::cpu, "cpu.shares",
          std::to_string(
              std::max<std::uint64_t>(2, *limits.cpu_weight * std::uint64_t{1024} / 100)));
    }
    return values;
  }

  [[nodiscard]] std::string value_at_first(const ControlValue& value) const override {
    if (value.controller == Controller::pids) {
      return "max";
    }
    return value.file == "cpu.shares" ? "1024" : "-1";
  }

  [[nodiscard]] const CgroupDir& directory(Controller controller) const override {
    static const CgroupDir none;
    const CgroupDir* found = find(controller);
    return found != nullptr ? *found : none;
  }
  [[nodiscard]] std::string path(Controller controller) const override {
    const auto found = made_.find(controller);
    return found != made_.end() ? found->second.path : hybrid_place(controller);
  }

 private:
  struct Made {
    std::string umbrella_path;
    std::string path;
    CgroupDir umbrella;
    CgroupDir directory;
  };

  void make(const Libcgroup& library, Controller controller, const Limits& limits) {
    const std::string name(to_string(controller));
    const std::string place = hybrid_place(controller);
    const std::optional<OwnCgroup> own = own_v1_cgroup(name);
    const std::optional<std::string> below = own ? own->below_mount() : std::nullopt;
    const std::string path = below.value_or("") + "/" + umbrella_ + "/" + group_;
    int error = library.mount_point(name).empty() ? ENODEV : ENOENT;
    // Another group may take the umbrella along between the two directories that are made here.
    for (int attempt = 0; error == ENOENT && attempt < 8; ++attempt) {
      error = library.make(path.substr(1), name);
    }
    Made made;
    if (error == 0) {
      made.umbrella_path = place + "/" + umbrella_;
      made.path = made.umbrella_path + "/" + group_;
      made.umbrella = CgroupDir::open(made.umbrella_path);
      made.directory = made.umbrella ? made.umbrella.open_child(group_) : CgroupDir();
      error = made.directory ? 0 : errno;
    }
    if (error != 0) {
      remove();
      LimitRefusal refusal;
      refusal.limit = limit_needing(limits, controller);
      refusal.reason = "a group cannot be made";
      refusal.problem = LimitProblem::unenforceable;
      refusal.controller = name;
      refusal.path = place;
      refusal.error = {error, boost::system::system_category()};
      throw LimitRefused(std::move(refusal));
    }
    made_.emplace(controller, std::move(made));
  }

  [[nodiscard]] const CgroupDir* find(Controller controller) const {
    const auto found = made_.find(controller);
    return found != made_.end() ? &found->second.directory : nullptr;
  }

  [[nodiscard]] static LimitRefused refused(const char* limit, Controller controller,
                                            const char* reason) {
    LimitRefusal refusal;
    refusal.limit = limit;
    refusal.problem = LimitProblem::unsupported;
    refusal.reason = reason;
    refusal.controller = to_string(controller);
    refusal.path = hybrid_place(controller);
    refusal.remedy = "run with a unified cgroup hierarchy";
    return LimitRefused(std::move(refusal));
  }

  const std::string umbrella_;
  const std::string group_;
  std::map<Controller, Made> made_;
};

}  // namespace

std::string hybrid_place(Controller controller) {
  const std::optional<OwnCgroup> own = own_v1_cgroup(to_string(controller));
  return own ? own->directory().value_or("") : "";
}

std::optional<HybridProblem> hybrid_problem(Controller controller) {
  const std::string name(to_string(controller));
  if (controller == Controller::cpuset || controller == Controller::io) {
    return HybridProblem{"", "version 1 of the controller " + name + " is not used", {}};
  }
  const std::optional<OwnCgroup> own = own_v1_cgroup(name);
  if (!own || own->mount_point.empty()) {
    return HybridProblem{
        "", "no hierarchy of version 1 with the controller " + name + " is mounted", {}};
  }
  if (!own->below_mount()) {
    return HybridProblem{own->mount_point, "the own cgroup " + own->path + " is outside of it", {}};
  }
  const std::string place = hybrid_place(controller);
  if (::faccessat(AT_FDCWD, place.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    return HybridProblem{place, "no group can be made here", last_error()};
  }
  return std::nullopt;
}

std::unique_ptr<Controllers> hybrid_controllers(const ControllerSet& wanted, const Limits& limits,
                                                const std::string& umbrella,
                                                const std::string& group) {
  return std::make_unique<HybridControllers>(wanted, limits, umbrella, group);
}

}  // namespace treehold::inline v0::platform
