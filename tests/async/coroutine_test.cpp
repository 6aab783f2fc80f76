// The asynchronous form from coroutines, with the tokens and operators that go with them. Commands
// are made in functions of their own: g++ 12 compiles no braced list within a co_await expression.
#include <boost/asio/detail/config.hpp>

#if defined(BOOST_ASIO_HAS_CO_AWAIT)  // clang 14 with libstdc++ has none

#include <chrono>
#include <exception>
#include <future>
#include <list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/promise.hpp>
#include <boost/asio/experimental/use_promise.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>

#include <treehold/async.hpp>
#include <treehold/treehold.hpp>

#include "support.hpp"

using namespace support;
using namespace support::plain;
namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;
using asio::awaitable;
using asio::use_awaitable;
using treehold::Command;
using treehold::Outcome;
using treehold::Output;
using treehold::Process;
using treehold::ProcessGroup;
using treehold::StopReport;
using treehold::Stream;

namespace {

namespace this_coro = asio::this_coro;
constexpr auto as_tuple_awaitable = asio::as_tuple(asio::use_awaitable);

/// Runs a coroutine to its end; what it returns or throws.
template <class Result>
Result run(asio::io_context& context, awaitable<Result> coroutine) {
  std::future<Result> future = asio::co_spawn(context, std::move(coroutine), asio::use_future);
  context.restart();
  context.run();
  return future.get();
}

template <class Coroutine>
auto run(Coroutine coroutine) {
  asio::io_context context;
  return run(context, coroutine());
}

Command say(const std::string& word) {
  return role("emit", {word + "\n", "", "0"});
}

Command leave(int code) {
  return role("exit", {std::to_string(code)});
}

/// Two who stay; tells of the child by `watch`, and then calls `ready`.
Command family(
    std::optional<PidWatch>& watch, std::function<void()> ready = [] {}) {
  return role("with-child")
      .on_stdout_line([&watch, ready = std::move(ready)](std::string_view line) {
        watch.emplace(pid_after(line, "child"));
        ready();
      });
}

/// Whether it is an error of this class.
template <class Error>
bool is(const std::exception_ptr& error) {
  try {
    if (error) {
      std::rethrow_exception(error);
    }
  } catch (const Error&) {
    return true;
  } catch (...) {
  }
  return false;
}

/// Completes when it is rung, or cancelled.
class Bell {
 public:
  explicit Bell(asio::io_context& context)
      : timer_(context, asio::steady_timer::time_point::max()) {}
  void ring() { timer_.cancel(); }
  awaitable<void> rung() {
    boost::system::error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(use_awaitable, ignored));
  }

 private:
  asio::steady_timer timer_;
};

}  // namespace

// -- Verbs and members
// -------------------------------------------------------------------------------------------

TEST_CASE("every verb is awaited", "[contract][async]") {
  run([]() -> awaitable<void> {
    const std::string text = co_await say("word").async_run(use_awaitable);
    CHECK(text == "word");
    const Output output = co_await leave(3).async_output(use_awaitable);
    CHECK(output.outcome == Outcome::exited(3));
    const Output checked = co_await say("good").async_checked(use_awaitable);
    CHECK(checked.stdout_bytes == "good\n");
    const int code = co_await leave(4).async_exit_code(use_awaitable);
    CHECK(code == 4);
    const bool yes = co_await leave(0).async_probe(use_awaitable);
    const bool no = co_await leave(1).async_probe(use_awaitable);
    CHECK((yes && !no));
    // An executor in front of the token is where the run lives.
    const auto executor = co_await this_coro::executor;
    const std::string elsewhere =
        co_await say("there").async_run(asio::make_strand(executor), use_awaitable);
    CHECK(elsewhere == "there");
  });
}

