// Much at once, on few threads and on many; and what becomes of all that when a context ends.
#include <atomic>
#include <cstddef>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>

#include <treehold/async.hpp>
#include <treehold/treehold.hpp>

#include "answer.hpp"
#include "operations.hpp"
#include "support.hpp"

using namespace support;
using namespace support::plain;
namespace asio = boost::asio;
using treehold::Command;
using treehold::Outcome;
using treehold::Output;
using treehold::Process;
using treehold::ProcessGroup;
using treehold::StopReport;
using treehold::Stream;

namespace {

const Outcome was_killed = Outcome::signalled(9, false);

/// The threads that run a context, until it has no work any more or is stopped.
class Crew {
 public:
  Crew(asio::io_context& context, int count) {
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([&context] { context.run(); });
    }
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew() { join(); }
  void join() {
    for (std::thread& thread : threads_) {
      thread.join();
    }
    threads_.clear();
  }

 private:
  std::vector<std::thread> threads_;
};

/// Counts what is allocated and freed through it.
struct Tally {
  std::atomic<std::size_t> made{0};
  std::atomic<std::size_t> freed{0};
};

template <class T>
struct CountingAllocator {
  using value_type = T;

  explicit CountingAllocator(Tally& of) noexcept : tally(&of) {}
  template <class U>
  CountingAllocator(const CountingAllocator<U>& other) noexcept  // NOLINT: as the concept wants it
      : tally(other.tally) {}

  T* allocate(std::size_t count) {
    ++tally->made;
    return std::allocator<T>().allocate(count);
  }
  void deallocate(T* place, std::size_t count) noexcept {
    ++tally->freed;
    std::allocator<T>().deallocate(place, count);
  }
  template <class U>
  bool operator==(const CountingAllocator<U>& other) const noexcept {
    return tally == other.tally;
  }

  Tally* tally;
};

}  // namespace

// -- Many
// -------------------------------------------------------------------------------------------

