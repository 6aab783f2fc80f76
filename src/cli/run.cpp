#include "src/cli/run.hpp"

#include <atomic>
#include <chrono>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include <boost/json.hpp>

#include <treehold/treehold.hpp>

#include "platform/terminal.hpp"
#include "src/cli/plot.hpp"
#include "src/cli/plot_file.hpp"
#include "src/cli/report.hpp"
#include "src/cli/summary.hpp"
#include "src/cli/tree_view.hpp"
#include "src/cli/usage_history.hpp"

namespace treehold::cli {
namespace {

Command make_command(const RunOptions& options) {
  Command command(options.command_line.front());
  command.args(
      std::vector<std::string>(options.command_line.begin() + 1, options.command_line.end()));
  command.stdin_inherit();
  if (!options.idle_timeout) {
    command.stdout_inherit().stderr_inherit();
  } else {
    command.inactivity_timeout(*options.idle_timeout);  // needs what it watches to pass through us
  }
  if (options.clear_environment) {
    command.env_clear();
  }
  for (const std::string& variable : options.environment) {
    const std::size_t equals = variable.find('=');
    if (equals == std::string::npos) {
      throw InvalidSetting("--env", "has no '='");
    }
    command.env(variable.substr(0, equals), variable.substr(equals + 1));
  }
  if (!options.directory.empty()) {
    command.current_dir(options.directory);
  }
  if (options.timeout) {
    command.timeout(*options.timeout);
  }
  command.timeout_grace(options.grace);
  return command;
}

/// Passes captured bytes on as they come. There is one thread and two streams: each is looked at in
/// turn.
void pass_through(Process& process) {
  constexpr std::chrono::milliseconds look{10};
  const auto pass = [&process] {
    std::cout << process.take_read(Stream::out) << std::flush;
    std::cerr << process.take_read(Stream::err) << std::flush;
    if (!std::cout || !std::cerr) {
      throw std::runtime_error("cannot pass the program's output on");
    }
  };
  while (!process.wait_for(look)) {
    pass();
  }
  pass();
}

int status_of(const Outcome& outcome) {
  switch (outcome.kind()) {
    case Outcome::Kind::exited: return *outcome.code();
    case Outcome::Kind::signalled: return signal_status_base + *outcome.signal();
    case Outcome::Kind::timed_out:
    case Outcome::Kind::idle_timed_out: return timed_out_status;
    case Outcome::Kind::unknown: break;
  }
  return own_failure_status;
}

/// Ends a group because treehold was signalled, and keeps what there is to report of that. Its
/// functions are called by the thread that waits for signals; the rest is read when that has ended.
class Interruption {
 public:
  explicit Interruption(ProcessGroup& group) : group_(group) {}

  [[nodiscard]] int number() const noexcept { return number_; }

  void begin(int number) noexcept {
    began_ = std::chrono::steady_clock::now();
    number_ = number;
    try {
      report_.members_before = group_.members();
      report_.soft_signal_sent = group_.signal(Signal::terminate) > 0;
    } catch (const Error&) {  // the kill comes all the same
    }
  }

  void escalate() noexcept {
    try {
      report_.escalated = !group_.members().empty();
      group_.kill();
    } catch (
        const Error&) {  // the main thread ends the group too, and is told what cannot be ended
    }
  }

  [[nodiscard]] bool found_members() const noexcept { return !report_.members_before.empty(); }

  /// When no member is left.
  [[nodiscard]] StopReport report() const {
    StopReport report = report_;
    report.drained_in_grace = !report.escalated;
    report.elapsed = std::chrono::steady_clock::now() - began_;
    return report;
  }

 private:
  ProcessGroup& group_;
  std::atomic<int> number_{0};
  std::chrono::steady_clock::time_point began_;
  StopReport report_;
};

GroupOptions make_group_options(const RunOptions& options) {
  GroupOptions group_options;
  group_options.mechanism = options.mechanism;
  group_options.limits = options.limits;
  group_options.accounting = options.show_statistics || !options.plot_file.empty();
  return group_options;
}

/// Who looks on while the program runs.
struct Watches {
  Watches(const RunOptions& options, const ProcessGroup& group) {
    if (options.show_tree) {
      tree = std::make_unique<TreeWatch>(group);
    }
    if (!options.plot_file.empty()) {
      usage = std::make_unique<UsageWatch>(group);
    }
  }