TEST_CASE("a process is talked to by a coroutine", "[contract][async]") {
  run([]() -> awaitable<void> {
    const Command command = role("echo").stdin_pipe();
    Process echo = co_await command.async_start(use_awaitable);
    for (int i = 0; i < 5; ++i) {
      co_await echo.input().async_write(std::to_string(i) + "\n", use_awaitable);
      const auto line = co_await echo.async_read_line(Stream::out, use_awaitable);
      CHECK(line == std::to_string(i));
    }
    co_await echo.input().async_write("abcdef", use_awaitable);
    const std::string some = co_await echo.async_read_some(Stream::out, 1, use_awaitable);
    CHECK(some == "a");
    echo.input().close();
    const std::string rest = co_await echo.async_read_all(Stream::out, use_awaitable);
    CHECK(rest == "bcdef");
    const auto none = co_await echo.async_read_line(Stream::out, use_awaitable);
    CHECK_FALSE(none);
    const Outcome outcome = co_await echo.async_wait(use_awaitable);
    CHECK(outcome == Outcome::exited(0));
    const Output output = co_await echo.async_output(use_awaitable);
    CHECK(output.stdout_bytes.empty());
    const StopReport report = co_await echo.async_stop(0s, use_awaitable);
    CHECK(report.confirmed);
  });
}

TEST_CASE("a stream is read line by line while another coroutine writes", "[contract][async]") {
  run([]() -> awaitable<void> {
    const Command command = role("echo").stdin_pipe();
    Process echo = co_await command.async_start(use_awaitable);
    const int count = repeats(20'000, 4'000);
    const auto writer = [&]() -> awaitable<void> {
      for (int i = 0; i < count; i += 100) {
        std::string text;
        for (int line = i; line < i + 100; ++line) {
          text += std::to_string(line) + "\n";
        }
        co_await echo.input().async_write(std::move(text), use_awaitable);
      }
      echo.input().close();
    };
    const auto reader = [&]() -> awaitable<int> {
      int good = 0;
      while (auto line = co_await echo.async_read_line(Stream::out, use_awaitable)) {
        good += *line == std::to_string(good) ? 1 : 0;
      }
      co_return good;
    };
    const int good = co_await (writer() && reader());
    CHECK(good == count);
  });
}

TEST_CASE("a group is used by a coroutine", "[contract][async]") {
  run([]() -> awaitable<void> {
    ProcessGroup group;
    const std::string text = co_await group.async_run(say("inside"), use_awaitable);
    CHECK(text == "inside");
    const Output output = co_await group.async_output(leave(2), use_awaitable);
    CHECK(output.outcome == Outcome::exited(2));
    const Output checked = co_await group.async_checked(leave(0), use_awaitable);
    CHECK(checked.outcome.success());
    const int code = co_await group.async_exit_code(leave(5), use_awaitable);
    CHECK(code == 5);
    const bool no = co_await group.async_probe(leave(1), use_awaitable);
    CHECK_FALSE(no);
    co_await group.async_wait_empty(use_awaitable);
    Process first = co_await group.async_start(role("sleep"), use_awaitable);
    const StopReport killed = co_await group.async_kill(use_awaitable);
    CHECK(killed.members_before.size() == 1);
    const Outcome outcome = co_await first.async_wait(use_awaitable);
    CHECK(outcome == Outcome::signalled(9, false));
    const StopReport stopped = co_await group.async_stop(1s, use_awaitable);
    CHECK(stopped.confirmed);
  });
}

// -- Errors
// -------------------------------------------------------------------------------------------

