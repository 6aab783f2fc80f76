#include "src/cli/limit_options.hpp"

#include <limits>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "src/cli/duration.hpp"
#include "src/cli/limit_text.hpp"
#include "src/cli/size.hpp"

namespace treehold::cli {
namespace {

/// How one kind of value is typed.
struct Syntax {
  const char* type;     ///< in the help
  const char* problem;  ///< of a text that is none
  const char* examples;
};

constexpr Syntax size_syntax{"SIZE", "is no size", "4096, 64K, 512M, 1.5G"};
constexpr Syntax count_syntax{"NUMBER", "is no whole number", "64"};
constexpr Syntax cores_syntax{"CORES", "is no number of cores", "2, 1.5, 0.25"};
constexpr Syntax cpu_set_syntax{"CPUS", "is no list of CPUs", "0-3,5"};
constexpr Syntax io_syntax{"DEVICE:RATES", "is no limit of a device",
                           "/dev/sda:rbps=10M,wbps=5M,riops=100,wiops=100, 8:0:rbps=10M"};
constexpr Syntax duration_syntax{"DURATION", "is no duration", "500ms, 2s, 1.5m, 1h"};
constexpr Syntax priority_syntax{"CLASS", "is no priority class",
                                 "idle, below_normal, normal, above_normal, high"};
constexpr Syntax ui_syntax{"NAMES", "names no restrictions",
                           "exit_windows,handles, all; the others: desktop, display_settings, "
                           "global_atoms, read_clipboard, system_parameters, write_clipboard"};

/// What `parse` makes of `text`; a wrong text is an error of the option.
template <class Parse>
auto parsed_or_refused(const std::string& name, const Syntax& syntax, const std::string& text,
                       Parse parse) {
  auto value = parse(text);
  if (!value) {
    throw CLI::ValidationError(
        name, std::string(syntax.problem) + ": " + text + " (" + syntax.examples + ")");
  }
  return *std::move(value);
}

template <class Place, class Parse>
void add_limit(CLI::App& app, const std::string& name, const Syntax& syntax, Place& place,
               Parse parse, const std::string& help) {
  app.add_option_function<std::string>(
         name,
         [&place, &syntax, name, parse](const std::string& text) {
           place = parsed_or_refused(name, syntax, text, parse);
         },
         help)
      ->type_name(syntax.type)
      ->group("Limits");
}

std::optional<unsigned> parse_weight(std::string_view text) {
  const auto count = parse_count(text);
  return count && *count <= std::numeric_limits<unsigned>::max()
             ? std::optional(static_cast<unsigned>(*count))
             : std::nullopt;
}

}  // namespace

void add_limit_options(CLI::App& app, Limits& limits) {
  add_limit(app, "--memory", size_syntax, limits.memory, parse_size,
            "Memory of the whole tree; above it the kernel kills");
  add_limit(app, "--swap", size_syntax, limits.swap, parse_size,
            "Swap; with a limit of memory the default is none");
  add_limit(app, "--memory-high", size_syntax, limits.memory_high, parse_size,
            "Memory above which the tree is slowed down");
  add_limit(app, "--processes", count_syntax, limits.processes, parse_count,
            "Processes and threads; above it fork fails");
  add_limit(app, "--cpus", cores_syntax, limits.cpus, parse_cores, "CPU time a time, in cores");
  add_limit(app, "--cpu-weight", count_syntax, limits.cpu_weight, parse_weight,
            "Share of the CPU, 1 to 10000; the kernel's default is 100");
  add_limit(app, "--cpu-set", cpu_set_syntax, limits.cpu_set, parse_cpu_set,
            "The CPUs that may be used");
  add_limit(app, "--cpu-time", duration_syntax, limits.cpu_time, parse_duration,
            "CPU time in user mode of the whole tree (Windows)");
  add_limit(app, "--priority", priority_syntax, limits.priority, parse_priority,
            "Priority class that members cannot change (Windows)");
  add_limit(app, "--ui", ui_syntax, limits.ui, parse_ui,
            "What members may not do to others on their desktop (Windows)");
  const std::string io = "--io";
  app.add_option_function<std::vector<std::string>>(
         io,
         [&limits, io](const std::vector<std::string>& texts) {
           for (const std::string& text : texts) {
             limits.io.push_back(parsed_or_refused(io, io_syntax, text, parse_io_limit));
           }
         },
         "Bytes and operations a second of one device; may be repeated")
      ->type_name(io_syntax.type)
      ->expected(1)
      ->take_all()
      ->group("Limits");
}

}  // namespace treehold::cli
