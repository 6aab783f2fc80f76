#include "src/cli/summary.hpp"

#include <spdlog/fmt/fmt.h>

#include <iterator>
#include <string_view>

#include "src/cli/duration.hpp"
#include "src/cli/size.hpp"

namespace treehold::cli {
namespace {

class Lines {
 public:
  template <class... Arguments>
  void add(std::string_view name, fmt::format_string<Arguments...> format,
           Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(text_), "  {:<16} ", name);
    fmt::format_to(std::back_inserter(text_), format, std::forward<Arguments>(arguments)...);
    text_ += '\n';
  }

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
};

void add_pressure(Lines& lines, const char* resource, const std::optional<Pressure>& pressure) {
  if (pressure) {
    lines.add(fmt::format("{} pressure", resource), "some waited {:.2f} s, all {:.2f} s",
              in_seconds(pressure->some), in_seconds(pressure->full));
  }
}

void add_use(Lines& lines, const Statistics& use) {
  if (use.cpu_user && use.cpu_system) {
    lines.add("CPU", "{:.2f} s user, {:.2f} s system", in_seconds(*use.cpu_user),
              in_seconds(*use.cpu_system));
  }
  if (use.cpu_throttled) {
    lines.add("CPU held back", "{:.2f} s", in_seconds(*use.cpu_throttled));
  }
  if (use.memory_peak) {
    lines.add("memory peak", "{}", format_size(static_cast<double>(*use.memory_peak)));
  }
  if (use.threads_peak) {
    lines.add("threads peak", "{}", *use.threads_peak);
  }
  if (use.io) {
    lines.add("read", "{} in {} operations", format_size(static_cast<double>(use.io->read_bytes)),
              use.io->reads);
    lines.add("written", "{} in {} operations",
              format_size(static_cast<double>(use.io->written_bytes)), use.io->writes);
  }
  add_pressure(lines, "CPU", use.cpu_pressure);
  add_pressure(lines, "memory", use.memory_pressure);
  add_pressure(lines, "I/O", use.io_pressure);
}

std::string text_of(const Evidence& evidence) {
  switch (evidence.tripped) {
    case Tripped::no: return "not met";
    case Tripped::yes:
      return fmt::format("met, {} time{}", evidence.times, evidence.times == 1 ? "" : "s");
    case Tripped::unknown: break;
  }
  return "not known whether it was met: " + evidence.reason;
}

void add_evidence(Lines& lines, const LimitEvidence& evidence) {
  for (const auto& [limit, found] : evidence) {
    if (limit != "outside_memory") {
      lines.add("limit " + limit, "{}", text_of(found));
    } else if (found.tripped ==
               Tripped::yes) {  // no limit of the group: worth a line when it acted
      lines.add("outside memory", "ran out above the group, members killed: {}", found.times);
    }
  }
}

}  // namespace

std::string summary_of(const Output& output) {
  Lines lines;
  lines.add("outcome", "{}", output.outcome.describe());
  lines.add("duration", "{:.2f} s", in_seconds(output.duration));
  if (output.statistics) {
    add_use(lines, *output.statistics);
  }
  if (output.limit_evidence) {
    add_evidence(lines, *output.limit_evidence);
  }
  return "treehold: statistics\n" + lines.text();
}

std::string headline_of(const Output& output) {
  return fmt::format("{} after {:.2f} s", output.outcome.describe(), in_seconds(output.duration));
}

}  // namespace treehold::cli
