#include "platform/linux/controllers.hpp"

#include <algorithm>
#include <cerrno>
#include <sstream>

#include <treehold/error.hpp>

#include "platform/limit_names.hpp"
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

bool lists(const std::string& file, Controller controller) {
  std::istringstream words(file);
  for (std::string word; words >> word;) {
    if (word == to_string(controller)) {
      return true;
    }
  }
  return false;
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

ControllerSet all_controllers() {
  ControllerSet all;
  for (const LimitController& limit : limit_controllers()) {
    all.insert(limit.controller);
  }
  return all;
}

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

/// What leads from `before` to `wanted`: as in a new group what is not wanted any more, and then
/// what is. Devices share a file, which keeps a line for each.
std::vector<ControlValue> Controllers::steps(const std::vector<ControlValue>& before,
                                             const std::vector<ControlValue>& wanted) const {
  std::vector<ControlValue> all;
  for (const ControlValue& value : before) {
    const bool overwritten =
        value.file != "io.max" && std::any_of(wanted.begin(), wanted.end(), [&](const auto& other) {
          return other.controller == value.controller && other.file == value.file;
        });
    if (!overwritten) {
      all.push_back(value);
      all.back().value = value_at_first(value);
    }
  }
  all.insert(all.end(), wanted.begin(), wanted.end());
  return all;
}

bool Controllers::write(const ControlValue& value) const {
  return directory(value.controller).write(value.file.c_str(), value.value.c_str());
}

void Controllers::replace(const Limits& before, const Limits& wanted) const {
  const std::vector<ControlValue> now = values_of(before);
  const std::vector<ControlValue> there = steps(now, values_of(wanted));
  const auto refused = std::find_if_not(there.begin(), there.end(),
                                        [this](const ControlValue& value) { return write(value); });
  if (refused == there.end()) {
    return;
  }
  LimitRefusal refusal;
  refusal.error = last_error();
  refusal.limit = refused->limit;
  refusal.problem = errno == ENOENT ? LimitProblem::unsupported : LimitProblem::unenforceable;
  refusal.reason = "the kernel refuses " + refused->value;
  refusal.controller = to_string(refused->controller);
  refusal.path = path(refused->controller) + "/" + refused->file;
  for (const ControlValue& value : steps({there.begin(), refused}, now)) {
    if (!write(value)) {
      log_event(LogLevel::warning, "limit {} was not put back: {}", value.limit,
                last_error().message());
    }
  }
  throw LimitRefused(std::move(refusal));
}

}  // namespace treehold::inline v0::platform