TEST_CASE("a coroutine catches the errors that the synchronous form throws", "[contract][async]") {
  run([]() -> awaitable<void> {
    bool non_zero = false;
    try {
      const Command command = role("emit", {"out", "err", "3"});
      co_await command.async_checked(use_awaitable);
    } catch (const treehold::NonZeroExit& error) {
      non_zero = error.output().stdout_bytes == "out" && error.output().stderr_bytes == "err" &&
                 error.outcome() == Outcome::exited(3);
    }
    CHECK(non_zero);
    bool timed_out = false;
    try {
      const Command command = role("sleep").timeout(50ms);
      co_await command.async_run(use_awaitable);
    } catch (const treehold::TimedOut& error) {
      timed_out = error.outcome() == Outcome::timed_out();
    }
    CHECK(timed_out);
    bool missing = false;
    try {
      const Command command("/no/such/program");
      co_await command.async_start(use_awaitable);
    } catch (const treehold::ProgramNotFound& error) {
      missing = error.program() == "/no/such/program";
    }
    CHECK(missing);
    bool no_directory = false;
    try {
      const Command command = leave(0).current_dir("/no/such/place");
      co_await command.async_output(use_awaitable);
    } catch (const treehold::SpawnFailed& error) {
      no_directory = error.stage() == treehold::SpawnStage::working_directory;
    }
    CHECK(no_directory);
    bool invalid = false;
    try {
      const Command command = leave(0).timeout(-1s);
      co_await command.async_output(use_awaitable);
    } catch (const treehold::InvalidSetting& error) {
      invalid = error.setting() == "timeout";
    }
    CHECK(invalid);
    bool own = false;
    try {
      const Command command =
          say("x").on_stdout_line([](std::string_view) { throw std::runtime_error("of my own"); });
      co_await command.async_output(use_awaitable);
    } catch (const std::runtime_error& error) {
      own = std::string_view(error.what()) == "of my own";
    }
    CHECK(own);
    bool broken = false;
    const Command deaf = role("close-input").stdin_pipe();
    Process process = co_await deaf.async_start(use_awaitable);
    co_await process.async_read_line(Stream::out, use_awaitable);
    try {
      co_await process.input().async_write("x", use_awaitable);
    } catch (const treehold::StdinFailed&) {
      broken = true;
    }
    CHECK(broken);
    bool not_captured = false;
    const Command silent = role("sleep").stderr_null();
    Process other = co_await silent.async_start(use_awaitable);
    try {
      co_await other.async_read_line(Stream::err, use_awaitable);
    } catch (const treehold::InvalidSetting&) {
      not_captured = true;
    }
    CHECK(not_captured);
  });
}

// -- Tokens
// -------------------------------------------------------------------------------------------

TEST_CASE("the tokens that go with coroutines", "[contract][async]") {
  asio::io_context context;
  run(context, [&]() -> awaitable<void> {
    const auto executor = co_await this_coro::executor;
    // as_tuple: the error as a value.
    const auto [none, word] = co_await say("tuple").async_run(as_tuple_awaitable);
    CHECK_FALSE(none);
    CHECK(word == "tuple");
    const auto [error, nothing] = co_await leave(9).async_run(as_tuple_awaitable);
    CHECK(is<treehold::NonZeroExit>(error));
    CHECK(nothing.empty());
    // deferred: begun when it is awaited.
    auto deferred = say("deferred").async_run(executor, asio::deferred);
    const std::string late = co_await std::move(deferred)(use_awaitable);
    CHECK(late == "deferred");
    const std::string chained = co_await say("one").async_run(
        executor, asio::deferred([&](const std::exception_ptr&, auto text) {
          return say(text + " two").async_run(executor, asio::deferred);
        }))(use_awaitable);
    CHECK(chained == "one two");
    // use_promise: begun at once, awaited later. (Not while it is pending: a promise of Boost 1.81
    // then gives what it has moved from.)
    auto promise = say("promise").async_run(executor, asio::experimental::use_promise);
    const std::string between = co_await say("between").async_run(use_awaitable);
    CHECK(between == "between");
    while (!promise.completed()) {
      co_await asio::post(executor, use_awaitable);
    }
    const std::string promised = co_await std::move(promise)(use_awaitable);
    CHECK(promised == "promise");
    auto failing = leave(1).async_run(executor, asio::experimental::use_promise);
    while (!failing.completed()) {
      co_await asio::post(executor, use_awaitable);
    }
    bool failed = false;
    try {
      co_await std::move(failing)(use_awaitable);
    } catch (const treehold::NonZeroExit&) {
      failed = true;
    }
    CHECK(failed);
    // detached: nobody asks.
    leave(1).async_run(executor, asio::detached);
  }());
  // use_future, of an operation and of a coroutine.
  std::future<int> code = leave(7).async_exit_code(context, asio::use_future);
  std::future<std::string> failing = leave(7).async_run(context, asio::use_future);
  std::future<Output> output = asio::co_spawn(
      context,
      []() -> awaitable<Output> { co_return co_await leave(8).async_output(use_awaitable); },
      asio::use_future);
  context.restart();
  context.run();
  CHECK(code.get() == 7);
  CHECK_THROWS_AS(failing.get(), treehold::NonZeroExit);
  CHECK(output.get().outcome == Outcome::exited(8));
}

