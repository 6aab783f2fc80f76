#include "src/cli/report.hpp"

#include <boost/json.hpp>

#include <treehold/signal.hpp>

#include "src/cli/duration.hpp"
#include "src/cli/usage_json.hpp"
#include "src/cli/utf8.hpp"

namespace treehold::cli {
namespace {

namespace json = boost::json;

json::object to_object(const Guarantee& guarantee) {
  json::object object{{"holds", guarantee.holds}, {"reason", guarantee.reason}};
  if (!guarantee.remedy.empty()) {
    object["remedy"] = guarantee.remedy;
  }
  return object;
}

json::object to_object(const std::vector<std::pair<std::string, Guarantee>>& named) {
  json::object object;
  for (const auto& [name, guarantee] : named) {
    object[name] = to_object(guarantee);
  }
  return object;
}

json::object to_object(const Guarantees& guarantees) {
  json::object object = to_object(promises(guarantees));
  object["limits"] = to_object(guarantees.limits);
  object["limit_places"] = to_object(guarantees.limit_places);
  object["statistics"] = to_object(guarantees.statistics);
  object["not_covered"] = json::array(guarantees.not_covered.begin(), guarantees.not_covered.end());
  return object;
}

const char* to_text(MemoryKill kill) {
  switch (kill) {
    case MemoryKill::own_limit: return "own_limit";
    case MemoryKill::outside: return "outside";
    case MemoryKill::none: break;
  }
  return "none";
}

json::object to_object(const Outcome& outcome) {
  json::object object{{"kind", kind_name(outcome.kind())}, {"text", outcome.describe()}};
  if (outcome.code()) {
    object["code"] = *outcome.code();
  }
  if (outcome.signal()) {
    object["signal"] = *outcome.signal();
    object["signal_name"] = signal_name(*outcome.signal());
    object["core_dumped"] = outcome.core_dumped();
  }
  if (outcome.memory_kill() != MemoryKill::none) {
    object["memory_kill"] = to_text(outcome.memory_kill());
  }
  return object;
}

json::object to_object(const StopReport& stop) {
  json::object object{
      {"members_before", json::array(stop.members_before.begin(), stop.members_before.end())},
      {"members_after", json::array(stop.members_after.begin(), stop.members_after.end())},
      {"confirmed", stop.confirmed},
      {"soft_signal_sent", stop.soft_signal_sent},
      {"drained_in_grace", stop.drained_in_grace},
      {"escalated", stop.escalated},
      {"elapsed_seconds", in_seconds(stop.elapsed)}};
  if (stop.console_breaks + stop.window_closes > 0) {
    object["console_breaks"] = stop.console_breaks;
    object["window_closes"] = stop.window_closes;
  }
  return object;
}

json::object to_object(const ResourceUse& use) {
  return {{"user_seconds", in_seconds(use.user)},
          {"system_seconds", in_seconds(use.system)},
          {"peak_resident_bytes", use.peak_resident_bytes}};
}

}  // namespace

std::string_view kind_name(Outcome::Kind kind) {
  switch (kind) {
    case Outcome::Kind::exited: return "exited";
    case Outcome::Kind::signalled: return "signalled";
    case Outcome::Kind::timed_out: return "timed_out";
    case Outcome::Kind::idle_timed_out: return "idle_timed_out";
    case Outcome::Kind::unknown: break;
  }
  return "unknown";
}

std::vector<std::pair<std::string, Guarantee>> promises(const Guarantees& guarantees) {
  return {{"escape_contained", guarantees.escape_contained},
          {"fork_bomb_contained", guarantees.fork_bomb_contained},
          {"survives_host_kill", guarantees.survives_host_kill},
          {"atomic_freeze", guarantees.atomic_freeze},
          {"members_complete", guarantees.members_complete},
          {"exit_status_kept", guarantees.exit_status_kept}};
}

json::value to_json(const RunReport& report) {
  json::object object;
  if (report.guarantees) {
    object["mechanism"] = to_string(report.guarantees->mechanism);
    object["guarantees"] = to_object(*report.guarantees);
  }
  if (!report.limits.empty()) {
    object["limits"] = to_object(report.limits);
  }
  if (report.output) {
    const Output& output = *report.output;
    object["pid"] = output.pid;
    object["outcome"] = to_object(output.outcome);
    object["duration_seconds"] = in_seconds(output.duration);
    if (output.stop) {
      object["stop"] = to_object(*output.stop);
    }
    if (output.resource_use) {
      object["resource_use"] = to_object(*output.resource_use);
    }
    if (output.statistics) {
      object["statistics"] = to_object(*output.statistics);
    }
    if (output.limit_evidence && !output.limit_evidence->empty()) {
      object["limit_evidence"] = to_object(*output.limit_evidence);
    }
  }
  if (report.error) {
    object["error"] = as_utf8(*report.error);
  }
  object["exit_status"] = report.exit_status;
  return object;
}

json::value to_json(const HostReport& report) {
  json::array mechanisms;
  for (const MechanismReport& mechanism : report.mechanisms) {
    mechanisms.push_back(json::object{{"mechanism", to_string(mechanism.guarantees.mechanism)},
                                      {"available", to_object(mechanism.available)},
                                      {"guarantees", to_object(mechanism.guarantees)}});
  }
  return json::object{{"kernel", report.kernel}, {"mechanisms", std::move(mechanisms)}};
}

json::value to_json(const std::vector<Remedy>& remedies) {
  json::array array;
  for (const Remedy& remedy : remedies) {
    array.push_back(
        json::object{{"remedy", remedy.text},
                     {"enables", json::array(remedy.enables.begin(), remedy.enables.end())}});
  }
  return json::object{{"remedies", std::move(array)}};
}

}  // namespace treehold::cli
