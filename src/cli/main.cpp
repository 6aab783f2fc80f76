// The program `treehold`: its command line. docs/cli.md describes it.
#include <algorithm>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <treehold/error.hpp>

#include "platform/terminal.hpp"
#include "src/cli/doctor.hpp"
#include "src/cli/duration.hpp"
#include "src/cli/limit_options.hpp"
#include "src/cli/run.hpp"
#include "src/cli/sweep.hpp"

namespace {

using treehold::cli::DoctorFormat;
using treehold::cli::DoctorScope;
using treehold::cli::RunOptions;

constexpr const char* run_footer = R"(
Exit status: that of the program; 128+n when signal n ended it;
  124 a time-out ended it, 125 treehold itself failed,
  126 the program cannot be executed, 127 it was not found.

Example: treehold run --timeout 10m --tree -- make -j8)";

/// Reads a duration option into `place`.
template <class Place>
void add_duration(CLI::App& app, const std::string& name, Place& place, const std::string& help) {
  app.add_option_function<std::string>(
         name,
         [&place, name](const std::string& text) {
           const auto duration = treehold::cli::parse_duration(text);
           if (!duration) {
             throw CLI::ValidationError(name, "is no duration: " + text + " (500ms, 2s, 1.5m, 1h)");
           }
           place = *duration;
         },
         help)
      ->type_name("DURATION");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Runs programs inside a kernel container: what they spawn ends with them.",
               "treehold");
  app.set_version_flag("--version", TREEHOLD_VERSION);
  app.require_subcommand(1);

  RunOptions options;
  CLI::App* const run = app.add_subcommand("run", "Run a program; end whatever it leaves behind");
  add_duration(*run, "--timeout", options.timeout, "End the tree when it runs longer");
  add_duration(*run, "--idle-timeout", options.idle_timeout,
               "End the tree when it prints nothing for that long");
  add_duration(*run, "--grace", options.grace, "From the soft signal to the kill; default 2s");
  using treehold::Mechanism;
  const std::map<std::string, Mechanism> mechanisms{{"cgroup_v2", Mechanism::cgroup_v2},
                                                    {"reaper", Mechanism::reaper},
                                                    {"process_group", Mechanism::process_group},
                                                    {"job_object", Mechanism::job_object}};
  std::string mechanism;
  run->add_option("--mechanism", mechanism,
                  "cgroup_v2, reaper, process_group or job_object; default: the best one here")
      ->check(CLI::IsMember(mechanisms));
  run->add_option("--cwd", options.directory, "Working directory of the program")->type_name("DIR");
  run->add_option("--env", options.environment, "Set a variable; may be repeated")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->take_all();
  run->add_flag("--env-clear", options.clear_environment, "Inherit no variable");
  run->add_option("--json", options.json_file, "Write a report; - is standard error")
      ->type_name("FILE");
  run->add_flag("--tree", options.show_tree,
                "Show the members as a tree on standard error while it runs");
  run->add_flag("--stats", options.show_statistics,
                "Tell on standard error at the end what the tree has used");
  run->add_option("--plot", options.plot_file, "Draw memory, CPU and processes over time, as SVG")
      ->type_name("FILE");
  run->add_flag("--scope", options.in_scope,
                "Ask the service manager for a scope, from which limits can be held")
      ->group("Limits");
  treehold::cli::add_limit_options(*run, options.limits);
  // Only for the help: what is behind -- never goes through the parser, which would take some
  // arguments ("[a,b]", a second "--") apart.
  std::vector<std::string> unmarked;
  run->add_option("program", unmarked, "-- and behind it the program with its arguments");
  run->positionals_at_end();
  run->footer(run_footer);

  bool json = false;
  CLI::App* const doctor =
      app.add_subcommand("doctor", "Tell what works on this host, and what would help");
  doctor->add_flag("--json", json, "As JSON");
  bool fix_hint = false;
  doctor->add_flag("--fix-hint", fix_hint, "Only what would help, and what for");

  treehold::SweepOptions leftovers;
  CLI::App* const sweep = app.add_subcommand("sweep", "End what hosts have left behind");
  sweep->add_flag("--dry-run", leftovers.dry_run, "Only tell what there is");
  sweep->add_option("directory", leftovers.directory,
                    "Where to look in the cgroup v2 hierarchy; default: everywhere");

  try {
    const std::vector<std::string> words = treehold::platform::begin_program(argc, argv);
    const auto mark = std::find(words.begin(), words.end(), "--");
    // It takes them from the back.
    std::vector<std::string> own(words.begin(), mark);
    std::reverse(own.begin(), own.end());
    if (!own.empty()) {
      own.pop_back();  // the name of the program
    }
    app.parse(std::move(own));
    if (mark != words.end()) {
      options.command_line.assign(mark + 1, words.end());
    }
    if (!mechanism.empty()) {
      options.mechanism = mechanisms.at(mechanism);
    }
    if (run->parsed()) {
      if (options.command_line.empty() || !unmarked.empty()) {
        throw CLI::ValidationError("run", "the program is to stand behind --");
      }
      return treehold::cli::run(options);
    }
    if (sweep->parsed()) {
      return treehold::cli::sweep(leftovers);
    }
    return treehold::cli::doctor(fix_hint ? DoctorScope::remedies : DoctorScope::everything,
                                 json ? DoctorFormat::json : DoctorFormat::text);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : treehold::cli::own_failure_status;
  } catch (const std::exception& error) {
    std::cerr << "treehold: " << error.what() << "\n";
    return treehold::cli::own_failure_status;
  }
}