TEST_CASE("hundreds of runs of all kinds on a context of four threads", "[contract][async]") {
  const DescriptorLimit limit(10'000);
  asio::io_context context;
  ProcessGroup group;
  const int count = repeats(300, 60);
  std::atomic<int> good{0};
  std::atomic<int> calls{0};
  const auto expect = [&](auto holds) {
    return [&, holds](const std::exception_ptr& error, const auto& result) {
      ++calls;
      good += holds(error, result) ? 1 : 0;
    };
  };
  const auto cancelled = [](const std::exception_ptr& error, const auto&) {
    try {
      std::rethrow_exception(error);
    } catch (const treehold::Cancelled&) {
      return true;
    } catch (...) {
      return false;
    }
  };
  struct Slot {
    explicit Slot(asio::io_context& context) : strand(asio::make_strand(context)) {}
    asio::strand<asio::io_context::executor_type> strand;
    asio::cancellation_signal signal;
  };
  std::list<Slot> slots;
  for (int i = 0; i < count; ++i) {
    const std::string word = std::to_string(i);
    switch (i % 5) {
      case 0:
        role("echo").stdin_bytes(word).async_output(
            context, expect([word](const auto& error, const Output& output) {
              return !error && output.stdout_bytes == word;
            }));
        break;
      case 1:
        group.async_run(role("emit", {word, "", "0"}), context,
                        expect([word](const auto& error, const std::string& text) {
                          return !error && text == word;
                        }));
        break;
      case 2:
        idle().timeout(5ms).async_output(context,
                                         expect([](const auto& error, const Output& output) {
                                           return !error && output.outcome == Outcome::timed_out();
                                         }));
        break;
      case 3: {
        Slot& slot = slots.emplace_back(context);
        // Emitted by the run's own output, where the handler runs.
        role("sleep")
            .on_stdout_line([&slot](std::string_view) {
              asio::post(slot.strand,
                         [&slot] { slot.signal.emit(asio::cancellation_type::terminal); });
            })
            .async_run(context, asio::bind_executor(
                                    slot.strand, asio::bind_cancellation_slot(slot.signal.slot(),
                                                                              expect(cancelled))));
        break;
      }
      default: {
        auto process = std::make_shared<Process>();
        role("echo").stdin_pipe().async_start(
            context, [&, process, word](const std::exception_ptr& error, Process cat) {
              if (error) {
                return;
              }
              *process = std::move(cat);
              process->input().async_write(word + "\n", [](const std::exception_ptr&) {});
              process->async_read_line(
                  Stream::out, expect([process, word](const auto& failure, const auto& line) {
                    return !failure && line == word;
                  }));
            });
      }
    }
  }
  Crew(context, 4).join();
  CHECK(calls == count);
  CHECK(good == count);
  CHECK(marked_processes().empty());
}

namespace {

const std::size_t very_many = repeats<std::size_t>(2000, 200);

/// Very many children that wait, all alive; each begun by `start(command, handler)`.
template <class Start>
std::vector<Process> very_many_idle(asio::io_context& context, Start start) {
  require_processes(very_many);
  std::vector<Process> children;
  children.reserve(very_many);
  std::exception_ptr failed;
  for (std::size_t i = 0; i < very_many; ++i) {
    start(idle(), [&](const std::exception_ptr& error, Process child) {
      if (error) {
        failed = error;
      } else {
        children.push_back(std::move(child));
      }
    });
  }
  run_until(context, [&] { return children.size() == very_many || failed; });
  if (failed) {
    REQUIRE_NOTHROW(std::rethrow_exception(failed));
  }
  CHECK(wait_until([] { return marked_processes().size() == very_many; }));
  return children;
}

}  // namespace

TEST_CASE("two thousand children live at once, held by one thread", "[contract][async]") {
  const DescriptorLimit limit(20'000);
  asio::io_context context;
  std::vector<Process> children =
      very_many_idle(context, [&](const Command& command, auto handler) {
        command.async_start(context, std::move(handler));
      });
  // All are waited for, and end in turn.
  std::size_t ended = 0;
  for (Process& child : children) {
    child.async_wait([&](const std::exception_ptr& error, const Outcome& outcome) {
      ended += !error && outcome == was_killed ? 1 : 0;
    });
  }
  run_ready(context);
  CHECK(ended == 0);
  for (std::size_t i = 0; i < very_many; ++i) {
    children[i].kill();
    run_until(context, [&] { return ended > i; });
  }
  CHECK(marked_processes().empty());
}

TEST_CASE("two thousand children of a group end together", "[contract][async]") {
  const DescriptorLimit limit(20'000);
  asio::io_context context;
  ProcessGroup group;
  const std::vector<Process> children =
      very_many_idle(context, [&](const Command& command, auto handler) {
        group.async_start(command, context, std::move(handler));
      });
  const auto killed = complete<treehold::StopReport>(
      context, [&](auto handler) { group.async_kill(context, std::move(handler)); });
  REQUIRE(killed.good());
  CHECK(killed.result.members_before.size() == very_many);
  CHECK(killed.result.members_after.empty());
  CHECK(marked_processes().empty());
}

// -- The end of a context
// -------------------------------------------------------------------------------------------

TEST_CASE("a context that is never run starts nothing and keeps nothing", "[contract][async]") {
  const auto token = std::make_shared<int>();
  bool called = false;
  {
    asio::io_context context;
    ProcessGroup group;
    for (int i = 0; i < 20; ++i) {
      const auto handler = [token, &called](const std::exception_ptr&, const auto&) {
        called = true;
      };
      role("sleep").async_output(context, handler);
      role("sleep").async_start(context, handler);
      group.async_exit_code(role("sleep"), context, handler);
    }
    CHECK(token.use_count() > 60);
  }
  CHECK_FALSE(called);
  CHECK(token.use_count() == 1);
}

TEST_CASE("a context that is stopped by one of its threads and destroyed ends all trees",
          "[contract][async]") {
  const auto token = std::make_shared<int>();
  std::atomic<int> called{0};
  std::mutex mutex;
  std::list<PidWatch> children;
  constexpr std::size_t count = 20;
  ProcessGroup group;
  {
    asio::io_context context;
    const auto ready = [&](std::string_view line) {
      const auto pid = pid_after(line, "child");
      const std::lock_guard lock(mutex);
      children.emplace_back(pid);
      if (children.size() == count) {
        context.stop();
      }
    };
    const Command stays = role("with-child").on_stdout_line(ready);
    const auto handler = [token, &called](const std::exception_ptr&, const auto&) { ++called; };
    for (std::size_t i = 0; i < count; ++i) {
      if (i % 2 == 0) {
        stays.async_output(context, handler);
      } else {
        group.async_run(stays, context, handler);
      }
    }
    Crew(context, 4).join();
    REQUIRE(children.size() == count);
    for (const PidWatch& child : children) {
      CHECK_FALSE(child.dead());
    }
  }
  for (const PidWatch& child : children) {
    CHECK(child.dead());
  }
  CHECK(called == 0);
  CHECK(token.use_count() == 1);
}

TEST_CASE("a context is destroyed in the midst of everything that may be pending on it",
          "[contract][async]") {
  const auto token = std::make_shared<int>();
  int called = 0;
  // The process goes before its context, or is owned by the handlers that are pending on it.
  enum class Owner { test, handlers };
  for (const Owner owner : {Owner::test, Owner::handlers}) {
    std::list<PidWatch> members;
    ProcessGroup group;
    {
      asio::io_context context;
      Process process = started(context, role("with-child", {"stubborn"}).stdin_pipe());
      Answer<std::optional<std::string>> line;
      process.async_read_line(Stream::out, line.handler());
      run_until(context, [&] { return line.calls == 1; });
      members.emplace_back(process.pid());
      members.emplace_back(pid_after(line.result.value_or(""), "child"));
      Answer<Process> in_group;
      group.async_start(role("stubborn"), context, in_group.handler());
      run_until(context, [&] { return in_group.calls == 1; });
      Answer<std::optional<std::string>> ready;
      in_group.result.async_read_line(Stream::out, ready.handler());
      run_until(context, [&] { return ready.calls == 1; });
      members.emplace_back(in_group.result.pid());

      auto held = std::make_shared<Process>(std::move(process));
      const auto hold = owner == Owner::handlers ? held : nullptr;
      const auto handler = [token, hold, &called](const std::exception_ptr&, const auto&...) {
        ++called;
      };
      held->input().async_write(std::string(support::more_than_a_pipe, 'x'), handler);
      held->async_read_line(Stream::out, handler);
      held->async_read_some(Stream::err, 10, handler);
      held->async_read_all(Stream::err, handler);
      held->async_wait(handler);
      held->async_stop(2 * hang_bound, handler);  // the child does not heed the soft signal
      group.async_wait_empty(context, handler);
      group.async_stop(2 * hang_bound, context, handler);  // nor does its member
      run_ready(context);
      // These have not even begun.
      held->async_output(handler);
      role("sleep").async_start(context, handler);
      role("sleep").async_run(context, handler);
      group.async_kill(context, handler);
      if (owner == Owner::test) {
        held.reset();
      }
      in_group.result = Process();
    }
    for (const PidWatch& member : members) {
      CHECK(member.dead());
    }
    CHECK(called == 0);
    CHECK(token.use_count() == 1);
  }
}

// -- A process that moves
// -------------------------------------------------------------------------------------------

TEST_CASE("a process is moved with every kind of operation pending", "[contract][async]") {
  asio::io_context context;
  const std::string bytes = pattern(support::more_than_a_pipe);
  Process first = started(context, role("echo").stdin_pipe());
  Answer<> written;
  Answer<std::string> some;
  Answer<Outcome> waited;
  first.async_read_some(Stream::out, 1000, some.handler());
  first.async_wait(waited.handler());
  first.input().async_write(bytes, written.handler());
  Process second = std::move(first);  // before they begin
  run_until(context, [&] { return some.calls == 1; });
  Process third;
  third = std::move(second);  // while they go on
  CHECK_THROWS_AS(
      first.async_wait([](const std::exception_ptr&, const Outcome&) {}),  // NOLINT: moved
      treehold::InvalidSetting);
  run_until(context, [&] { return written.calls == 1; });
  Answer<Output> output;
  third.async_output(output.handler());
  auto kept = std::make_unique<Process>(std::move(third));
  run_until(context, [&] { return output.calls == 1 && waited.calls == 1; });
  CHECK(written.good());
  CHECK(waited.result == Outcome::exited(0));
  CHECK(some.result + output.result.stdout_bytes == bytes);
  // One that is assigned to is ended, and what was pending on it completes.
  Process target = started(context, role("sleep"));
  Answer<Outcome> ended;
  target.async_wait(ended.handler());
  target = std::move(*kept);
  run_until(context, [&] { return ended.calls == 1; });
  CHECK(ended.result == was_killed);
}

TEST_CASE("a process is dropped with every kind of operation pending, and they complete",
          "[contract][async]") {
  asio::io_context context;
  Answer<> written;
  Answer<std::optional<std::string>> line;
  Answer<std::string> all;
  Answer<Outcome> waited;
  Answer<Output> output;
  Answer<StopReport> stopped;
  {
    Process process = started(context, role("stubborn").stdin_pipe());
    Answer<std::optional<std::string>> ready;
    process.async_read_line(Stream::out, ready.handler());
    run_until(context, [&] { return ready.calls == 1; });
    process.input().async_write(std::string(support::more_than_a_pipe, 'x'), written.handler());
    process.async_read_line(Stream::out, line.handler());
    process.async_read_all(Stream::err, all.handler());
    process.async_wait(waited.handler());
    run_ready(context);
    process.async_output(output.handler());
    process.async_stop(2 * hang_bound, stopped.handler());
    run_ready(context);
    CHECK(line.calls + all.calls + waited.calls + output.calls + stopped.calls == 0);
  }
  context.restart();
  context.run();
  CHECK(written.failed_with<treehold::StdinFailed>());
  CHECK(line.good());
  CHECK_FALSE(line.result);
  CHECK(all.good());
  CHECK(waited.result == was_killed);
  CHECK(output.result.outcome == was_killed);
  CHECK(stopped.good());
}

// -- What is associated with a handler
// -------------------------------------------------------------------------------------------

TEST_CASE("the allocator of a handler is used, and gets back all that it gave",
          "[contract][async]") {
  Tally tally;
  const auto counted = [&](auto handler) {
    return asio::bind_allocator(CountingAllocator<std::byte>(tally), std::move(handler));
  };
  std::size_t before = 0;
  const auto used = [&] { return std::exchange(before, tally.made.load()) < tally.made; };
  {
    asio::io_context context;
    ProcessGroup group;
    Answer<Output> output;
    role("exit", {"0"}).async_output(context, counted(output.handler()));
    CHECK(used());
    Answer<Process> start;
    group.async_start(role("echo").stdin_pipe(), context, counted(start.handler()));
    CHECK(used());
    run_until(context, [&] { return start.calls == 1 && output.calls == 1; });
    (void)used();
    Answer<std::optional<std::string>> line;
    start.result.async_read_line(Stream::out, counted(line.handler()));
    CHECK(used());
    Answer<> written;
    start.result.input().async_write("x\n", counted(written.handler()));
    CHECK(used());
    Answer<> empty;
    group.async_wait_empty(context, counted(empty.handler()));
    CHECK(used());
    run_until(context, [&] { return line.calls == 1 && written.calls == 1; });
    (void)used();
    Answer<StopReport> stopped;
    group.async_stop(0s, context, counted(stopped.handler()));
    CHECK(used());
    run_until(context, [&] { return stopped.calls == 1 && empty.calls == 1; });
    // And when nobody calls the handler.
    role("exit", {"0"}).async_output(context, counted(output.handler()));
    CHECK(used());
  }
  CHECK(tally.made == tally.freed);
}

TEST_CASE("handlers run where they are bound to, and else on the strand of their process",
          "[contract][async]") {
  asio::io_context context;
  asio::thread_pool elsewhere(1);
  const std::thread::id pool_thread =
      asio::post(elsewhere, asio::use_future([] { return std::this_thread::get_id(); })).get();
  std::atomic<int> there{0};
  std::atomic<int> done{0};
  const auto bound = [&] {
    return asio::bind_executor(elsewhere, [&](const std::exception_ptr&, const auto&...) {
      there += std::this_thread::get_id() == pool_thread ? 1 : 0;
      ++done;
      asio::post(context, [] {});  // which looks again
    });
  };
  const auto begun = [&](auto begin) {
    const int before = done;
    begin();
    run_until(context, [&] { return done > before; });
  };
  ProcessGroup group;
  Answer<Process> start;
  group.async_start(role("echo").stdin_pipe(), context, start.handler());
  run_until(context, [&] { return start.calls == 1; });
  Process& echo = start.result;
  const auto guard = asio::make_work_guard(context);
  int expected = 0;
  const auto each = [&](auto begin) {
    begun(begin);
    ++expected;
  };
  each([&] { echo.input().async_write("one\ntwo\nthree\n", bound()); });
  each([&] { echo.async_read_some(Stream::out, 4, bound()); });
  each([&] { echo.async_read_line(Stream::out, bound()); });
  each([&] { role("exit", {"0"}).async_exit_code(context, bound()); });
  each([&] { Command("/no/such/program").async_run(context, bound()); });
  each([&] { Command("/no/such/program").async_start(context, bound()); });
  each([&] { group.async_output(role("exit", {"0"}), context, bound()); });
  // Without an executor of its own: on the process's strand, and never from within the call.
  using Strand = asio::strand<asio::any_io_executor>;
  const asio::any_io_executor executor = echo.get_executor();
  const auto* strand = executor.target<Strand>();
  REQUIRE(strand != nullptr);
  bool inside = false;
  bool nested = false;
  bool within = true;
  bool initiating = false;
  echo.async_read_line(Stream::out, [&](const std::exception_ptr&, const auto&) {
    inside = strand->running_in_this_thread();
    initiating = true;
    echo.input().async_write("x\n", [&](const std::exception_ptr&) {
      within = initiating;
      nested = true;
    });
    initiating = false;
  });
  run_until(context, [&] { return nested; });
  CHECK(inside);
  CHECK_FALSE(within);
  each([&] { echo.async_stop(0s, bound()); });
  each([&] { echo.async_wait(bound()); });
  each([&] { echo.async_output(bound()); });
  each([&] { group.async_wait_empty(context, bound()); });
  each([&] { group.async_sample_stats(1ms, context, bound()); });
  each([&] { group.async_kill(context, bound()); });
  each([&] { group.async_stop(0s, context, bound()); });
  CHECK(done == expected);
  CHECK(there == expected);
  elsewhere.join();
}