TEST_CASE("a promise that is dropped cancels its run", "[contract][async]") {
  asio::io_context context;
  std::optional<PidWatch> child;
  {
    bool ready = false;
    auto promise =
        family(child, [&] { ready = true; }).async_output(context, asio::experimental::use_promise);
    while (!ready) {
      context.run_one();
    }
  }
  context.run();
  CHECK(child->dead());
}

// -- Operators
// -------------------------------------------------------------------------------------------

TEST_CASE("two runs are awaited together", "[contract][async]") {
  run([]() -> awaitable<void> {
    const auto [first, second] =
        co_await (say("first").async_run(use_awaitable) && say("second").async_run(use_awaitable));
    CHECK(first == "first");
    CHECK(second == "second");
  });
}

TEST_CASE("when one of two fails, the other one's tree is dead before the error arrives",
          "[contract][async]") {
  asio::io_context context;
  run(context, [&]() -> awaitable<void> {
    std::optional<PidWatch> child;
    Bell bell(context);
    const Command stays = family(child, [&] { bell.ring(); });
    const auto fails = [&]() -> awaitable<std::string> {
      co_await bell.rung();
      co_return co_await leave(3).async_run(use_awaitable);
    };
    bool failed = false;
    try {
      co_await (stays.async_output(use_awaitable) && fails());
    } catch (const asio::multiple_exceptions& errors) {
      failed = true;  // both have failed: one of them by its cancellation, which comes first here
      CHECK(is<treehold::Cancelled>(errors.first_exception()));
      CHECK((child && child->dead()));
    }
    CHECK(failed);
  }());
}

TEST_CASE("of two runs the loser's tree is dead when the winner's value arrives",
          "[contract][async]") {
  asio::io_context context;
  for (const bool group : {false, true}) {
    run(context, [&]() -> awaitable<void> {
      ProcessGroup members;
      std::optional<PidWatch> child;
      Bell bell(context);
      const Command stays = family(child, [&] { bell.ring(); });
      const auto wins = [&]() -> awaitable<std::string> {
        co_await bell.rung();
        co_return co_await say("won").async_run(use_awaitable);
      };
      const auto loses = [&]() -> awaitable<Output> {
        if (group) {
          co_return co_await members.async_output(stays, use_awaitable);
        }
        co_return co_await stays.async_output(use_awaitable);
      };
      const std::variant<Output, std::string> result = co_await (loses() || wins());
      CHECK((child && child->dead()));
      CHECK(result.index() == 1);
      CHECK(std::get<1>(result) == "won");
    }());
  }
}

TEST_CASE("a timer against a run is a time-out", "[contract][async]") {
  asio::io_context context;
  run(context, [&]() -> awaitable<void> {
    std::optional<PidWatch> child;
    asio::steady_timer timer(context, asio::steady_timer::time_point::max());
    const Command stays = family(child, [&] { timer.expires_after(1ms); });
    const auto due = [&]() -> awaitable<void> {
      for (boost::system::error_code error = asio::error::operation_aborted; error;) {
        co_await timer.async_wait(asio::redirect_error(use_awaitable, error));
      }
    };
    const auto late = co_await (due() || stays.async_output(use_awaitable));
    CHECK(late.index() == 0);
    CHECK((child && child->dead()));
    // And the run wins when it is the quicker one.
    timer.expires_after(2 * hang_bound);
    const auto won =
        co_await (timer.async_wait(use_awaitable) || say("quick").async_run(use_awaitable));
    CHECK(won.index() == 1);
    CHECK(std::get<1>(won) == "quick");
  }());
}

