#include "platform/linux/controllers.hpp"

#include <algorithm>
#include <cerrno>

#include <treehold/error.hpp>

#include "src/log.hpp"

namespace treehold::inline v0::platform {

std::string_view to_string(Controller controller) noexcept {
  switch (controller) {
    case Controller::memory: return "memory";
    case Controller::pids: return "pids";
    case Controller::cpu: return "cpu";
    case Controller::cpuset: return "cpuset";
    case Controller::io: break;
  }
  return "io";
}

std::string to_string(const ControllerSet& controllers) {
  std::string text;
  for (const Controller controller : controllers) {
    text += (text.empty() ? "" : " ") + std::string(to_string(controller));
  }
  return text;
}

const std::vector<LimitController>& limit_controllers() {
  static const std::vector<LimitController> all{
      {"memory", Controller::memory},
      {"swap", Controller::memory},
      {"memory_high", Controller::memory},
      {"oom_kills_group", Controller::memory},
      {"processes", Controller::pids},
      {"cpus", Controller::cpu},
      {"cpu_weight", Controller::cpu},
      {"cpu_set", Controller::cpuset},
      {"io", Controller::io},
  };
  return all;
}

namespace {

bool is_set(const Limits& limits, std::string_view limit) {
  return (limit == "memory" && limits.memory) || (limit == "swap" && limits.swap) ||
         (limit == "memory_high" && limits.memory_high) ||
         (limit == "oom_kills_group" && limits.oom_kills_group) ||
         (limit == "processes" && limits.processes) || (limit == "cpus" && limits.cpus) ||
         (limit == "cpu_weight" && limits.cpu_weight) || (limit == "cpu_set" && limits.cpu_set) ||
         (limit == "io" && !limits.io.empty());
}

}  // namespace

ControllerSet needed_by(const Limits& limits) {
  ControllerSet needed;
  for (const LimitController& known : limit_controllers()) {
    if (is_set(limits, known.limit)) {
      needed.insert(known.controller);
    }
  }
  return needed;
}

std::string limit_needing(const Limits& limits, Controller controller) {
  for (const LimitController& known : limit_controllers()) {
    if (known.controller == controller && is_set(limits, known.limit)) {
      return known.limit;
    }
  }
  return "accounting";
}

void Controllers::replace(const Limits& before, const Limits& wanted) const {
  const std::vector<ControlValue> now = values_of(before);
  const std::vector<ControlValue> next = values_of(wanted);
  const auto write = [this](const ControlValue& value) {
    return directory(value.controller).write(value.file.c_str(), value.value.c_str());
  };
  // As in a new group, and then what is wanted: a limit that is absent is none.
  const auto written_by = [](const std::vector<ControlValue>& values, const ControlValue& value) {
    return std::any_of(values.begin(), values.end(), [&value](const ControlValue& other) {
      return other.controller == value.controller && other.file == value.file;
    });
  };
  std::vector<ControlValue> steps;
  for (const ControlValue& value : now) {
    if (!written_by(next, value) || value.file == "io.max") {
      steps.push_back(value);
      steps.back().value = value_at_first(value);
    }
  }
  steps.insert(steps.end(), next.begin(), next.end());
  for (std::size_t done = 0; done < steps.size(); ++done) {
    if (write(steps[done])) {
      continue;
    }
    LimitRefusal refusal;
    refusal.error = last_error();
    refusal.limit = steps[done].limit;
    refusal.problem = errno == ENOENT ? LimitProblem::unsupported : LimitProblem::unenforceable;
    refusal.reason = "the kernel refuses " + steps[done].value;
    refusal.controller = to_string(steps[done].controller);
    refusal.path = path(steps[done].controller) + "/" + steps[done].file;
    for (std::size_t i = 0; i < done; ++i) {
      if (!written_by(now, steps[i]) || steps[i].file == "io.max") {
        ControlValue first = steps[i];
        first.value = value_at_first(first);
        (void)write(first);
      }
    }
    for (const ControlValue& value : now) {
      if (!write(value)) {
        log_event(LogLevel::warning, "limit {} was not put back: {}", value.limit,
                  last_error().message());
      }
    }
    throw LimitRefused(std::move(refusal));
  }
}

}  // namespace treehold::inline v0::platform
