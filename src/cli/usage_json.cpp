#include "src/cli/usage_json.hpp"

#include <chrono>
#include <optional>
#include <utility>

#include <boost/json.hpp>

#include "src/cli/duration.hpp"
#include "src/cli/limit_text.hpp"
#include "src/cli/utf8.hpp"

namespace treehold::cli {
namespace {

namespace json = boost::json;

template <class Count, class Period>
double to_json_number(std::chrono::duration<Count, Period> duration) {
  return in_seconds(duration);
}
template <class Number>
Number to_json_number(Number value) {
  return value;
}

/// A member for what is known.
template <class Value>
void add(json::object& object, const char* name, const std::optional<Value>& value) {
  if (value) {
    object[name] = to_json_number(*value);
  }
}

json::object to_object(const Pressure& pressure) {
  return {{"some_seconds", to_json_number(pressure.some)},
          {"full_seconds", to_json_number(pressure.full)},
          {"some_percent", pressure.some_percent},
          {"full_percent", pressure.full_percent}};
}

void add(json::object& object, const char* name, const std::optional<Pressure>& pressure) {
  if (pressure) {
    object[name] = to_object(*pressure);
  }
}

json::object to_object(const IoLimit& limit) {
  json::object object{{"device", as_utf8(limit.device)}};
  add(object, "read_bytes_per_second", limit.read_bytes_per_second);
  add(object, "write_bytes_per_second", limit.write_bytes_per_second);
  add(object, "reads_per_second", limit.reads_per_second);
  add(object, "writes_per_second", limit.writes_per_second);
  return object;
}

const char* to_text(Tripped tripped) {
  switch (tripped) {
    case Tripped::no: return "no";
    case Tripped::yes: return "yes";
    case Tripped::unknown: break;
  }
  return "unknown";
}

}  // namespace

json::object to_object(const Limits& limits) {
  json::object object;
  add(object, "memory", limits.memory);
  add(object, "swap", limits.swap);
  add(object, "memory_high", limits.memory_high);
  add(object, "oom_kills_group", limits.oom_kills_group);
  add(object, "processes", limits.processes);
  add(object, "cpus", limits.cpus);
  add(object, "cpu_weight", limits.cpu_weight);
  if (limits.cpu_set) {
    object["cpu_set"] = json::array(limits.cpu_set->begin(), limits.cpu_set->end());
  }
  if (!limits.io.empty()) {
    json::array devices;
    for (const IoLimit& limit : limits.io) {
      devices.push_back(to_object(limit));
    }
    object["io"] = std::move(devices);
  }
  add(object, "cpu_time_seconds", limits.cpu_time);
  if (limits.priority) {
    object["priority"] = to_text(*limits.priority);
  }
  if (limits.ui != UiRestrictions{}) {
    const auto names = names_of(limits.ui);
    object["ui"] = json::array(names.begin(), names.end());
  }
  return object;
}

json::object to_object(const Statistics& statistics) {
  json::object object;
  add(object, "processes", statistics.processes);
  add(object, "threads", statistics.threads);
  add(object, "threads_peak", statistics.threads_peak);
  add(object, "cpu_user_seconds", statistics.cpu_user);
  add(object, "cpu_system_seconds", statistics.cpu_system);
  add(object, "cpu_throttled_seconds", statistics.cpu_throttled);
  add(object, "memory_bytes", statistics.memory);
  add(object, "memory_peak_bytes", statistics.memory_peak);
  add(object, "swap_bytes", statistics.swap);
  if (statistics.io) {
    object["io"] = {{"read_bytes", statistics.io->read_bytes},
                    {"written_bytes", statistics.io->written_bytes},
                    {"reads", statistics.io->reads},
                    {"writes", statistics.io->writes}};
  }
  add(object, "cpu_pressure", statistics.cpu_pressure);
  add(object, "memory_pressure", statistics.memory_pressure);
  add(object, "io_pressure", statistics.io_pressure);
  return object;
}

json::object to_object(const LimitEvidence& evidence) {
  json::object object;
  for (const auto& [limit, found] : evidence) {
    json::object entry{{"tripped", to_text(found.tripped)}};
    if (found.tripped != Tripped::unknown) {
      entry["times"] = found.times;
    }
    entry["reason"] = found.reason;
    object[limit] = std::move(entry);
  }
  return object;
}

}  // namespace treehold::cli