TEST_CASE("a timer against a wait or a read leaves the child alone", "[contract][async]") {
  asio::io_context context;
  run(context, [&]() -> awaitable<void> {
    const Command command = role("echo").stdin_pipe();
    Process echo = co_await command.async_start(use_awaitable);
    asio::steady_timer timer(context);
    for (int round = 0; round < 5; ++round) {
      timer.expires_after(1ms);
      const auto waited =
          co_await (timer.async_wait(use_awaitable) || echo.async_wait(use_awaitable));
      CHECK(waited.index() == 0);
      timer.expires_after(1ms);
      const auto read = co_await (timer.async_wait(use_awaitable) ||
                                  echo.async_read_line(Stream::out, use_awaitable));
      CHECK(read.index() == 0);
    }
    // The first of several events, with the others begun again.
    co_await echo.input().async_write("still here\n", use_awaitable);
    const auto first = co_await (echo.async_wait(use_awaitable) ||
                                 echo.async_read_line(Stream::out, use_awaitable));
    CHECK(first.index() == 1);
    CHECK(std::get<1>(first) == "still here");
    echo.input().close();
    const Outcome outcome = co_await echo.async_wait(use_awaitable);
    CHECK(outcome == Outcome::exited(0));
  }());
}

// -- Cancellation
// -------------------------------------------------------------------------------------------

TEST_CASE("the cancellation of a coroutine reaches the run that it awaits", "[contract][async]") {
  for (const bool partial : {false, true}) {
    asio::io_context context;
    asio::cancellation_signal signal;
    std::optional<PidWatch> child;
    bool dead = false;
    bool heard = false;
    const auto emit = [&] {
      asio::post(context, [&] {
        signal.emit(partial ? asio::cancellation_type::partial : asio::cancellation_type::terminal);
      });
    };
    const Command stays = family(child, emit);
    const auto inner = [&]() -> awaitable<std::string> {
      co_return co_await stays.async_run(use_awaitable);
    };
    const auto outer = [&]() -> awaitable<void> {
      if (partial) {
        co_await this_coro::reset_cancellation_state(asio::enable_partial_cancellation());
      }
      try {
        co_await inner();
      } catch (const treehold::Cancelled& error) {
        heard = error.code() == asio::error::operation_aborted;
        dead = child && child->dead();
      }
      // Whoever goes on after a cancellation says so.
      co_await this_coro::reset_cancellation_state();
      const std::string word = co_await say("after").async_run(use_awaitable);
      CHECK(word == "after");
    };
    std::exception_ptr end;
    asio::co_spawn(context, outer(),
                   asio::bind_cancellation_slot(signal.slot(), [&](auto error) { end = error; }));
    context.run();
    CHECK(heard);
    CHECK(dead);
    CHECK_FALSE(end);
  }
}

TEST_CASE("a coroutine's cancellation that promises no effect ends a read and not a run",
          "[contract][async]") {
  asio::io_context context;
  asio::cancellation_signal signal;
  const auto emit = [&] { signal.emit(asio::cancellation_type::total); };
  const auto coroutine = [&]() -> awaitable<void> {
    co_await this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    co_await this_coro::throw_if_cancelled(false);
    const Command talks = say("said").on_stdout_line([&](std::string_view) { emit(); });
    const std::string said = co_await talks.async_run(use_awaitable);
    CHECK(said == "said");
    const Command command = role("echo").stdin_pipe();
    Process echo = co_await command.async_start(use_awaitable);
    asio::post(context, emit);
    const auto [error, line] = co_await echo.async_read_line(Stream::out, as_tuple_awaitable);
    CHECK(is<treehold::Cancelled>(error));
    CHECK_FALSE(line);
    co_await this_coro::reset_cancellation_state();
    co_await echo.input().async_write("here\n", use_awaitable);
    const auto again = co_await echo.async_read_line(Stream::out, use_awaitable);
    CHECK(again == "here");
  };
  std::exception_ptr end;
  asio::co_spawn(context, coroutine(),
                 asio::bind_cancellation_slot(signal.slot(), [&](auto error) { end = error; }));
  context.run();
  CHECK_FALSE(end);
}

