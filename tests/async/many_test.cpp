// Many at once in the asynchronous form by itself: cancellation, executors, lifetime.
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
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
using asio::cancellation_type;
using treehold::AsCompleted;
using treehold::Command;
using treehold::Completed;
using treehold::Outcome;
using treehold::OutputResult;
using treehold::Process;
using treehold::ProcessGroup;

namespace {

using Commands = std::vector<Command>;
using Results = std::vector<OutputResult>;

/// Says that it is there, and stays with a child.
Command stays(std::atomic<int>& ready) {
  return role("with-child").on_stdout_line([&ready](std::string_view) { ++ready; });
}

/// Ends when `gate` is there.
Command waits_for(const std::string& gate) {
  return role("count-input", {gate});
}

bool was_cancelled(const OutputResult& result) {
  try {
    (void)result.value();
  } catch (const treehold::Cancelled&) {
    return true;
  } catch (...) {
  }
  return false;
}

}  // namespace

TEST_CASE("many cancelled: what lives is killed, the rest never started", "[contract][async]") {
  for (const auto type : {cancellation_type::terminal, cancellation_type::partial}) {
    const TempDir dir;
    asio::io_context context;
    asio::cancellation_signal signal;
    Answer<Results> answer;
    bool dead = false;
    // The third runs when the first has ended.
    int said = 0;
    const auto says = [&](std::string_view) {
      if (++said == 2) {
        signal.emit(type);
      }
    };
    treehold::async_output_all(
        {role("emit", {"done\n", "", "0"}), role("with-child").on_stdout_line(says),
         role("sleep").on_stdout_line(says), role("create", {dir / "made"})},
        2, context,
        asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr error, Results results) {
          dead = marked_processes().empty();
          answer.handler()(std::move(error), std::move(results));
        }));
    CHECK(answer.calls == 0);
    context.run();
    CHECK(answer.calls == 1);
    CHECK(answer.cancelled());
    CHECK(dead);
    REQUIRE(answer.result.size() == 4);
    CHECK(answer.result[0].value().stdout_bytes == "done\n");
    CHECK(was_cancelled(answer.result[1]));
    CHECK(was_cancelled(answer.result[2]));
    CHECK(was_cancelled(answer.result[3]));
    CHECK_FALSE(std::filesystem::exists(dir / "made"));
    signal.emit(type);  // too late: nobody is there
  }
}

TEST_CASE("many cancelled before they begin start nothing", "[contract][async]") {
  const TempDir dir;
  asio::io_context context;
  asio::cancellation_signal signal;
  Answer<Results> answer;
  treehold::async_output_all({role("create", {dir / "made"})}, 1, context,
                             asio::bind_cancellation_slot(signal.slot(), answer.handler()));
  signal.emit(cancellation_type::terminal);
  context.run();
  CHECK(answer.calls == 1);
  CHECK(answer.cancelled());
  CHECK_FALSE(std::filesystem::exists(dir / "made"));
}

TEST_CASE("many do not heed a cancellation that promises no effect", "[contract][async]") {
  asio::io_context context;
  asio::cancellation_signal signal;
  Answer<Results> answer;
  treehold::async_output_all(Commands(3, quick()), 1, context,
                             asio::bind_cancellation_slot(signal.slot(), answer.handler()));
  signal.emit(cancellation_type::total);
  context.run();
  CHECK_FALSE(answer.error);
  CHECK(answer.result.size() == 3);
}

TEST_CASE("many take any token, and any executor", "[contract][async]") {
  asio::io_context context;
  const Commands commands(3, role("exit", {"5"}));
  ProcessGroup group;
  std::future<Results> future = treehold::async_output_all(commands, 2, context, asio::use_future);
  std::future<Results> grouped =
      treehold::async_output_all(group, commands, 2, context.get_executor(), asio::use_future);
  Answer<Results> late;
  auto deferred = treehold::async_output_all(commands, 2, context, asio::deferred);
  std::move(deferred)(late.handler());
  auto strand = asio::make_strand(context);
  bool inside = false;
  treehold::async_output_all(
      commands, 3, asio::bind_executor(strand, [&](const std::exception_ptr&, const Results&) {
        inside = strand.running_in_this_thread();
      }));
  Answer<Results> none;
  treehold::async_output_all(commands, 0, context, none.handler());
  context.run();
  CHECK(future.get()[2].value().outcome == Outcome::exited(5));
  CHECK(grouped.get()[2].value().outcome == Outcome::exited(5));
  CHECK(late.result.size() == 3);
  CHECK(inside);
  CHECK(none.failed_with<treehold::InvalidSetting>());
}

