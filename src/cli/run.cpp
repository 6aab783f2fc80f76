#include "src/cli/run.hpp"

#include <atomic>
#include <fstream>
#include <iostream>
#include <memory>

#include <boost/json.hpp>

#include <treehold/treehold.hpp>

#include "platform/terminal.hpp"
#include "src/cli/report.hpp"
#include "src/cli/tree_view.hpp"

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

/// Runs to the end of the last member and fills in what it learns on the way.
void run_group(const RunOptions& options, RunReport& report) {
  const platform::HeldInterrupts held;
  GroupOptions group_options;
  group_options.mechanism = options.mechanism;
  ProcessGroup group(group_options);
  report.guarantees = group.guarantees();
  std::unique_ptr<TreeWatch> tree;
  Process process = group.start(make_command(options));
  if (options.show_tree) {
    tree = std::make_unique<TreeWatch>(group);
  }
  std::unique_ptr<platform::Foreground> foreground;
  if (group.mechanism() == Mechanism::process_group) {
    foreground = std::make_unique<platform::Foreground>(process.pid());
  }
  std::atomic<int> interrupted{0};
  {
    const platform::InterruptThread interrupts(
        options.grace,
        [&](int number) {
          interrupted = number;
          group.signal(Signal::terminate);
        },
        [&] { process.kill(); });
    if (options.idle_timeout) {
      pass_through(process);
    }
    report.output = process.output();
  }
  tree.reset();
  // A private tree ends with its leader; here the rest of the group does.
  StopReport rest = group.stop(interrupted != 0 ? options.grace : std::chrono::nanoseconds::zero());
  if (!report.output->stop && !rest.members_before.empty()) {
    report.output->stop = std::move(rest);
  }
  if (options.show_tree) {
    std::cerr << "treehold: no member is left\n";
  }
  report.exit_status = interrupted != 0 ? signal_status_base + interrupted.load()
                                        : status_of(report.output->outcome);
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
  RunReport report;
  try {
    run_group(options, report);
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
