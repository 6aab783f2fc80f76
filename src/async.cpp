// Behind the templates of <treehold/async.hpp>: the engine's operations for the handlers of users.
#include <boost/asio/strand.hpp>

#include <treehold/async.hpp>

#include "src/async_result.hpp"
#include "src/group_core.hpp"
#include "src/process_core.hpp"
#include "src/user_operation.hpp"
#include "src/verbs.hpp"

namespace treehold::inline v0::detail {

template <>
void AsioConfiguration::require() noexcept {}

namespace {

namespace asio = boost::asio;
using asio::cancellation_type;

/// Several threads may run the host's context: the engine is used by one at a time.
Executor strand_of(const Executor& executor) {
  return asio::make_strand(executor);
}

std::shared_ptr<Execution> start(const RunOrder& order, const Executor& executor) {
  if (order.group) {
    order.group->require_owner("the group");
  }
  return Execution::start(executor, RunPlan(order.command.settings()),
                          order.group ? order.group : GroupCore::of_private_runs(),
                          order.group ? Ownership::shared_group : Ownership::private_tree);
}

/// Completes with `take(settings, output)` of a run to its end.
template <class Result, class Take>
void run_to_end(RunOrder order, const Executor& on, AnyHandler<Result> handler, Take take) {
  const Executor strand = strand_of(on);
  const auto operation = std::make_shared<UserOperation<Result>>(strand, std::move(handler));
  const auto running = std::make_shared<std::weak_ptr<Execution>>();
  operation->on_cancellation(of_a_run, [running] {
    if (const auto execution = running->lock()) {
      execution->cancel();
    }
  });
  operation->start([operation, running, strand, order = std::move(order), take]() mutable {
    require_unattended(order.command.settings());
    const auto execution = start(order, strand);
    *running = execution;
    (void)async_result<Result>(
        execution, strand, [engine = execution.get()] { return engine->finished(); },
        [command = std::move(order.command), take](Execution& finished) {
          finished.rethrow_error();
          return take(command.settings(), finished.take_output());
        },
        [operation](std::exception_ptr error, Result result) {
          operation->complete(std::move(error), std::move(result));
        });
  });
}

}  // namespace

void begin_run(RunOrder order, const Executor& on, AnyHandler<std::string> handler) {
  run_to_end(std::move(order), on, std::move(handler), &text_of);
}

void begin_output(RunOrder order, const Executor& on, AnyHandler<Output> handler) {
  run_to_end(std::move(order), on, std::move(handler),
             [](const Settings&, Output output) { return output; });
}

void begin_checked(RunOrder order, const Executor& on, AnyHandler<Output> handler) {
  run_to_end(std::move(order), on, std::move(handler), [](const Settings& settings, Output output) {
    require_success(settings, output);
    return output;
  });
}

void begin_exit_code(RunOrder order, const Executor& on, AnyHandler<int> handler) {
  run_to_end(std::move(order), on, std::move(handler), &exit_code_of);
}

void begin_probe(RunOrder order, const Executor& on, AnyHandler<bool> handler) {
  run_to_end(std::move(order), on, std::move(handler), &answer_of);
}

void begin_start(RunOrder order, const Executor& on, AnyHandler<Process> handler) {
  const Executor strand = strand_of(on);
  const auto operation = std::make_shared<UserOperation<Process>>(strand, std::move(handler));
  const auto running = std::make_shared<std::weak_ptr<Execution>>();
  operation->on_cancellation(of_a_run, [running] {
    if (const auto execution = running->lock()) {
      execution->cancel();
    }
  });
  operation->start([operation, running, strand, order = std::move(order)]() {
    const auto execution = start(order, strand);
    *running = execution;
    const auto core = std::make_shared<ProcessCore>(execution, nullptr, strand);
    (void)core->async_started([operation, core](std::exception_ptr error) {
      if (error) {
        operation->fail(std::move(error));
      } else {
        operation->complete(nullptr, Process(core));
      }
    });
  });
}

// -- Processes
// ------------------------------------------------------------------------------------------

namespace {

/// Begins `begin(handler)`, which returns how to give it up, on the executor of the process.
template <class... Results, class Begin>
void on_process(const SharedProcess& process, AnyHandler<Results...> handler,
                cancellation_type accepted, Begin begin) {
  process->require_host_executor();
  begin_operation(process->executor(), std::move(handler), accepted, std::move(begin));
}

}  // namespace

Executor executor_of(const SharedProcess& process) {
  return process->executor();
}

void require_captured(const SharedProcess& process, Stream stream) {
  (void)process->captured(stream);
}

void begin_wait(const SharedProcess& process, AnyHandler<Outcome> handler) {
  on_process(process, std::move(handler), of_a_wait,
             [process](auto done) { return process->async_finished(std::move(done)); });
}

void begin_rest(const SharedProcess& process, AnyHandler<Output> handler) {
  on_process(process, std::move(handler), of_a_wait,
             [process](auto done) { return process->async_output(std::move(done)); });
}

void begin_stop(const SharedProcess& process, std::chrono::nanoseconds grace,
                AnyHandler<StopReport> handler) {
  on_process(process, std::move(handler), cancellation_type::none, [process, grace](auto done) {
    process->async_stop(grace, std::move(done));
    return GiveUp();
  });
}

void begin_write(const SharedProcess& process, std::string bytes, AnyHandler<> handler) {
  const auto kept = std::make_shared<const std::string>(std::move(bytes));
  on_process(process, std::move(handler), cancellation_type::terminal, [process, kept](auto done) {
    return process->async_write(*kept, [kept, done = std::move(done)](std::exception_ptr error) {
      done(std::move(error));
    });
  });
}

void begin_flush(const SharedProcess& process, AnyHandler<> handler) {
  on_process(process, std::move(handler), of_a_wait,
             [process](auto done) { return process->async_flush(std::move(done)); });
}

void begin_next_event(const SharedProcess& process, AnyHandler<std::optional<Event>> handler) {
  on_process(process, std::move(handler), of_a_wait,
             [process](auto done) { return process->async_next_event(std::move(done)); });
}

boost::system::error_code code_of(const std::exception_ptr& error) {
  if (!error) {
    return {};
  }
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& known) {
    return known.code();
  } catch (const std::bad_alloc&) {
    return boost::asio::error::no_memory;
  } catch (...) {
    return boost::asio::error::fault;
  }
}

