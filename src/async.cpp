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

/// How to cancel a run as a whole.
GiveUp cancellation_of(const std::shared_ptr<Execution>& execution) {
  return [weak = std::weak_ptr(execution)] {
    if (const auto running = weak.lock()) {
      running->cancel();
    }
  };
}

/// Completes with `take(settings, output)` of a run to its end.
template <class Result, class Take>
void run_to_end(RunOrder order, const Executor& on, AnyHandler<Result> handler, Take take) {
  const Executor strand = strand_of(on);
  begin_operation(strand, std::move(handler), of_a_run,
                  [strand, order = std::move(order), take](auto done) mutable {
                    const Settings& settings = order.command.settings();
                    require_unattended(settings);
                    const auto execution = Execution::start(strand, settings, order.group);
                    (void)async_result<Result>(
                        execution, strand,
                        [engine = execution.get()] { return engine->finished(); },
                        [command = std::move(order.command), take](Execution& finished) {
                          return take(command.settings(), finished.take_result());
                        },
                        std::move(done));
                    return cancellation_of(execution);
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
  begin_operation(
      strand, std::move(handler), of_a_run, [strand, order = std::move(order)](auto done) {
        const auto execution = Execution::start(strand, order.command.settings(), order.group);
        const auto core = std::make_shared<ProcessCore>(execution, nullptr, strand);
        (void)core->async_started([done, core](std::exception_ptr error) {
          Process process = error ? Process() : Process(core);
          done(std::move(error), std::move(process));
        });
        return cancellation_of(execution);
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

void begin_read_lines(const SharedProcess& process, Stream stream, AnyHandler<LineBatch> handler) {
  on_process(process, std::move(handler), of_a_wait, [process, stream](auto done) {
    return process->async_read_lines(stream, std::move(done));
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
  begin_operation(strand, std::move(handler), cancellation_type::none,
                  [strand, begin = std::move(begin)](auto done) {
                    begin(strand, [done](StopReport report) {
                      try {
                        done(nullptr, require_confirmed(std::move(report)));
                      } catch (...) {
                        done(std::current_exception(), {});
                      }
                    });
                    return GiveUp();
                  });
}

}  // namespace

namespace {

GiveUp cutting_short(std::weak_ptr<TreeWait> waiting) {
  return [waiting = std::move(waiting)] {
    if (const auto wait = waiting.lock()) {
      wait->cut_short();
    }
  };
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
  begin_operation(strand, std::move(handler), of_a_wait, [strand, group](auto done) -> GiveUp {
    return cutting_short(group->async_wait_empty(strand, std::nullopt, [done](bool empty) {
      done(empty ? nullptr : std::make_exception_ptr(Cancelled("waiting for a group to be empty")));
    }));
  });
}

void begin_group_sample(const SharedGroup& group, std::chrono::nanoseconds interval,
                        const Executor& on, AnyHandler<std::optional<Statistics>> handler) {
  require_interval(interval);
  const Executor strand = strand_of(on);
  begin_operation(strand, std::move(handler), of_a_wait,
                  [strand, group, interval](auto done) -> GiveUp {
                    const auto given_up = std::make_shared<bool>(false);
                    const GiveUp cut_short = cutting_short(group->async_sample(
                        strand, interval, [done, given_up](std::optional<Statistics> sample) {
                          if (*given_up) {
                            done(std::make_exception_ptr(Cancelled("waiting for a sample")), {});
                          } else {
                            done(nullptr, sample);
                          }
                        }));
                    return [given_up, cut_short] {
                      *given_up = true;
                      cut_short();
                    };
                  });
}

}  // namespace treehold::inline v0::detail