TEST_CASE("many of many on a context of four threads", "[contract][async]") {
  asio::io_context context;
  constexpr int times = 5;
  const std::size_t count = repeats<std::size_t>(40, 20);
  std::atomic<int> good{0};
  for (int i = 0; i < times; ++i) {
    treehold::async_output_all(Commands(count, role("exit", {std::to_string(i)})), 4, context,
                               [&good, i](const std::exception_ptr& error, const Results& results) {
                                 good += !error && std::all_of(results.begin(), results.end(),
                                                               [i](const auto& result) {
                                                                 return result.value().outcome ==
                                                                        Outcome::exited(i);
                                                               })
                                             ? 1
                                             : 0;
                               });
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&context] { context.run(); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(good == times);
}

TEST_CASE("many are cancelled from another thread", "[contract][async]") {
  std::atomic<int> ready{0};
  asio::io_context context;
  auto strand = asio::make_strand(context);
  asio::cancellation_signal signal;
  std::promise<bool> promise;
  treehold::async_output_all(
      Commands(8, stays(ready)), 4, strand,
      asio::bind_cancellation_slot(
          signal.slot(),
          asio::bind_executor(strand, [&](const std::exception_ptr& error, const Results& all) {
            promise.set_value(error && std::all_of(all.begin(), all.end(), was_cancelled));
          })));
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&context] { context.run(); });
  }
  CHECK(wait_until([&] { return ready == 4; }));
  asio::post(strand, [&] { signal.emit(cancellation_type::terminal); });
  CHECK(promise.get_future().get());
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(ready == 4);
  CHECK(marked_processes().empty());
}

TEST_CASE("a wait for the next that ends is given up, and no result is lost", "[contract][async]") {
  const TempDir dir;
  const std::string gate = dir / "gate";
  asio::io_context context;
  AsCompleted all = treehold::as_completed({waits_for(gate), waits_for(gate)}, 2, context);
  for (const auto type :
       {cancellation_type::total, cancellation_type::partial, cancellation_type::terminal}) {
    asio::cancellation_signal signal;
    Answer<std::optional<Completed>> given_up;
    all.async_next(asio::bind_cancellation_slot(signal.slot(), given_up.handler()));
    asio::post(context, [&] { signal.emit(type); });
    run_until(context, [&] { return given_up.calls == 1; });
    CHECK(given_up.cancelled());
  }
  Answer<std::optional<Completed>> next[3];  // at the same time
  for (auto& answer : next) {
    all.async_next(answer.handler());
  }
  write_file(gate, "");
  run_until(context, [&] {
    return std::all_of(std::begin(next), std::end(next),
                       [](const auto& a) { return a.calls == 1; });
  });
  REQUIRE(next[0].result);
  REQUIRE(next[1].result);
  CHECK(next[0].result->index + next[1].result->index == 1);
  CHECK_FALSE(next[2].result);
  CHECK_FALSE(next[2].error);
}

TEST_CASE("runs with an executor go on whether or not their results are taken",
          "[contract][async]") {
  asio::io_context context;
  int ran = 0;
  const Command says =
      role("emit", {"here\n", "", "0"}).on_stdout_line([&](std::string_view) { ++ran; });
  AsCompleted all = treehold::as_completed(Commands(5, says), 1, context);
  context.run();
  CHECK(ran == 5);
  for (std::size_t i = 0; i < 5; ++i) {
    Answer<std::optional<Completed>> next;
    all.async_next(next.handler());
    run_until(context, [&] { return next.calls == 1; });
    REQUIRE(next.result);
    CHECK(next.result->index == i);
  }
}

TEST_CASE("runs that are dropped are ended by what is pending", "[contract][async]") {
  const TempDir dir;
  std::atomic<int> ready{0};
  asio::io_context context;
  std::optional<AsCompleted> all(
      treehold::as_completed({stays(ready), role("create", {dir / "made"})}, 1, context));
  Answer<std::optional<Completed>> next;
  all->async_next(next.handler());
  std::thread dropper([&] {  // from any thread
    (void)wait_until([&] { return ready == 1; });
    AsCompleted moved = std::move(*all);
    all.reset();
  });
  context.run();
  dropper.join();
  CHECK(marked_processes().empty());
  CHECK(next.calls == 1);  // with what became of it
  REQUIRE(next.result);
  CHECK(next.result->result.value().outcome == Outcome::signalled(9, false));
  CHECK_FALSE(std::filesystem::exists(dir / "made"));
  AsCompleted unbegun = treehold::as_completed({role("create", {dir / "made"})}, 1, context);
  { const AsCompleted dropped = std::move(unbegun); }
  context.restart();
  context.run();
}