TEST_CASE("one operation of a coroutine is cancelled by a slot of its own", "[contract][async]") {
  asio::io_context context;
  run(context, [&]() -> awaitable<void> {
    asio::cancellation_signal signal;
    std::optional<PidWatch> child;
    const Command stays = family(child, [&] { signal.emit(asio::cancellation_type::terminal); });
    bool heard = false;
    try {
      co_await stays.async_output(asio::bind_cancellation_slot(signal.slot(), use_awaitable));
    } catch (const treehold::Cancelled&) {
      heard = true;
      CHECK(child->dead());
    }
    CHECK(heard);
    const std::string word = co_await say("on").async_run(use_awaitable);
    CHECK(word == "on");
  }());
}

TEST_CASE("a coroutine that is destroyed with its context takes its trees with it",
          "[contract][async]") {
  std::optional<PidWatch> child;
  std::optional<PidWatch> other;
  bool went_on = false;
  {
    asio::io_context context;
    const Command stays = family(child, [&] { context.stop(); });
    const auto coroutine = [&]() -> awaitable<void> {
      const Command command = role("with-child");
      Process process = co_await command.async_start(use_awaitable);
      const auto line = co_await process.async_read_line(Stream::out, use_awaitable);
      other.emplace(pid_after(line.value_or(""), "child"));
      co_await stays.async_run(use_awaitable);
      went_on = true;
    };
    asio::co_spawn(context, coroutine(), asio::detached);
    context.run();
    REQUIRE((child && other));
    CHECK_FALSE(child->dead());
    CHECK_FALSE(other->dead());
  }
  CHECK(child->dead());
  CHECK(other->wait_dead());
  CHECK_FALSE(went_on);
}

// -- Threads
// -------------------------------------------------------------------------------------------

TEST_CASE("coroutines on strands go their way on several threads", "[contract][async]") {
  struct Lane {
    explicit Lane(asio::io_context& context) : strand(asio::make_strand(context)) {}
    asio::strand<asio::io_context::executor_type> strand;
    int steps = 0;  // guarded by the strand alone
    bool always_inside = true;
  };
  asio::io_context context;
  constexpr int lanes = 4;
  constexpr int walkers = 4;  // a lane
  const int rounds = repeats(8, 3);
  std::list<Lane> all;
  std::vector<std::future<void>> ends;
  for (int i = 0; i < lanes; ++i) {
    Lane& lane = all.emplace_back(context);
    for (int walker = 0; walker < walkers; ++walker) {
      const auto walk = [&lane, walker, rounds]() -> awaitable<void> {
        const auto step = [&lane] {
          ++lane.steps;
          lane.always_inside = lane.always_inside && lane.strand.running_in_this_thread();
        };
        for (int round = 0; round < rounds; ++round) {
          const int code = co_await leave(walker).async_exit_code(use_awaitable);
          step();
          if (code != walker) {
            throw std::logic_error("another's exit code");
          }
          const Command command = role("echo").stdin_pipe();
          Process echo = co_await command.async_start(use_awaitable);
          step();
          co_await echo.input().async_write("x\n", use_awaitable);
          step();
          const auto line = co_await echo.async_read_line(Stream::out, use_awaitable);
          step();
          if (line != "x") {
            throw std::logic_error("another's line");
          }
          if (round % 2 == 0) {
            co_await echo.async_stop(0s, use_awaitable);
          }  // else it is dropped
        }
      };
      ends.push_back(asio::co_spawn(lane.strand, walk, asio::use_future));
    }
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&context] { context.run(); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (std::future<void>& end : ends) {
    CHECK_NOTHROW(end.get());
  }
  for (const Lane& lane : all) {
    CHECK(lane.steps == walkers * rounds * 4);
    CHECK(lane.always_inside);
  }
}

#endif