void begin_read_some(const SharedProcess& process, Stream stream, std::size_t limit,
                     AnyHandler<std::string> handler) {
  on_process(process, std::move(handler), of_a_wait, [process, stream, limit](auto done) {
    return process->async_read_some(stream, limit, std::move(done));
  });
}

void begin_read_line(const SharedProcess& process, Stream stream,
                     AnyHandler<std::optional<std::string>> handler) {
  on_process(process, std::move(handler), of_a_wait, [process, stream](auto done) {
    return process->async_read_line(stream, std::move(done));
  });
}

void begin_read_all(const SharedProcess& process, Stream stream, AnyHandler<std::string> handler) {
  on_process(process, std::move(handler), of_a_wait, [process, stream](auto done) {
    return process->async_read_all(stream, std::move(done));
  });
}

// -- Groups
// ---------------------------------------------------------------------------------------------

namespace {

/// Begins a teardown, which nobody may interrupt.
template <class Begin>
void on_group(const Executor& on, AnyHandler<StopReport> handler, Begin begin) {
  const Executor strand = strand_of(on);
  const auto operation = std::make_shared<UserOperation<StopReport>>(strand, std::move(handler));
  operation->start([operation, strand, begin = std::move(begin)] {
    begin(strand, [operation](StopReport report) {
      if (report.confirmed) {
        operation->complete(nullptr, std::move(report));
      } else {
        operation->fail(std::make_exception_ptr(TeardownUnconfirmed(std::move(report))));
      }
    });
  });
}

}  // namespace

void begin_group_stop(const SharedGroup& group, std::chrono::nanoseconds grace, const Executor& on,
                      AnyHandler<StopReport> handler) {
  on_group(on, std::move(handler), [group, grace](const Executor& strand, auto done) {
    group->async_stop(strand, grace, std::move(done));
  });
}

void begin_group_kill(const SharedGroup& group, const Executor& on,
                      AnyHandler<StopReport> handler) {
  on_group(on, std::move(handler), [group](const Executor& strand, auto done) {
    group->async_kill(strand, std::move(done));
  });
}

void begin_group_wait_empty(const SharedGroup& group, const Executor& on, AnyHandler<> handler) {
  const Executor strand = strand_of(on);
  const auto operation = std::make_shared<UserOperation<>>(strand, std::move(handler));
  const auto waiting = std::make_shared<std::weak_ptr<TreeWait>>();
  operation->on_cancellation(of_a_wait, [waiting] {
    if (const auto wait = waiting->lock()) {
      wait->cut_short();
    }
  });
  operation->start([operation, waiting, strand, group] {
    *waiting = group->async_wait_empty(strand, std::nullopt, [operation](bool empty) {
      if (empty) {
        operation->complete(nullptr);
      } else {
        operation->fail(std::make_exception_ptr(Cancelled("waiting for a group to be empty")));
      }
    });
  });
}

}  // namespace treehold::inline v0::detail