  std::unique_ptr<TreeWatch> tree;
  std::unique_ptr<UsageWatch> usage;
};

/// What was used over time, while there was a group to ask.
using Usage = std::vector<UsagePoint>;

/// Runs to the end of the last member and fills in what it learns on the way.
Usage run_group(const RunOptions& options, RunReport& report) {
  if (options.in_scope) {
    move_host_into_scope();
  }
  ProcessGroup group(make_group_options(options));
  const bool reports = !options.json_file.empty() || !options.plot_file.empty();
  if (reports) {
    report.guarantees = group.guarantees();  // costs more than a start
  }
  Process process = group.start(make_command(options));
  Watches watches(options, group);
  std::unique_ptr<platform::Foreground> foreground;
  if (group.mechanism() == Mechanism::process_group) {
    foreground = std::make_unique<platform::Foreground>(process.pid());
    if (foreground->given()) {
      group.signal(Signal::resume);  // it may have read before the terminal was its own
    }
  }
  Interruption interruption(group);
  StopReport rest;
  Usage usage;
  {
    platform::InterruptThread interrupts(
        options.grace, [&](int number) { interruption.begin(number); },
        [&] { interruption.escalate(); });
    if (options.idle_timeout) {
      pass_through(process);
    }
    report.output = process.output();
    interrupts.settle();  // what ended the program may be typed at treehold too
    if (interruption.number() != 0) {
      // The leader may be gone before its descendants have used their grace.
      group.wait_empty(options.grace);
    }
    // A private tree ends with its leader; here the rest of the group does. What it has used is
    // whole when its last member is gone, and can be asked for until the group is.
    rest = group.kill();
    if (reports || options.show_statistics) {  // a dozen files of the group
      report.output->statistics = group.stats();
      report.output->limit_evidence = group.limit_evidence();
    }
    if (watches.usage) {
      usage = watches.usage->finish(*report.output->statistics);
    }
    group.stop(std::chrono::nanoseconds::zero());
  }
  watches.tree.reset();
  if (interruption.number() != 0 && interruption.found_members()) {
    report.output->stop = interruption.report();
    report.output->stop->escalated |= rest.escalated;
    report.output->stop->drained_in_grace &= !rest.escalated;
  } else if (!report.output->stop && !rest.members_before.empty()) {
    report.output->stop = std::move(rest);
  }
  if (options.show_tree) {
    std::cerr << "treehold: no member is left\n";
  }
  report.exit_status = interruption.number() != 0 ? signal_status_base + interruption.number()
                                                  : status_of(report.output->outcome);
  return usage;
}

/// Runs, and shows what was used.
void run_shown(const RunOptions& options, RunReport& report) {
  std::optional<PlotFile> plot_file;
  if (!options.plot_file.empty()) {
    plot_file.emplace(options.plot_file);
  }
  Usage usage = run_group(options, report);
  if (options.show_statistics) {
    std::cerr << summary_of(*report.output) << std::flush;
  }
  if (plot_file) {
    // Arguments may be secret, and stay out.
    plot_file->write(
        draw({"treehold run " + options.command_line.front(), headline_of(*report.output),
              std::move(usage), options.limits, *report.guarantees}));
  }
}

void fail(RunReport& report, const std::exception& error, int status) {
  report.error = error.what();
  report.exit_status = status;
  std::cerr << "treehold: " << error.what() << "\n";
}

bool write_report(const RunOptions& options, const RunReport& report) {
  if (options.json_file.empty()) {
    return true;
  }
  const std::string text = boost::json::serialize(to_json(report)) + "\n";
  if (options.json_file == "-") {
    std::cerr << text;
    return true;
  }
  std::ofstream file(options.json_file);
  file << text << std::flush;
  if (!file) {
    std::cerr << "treehold: cannot write the report to " << options.json_file << "\n";
  }
  return file.good();
}

}  // namespace

int run(const RunOptions& options) {
  const platform::HeldInterrupts held;
  RunReport report;
  report.limits = options.limits;
  try {
    run_shown(options, report);
  } catch (const ProgramNotFound& error) {
    fail(report, error, not_found_status);
  } catch (const SpawnFailed& error) {
    fail(report, error,
         error.stage() == SpawnStage::execute ? not_executable_status : own_failure_status);
  } catch (const std::exception& error) {
    fail(report, error, own_failure_status);
  }
  return write_report(options, report) ? report.exit_status : own_failure_status;
}

}  // namespace treehold::cli