TEST_CASE("each form of many refuses the other's members", "[contract][async]") {
  asio::io_context context;
  AsCompleted there = treehold::as_completed({quick()}, 1, context);
  CHECK_THROWS_AS(there.next(), treehold::Unsupported);
  AsCompleted here = treehold::as_completed({quick()}, 1);
  CHECK_THROWS_AS(here.async_next(asio::use_future), treehold::Unsupported);
  Process bound = started(context, role("sleep"));
  Process own = role("sleep").start();
  CHECK_THROWS_AS(treehold::wait_any({&own, &bound}), treehold::Unsupported);
  CHECK_THROWS_AS(treehold::wait_all({&own, &bound}), treehold::Unsupported);
  Answer<std::size_t> any;
  CHECK_THROWS_AS(treehold::async_wait_any({&bound, &own}, context, any.handler()),
                  treehold::Unsupported);
  treehold::async_wait_any({}, context, any.handler());
  bound = Process();
  context.run();
  CHECK(any.calls == 1);
  CHECK(any.failed_with<treehold::InvalidSetting>());
}

TEST_CASE("a wait for several is given up, and they go on", "[contract][async]") {
  const TempDir dir;
  asio::io_context context;
  Process first = started(context, waits_for(dir / "gate"));
  Process second = started(context, role("sleep"));
  for (const auto type :
       {cancellation_type::total, cancellation_type::partial, cancellation_type::terminal}) {
    asio::cancellation_signal signals[2];
    Answer<std::size_t> any;
    Answer<std::vector<Outcome>> all;
    treehold::async_wait_any({&first, &second}, context,
                             asio::bind_cancellation_slot(signals[0].slot(), any.handler()));
    treehold::async_wait_all({&first, &second}, context,
                             asio::bind_cancellation_slot(signals[1].slot(), all.handler()));
    if (type != cancellation_type::total) {
      context.poll();  // else before they begin
    }
    for (auto& signal : signals) {
      signal.emit(type);
    }
    run_until(context, [&] { return any.calls == 1 && all.calls == 1; });
    CHECK(any.cancelled());
    CHECK(all.cancelled());
  }
  Answer<std::size_t> any;
  Answer<std::vector<Outcome>> all;
  treehold::async_wait_any({&second, &first}, context, any.handler());
  treehold::async_wait_all({&second, &first}, context, all.handler());
  write_file(dir / "gate", "");
  run_until(context, [&] { return any.calls == 1; });
  CHECK(any.result == 1);
  CHECK(all.calls == 0);
  second = Process();  // destroyed, it is over
  run_until(context, [&] { return all.calls == 1; });
  CHECK(all.result == std::vector<Outcome>{Outcome::signalled(9, false), Outcome::exited(0)});
}

TEST_CASE("a context destroyed with many in flight ends their trees", "[contract][async]") {
  const TempDir dir;
  std::atomic<int> ready{0};
  const auto held = std::make_shared<int>(1);
  {
    asio::io_context context;
    const auto never = [held](const std::exception_ptr&, const auto&) { FAIL("called"); };
    const Commands commands{stays(ready), stays(ready), role("create", {dir / "made"})};
    treehold::async_output_all(commands, 2, context, never);
    // The handlers own what they wait for, as coroutines do.
    const auto all = std::make_shared<AsCompleted>(treehold::as_completed(commands, 2, context));
    all->async_next(
        [all, never](const std::exception_ptr& error, const auto& next) { never(error, next); });
    const auto processes = std::make_shared<std::vector<Process>>();
    for (int i = 0; i < 2; ++i) {
      processes->push_back(started(context, role("with-child")));
      CHECK(line_of(context, processes->back()));
    }
    treehold::async_wait_any({&processes->front(), &processes->back()}, context,
                             [processes, never](const std::exception_ptr& error,
                                                const auto& index) { never(error, index); });
    treehold::async_wait_all({&processes->front(), &processes->back()}, context,
                             [processes, never](const std::exception_ptr& error,
                                                const auto& outcomes) { never(error, outcomes); });
    context.restart();
    std::thread stopper([&] {
      (void)wait_until([&] { return ready == 4; });
      context.stop();
    });
    context.run();
    stopper.join();
    CHECK(ready == 4);
  }
  CHECK(marked_processes().empty());
  CHECK(held.use_count() == 1);
  CHECK_FALSE(std::filesystem::exists(dir / "made"));
}
